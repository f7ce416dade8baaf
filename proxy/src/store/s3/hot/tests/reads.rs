use super::*;
use crate::proof::dissect;
use crate::store::{GetError, Pin, Span, StoreFault, VersionId};

async fn get(store: &S3Store, span: Span) -> Result<dissect::Dissected, GetError> {
    let found = store.get_object(&object(), None, span, None).await?;
    Ok(dissect::object(found).await?)
}

fn fault<T: std::fmt::Debug>(result: Result<T, GetError>) -> StoreFault {
    match result {
        Err(GetError::Store(error)) => error.fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_read_is_read_again_where_the_store_failed() {
    let acts = [
        Act::Answer(refusal(500, "", "InternalError")),
        Act::Cut(String::new()),
        Act::Answer(found(
            "content-type: a/b\r\nx-amz-meta-hallmark: v=1\r\nx-amz-version-id: v7\r\n",
            "hello",
        )),
    ];
    let (server, store) = server(acts).await;
    let read = get(&store, Span::All).await.unwrap();
    assert_eq!((&*read.bytes, read.length, read.pin), (&b"hello"[..], 5, Pin("abc".into())));
    assert_eq!(read.attributes.headers.get("content-type"), Some("a/b"));
    assert_eq!(read.attributes.hallmark.as_deref(), Some("v=1"));
    let seen = server.seen(3).await;
    assert!(seen.iter().all(|seen| seen.head.starts_with("GET /bucket/a%20b/c HTTP/1.1\r\n")), "{seen:?}");
    assert!(seen.iter().all(|seen| seen.head.contains("authorization: AWS4-HMAC-SHA256 Credential=id/")));
}

#[tokio::test]
async fn attempts_come_to_an_end() {
    let (server, store) = server(vec![Act::Answer(refusal(503, "", "SlowDown")); 9]).await;
    assert_eq!(fault(get(&store, Span::All).await), StoreFault::Unavailable);
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_refusal_is_not_asked_for_again() {
    for (status, code) in
        [(403, "AccessDenied"), (404, "NoSuchBucket"), (400, "InvalidRequest"), (301, "Moved")]
    {
        let (server, store) = server([Act::Answer(refusal(status, "", code))]).await;
        get(&store, Span::All).await.unwrap_err();
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn the_store_is_left_alone_as_long_as_it_wants_but_not_for_ever() {
    let busy = |headers| Act::Answer(refusal(503, headers, "SlowDown"));
    let (_server, store) = server([busy("retry-after: 1\r\n"), Act::Answer(found("", "x"))]).await;
    let begun = Instant::now();
    get(&store, Span::All).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));

    let (server, store) = server([busy("retry-after: 3600\r\n"), Act::Answer(found("", "x"))]).await;
    let begun = Instant::now();
    get(&store, Span::All).await.unwrap_err();
    at_once(begun);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn no_wait_is_without_end() {
    let (_server, store) = server_with([Act::Hang], impatient).await;
    assert_eq!(fault(get(&store, Span::All).await), StoreFault::Timeout);

    let begun = found("", "hel").replace("content-length: 3", "content-length: 5");
    let (_server, store) = server_with([Act::Answer(begun)], impatient).await;
    assert_eq!(fault(get(&store, Span::All).await.map(|read| read.bytes.len())), StoreFault::Timeout);
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error() {
    let cut = found("", "hello").replace("content-length: 5", "content-length: 6");
    let (_server, store) = server([Act::Cut(cut)]).await;
    assert_eq!(fault(get(&store, Span::All).await), StoreFault::Unavailable);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let ranged =
        |range: &str, body: &str| answer(206, &format!("etag: \"abc\"\r\ncontent-range: {range}\r\n"), body);
    let chunked =
        "HTTP/1.1 200 X\r\netag: \"a\"\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".to_owned();
    for (span, answer) in [
        (Span::All, answer(200, "", "no etag")),
        (Span::All, found("etag: \"twice\"\r\n", "x")),
        (Span::All, found("x-amz-meta-a: 1\r\nX-Amz-Meta-A: 1\r\n", "x")),
        (Span::All, found("content-type: a/b\r\ncontent-type: a/b\r\n", "x")),
        (Span::All, found("content-encoding: gzip, AWS-chunked\r\n", "x")),
        (Span::All, found("content-language: \r\n", "x")),
        (Span::All, found("x-amz-meta-a: \u{e9}\r\n", "x")),
        (Span::All, found("x-amz-tagging-count: -1\r\n", "x")),
        (Span::All, found("x-amz-object-lock-mode: GOVERNANCE\r\n", "x")),
        (Span::All, found("content-range: bytes 0-0/1\r\n", "x")),
        (Span::All, ranged("bytes 0-0/1", "x")),
        (Span::All, answer(204, "etag: \"abc\"\r\n", "")),
        (Span::All, chunked),
        (Span::Bytes(1..3), found("", "abc")),
        (Span::Bytes(1..3), answer(206, "etag: \"abc\"\r\n", "bc")),
        (Span::Bytes(1..3), ranged("bytes 1-2/9", "b")),
        (Span::Bytes(1..3), ranged("bytes 1-1/9", "b")),
        (Span::Bytes(1..3), ranged("bytes 0-1/9", "ab")),
        (Span::Bytes(1..3), ranged("bytes 1-3/9", "bcd")),
        (Span::Bytes(1..3), ranged("bytes 1-2/*", "bc")),
        (Span::Bytes(1..3), ranged("bytes 1-2/2", "bc")),
        (Span::Bytes(1..3), ranged("bytes +1-2/9", "bc")),
    ] {
        let (server, store) = server([Act::Answer(answer.clone())]).await;
        assert_eq!(fault(get(&store, span).await.map(|_| answer.clone())), StoreFault::Protocol, "{answer}");
        assert_eq!(server.count(), 1, "{answer}");
    }
    let (server, store) = server([Act::Answer(ranged("bytes 1-2/3", "bc"))]).await;
    let read = get(&store, Span::Bytes(1..9)).await.unwrap();
    assert_eq!((&*read.bytes, read.length, read.span), (&b"bc"[..], 3, 1..3));
    assert!(server.seen(1).await[0].head.contains("range: bytes=1-8\r\n"));
}

#[tokio::test]
async fn only_headers_that_a_seal_covers_are_taken() {
    let headers = "location: http://elsewhere\r\nx-amz-website-redirect-location: /\r\nset-cookie: a=b\r\n\
        x-amz-meta-a: 1\r\nx-amz-meta-hallmark-log: 2\r\nexpires: never\r\nserver: s\r\n";
    let (_server, store) = server([Act::Answer(found(headers, "x"))]).await;
    let read = get(&store, Span::All).await.unwrap();
    let names: Vec<_> = read.attributes.headers.iter().collect();
    assert_eq!(names, [("expires", "never"), ("x-amz-meta-a", "1")]);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let version = VersionId::parse("v1").unwrap();
    let get = async |acts: Vec<Act>, version: Option<&VersionId>| {
        let (_server, store) = server(acts).await;
        store
            .get_object(&object(), version, Span::All, Some(&Pin("abc".into())))
            .await
            .map(|_| ())
            .unwrap_err()
    };
    let refused = |status, headers, code| vec![Act::Answer(refusal(status, headers, code))];
    assert!(matches!(get(refused(412, "", "PreconditionFailed"), None).await, GetError::Changed));
    assert!(matches!(get(refused(416, "", "InvalidRange"), None).await, GetError::OutOfRange));
    assert!(matches!(get(refused(404, "", "NoSuchBucket"), None).await, GetError::NoSuchBucket));
    assert!(matches!(get(refused(404, "", "NoSuchVersion"), Some(&version)).await, GetError::NoSuchVersion));
    let failed = [refused(500, "", "InternalError"), refused(404, "", "NoSuchBucket")].concat();
    assert!(matches!(get(failed, None).await, GetError::NoSuchBucket));
    let marker = "x-amz-delete-marker: true\r\nx-amz-version-id: m1\r\n";
    for (status, code, version) in [(404, "NoSuchKey", None), (405, "MethodNotAllowed", Some(&version))] {
        let error = get(refused(status, marker, code), version).await;
        assert!(matches!(&error, GetError::DeleteMarker(marker) if marker.as_str() == "m1"), "{error:?}");
    }
}

#[tokio::test]
async fn downloads_count_until_they_are_read() {
    let whole = "x".repeat(1 << 20);
    // One of them may be a download.
    let few = |settings| Settings { max_requests: 5, ..settings };
    let (_server, store) = server_with(vec![Act::Answer(found("", &whole)); 2], few).await;
    let first = store.get_object(&object(), None, Span::All, None).await.unwrap();
    let mut second = std::pin::pin!(get(&store, Span::All));
    let early = tokio::time::timeout(PATIENCE, &mut second).await;
    assert!(early.is_err(), "{:?}", early.map(|read| read.map(|read| read.length)));
    drop(first);
    assert_eq!(second.await.unwrap().bytes.len(), 1 << 20);
}
