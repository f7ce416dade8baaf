//! Uploads in parts from end to end: the answers, and what becomes of them when something takes long.

use std::sync::Arc;
use std::thread;

use hallmark_proxy::store::{Store, StoreFault};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::{Call, MemoryStore, Mishap};
use hallmark_tests::s3::{Client, completed, etag_of_parts};
use hallmark_tests::site::{READER, SIGNED};

const BUCKET: &str = "artifacts";

fn lab() -> (InProcess, Arc<MemoryStore>, Client) {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start(Arc::clone(&store) as Arc<dyn Store>);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    (proxy, store, client)
}

#[test]
fn an_upload_in_parts_is_an_artifact() {
    let (_proxy, _store, client) = lab();
    let parts = [content(1, 5 * MIB + 7), content(2, 4 * MIB)];
    let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let answer = client.put_parts(BUCKET, "a key/é", &slices, &[("content-type", "application/x-test")]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(completed(&answer), Ok(etag_of_parts(&slices)));
    assert!(answer.text().contains("<Key>a key/é</Key>"), "{}", answer.text());
    let download = client.get(BUCKET, "a key/é");
    assert!(download.body == parts.concat());
    assert_eq!(download.header("content-type"), Some("application/x-test"));
    assert_eq!(download.header("etag"), Some(format!("\"{}\"", etag_of_parts(&slices)).as_str()));
}

#[test]
fn a_complete_is_for_who_began_and_may_write() {
    let (proxy, _store, client) = lab();
    let upload = client.create_upload(BUCKET, "key", &[]);
    let part = upload.send_part(1, b"bytes");
    let reader = hallmark_tests::site::Site::client(proxy.address(), READER);
    assert_eq!(
        completed(&upload.through(&reader).complete(std::slice::from_ref(&part))),
        Err("AccessDenied".into())
    );
    let elsewhere = hallmark_tests::s3::Upload { key: "other".into(), ..upload.clone() };
    assert_eq!(completed(&elsewhere.complete(std::slice::from_ref(&part))), Err("NoSuchUpload".into()));
    assert_eq!(upload.complete(&[part]).status, 200);
}

/// A store that takes its time: the answer begins, is kept alive, and ends as it must.
#[test]
fn an_answer_that_takes_long_is_kept_alive_and_may_end_in_an_error() {
    for (mishap, expected) in
        [(None, None), (Some(Mishap::Fails(StoreFault::Unavailable)), Some("ServiceUnavailable"))]
    {
        let (_proxy, store, client) = lab();
        let upload = client.create_upload(BUCKET, "key", &[]);
        let part = upload.send_part(1, b"bytes");
        let gate = store.hold(Call::Promote);
        if let Some(mishap) = mishap {
            store.go_wrong(Call::Promote, mishap);
        }
        let asking = thread::spawn({
            let upload = upload.clone();
            let part = part.clone();
            move || upload.complete(&[part])
        });
        gate.wait();
        // Time is what this is about: the client has to be told something after 5 seconds.
        thread::sleep(std::time::Duration::from_millis(5500));
        gate.release();
        let answer = asking.join().unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-length"), None);
        assert!(answer.text().starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
        assert_eq!(completed(&answer).err().as_deref(), expected);
        assert_eq!(client.get(BUCKET, "key").status, if expected.is_some() { 404 } else { 200 });
        assert_eq!(completed(&upload.complete(&[part])).err(), None, "it can be asked again");
    }
}

/// The signature is given at the beginning and judged at the end, before anything is seen.
#[test]
fn p5_an_upload_without_the_signature_that_its_rule_wants_stays_unseen() {
    let (proxy, _store, client) = lab();
    client.create_bucket(SIGNED);
    let old = content(3, 100);
    let signature = |bytes: &[u8]| proxy.site.signature("ci", bytes);
    let header = "x-amz-meta-hallmark-signature";
    assert_eq!(client.put_parts(SIGNED, "key", &[&old], &[(header, &signature(&old))]).status, 200);
    let new = content(1, 6 * MIB);
    let (first, second) = new.split_at(5 * 1024 * 1024);
    for (given, expected) in [
        (None, Some("ArtifactSignatureMissing")),
        (Some(signature(first)), Some("ArtifactSignerUntrusted")),
        (Some(signature(&new)), None),
    ] {
        let headers: Vec<_> = given.iter().map(|signature| (header, signature.as_str())).collect();
        let answer = client.put_parts(SIGNED, "key", &[first, second], &headers);
        assert_eq!(completed(&answer).err().as_deref(), expected);
        let stands = if expected.is_some() { &old } else { &new };
        assert!(client.get(SIGNED, "key").body == *stands);
    }
}
