//! Keys, subresources and headers that would change what a request means.

use hallmark_tests::s3::Client;

use super::{BODY, BUCKET, lab, put, put_to, refused, sent, signed};

#[test]
fn keys_and_paths() {
    fn put_at(client: &Client, target: &str) -> Vec<u8> {
        signed(client, put_to(client, target))
    }
    let (_proxy, client) = lab();
    refused(
        &client,
        &[
            ("a parent", |client| put_at(client, "/attacks/public/../private"), 400, "InvalidURI"),
            (
                "an encoded parent",
                |client| put_at(client, "/attacks/public/%2e%2e/private"),
                400,
                "InvalidURI",
            ),
            (
                "behind an encoded slash",
                |client| put_at(client, "/attacks/public%2f..%2fprivate"),
                400,
                "InvalidURI",
            ),
            ("itself", |client| put_at(client, "/attacks/./key"), 400, "InvalidURI"),
            ("out of the bucket", |client| put_at(client, "/attacks/../attacks/key"), 400, "InvalidURI"),
            ("not UTF-8", |client| put_at(client, "/attacks/%ff"), 400, "InvalidURI"),
            ("overlong UTF-8", |client| put_at(client, "/attacks/%c0%ae%c0%ae/key"), 400, "InvalidURI"),
            ("half an escape", |client| put_at(client, "/attacks/%4"), 400, "InvalidURI"),
            ("NUL", |client| put_at(client, "/attacks/a%00b"), 400, "InvalidURI"),
            (
                "1025 bytes",
                |client| put_at(client, &format!("/attacks/{}", "k".repeat(1025))),
                400,
                "KeyTooLongError",
            ),
            ("no bucket of this name", |client| put_at(client, "/nowhere/key"), 404, "NoSuchBucket"),
            ("no name of a bucket", |client| put_at(client, "/Attacks/key"), 400, "InvalidBucketName"),
        ],
    );
    // One decoding, no more: what looks like an escape after it is part of the key.
    assert_eq!(sent(&client, &put_at(&client, "/attacks/%252e%252e/key")).status, 200);
    assert_eq!(client.keys(BUCKET, ""), ["%2e%2e/key"]);
}

/// A target that names a host, as requests to proxies do: it must be the host that is signed.
#[test]
fn targets_that_name_a_host() {
    fn absolute(client: &Client, target: &str) -> Vec<u8> {
        let bytes = signed(client, put(client));
        let text = String::from_utf8(bytes).expect("it is text");
        text.replacen(" /attacks/key ", &format!(" {target} "), 1).into_bytes()
    }
    let (_proxy, client) = lab();
    refused(
        &client,
        &[
            (
                "another host",
                |client| absolute(client, "http://elsewhere.example/attacks/key"),
                400,
                "InvalidRequest",
            ),
            (
                "another key",
                |client| absolute(client, &format!("http://{}/attacks/other", client.address)),
                403,
                "SignatureDoesNotMatch",
            ),
            ("no path", |client| absolute(client, "*"), 400, "InvalidURI"),
        ],
    );
    let target = format!("http://{}/attacks/key", client.address);
    assert_eq!(sent(&client, &absolute(&client, &target)).status, 200);
    assert_eq!(client.get(BUCKET, "key").body, BODY);
}

#[test]
fn unknown_subresources() {
    let (_proxy, client) = lab();
    assert_eq!(client.put(BUCKET, "kept", BODY).status, 200);
    let unknown = [
        "analytics",
        "append",
        "intelligent-tiering",
        "inventory",
        "metadataTable",
        "metrics",
        "renameObject",
        "restore",
        "select",
        "torrent",
        "hallmark=other",
        "nonsense",
    ];
    // What can be read of every bucket, and not written.
    let fixed = [
        "accelerate",
        "cors",
        "encryption",
        "lifecycle",
        "logging",
        "notification",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "website",
    ];
    for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
        for target in ["/attacks", "/attacks/kept"] {
            let read = method == "GET" && target == "/attacks";
            let fixed = fixed.iter().filter(|_| !read);
            for subresource in unknown.iter().chain(fixed) {
                let target = format!("{target}?{subresource}");
                let response = client.send(client.request(method, &target));
                assert_eq!(response.status, 501, "{method} {target}: {}", response.text());
                if method != "HEAD" {
                    assert_eq!(response.code(), "NotImplemented", "{method} {target}");
                }
            }
        }
    }
    assert_eq!(client.get(BUCKET, "kept").body, BODY);
    assert_eq!(client.keys(BUCKET, ""), ["kept"]);
}

#[test]
fn headers_that_change_the_meaning() {
    fn put_with(client: &Client, name: &str, value: &str) -> Vec<u8> {
        signed(client, put(client).header(name, value))
    }
    let (_proxy, client) = lab();
    refused(
        &client,
        &[
            ("access list", |client| put_with(client, "x-amz-acl", "public-read"), 501, "NotImplemented"),
            (
                "customer's key",
                |client| put_with(client, "x-amz-server-side-encryption-customer-algorithm", "AES256"),
                501,
                "NotImplemented",
            ),
            ("append", |client| put_with(client, "x-amz-write-offset-bytes", "0"), 501, "NotImplemented"),
            (
                "half a lock",
                |client| put_with(client, "x-amz-object-lock-mode", "GOVERNANCE"),
                400,
                "InvalidArgument",
            ),
            (
                "redirect",
                |client| put_with(client, "x-amz-website-redirect-location", "/"),
                501,
                "NotImplemented",
            ),
            (
                "a publisher's signature that is none",
                |client| put_with(client, "x-amz-meta-hallmark-signature", "nonsense"),
                400,
                "InvalidArgument",
            ),
        ],
    );
}
