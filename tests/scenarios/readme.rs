//! The commands of the README do what it says they do.

use std::fs;
use std::path::Path;
use std::process::Command;

use hallmark_tests::data::content;
use hallmark_tests::proxy::Proxy;
use hallmark_tests::site::FULL;

const MARK: &str = "<!-- tests/scenarios/readme.rs runs this block as it stands -->\n```sh\n";

/// The block of commands that follows the mark.
fn block() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("the README is there");
    let (_, rest) = readme.split_once(MARK).expect("the README marks the block");
    let (block, _) = rest.split_once("```").expect("the block ends");
    block.to_owned()
}

/// What "Check without Hallmark" says, with a shell, curl, openssl and sha256sum alone.
#[test]
fn p8_the_readmes_commands_check_an_artifact_without_hallmark() {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket("releases");
    let body = content(1, 300_000);
    let signature = proxy.site.signature("ci", &body);
    let headers = [("x-amz-meta-hallmark-signature", signature.as_str())];
    let stored = client.put_with("releases", "app/1.4.2/app.tar.gz", &body, &headers);
    assert_eq!(stored.status, 200, "{}", stored.text());

    let out = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &block()])
        .current_dir(proxy.site.path())
        .env("AWS_ACCESS_KEY_ID", FULL.0)
        .env("AWS_SECRET_ACCESS_KEY", FULL.1)
        .env("AWS_ENDPOINT_URL", proxy.endpoint())
        .output()
        .expect("bash is there");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(said, "Verified OK\napp.tar.gz: OK\nVerified OK\napp.tar.gz is what was sealed\n");
}
