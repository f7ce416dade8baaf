//! Buckets in the host name.

use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::Client;
use hallmark_tests::sigv4::Request;

fn lab() -> (Proxy, Client) {
    let options =
        Options { server: "domains = [\"s3.test\", \"store.example\"]".into(), ..Options::default() };
    let proxy = Proxy::start_with(&options);
    let client = proxy.client();
    (proxy, client)
}

fn ask(client: &Client, method: &str, host: &str, target: &str, body: &str) -> Response {
    let mut request = Request::new(method, target).header("Host", host);
    request.body = body.as_bytes().to_vec();
    client.send(request)
}

#[test]
fn a_bucket_in_the_host_is_the_bucket_in_the_path() {
    let (_proxy, client) = lab();
    let host = "artifacts.s3.test";
    assert_eq!(ask(&client, "PUT", host, "/", "").status, 200);
    assert_eq!(ask(&client, "HEAD", host, "/", "").status, 200);
    let put = ask(&client, "PUT", host, "/build/app.tar", "the artifact");
    assert_eq!(put.status, 200, "{}", put.text());
    for (host, target) in [
        (host, "/build/app.tar"),
        ("artifacts.s3.test:9000", "/build/app.tar"),
        ("Artifacts.S3.Test", "/build/app.tar"),
        ("artifacts.store.example", "/build/app.tar"),
        ("s3.test", "/artifacts/build/app.tar"),
        ("s3.test:80", "/artifacts/build/app.tar"),
        // Of no domain: the host says nothing.
        ("artifacts.elsewhere.test", "/artifacts/build/app.tar"),
        ("artifactss3.test", "/artifacts/build/app.tar"),
    ] {
        let got = ask(&client, "GET", host, target, "");
        assert_eq!((got.status, got.text().as_str()), (200, "the artifact"), "{host} {target}");
        assert_eq!(got.header("x-hallmark-verified"), Some("seal"), "{host}");
    }
    let listed = ask(&client, "GET", host, "/?list-type=2&prefix=build/", "");
    assert_eq!(
        (listed.element("Name").as_str(), listed.elements("Key")),
        ("artifacts", vec!["build/app.tar".into()])
    );
    assert_eq!(ask(&client, "GET", host, "/?location", "").status, 200);
    assert_eq!(ask(&client, "DELETE", host, "/build/app.tar", "").status, 204);
    assert_eq!(ask(&client, "DELETE", host, "/", "").status, 204);
    assert_eq!(ask(&client, "GET", "s3.test", "/", "").elements("Name"), Vec::<String>::new());
}

/// With the bucket in the host the whole path is the key, whatever it looks like.
#[test]
fn the_path_is_all_key() {
    let (_proxy, client) = lab();
    client.create_bucket("artifacts");
    client.create_bucket("dotted.name");
    assert_eq!(ask(&client, "PUT", "artifacts.s3.test", "/artifacts/key", "inner").status, 200);
    assert_eq!(ask(&client, "PUT", "dotted.name.s3.test", "//key", "dotted").status, 200);
    assert_eq!(client.keys("artifacts", ""), ["artifacts/key"]);
    assert_eq!(client.keys("dotted.name", ""), ["/key"]);
    let got = ask(&client, "GET", "artifacts.s3.test", "/key", "");
    assert_eq!((got.status, got.code().as_str()), (404, "NoSuchKey"));
    for (host, status, code) in [
        ("nowhere.s3.test", 404, "NoSuchBucket"),
        ("no_name.s3.test", 400, "InvalidBucketName"),
        (".s3.test", 400, "InvalidBucketName"),
    ] {
        let got = ask(&client, "PUT", host, "/key", "x");
        assert_eq!((got.status, got.code().as_str()), (status, code), "{host}: {}", got.text());
    }
}

/// The host is signed, so a request for one bucket cannot be sent to another.
#[test]
fn the_host_is_signed() {
    let (_proxy, client) = lab();
    client.create_bucket("one");
    client.create_bucket("two");
    for host in ["two.s3.test", "one.store.example", "s3.test"] {
        let mut request =
            Request::new("PUT", "/key").header("Host", "one.s3.test").header("Content-Length", "1");
        request.body = b"x".to_vec();
        client.signer().sign_body(&mut request);
        request.set_header("Host", host);
        let got = client.send_as_is(&request);
        assert_eq!((got.status, got.code().as_str()), (403, "SignatureDoesNotMatch"), "{host}");
        let mut request = Request::new("GET", "/key").header("Host", "one.s3.test");
        client.signer().presign(&mut request, 60);
        request.set_header("Host", host);
        assert_eq!(client.send_as_is(&request).code(), "SignatureDoesNotMatch", "{host}, presigned");
    }
    assert_eq!((client.keys("one", ""), client.keys("two", "")), (vec![], vec![]));
}
