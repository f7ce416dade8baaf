//! A request sees one configuration: the one that there was when it began.

use hallmark_proxy::store::Store;
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::{Call, MemoryStore};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::{Asked, Connection};
use hallmark_tests::s3::{completion, object};
use hallmark_tests::sigv4::UNSIGNED;
use hallmark_tests::site::{READER, SIGNED, Site};
use std::sync::Arc;

use super::{BUCKET, KEY, ask_on, options, revoke};

const SIGNATURE: &str = "x-amz-meta-hallmark-signature";

/// The same connection serves under the old policy and then refuses under the new one, whatever it kept.
#[test]
fn p5_a_revoked_key_stops_serving_at_the_next_request() {
    let proxy = Proxy::start_with(&options());
    let (client, reader) = (proxy.client(), proxy.client_of(READER));
    client.create_bucket(SIGNED);
    for (key, length) in [("small", 1000), ("large", 9 * MIB)] {
        let body = content(1, length);
        let signature = proxy.site.signature("ci", &body);
        assert_eq!(client.put_with(SIGNED, key, &body, &[(SIGNATURE, &signature)]).status, 200);
    }
    let mut connection = Connection::open(proxy.address());
    let mut ask = |method: &str, key: &str| {
        let got = ask_on(&mut connection, &reader, method, (SIGNED, key));
        (got.status, got.header("x-hallmark-refused").map(str::to_owned))
    };
    for _ in 0..2 {
        for (method, key) in [("GET", "small"), ("HEAD", "small"), ("GET", "large")] {
            assert_eq!(ask(method, key), (200, None));
        }
    }
    revoke(&proxy.site);
    assert!(proxy.reload());
    let refused = (403, Some("ArtifactKeyRevoked".to_owned()));
    for (method, key) in [("GET", "small"), ("HEAD", "small"), ("GET", "large")] {
        assert_eq!(ask(method, key), refused, "{method} {key}");
    }
}

/// What a client may do, and by which secret it is known.
#[test]
fn clients_change_at_the_next_request() {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(BUCKET);
    assert_eq!(client.put(BUCKET, KEY, b"1").status, 200);
    let old = proxy.client_of(READER);
    let mut connection = Connection::open(proxy.address());
    let mut get = |client: &hallmark_tests::s3::Client| {
        let got = ask_on(&mut connection, client, "GET", (BUCKET, KEY));
        (got.status, got.text())
    };
    assert_eq!(get(&old), (200, "1".to_owned()));

    let rotated = "another-secret-of-the-client-that-may-read";
    proxy.site.write_private("reader.secret", rotated);
    assert!(proxy.reload());
    let new = Site::client(proxy.address(), (READER.0, rotated));
    assert!(get(&old).1.contains("<Code>SignatureDoesNotMatch</Code>"));
    assert_eq!(get(&new), (200, "1".to_owned()));

    proxy.site.edit_config(|text| text.replace("\"read\", \"list\"", "\"list\""));
    assert!(proxy.reload());
    assert!(get(&new).1.contains("<Code>AccessDenied</Code>"));

    proxy.site.edit_config(|text| text.replace(READER.0, "AKIAANOTHER"));
    assert!(proxy.reload());
    assert!(get(&new).1.contains("<Code>InvalidAccessKeyId</Code>"));
    assert_eq!(get(&client), (200, "1".to_owned()), "others notice nothing");
    assert!(!proxy.log().contains(rotated));
}

/// More than all buffers between the two hold.
#[test]
fn a_download_under_way_finishes_as_it_began_and_an_upload_asks_once_more() {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(SIGNED);
    client.create_bucket(BUCKET);
    let body = content(1, 64 * MIB);
    let signature = proxy.site.signature("ci", &body);
    assert_eq!(client.put_with(SIGNED, KEY, &body, &[(SIGNATURE, &signature)]).status, 200);

    let reader = proxy.client_of(READER);
    let mut request = reader.request("GET", &object(SIGNED, KEY));
    reader.signer().sign_body(&mut request);
    let mut download = Connection::open(proxy.address());
    download.send(&request.head());
    assert_eq!(download.head().0, 200);
    let uploaded = content(2, 9 * MIB);
    let mut request = client
        .request("PUT", &object(BUCKET, "uploaded"))
        .header("Content-Length", uploaded.len().to_string())
        .header("Expect", "100-continue");
    client.signer().sign(&mut request, UNSIGNED);
    let mut upload = Connection::open(proxy.address());
    upload.send(&request.head());
    assert_eq!(upload.interim(), 100);
    upload.send(&uploaded[..uploaded.len() / 2]);

    // The key is revoked, the reader may not read any more, and nobody may write.
    revoke(&proxy.site);
    proxy.site.edit_config(|text| text.replace("\"read\", \"list\"", "\"list\"").replace("\"write\", ", ""));
    assert!(proxy.reload());
    assert_eq!(reader.get(SIGNED, KEY).status, 403);
    assert_eq!(client.put(BUCKET, KEY, b"1").status, 403);

    assert_same(&download.next(body.len()), &body, "all of the download");
    upload.send(&uploaded[uploaded.len() / 2..]);
    // What an upload makes is there for others, afterwards.
    let response = upload.response(Asked::Other);
    assert_eq!((response.status, response.code().as_str()), (403, "AccessDenied"), "{}", response.text());
    assert_eq!(client.get(BUCKET, "uploaded").status, 404);
    let after = ask_on(&mut download, &reader, "GET", (SIGNED, KEY));
    assert_eq!(after.status, 403, "the next one on the same connection");
}

/// A Complete goes on without its client, and so by the configuration that it began with.
#[test]
fn work_that_goes_on_alone_keeps_its_configuration() {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start(Arc::clone(&store) as Arc<dyn Store>);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let upload = client.create_upload(BUCKET, KEY, &[]);
    let parts = [upload.send_part(1, b"all of it")];
    let gate = store.hold(Call::Promote);
    let mut request = client.request("POST", &upload.target(""));
    request.body = completion(&parts).into_bytes();
    request.set_header("Content-Length", request.body.len().to_string());
    client.signer().sign_body(&mut request);
    let mut connection = Connection::open(client.address);
    connection.send(&request.head());
    connection.send(&request.body);
    gate.wait();
    let rule =
        format!("\n[[buckets.{BUCKET}.rules]]\nprefix = \"\"\nsignatures = \"required\"\nkeys = [\"ci\"]\n");
    proxy.site.edit_config(|text| text + &rule);
    proxy.renew().unwrap();
    gate.release();
    assert_eq!(connection.response(Asked::Other).status, 200);
    // By the new one nobody may have it.
    let reader = Site::client(client.address, READER);
    assert_eq!(reader.get(BUCKET, KEY).header("x-hallmark-refused"), Some("ArtifactSignatureMissing"));
}
