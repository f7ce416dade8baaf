use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use bytes::Bytes;
use hallmark_signer::{SealedHeaders, Sha256Digest};

use super::super::{Endpoint, Hot, KeySource, Keyring, Limit};
use super::*;
use crate::store::{
    Attributes, Body, BodyWriter, Committed, Deletion, Guard, Pin, PutError, StoreFault, Write,
};

const PIECE: usize = 256 << 10;
/// More than sockets hold.
const LENGTH: usize = 64 * PIECE;

fn write(guard: Guard) -> Write {
    let mut headers = SealedHeaders::default();
    headers.insert("content-type", "a/b").unwrap();
    Write::new(Attributes { headers, hallmark: Some("v=1".into()) }, guard)
}

fn matching() -> Guard {
    Guard::Matches(Pin("old".into()))
}

async fn put(store: &S3Store, guard: Guard) -> Result<Committed, PutError> {
    store.put_object(&object(), write(guard), 5, Body::whole(Bytes::from_static(b"hello"), "etag")).await
}

/// Feeds pieces until the store has enough of them; says how many it took.
async fn feed(writer: &BodyWriter, pieces: usize) -> usize {
    for fed in 0..pieces {
        if writer.data(Bytes::from(vec![b'x'; PIECE])).await.is_err() {
            return fed;
        }
    }
    pieces
}

async fn put_streamed(store: &S3Store) -> Result<Committed, PutError> {
    let (writer, body) = Body::channel(1);
    let object = object();
    let put = store.put_object(&object, write(Guard::Any), LENGTH as u64, body);
    let feed = async {
        feed(&writer, LENGTH / PIECE).await;
        let _ = writer.commit("etag").await;
    };
    tokio::join!(put, feed).0
}

#[tokio::test]
async fn a_whole_body_is_sent_with_all_that_is_said_of_it() {
    let (server, store) =
        server([Act::Answer(answer(200, "etag: \"new\"\r\nx-amz-version-id: v7\r\n", ""))]).await;
    let body = Body::whole(Bytes::from_static(b"hello"), "etag").digested(Sha256Digest::of(b"hello"));
    let committed = store.put_object(&object(), write(matching()), 5, body).await.unwrap();
    assert_eq!(committed.pin, Pin("new".into()));
    assert_eq!(committed.version.unwrap().as_str(), "v7");
    let seen = &server.seen(1).await[0];
    assert_eq!(seen.body, 5);
    assert!(seen.head.starts_with("PUT /bucket/a%20b/c HTTP/1.1\r\n"), "{}", seen.head);
    let digest = format!("x-amz-content-sha256: {}\r\n", Sha256Digest::of(b"hello"));
    for line in ["content-type: a/b\r\n", "x-amz-meta-hallmark: v=1\r\n", "if-match: \"old\"\r\n", &digest] {
        assert!(seen.head.contains(line), "{}", seen.head);
    }
    assert!(!seen.head.contains("transfer-encoding") && !seen.head.contains("trailer"), "{}", seen.head);
}

#[tokio::test]
async fn a_whole_body_is_sent_again_where_the_store_failed() {
    for guard in [Guard::Any, Guard::Absent, matching()] {
        let acts = [
            Act::Answer(refusal(503, "", "SlowDown")),
            Act::Cut(String::new()),
            Act::Answer(answer(200, "etag: \"new\"\r\n", "")),
        ];
        let (server, store) = server(acts).await;
        put(&store, guard).await.unwrap();
        assert!(server.seen(3).await.iter().all(|seen| seen.body == 5));
    }
}

#[tokio::test]
async fn what_came_of_a_write_is_known_or_not() {
    let failed = || Act::Answer(refusal(500, "", "InternalError"));
    let refused = |status, code| Act::Answer(refusal(status, "", code));
    for (acts, known) in [
        (vec![refused(412, "PreconditionFailed")], "guard"),
        (vec![refused(409, "ConditionalRequestConflict")], "conflict"),
        (vec![refused(404, "NoSuchKey")], "guard"),
        (vec![refused(403, "AccessDenied")], "not"),
        (vec![refused(503, "SlowDown"), refused(412, "PreconditionFailed")], "guard"),
        (vec![failed(), refused(412, "PreconditionFailed")], "unknown"),
        (vec![Act::Cut(String::new()), refused(412, "PreconditionFailed")], "unknown"),
        (vec![failed(), refused(403, "AccessDenied")], "unknown"),
        (vec![failed(), failed(), failed()], "unknown"),
        (vec![failed(), failed(), refused(503, "SlowDown")], "unknown"),
        (vec![Act::Answer(answer(200, "", ""))], "unknown"),
        (vec![Act::Cut("HTTP/1.1 200 OK".into()), refused(412, "PreconditionFailed")], "unknown"),
    ] {
        let (_server, store) = server(acts.clone()).await;
        let error = put(&store, matching()).await.unwrap_err();
        let said = match error {
            PutError::GuardFailed => "guard",
            PutError::Conflict => "conflict",
            PutError::NotStored(_) => "not",
            PutError::Unknown(_) => "unknown",
            other => panic!("{other:?}"),
        };
        assert_eq!(said, known, "{acts:?}");
    }
    let (_server, store) = server_with([Act::Hang], impatient).await;
    let error = put(&store, Guard::Any).await.unwrap_err();
    assert!(matches!(&error, PutError::Unknown(error) if error.fault == StoreFault::Timeout), "{error:?}");
}

