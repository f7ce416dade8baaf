//! Requests without a signature of their own: anonymous readers, and whoever holds a presigned URL.

use hallmark_tests::data::{MIB, content};
use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Client, checksum, md5_hex, object};
use hallmark_tests::site::{FULL, NOBODY, READER};

const OPEN: &str = "open";
const READABLE: &str = "readable";
const CLOSED: &str = "closed";

fn lab() -> (Proxy, Client) {
    let tables = format!(
        "[buckets.{OPEN}]\nanonymous = [\"read\", \"list\"]\n\
         [buckets.{READABLE}]\nanonymous = [\"read\"]\n\
         rules = [{{ prefix = \"release/\", signatures = \"required\", keys = [\"ci\"] }}]\n"
    );
    let proxy = Proxy::start_with(&Options { tables, ..Options::default() });
    let client = proxy.client();
    for bucket in [OPEN, READABLE, CLOSED] {
        client.create_bucket(bucket);
        assert_eq!(client.put(bucket, "key", b"the artifact").status, 200);
    }
    (proxy, client)
}

fn anonymous(client: &Client, method: &str, target: &str) -> Response {
    let request = client.request(method, target).header("Content-Length", "0");
    // Of the empty body; some operations ask for it.
    client.send_as_is(&request.header("Content-MD5", checksum("md5", b"")))
}

#[test]
fn anonymous_readers_read_what_is_open() {
    let (_proxy, client) = lab();
    for bucket in [OPEN, READABLE] {
        let got = anonymous(&client, "GET", &object(bucket, "key"));
        assert_eq!((got.status, got.text().as_str()), (200, "the artifact"), "{bucket}");
        assert_eq!(got.header("x-hallmark-verified"), Some("seal"), "{bucket}");
        assert_eq!(anonymous(&client, "HEAD", &object(bucket, "key")).status, 200, "{bucket}");
        let exported = anonymous(&client, "GET", &format!("/{bucket}/key?hallmark=seal"));
        assert_eq!(exported.status, 200, "{bucket}");
    }
    let listed = anonymous(&client, "GET", &format!("/{OPEN}?list-type=2"));
    assert_eq!(listed.elements("Key"), ["key"]);
    // A client without a grant is no worse off than one without a name.
    assert_eq!(
        Client { access_key: NOBODY.0.into(), secret: NOBODY.1.into(), ..client.clone() }
            .get(OPEN, "key")
            .status,
        200
    );
    let absent = |bucket: &str| anonymous(&client, "GET", &object(bucket, "absent")).code();
    assert_eq!(absent(OPEN), "NoSuchKey");
    // Who may not list does not learn what is not there.
    assert_eq!((absent(READABLE), absent(CLOSED)), ("AccessDenied".into(), "AccessDenied".into()));
}

#[test]
fn anonymous_readers_get_nothing_else() {
    let (_proxy, client) = lab();
    for (method, target, status, code) in [
        ("GET", "/closed/key", 403, "AccessDenied"),
        ("GET", "/readable?list-type=2", 403, "AccessDenied"),
        ("GET", "/nowhere/key", 403, "AccessDenied"),
        ("PUT", "/open/new", 403, "AccessDenied"),
        ("PUT", "/new-bucket", 403, "AccessDenied"),
        ("DELETE", "/open/key", 403, "AccessDenied"),
        ("DELETE", "/open", 403, "AccessDenied"),
        ("POST", "/open?delete", 403, "AccessDenied"),
        ("GET", "/open/key?response-content-type=text/html", 400, "InvalidRequest"),
    ] {
        let got = anonymous(&client, method, target);
        assert_eq!((got.status, got.code().as_str()), (status, code), "{method} {target}: {}", got.text());
    }
    assert_eq!(client.keys(OPEN, ""), ["key"]);
    assert_eq!(client.get(OPEN, "key").body, b"the artifact");
}

/// Rules are for anonymous readers too, and `read_untrusted` is not for them.
#[test]
fn p5_anonymous_readers_get_what_the_rules_accept() {
    let (proxy, client) = lab();
    let unsigned = client.put(READABLE, "release/app", b"unsigned");
    assert_eq!(unsigned.code(), "ArtifactSignatureMissing");
    let signature = proxy.site.signature("ci", b"signed");
    let headers = [("x-amz-meta-hallmark-signature", signature.as_str())];
    assert_eq!(client.put_with(READABLE, "release/app", b"signed", &headers).status, 200);
    let got = anonymous(&client, "GET", &object(READABLE, "release/app"));
    assert_eq!((got.text().as_str(), got.header("x-hallmark-verified")), ("signed", Some("seal,ci")));
}

#[test]
fn presigned_urls_upload_and_download() {
    let (proxy, client) = lab();
    for length in [0, 70_000, 9 * MIB] {
        let body = content(length, length);
        let mut put = client.request("PUT", &object(CLOSED, "presigned"));
        client.signer().presign(&mut put, 60);
        put.set_header("Content-Length", length.to_string());
        put.body = body.clone();
        let response = client.send_as_is(&put);
        let etag = format!("\"{}\"", md5_hex(&body));
        assert_eq!(
            (response.status, response.header("etag")),
            (200, Some(etag.as_str())),
            "{}",
            response.text()
        );

        for (method, range) in [("GET", None), ("GET", Some((5, 70))), ("HEAD", None)] {
            let mut get = client.request(method, &object(CLOSED, "presigned"));
            client.signer().presign(&mut get, 60);
            if let Some((first, last)) = range {
                get.set_header("Range", format!("bytes={first}-{last}"));
            }
            let response = client.send_as_is(&get);
            match (method, range) {
                ("HEAD", _) => assert_eq!(response.status, 200),
                (_, Some(_)) if length == 0 => assert_eq!(response.code(), "InvalidRange"),
                (_, Some((first, last))) => assert!(response.body == body[first..=last], "{length}"),
                (_, None) => assert!(response.body == body, "{length}"),
            }
            // The seal says that the request was signed as a URL.
            if let Some(seal) = response.header("x-amz-meta-hallmark") {
                assert!(seal.contains(" by=ci~url "), "{seal}");
            }
        }
    }
    // A URL lends what its signer may do, and for the one method.
    let reader = proxy.client_of(READER);
    let mut put = reader.request("PUT", &object(CLOSED, "other"));
    reader.signer().presign(&mut put, 60);
    put.set_header("Content-Length", "0");
    assert_eq!(client.send_as_is(&put).code(), "AccessDenied");
    let mut get = client.request("GET", &object(CLOSED, "key"));
    client.signer().presign(&mut get, 60);
    get.method = "DELETE".into();
    assert_eq!(client.send_as_is(&get).code(), "SignatureDoesNotMatch");
    let mut get = proxy.client_of(FULL).request("GET", "/closed/key?response-content-type=text/x-test");
    client.signer().presign(&mut get, 60);
    assert_eq!(client.send_as_is(&get).header("content-type"), Some("text/x-test"));
}
