//! Keys that are written once: no way to write or delete, and nobody, changes them.

use std::sync::Barrier;

use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::form::Form;
use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::{Asked, Connection, Response};
use hallmark_tests::s3::{Client, completed, md5_hex, object};
use hallmark_tests::sigv4::UNSIGNED;

/// All keys of it.
const RELEASES: &str = "releases";
/// Those under `v1/`.
const MIXED: &str = "mixed";

fn lab() -> (Proxy, Client) {
    let tables = format!(
        "[buckets.{RELEASES}]\nimmutable = true\n\n[buckets.{MIXED}]\nimmutable_prefixes = [\"v1/\"]\n"
    );
    let proxy = Proxy::start_with(&Options { tables, ..Options::default() });
    let client = proxy.client();
    for bucket in [RELEASES, MIXED] {
        client.create_bucket(bucket);
    }
    (proxy, client)
}

/// It says clearly why.
#[track_caller]
fn refused(what: &str, response: &Response) {
    assert_eq!(
        (response.status, response.code().as_str()),
        (403, "AccessDenied"),
        "{what}: {}",
        response.text()
    );
    assert!(response.text().contains("immutable"), "{what}: {}", response.text());
}

/// A body whose length nobody says.
fn put_chunked(client: &Client, bucket: &str, key: &str, body: &[u8]) -> Response {
    let mut request = client.request("PUT", &object(bucket, key)).header("Transfer-Encoding", "chunked");
    client.signer().sign(&mut request, UNSIGNED);
    let framed = [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n0\r\n\r\n"].concat();
    Connection::open(client.address).exchange(&[&request.head(), &framed], Asked::Other)
}

#[test]
fn p2_what_was_written_once_stays() {
    let (proxy, client) = lab();
    for (bucket, key) in [(RELEASES, "app.tar"), (MIXED, "v1/app.tar")] {
        let body = content(1, 70_000);
        let etag = format!("\"{}\"", md5_hex(&body));
        assert_eq!(client.put(bucket, key, &body).status, 200);
        assert_eq!(client.put(MIXED, "source", b"source").status, 200);
        let complete = |headers: &[(&str, &str)]| {
            let upload = client.create_upload(bucket, key, &[]);
            let part = upload.send_part(1, b"new");
            upload.complete_with(&[part], headers)
        };
        let by_parts = {
            let upload = client.create_upload(bucket, key, &[]);
            let part = upload.copy_part(1, (MIXED, "source", None), &[]);
            upload.complete(&[hallmark_tests::s3::Completed::new(1, &part.element("ETag"))])
        };
        let replace = [("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-new", "new")];
        let attempts = [
            ("PUT", client.put(bucket, key, b"new")),
            ("PUT of the same", client.put(bucket, key, &body)),
            ("large PUT", client.put(bucket, key, &content(2, 9 * MIB))),
            ("PUT of unknown length", put_chunked(&client, bucket, key, &content(2, 9 * MIB))),
            ("PUT on If-Match", client.put_with(bucket, key, b"new", &[("If-Match", &etag)])),
            ("PUT on If-Match: *", client.put_with(bucket, key, b"new", &[("If-Match", "*")])),
            ("Complete", complete(&[])),
            ("Complete on If-Match", complete(&[("If-Match", &etag)])),
            ("Complete of copied parts", by_parts),
            ("copy", client.copy((MIXED, "source", None), bucket, key, &[])),
            ("copy on If-Match", client.copy((MIXED, "source", None), bucket, key, &[("If-Match", &etag)])),
            ("copy to itself", client.copy((bucket, key, None), bucket, key, &replace)),
            ("form", Form::new(&client, bucket, key).send(b"new")),
            ("DELETE", client.delete(bucket, key)),
            ("DELETE on If-Match", client.delete_with(bucket, key, "", &[("If-Match", &etag)])),
            ("DELETE of the version", client.delete_version(bucket, key, "null")),
            ("presigned DELETE", presigned_delete(&client, bucket, key)),
        ];
        for (what, response) in &attempts {
            refused(what, response);
        }
        // Asked for, it is a condition that does not hold.
        let absent = client.put_with(bucket, key, b"new", &[("If-None-Match", "*")]);
        assert_eq!((absent.status, absent.code().as_str()), (412, "PreconditionFailed"));
        let many = client.delete_many(bucket, &[(key, None), (key, Some("null"))]);
        assert_eq!(many.elements("Code"), ["AccessDenied", "AccessDenied"], "{}", many.text());
        assert!(many.text().contains("immutable"));

        let got = client.get(bucket, key);
        assert_same(&got.body, &body, bucket);
        assert_eq!(got.header("x-amz-meta-new"), None);
        let log = proxy.log();
        let named = format!("{bucket}/{key}");
        for attempt in ["overwrite", "delete"] {
            let told = log.lines().filter(|line| {
                line.contains("immutable")
                    && line.contains("audit")
                    && line.contains(&named)
                    && line.contains(attempt)
            });
            assert!(told.count() > 1, "{attempt}: {log}");
        }
    }
}

fn presigned_delete(client: &Client, bucket: &str, key: &str) -> Response {
    let mut request = client.request("DELETE", &object(bucket, key));
    client.signer().presign(&mut request, 60);
    client.send_as_is(&request)
}

/// Not even a delete marker in front of it, nor a newer version.
#[test]
fn p2_versions_of_what_was_written_once() {
    let (_proxy, client) = lab();
    assert_eq!(client.set_versioning(RELEASES, "Enabled").status, 200);
    let put = client.put(RELEASES, "key", b"once");
    let version = put.header("x-amz-version-id").unwrap().to_owned();
    for (what, response) in [
        ("PUT", client.put(RELEASES, "key", b"twice")),
        ("DELETE", client.delete(RELEASES, "key")),
        ("DELETE of the version", client.delete_version(RELEASES, "key", &version)),
        ("DELETE of one that is not there", client.delete_version(RELEASES, "other", "null")),
    ] {
        refused(what, &response);
    }
    let many = client.delete_many(RELEASES, &[("key", Some(&version))]);
    assert_eq!(many.element("Code"), "AccessDenied");
    assert_eq!(client.set_versioning(RELEASES, "Suspended").status, 200);
    refused("PUT, suspended", &client.put(RELEASES, "key", b"twice"));
    let listed = client.list_versions(RELEASES, "");
    assert_eq!(listed.elements("VersionId"), [version]);
    assert_eq!(client.get(RELEASES, "key").body, b"once");
}

/// Keys beside it are as everywhere.
#[test]
fn only_what_is_named_is_immutable() {
    let (_proxy, client) = lab();
    for key in ["v1", "v10/app", "v2/app", "a/v1/app"] {
        assert_eq!(client.put(MIXED, key, b"one").status, 200);
        assert_eq!(client.put(MIXED, key, b"two").status, 200, "{key}");
        assert_eq!(client.delete(MIXED, key).status, 204, "{key}");
    }
    // A copy out of it is no change of it.
    assert_eq!(client.put(MIXED, "v1/app", b"one").status, 200);
    assert_eq!(client.copy((MIXED, "v1/app", None), MIXED, "v2/app", &[]).status, 200);
    assert_eq!(client.copy((MIXED, "v1/app", None), MIXED, "v2/app", &[]).status, 200);
}

/// Of many that write first, by all ways there are, one does.
#[test]
fn p2_one_of_many_writes_first() {
    const WRITERS: usize = 32;
    let (_proxy, client) = lab();
    let source = content(7, 70_000);
    assert_eq!(client.put(MIXED, "source", &source).status, 200);
    for round in 0..3 {
        let key = format!("key-{round}");
        let uploads: Vec<_> = (0..WRITERS)
            .map(|number| {
                let upload = client.create_upload(RELEASES, &key, &[]);
                let part = upload.send_part(1, &content(number as u64, 50));
                (upload, [part])
            })
            .collect();
        let start = Barrier::new(WRITERS);
        let write = |number: usize| match number % 3 {
            0 => client.put(RELEASES, &key, &content(number as u64, 70_000)),
            1 => {
                let (upload, parts) = &uploads[number];
                upload.complete(parts)
            }
            _ => client.copy((MIXED, "source", None), RELEASES, &key, &[]),
        };
        let responses: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..WRITERS)
                .map(|number| {
                    let (start, write) = (&start, &write);
                    scope.spawn(move || {
                        start.wait();
                        write(number)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won = |number: &usize| responses[*number].status == 200 && responses[*number].code().is_empty();
        let winners: Vec<_> = (0..WRITERS).filter(won).collect();
        assert_eq!(winners.len(), 1, "{:?}", responses.iter().map(Response::code).collect::<Vec<_>>());
        for (number, response) in responses.iter().enumerate().filter(|(number, _)| *number != winners[0]) {
            refused(&format!("writer {number}"), response);
        }
        let expected = match winners[0] % 3 {
            0 => content(winners[0] as u64, 70_000),
            1 => content(winners[0] as u64, 50),
            _ => source.clone(),
        };
        assert_same(&client.get(RELEASES, &key).body, &expected, "the first");
        if let (1, (upload, parts)) = (winners[0] % 3, &uploads[winners[0]]) {
            completed(&upload.complete(parts)).unwrap();
        }
    }
}
