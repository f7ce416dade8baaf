//! The seal key is exchanged while artifacts are served, and who verifies seals can have the public keys.

use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::Asked;
use hallmark_tests::raw::exchange;

use super::{BUCKET, ask, options};

const PATH: &str = "/.hallmark/seal-keys.pem";

/// What anybody gets.
#[track_caller]
fn served(proxy: &Proxy) -> String {
    let address = proxy.address();
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let response = exchange(address, request.as_bytes(), Asked::by("GET"));
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/x-pem-file"));
    let text = response.text();
    assert_eq!(text, ask(proxy.admin(), "/seal-keys"));
    text
}

#[test]
fn p5_seal_keys_are_exchanged_without_a_restart() {
    let proxy = Proxy::start_with(&options());
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let pem = |name: &str| std::fs::read_to_string(proxy.site.path().join(name)).unwrap();
    let (old, new) = (pem("seal.pub"), pem("other.pub"));
    assert_eq!(served(&proxy), old);
    assert_eq!(client.put(BUCKET, "old", b"1").status, 200);

    let active = "key_file = \"seal.key\"";
    proxy
        .site
        .edit_config(|text| text.replace(active, &format!("{active}\ntrusted_key_files = [\"other.pub\"]")));
    assert!(proxy.reload());
    assert_eq!(served(&proxy), format!("{old}{new}"));
    assert_eq!(client.put(BUCKET, "between", b"1").status, 200);

    let trusted = "trusted_key_files = [\"other.pub\"]";
    proxy.site.edit_config(|text| {
        text.replace(active, "key_file = \"other.key\"")
            .replace(trusted, "trusted_key_files = [\"seal.pub\"]")
    });
    assert!(proxy.reload());
    assert_eq!(served(&proxy), format!("{new}{old}"));
    assert_eq!(client.put(BUCKET, "new", b"1").status, 200);
    for key in ["old", "between", "new"] {
        assert_eq!(client.get(BUCKET, key).status, 200, "{key}");
    }

    proxy.site.edit_config(|text| text.replace("trusted_key_files = [\"seal.pub\"]", ""));
    assert!(proxy.reload());
    assert_eq!(served(&proxy), new);
    for key in ["old", "between"] {
        assert_eq!(
            client.get(BUCKET, key).header("x-hallmark-refused"),
            Some("ArtifactSealInvalid"),
            "{key}"
        );
    }
    assert_eq!(client.get(BUCKET, "new").status, 200);
}

/// The path is no bucket's, and is asked for as it is or not at all.
#[test]
fn the_path_of_seal_keys_is_nothing_else() {
    let proxy = Proxy::start_with(&options());
    let client = proxy.client();
    for (method, target, status, code) in [
        ("GET", PATH, 200, ""),
        ("HEAD", PATH, 200, ""),
        ("GET", "/.hallmark/seal%2Dkeys.pem", 200, ""),
        ("GET", "/.hallmark/seal-keys.pem?versions", 501, "NotImplemented"),
        ("GET", "/.hallmark/seal-keys.pem/", 400, "InvalidBucketName"),
        ("GET", "/.hallmark/", 400, "InvalidBucketName"),
        ("GET", "/.hallmark/state.secret", 400, "InvalidBucketName"),
        ("PUT", PATH, 405, "MethodNotAllowed"),
        ("DELETE", PATH, 405, "MethodNotAllowed"),
        ("PUT", "/.hallmark", 400, "InvalidBucketName"),
    ] {
        let got = client.ask(method, target, &[], b"");
        assert_eq!(got.status, status, "{method} {target}: {}", got.text());
        assert!(got.text().contains(code), "{method} {target}: {}", got.text());
    }
    // A signature that does not hold is refused, here as anywhere.
    let wrong = proxy.client_of((hallmark_tests::site::FULL.0, "not the secret of that client"));
    assert_eq!(wrong.ask("GET", PATH, &[], b"").status, 403);
}