#[tokio::test]
async fn who_is_not_there_was_not_asked() {
    let mut settings = settings("http://127.0.0.1:1");
    settings.attempts = 2;
    let store = store(hot(&settings, "id", "secret"), &settings, capable());
    let error = put(&store, Guard::Any).await.unwrap_err();
    assert!(
        matches!(&error, PutError::NotStored(error) if error.fault == StoreFault::Unavailable),
        "{error:?}"
    );
    assert!(matches!(put_streamed(&store).await, Err(PutError::NotStored(_))));
}

#[tokio::test]
async fn guards_that_the_store_does_not_mind_are_refused() {
    let (server, mut store) = server([]).await;
    store.found = std::sync::OnceLock::new();
    let object = ObjectName { key: ObjectKey::parse("key").unwrap(), ..object() };
    for guard in [Guard::Absent, matching()] {
        let body = Body::whole(Bytes::from_static(b"hello"), "etag");
        let put = store.put_object(&object, write(guard.clone()), 5, body).await;
        assert!(matches!(put, Err(PutError::Unsupported(_))), "{put:?}");
        let deletion = Deletion { guard, ..Deletion::default() };
        let deleted = store.delete_object(&object, deletion).await;
        assert!(matches!(deleted, Err(PutError::Unsupported(_))), "{deleted:?}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_streamed_body_is_sent_once() {
    let (server, store) = server([Act::Answer(answer(200, "etag: \"new\"\r\n", ""))]).await;
    assert_eq!(put_streamed(&store).await.unwrap().pin, Pin("new".into()));
    let seen = &server.seen(1).await[0];
    assert_eq!(seen.body, LENGTH);
    assert!(seen.head.contains("x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n"), "{}", seen.head);

    let (server, store) = self::server(vec![Act::Answer(refusal(500, "", "InternalError")); 2]).await;
    assert!(matches!(put_streamed(&store).await, Err(PutError::Unknown(_))));
    assert_eq!(server.count(), 1);
}

/// However it ends, the store has less than was announced.
#[tokio::test]
async fn a_body_that_is_not_committed_is_never_all_there() {
    for (pieces, dropped) in [(8, false), (LENGTH / PIECE, false), (LENGTH / PIECE + 1, false), (8, true)] {
        let (server, store) = server([Act::Answer(answer(200, "etag: \"new\"\r\n", ""))]).await;
        let (writer, body) = Body::channel(1);
        let object = object();
        let put = store.put_object(&object, write(Guard::Any), LENGTH as u64, body);
        let fed = async {
            feed(&writer, pieces).await;
            if !dropped {
                drop(writer);
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            put = put => assert!(matches!(put, Err(PutError::Incomplete)), "{put:?}"),
            () = fed => assert!(dropped),
        }
        let seen = &server.seen(1).await[0];
        assert!(seen.body < LENGTH, "{pieces} {dropped}: {}", seen.body);
    }
}

#[tokio::test]
async fn a_store_that_refuses_early_need_not_take_the_body() {
    let (server, store) = server([Act::Early(refusal(404, "", "NoSuchBucket"))]).await;
    let (writer, body) = Body::channel(1);
    let object = object();
    let put = store.put_object(&object, write(Guard::Any), LENGTH as u64, body);
    // The client never sends the end: only the answer can end this.
    let feed = async {
        let fed = feed(&writer, LENGTH / PIECE - 1).await;
        (fed, writer)
    };
    let begun = Instant::now();
    let (put, (_, writer)) = tokio::join!(put, feed);
    assert!(matches!(put, Err(PutError::NoSuchBucket)), "{put:?}");
    at_once(begun);
    assert!(writer.commit("etag").await.is_err(), "nobody is left to listen");
    assert!(server.seen(1).await[0].body < LENGTH);
}

#[tokio::test]
async fn early_answers_say_that_nothing_was_stored() {
    for answer in [answer(200, "etag: \"new\"\r\n", ""), refusal(500, "", "InternalError")] {
        let (_server, store) = server([Act::Early(answer.clone())]).await;
        let (writer, body) = Body::channel(1);
        let object = object();
        let put = store.put_object(&object, write(Guard::Any), LENGTH as u64, body);
        let (put, fed) = tokio::join!(put, feed(&writer, LENGTH / PIECE - 1));
        assert!(matches!(put, Err(PutError::NotStored(_))), "{answer}: {put:?} after {fed}");
    }
}

#[tokio::test]
async fn a_store_that_takes_nothing_is_not_waited_for_without_end() {
    let (_server, store) = server_with([Act::Deaf], impatient).await;
    let (writer, body) = Body::channel(1);
    let object = object();
    let put = store.put_object(&object, write(Guard::Any), LENGTH as u64, body);
    let (put, fed) = tokio::join!(put, feed(&writer, LENGTH / PIECE - 1));
    assert!(matches!(&put, Err(PutError::NotStored(error)) if error.fault == StoreFault::Timeout), "{put:?}");
    assert!(fed < LENGTH / PIECE - 1);
}

#[tokio::test]
async fn a_client_may_take_its_time() {
    let (_server, store) = server_with([Act::Answer(answer(200, "etag: \"new\"\r\n", ""))], impatient).await;
    let (writer, body) = Body::channel(1);
    let object = object();
    let put = store.put_object(&object, write(Guard::Any), 2 * PIECE as u64, body);
    let slowly = async {
        feed(&writer, 1).await;
        tokio::time::sleep(PATIENCE * 2).await;
        feed(&writer, 1).await;
        writer.commit("etag").await.unwrap();
    };
    tokio::join!(put, slowly).0.unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_deleted_already() {
    for (act, version, marker) in [
        (answer(204, "", ""), None, false),
        (refusal(404, "", "NoSuchKey"), None, false),
        (answer(204, "x-amz-version-id: m\r\nx-amz-delete-marker: true\r\n", ""), Some("m"), true),
    ] {
        let (_server, store) = server([Act::Cut(String::new()), Act::Answer(act)]).await;
        let deleted = store.delete_object(&object(), Deletion::default()).await.unwrap();
        assert_eq!(
            (deleted.version.as_ref().map(crate::store::version::VersionId::as_str), deleted.delete_marker),
            (version, marker)
        );
    }
    let (_server, store) = server([Act::Answer(refusal(404, "", "NoSuchKey"))]).await;
    let deletion = Deletion { guard: matching(), ..Deletion::default() };
    assert!(matches!(store.delete_object(&object(), deletion).await, Err(PutError::GuardFailed)));
}

/// Of a version that is deleted for good, only that it cannot exist is as good as done.
#[tokio::test]
async fn other_refusals_delete_no_version() {
    for (code, gone) in [("InvalidArgument", true), ("ExpiredToken", false), ("InvalidRequest", false)] {
        let act = Act::Answer(refusal(400, "", code));
        let (_server, store) = server(vec![act; 3]).await;
        let version = crate::store::version::VersionId::parse("a");
        let deletion = Deletion { version, ..Deletion::default() };
        let deleted = store.delete_object(&object(), deletion).await;
        assert_eq!(deleted.is_ok(), gone, "{code}: {deleted:?}");
    }
}

/// A store that was too slow may do it yet, over what others have written since.
#[tokio::test]
async fn what_may_yet_be_done_is_repeated_only_where_that_overtakes_nobody() {
    let quick = |settings| Settings { answer_timeout: PATIENCE, ..settings };
    for (guard, requests) in [(Guard::Any, 1), (Guard::Absent, 2), (matching(), 2)] {
        let acts = [Act::Hang, Act::Answer(answer(200, "etag: \"new\"\r\n", ""))];
        let (server, store) = server_with(acts, quick).await;
        let put = put(&store, guard.clone()).await;
        assert_eq!(put.is_ok(), requests == 2, "{put:?}");
        assert!(put.is_ok() || matches!(put, Err(PutError::Unknown(_))), "{put:?}");
        assert_eq!(server.count(), requests, "{guard:?}");
    }
    let (server, store) = server_with([Act::Hang, Act::Answer(answer(204, "", ""))], quick).await;
    let deleted = store.delete_object(&object(), Deletion::default()).await;
    assert!(matches!(deleted, Err(PutError::Unknown(_))), "{deleted:?}");
    assert_eq!(server.count(), 1);
}

/// Gives other keys each time.
#[derive(Debug, Default)]
struct Changing(std::sync::atomic::AtomicU32);

impl ProvideCredentials for Changing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let id = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
        future::ProvideCredentials::ready(Ok(Credentials::new(id, "secret", None, None, "test")))
    }
}

#[tokio::test]
async fn that_the_keys_were_renewed_makes_nobody_forget_what_was_perhaps_done() {
    // A server that failed, whatever it says of the keys.
    let acts =
        [Act::Answer(refusal(500, "", "ExpiredToken")), Act::Answer(refusal(412, "", "PreconditionFailed"))];
    let server = Server::start(acts).await;
    let settings = settings(&server.url);
    let keyring = Keyring::new(KeySource::Chain(SharedCredentialsProvider::new(Changing::default())));
    let endpoint = Endpoint::parse(&server.url, settings.addressing).unwrap();
    let limit = Limit::new(settings.max_requests);
    let hot = Hot::new(&settings, endpoint, "us-east-1", None, Arc::new(keyring), limit).unwrap();
    let store = store(hot, &settings, capable());
    let put = put(&store, matching()).await;
    assert!(matches!(put, Err(PutError::Unknown(_))), "{put:?}");
    assert_eq!(server.count(), 2);
}
