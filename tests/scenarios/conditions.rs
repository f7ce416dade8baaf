//! Conditions: on reads in their order of precedence, and on writes, of which many at once try the same.

use std::fmt::Write as _;
use std::sync::{Arc, Barrier};

use hallmark_proxy::store::Store;
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Client, completed, md5_hex, object};
use hallmark_tests::site::{self, READER, SIGNED, Site};

const BUCKET: &str = "artifacts";
const PAST: &str = "Sat, 01 Jan 2000 00:00:00 GMT";
const FUTURE: &str = "Fri, 01 Jan 2100 00:00:00 GMT";

fn lab() -> (Proxy, Client) {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(BUCKET);
    (proxy, client)
}

fn quoted(body: &[u8]) -> String {
    format!("\"{}\"", md5_hex(body))
}

/// RFC 9110, section 13.2.2: tags go before dates, `If-Match` before `If-None-Match`.
#[test]
fn reads_judge_conditions_in_order() {
    let (_proxy, client) = lab();
    let body = content(1, 3 * MIB);
    assert_eq!(client.put(BUCKET, "key", &body).status, 200);
    let (same, weak, list) =
        (quoted(&body), format!("W/{}", quoted(&body)), format!("\"other\", {}", quoted(&body)));
    let (m, n, s, u) = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since");
    let other = "\"other\"";
    let cases: [(&[(&str, &str)], u16); 21] = [
        (&[(m, &same)], 200),
        (&[(m, &list)], 200),
        (&[(m, "*")], 200),
        (&[(m, &weak)], 412),
        (&[(m, other)], 412),
        (&[(n, &same)], 304),
        (&[(n, &weak)], 304),
        (&[(n, "*")], 304),
        (&[(n, other)], 200),
        (&[(s, FUTURE)], 304),
        (&[(s, PAST)], 200),
        (&[(u, FUTURE)], 200),
        (&[(u, PAST)], 412),
        (&[(s, "yesterday"), (u, "tomorrow")], 200),
        (&[(m, &same), (u, PAST)], 200),
        (&[(m, other), (u, FUTURE)], 412),
        (&[(n, &same), (s, PAST)], 304),
        (&[(n, other), (s, FUTURE)], 200),
        (&[(m, other), (n, &same)], 412),
        (&[(m, &same), (n, &same)], 304),
        (&[(u, PAST), (s, FUTURE)], 412),
    ];
    let mut wrong = String::new();
    for (headers, status) in cases {
        for range in [None, Some(("Range", "bytes=5-9"))] {
            let headers = [headers, range.as_slice()].concat();
            let expected = if status == 200 && range.is_some() { 206 } else { status };
            let (get, head) =
                (client.get_with(BUCKET, "key", "", &headers), client.head_with(BUCKET, "key", "", &headers));
            for (method, response) in [("GET", &get), ("HEAD", &head)] {
                let none = response.body.is_empty();
                let fits = match response.status {
                    200 => (method == "HEAD" && none) || response.body == body,
                    206 => (method == "HEAD" && none) || response.body == body[5..10],
                    // RFC 9110, section 15.4.5: what would have been sent of these with a 200.
                    304 => none && response.header("etag") == Some(&same),
                    _ => method == "HEAD" || response.code() == "PreconditionFailed",
                };
                if response.status != expected || !fits {
                    writeln!(wrong, "{method} {headers:?}: {} {}", response.status, response.code()).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A range counts for the version that its client began to read; of any other it gets all, never a part.
#[test]
fn if_range_asks_for_the_same_version() {
    let (_proxy, client) = lab();
    let body = content(1, 9 * MIB);
    assert_eq!(client.put(BUCKET, "key", &body).status, 200);
    let (same, weak) = (quoted(&body), format!("W/{}", quoted(&body)));
    for (tag, status) in
        [(same.as_str(), 206), (weak.as_str(), 200), ("\"other\"", 200), (FUTURE, 200), (PAST, 200)]
    {
        for (range, first, last) in [("bytes=5-9", 5, 9), ("bytes=-5", body.len() - 5, body.len() - 1)] {
            let got = client.get_with(BUCKET, "key", "", &[("If-Range", tag), ("Range", range)]);
            assert_eq!(got.status, status, "{tag}");
            assert_same(&got.body, if status == 206 { &body[first..=last] } else { &body }, tag);
        }
        // A range that there is not is an error of those alone who ask for this version.
        let got = client.get_with(BUCKET, "key", "", &[("If-Range", tag), ("Range", "bytes=99999999-")]);
        assert_eq!(got.status, if status == 206 { 416 } else { 200 }, "{tag}");
    }
}

/// An answer to a condition is an answer about an artifact: it is given to whom the artifact would be.
#[test]
fn p1_conditions_are_judged_after_the_verdict() {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start(Arc::clone(&store) as Arc<dyn Store>);
    let (client, reader) = (proxy.client(), Site::client(proxy.address(), READER));
    for bucket in [BUCKET, SIGNED] {
        client.create_bucket(bucket);
    }
    let body = content(1, 70_000);
    let same = quoted(&body);
    assert_eq!(client.put(BUCKET, "key", &body).status, 200);
    let sealed = store.object(BUCKET, "key");
    store.edit(BUCKET, "key", |object| object.set_header("content-type", Some("text/html")));
    // Sealed for another bucket.
    store.place(SIGNED, "key", sealed);
    let all: [&[(&str, &str)]; 6] = [
        &[],
        &[("If-None-Match", &same)],
        &[("If-Match", "\"other\"")],
        &[("If-Modified-Since", FUTURE)],
        &[("If-Unmodified-Since", PAST)],
        &[("Range", "bytes=999999-")],
    ];
    for headers in all {
        for (who, bucket) in [(&client, BUCKET), (&reader, BUCKET), (&client, SIGNED), (&reader, SIGNED)] {
            for response in
                [who.get_with(bucket, "key", "", headers), who.head_with(bucket, "key", "", headers)]
            {
                let refusal = (response.status, response.code());
                assert_eq!(refusal, (403, "ArtifactSealInvalid".to_owned()), "{headers:?}");
                assert_eq!(response.header("etag"), None, "{headers:?}");
            }
        }
    }
    // Conditions of writes are about what is sealed, too.
    for (header, value) in [("If-Match", same.as_str()), ("If-Match", "*"), ("If-None-Match", "\"other\"")] {
        let put = client.put_with(BUCKET, "key", b"new", &[(header, value)]);
        assert_eq!((put.status, put.code().as_str()), (403, "ArtifactSealInvalid"), "{header}: {value}");
    }
    let deleted = client.delete_with(BUCKET, "key", "", &[("If-Match", &same)]);
    assert_eq!((deleted.status, deleted.code().as_str()), (403, "ArtifactSealInvalid"));
    assert_eq!(store.object(BUCKET, "key").bytes, body);
}

/// So many at once.
const WRITERS: u64 = 32;

/// Has all of them do the same at the same moment.
fn race<T: Send>(writer: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(usize::try_from(WRITERS).unwrap());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (writer, start) = (&writer, &start);
                scope.spawn(move || {
                    start.wait();
                    writer(number)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Exactly one of many won; the others were told that the condition does not hold, or that they met another.
#[track_caller]
fn winner(responses: &[Response]) -> usize {
    let won = |response: &Response| response.status < 300 && response.code().is_empty();
    let winners: Vec<_> = (0..responses.len()).filter(|number| won(&responses[*number])).collect();
    let said: Vec<_> = responses.iter().map(|response| (response.status, response.code())).collect();
    assert_eq!(winners.len(), 1, "{said:?}");
    let mut told = vec!["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", ""];
    if site::over_another_store() {
        // Ceph's gateway answers some of many writers with 500 and refuses them when they ask again: what became of
        // the first attempt, which somebody else may have overwritten, nobody can know.
        told.push("ServiceUnavailable");
    }
    assert!(said.iter().all(|(_, code)| told.contains(&code.as_str())), "{said:?}");
    winners[0]
}

fn of(number: u64, length: u64) -> Vec<u8> {
    content(100 + number, length)
}

#[test]
fn p2_one_of_many_creates_a_key() {
    let (_proxy, client) = lab();
    for length in [1000, 70_000, 9 * MIB] {
        let key = length.to_string();
        let responses =
            race(|number| client.put_with(BUCKET, &key, &of(number, length), &[("If-None-Match", "*")]));
        let winner = winner(&responses);
        assert_same(&client.get(BUCKET, &key).body, &of(winner as u64, length), &key);
    }
}

#[test]
fn p2_one_of_many_replaces_an_artifact() {
    let (_proxy, client) = lab();
    for header in ["If-Match", "If-Match: *"] {
        let old = b"what was there before";
        assert_eq!(client.put(BUCKET, header, old).status, 200);
        let etag = quoted(old);
        let value = if header == "If-Match" { etag.as_str() } else { "*" };
        let responses =
            race(|number| client.put_with(BUCKET, header, &of(number, 70_000), &[("If-Match", value)]));
        if value == "*" {
            // It holds for each that comes after another; but none may be told so and not have written.
            assert!(responses.iter().any(|response| response.status == 200));
            let stands = client.get(BUCKET, header).body;
            let wrote =
                |number: usize| responses[number].status == 200 && stands == of(number as u64, 70_000);
            assert!((0..responses.len()).any(wrote));
        } else {
            let winner = winner(&responses);
            assert_same(&client.get(BUCKET, header).body, &of(winner as u64, 70_000), header);
        }
    }
}

/// Does again what is told to come later, as every client does: one that completes so many uploads at once in a slow store
/// has more memory asked for than is its share.
fn patiently(request: impl Fn() -> Response) -> Response {
    const TIMES: usize = 20;
    let mut responses = std::iter::repeat_with(request).take(TIMES);
    responses.find(|response| response.code() != "SlowDown").expect("it is its turn some time")
}

/// Uploads in parts, each with a list of its own.
#[test]
fn p2_one_of_many_completes() {
    let (_proxy, client) = lab();
    let old = b"what was there before";
    assert_eq!(client.put(BUCKET, "replaced", old).status, 200);
    let etag = quoted(old);
    for (key, header, value) in [("created", "If-None-Match", "*"), ("replaced", "If-Match", etag.as_str())] {
        let uploads: Vec<_> = (0..WRITERS)
            .map(|number| {
                let upload = client.create_upload(BUCKET, key, &[]);
                let part = upload.send_part(1, &of(number, 70_000));
                (upload, [part])
            })
            .collect();
        let responses = race(|number| {
            let (upload, parts) = &uploads[usize::try_from(number).unwrap()];
            patiently(|| upload.complete_with(parts, &[(header, value)]))
        });
        let winner = winner(&responses);
        assert_same(&client.get(BUCKET, key).body, &of(winner as u64, 70_000), key);
        // Who lost may do without the condition.
        let (loser, parts) = &uploads[if winner == 0 { 1 } else { 0 }];
        completed(&loser.complete(parts)).unwrap();
    }
}

/// One upload, completed by many: it is completed once, and whoever is told so is told the same.
#[test]
fn p6_one_upload_completed_by_many() {
    let (_proxy, client) = lab();
    for headers in [&[][..], &[("If-None-Match", "*")]] {
        let key = format!("key-{}", headers.len());
        let upload = client.create_upload(BUCKET, &key, &[]);
        let parts = [upload.send_part(1, &of(1, 5 * MIB)), upload.send_part(2, &of(2, 70_000))];
        let responses = race(|_| patiently(|| upload.complete_with(&parts, headers)));
        let etags: Vec<_> = responses.iter().filter_map(|response| completed(response).ok()).collect();
        let said: Vec<_> = responses.iter().map(|response| (response.status, response.code())).collect();
        assert!(!etags.is_empty() && etags.iter().all(|etag| *etag == etags[0]), "{said:?}");
        assert_eq!(etags.len(), responses.len(), "{said:?}");
        let whole = [of(1, 5 * MIB), of(2, 70_000)].concat();
        assert_same(&client.get(BUCKET, &key).body, &whole, "completed once");
    }
}

#[test]
fn p2_one_of_many_deletes() {
    let (_proxy, client) = lab();
    let old = b"what was there before";
    assert_eq!(client.put(BUCKET, "key", old).status, 200);
    let etag = quoted(old);
    let responses = race(|_| client.delete_with(BUCKET, "key", "", &[("If-Match", &etag)]));
    winner(&responses);
    assert_eq!(client.get(BUCKET, "key").status, 404);
}

/// All ways to change a key at once, on the same condition.
#[test]
fn p2_one_of_many_ways_wins() {
    let (_proxy, client) = lab();
    let old = b"what was there before";
    let source = content(7, 70_000);
    assert_eq!(client.put(BUCKET, "source", &source).status, 200);
    for round in 0..4 {
        let key = format!("key-{round}");
        assert_eq!(client.put(BUCKET, &key, old).status, 200);
        let etag = quoted(old);
        let condition = [("If-Match", etag.as_str())];
        let uploads: Vec<_> = (0..WRITERS)
            .map(|number| {
                let upload = client.create_upload(BUCKET, &key, &[]);
                let part = upload.send_part(1, &of(number, 5));
                (upload, [part])
            })
            .collect();
        let responses = race(|number| match number % 4 {
            0 => client.put_with(BUCKET, &key, &of(number, 70_000), &condition),
            1 => {
                let (upload, parts) = &uploads[usize::try_from(number).unwrap()];
                upload.complete_with(parts, &condition)
            }
            2 => client.copy((BUCKET, "source", None), BUCKET, &key, &condition),
            _ => client.delete_with(BUCKET, &key, "", &condition),
        });
        let winner = winner(&responses) as u64;
        let got = client.get(BUCKET, &key);
        match winner % 4 {
            0 => assert_same(&got.body, &of(winner, 70_000), "the PUT"),
            1 => assert_same(&got.body, &of(winner, 5), "the Complete"),
            2 => assert_same(&got.body, &source, "the copy"),
            _ => assert_eq!(got.status, 404, "the DELETE"),
        }
    }
}

/// Conditions that cannot be kept are refused, never ignored.
#[test]
fn p2_conditions_that_are_not_kept_are_refused() {
    let (_proxy, client) = lab();
    let old = b"what was there before";
    assert_eq!(client.put(BUCKET, "key", old).status, 200);
    let etag = quoted(old);
    let upload = client.create_upload(BUCKET, "key", &[]);
    let parts = [upload.send_part(1, b"new")];
    for headers in [
        &[("If-Unmodified-Since", FUTURE)][..],
        &[("If-Match", etag.as_str()), ("If-None-Match", "*")],
        &[("If-Match", "W/\"weak\"")],
        &[("If-Match", "\"a\", \"b\"")],
        &[("If-None-Match", "\"a\", \"b\"")],
    ] {
        for (what, response) in [
            ("PUT", client.put_with(BUCKET, "key", b"new", headers)),
            ("Complete", upload.complete_with(&parts, headers)),
            ("copy", client.copy((BUCKET, "key", None), BUCKET, "copy", headers)),
            ("DELETE", client.delete_with(BUCKET, "key", "", headers)),
        ] {
            let refusal = (response.status, response.code());
            assert_eq!(refusal, (501, "NotImplemented".to_owned()), "{what}, {headers:?}");
        }
    }
    assert_eq!(client.get(BUCKET, "key").body, old);
    assert_eq!(client.get(BUCKET, "copy").status, 404);
    completed(&upload.complete(&parts)).unwrap();
}

/// S3 lets clients leave these headers unsigned. Then they count all the same, so nobody on the way can have a condition
/// ignored by making it unsigned; those that are signed cannot be changed or taken off; and `x-amz-*` must be signed.
#[test]
fn p2_conditions_and_signatures() {
    let (_proxy, client) = lab();
    let old = b"what was there before";
    assert_eq!(client.put(BUCKET, "key", old).status, 200);
    let put = |header: &str, value: &str| {
        let mut request = client.request("PUT", &object(BUCKET, "key")).header("Content-Length", "3");
        request.body = b"new".to_vec();
        if !value.is_empty() {
            request = request.header(header, value);
        }
        client.signer().sign_body(&mut request);
        request
    };
    // Added on the way.
    for (header, value) in [("If-None-Match", "*"), ("If-Match", "\"other\"")] {
        let request = put(header, "").header(header, value);
        let response = client.send_as_is(&request);
        assert_eq!((response.status, response.code().as_str()), (412, "PreconditionFailed"), "{header}");
    }
    // Changed, or taken off.
    let mut changed = put("If-Match", "\"other\"");
    changed.set_header("If-Match", "*");
    let mut stripped = put("If-Match", "\"other\"");
    stripped.remove_header("If-Match");
    for (request, status, code) in
        [(changed, 403, "SignatureDoesNotMatch"), (stripped, 400, "AuthorizationHeaderMalformed")]
    {
        let response = client.send_as_is(&request);
        assert_eq!((response.status, response.code().as_str()), (status, code), "{}", response.text());
    }
    // Those of a copy.
    for header in ["x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match"] {
        let mut request = client.request("PUT", &object(BUCKET, "copy")).header("Content-Length", "0");
        request = request.header("x-amz-copy-source", "/artifacts/key");
        client.signer().sign_body(&mut request);
        let response = client.send_as_is(&request.header(header, "\"other\""));
        assert_eq!((response.status, response.code().as_str()), (403, "AccessDenied"), "{header}");
    }
    assert_eq!(client.get(BUCKET, "key").body, old);
    assert_eq!(client.get(BUCKET, "copy").status, 404);
}
