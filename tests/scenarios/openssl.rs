//! Nobody needs Hallmark to check: openssl and sha256sum, and the commands that the README gives.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hallmark_tests::data::{MIB, content};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::s3::md5_hex;
use hallmark_tests::sigv4::sha256_hex;
use hallmark_tests::site::{REALM, SIGNED};
use serde_json::Value;

const KEY: &str = "build/app \"1\".tar";
const HEADER: &str = "x-amz-meta-hallmark-signature";

/// One artifact whose seal stands on it, and one whose seal stands in a record.
const LENGTHS: [u64; 2] = [300_000, 9 * MIB];

/// A proxy with a signed artifact.
fn lab(length: u64) -> (Proxy, Vec<u8>) {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(SIGNED);
    let body = content(1, length);
    let signature = proxy.site.signature("ci", &body);
    let response = client.put_with(SIGNED, KEY, &body, &[(HEADER, &signature)]);
    assert_eq!(response.status, 200, "{}", response.text());
    (proxy, body)
}

#[test]
fn p8_openssl_verifies_an_exported_seal() {
    for length in LENGTHS {
        let (proxy, body) = lab(length);
        let exported = proxy.client().get_query(SIGNED, KEY, "hallmark=seal");
        assert_eq!(exported.status, 200, "{}", exported.text());
        let envelope: Value = serde_json::from_slice(&exported.body).unwrap();
        assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
        let payload = BASE64.decode(envelope["payload"].as_str().unwrap()).unwrap();
        let signatures = envelope["signatures"].as_array().unwrap();
        assert_eq!(signatures.len(), 1);
        let signature = BASE64.decode(signatures[0]["sig"].as_str().unwrap()).unwrap();

        // The PAE of DSSE 1.0.2, which is what is signed.
        let beginning = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len());
        let site = &proxy.site;
        fs::write(site.path().join("pae"), [beginning.as_bytes(), &payload].concat()).unwrap();
        fs::write(site.path().join("pae.sig"), signature).unwrap();
        let said = site.openssl(&["dgst", "-sha256", "-verify", "seal.pub", "-signature", "pae.sig", "pae"]);
        assert_eq!(said, "Verified OK\n");

        let statement: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
        assert_eq!(statement["predicateType"], "urn:hallmark:seal:v1");
        assert_eq!(statement["subject"][0]["name"], format!("{SIGNED}/{KEY}"));
        assert_eq!(statement["subject"][0]["digest"]["sha256"], sha256_hex(&body));
        assert_eq!(statement["predicate"]["realm"], REALM);
        assert_eq!(statement["predicate"]["op"], "put");
        assert_eq!(statement["predicate"]["uploader"], "ci");
        assert_eq!(statement["predicate"]["size"], length);
        assert_eq!(statement["predicate"]["etag"], md5_hex(&body));
    }
}

#[test]
fn p8_openssl_verifies_a_publishers_signature() {
    let (proxy, body) = lab(LENGTHS[0]);
    let head = proxy.client().head(SIGNED, KEY);
    let signature = BASE64.decode(head.header(HEADER).unwrap()).unwrap();
    let site = &proxy.site;
    fs::write(site.path().join("artifact"), &body).unwrap();
    fs::write(site.path().join("artifact.sig"), signature).unwrap();
    let said =
        site.openssl(&["dgst", "-sha256", "-verify", "ci.pub", "-signature", "artifact.sig", "artifact"]);
    assert_eq!(said, "Verified OK\n");
}

#[test]
fn p8_sha256sum_takes_the_digest_line() {
    for length in LENGTHS {
        let (proxy, body) = lab(length);
        let line = proxy.client().get_query(SIGNED, KEY, "hallmark=sha256");
        assert_eq!(line.status, 200, "{}", line.text());
        let home = tempfile::tempdir().unwrap();
        let checked = |body: &[u8]| {
            // The line names the file as the last segment of the key does.
            fs::write(home.path().join("app \"1\".tar"), body).unwrap();
            fs::write(home.path().join("SHA256SUMS"), &line.body).unwrap();
            let mut command = Command::new("sha256sum");
            command
                .args(["--strict", "-c", "SHA256SUMS"])
                .current_dir(home.path())
                .output()
                .unwrap()
                .status
                .success()
        };
        assert!(checked(&body), "{}", line.text());
        assert!(!checked(b"other"), "{}", line.text());
    }
}

/// What is not to be served has no seal to show either.
#[test]
fn p4_exports_are_refused_like_downloads() {
    let (proxy, _) = lab(LENGTHS[0]);
    let client = proxy.client();
    for query in ["hallmark=seal", "hallmark=sha256"] {
        assert_eq!(client.get_query(SIGNED, "absent", query).code(), "NoSuchKey");
        let anonymous = client.request("GET", &format!("/{SIGNED}/key?{query}"));
        assert_eq!(client.send_as_is(&anonymous).code(), "AccessDenied");
    }
}
