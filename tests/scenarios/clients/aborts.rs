//! A download that ends at a bad leaf, long after its first byte: an error to every client, and none makes a whole
//! file out of what it got.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hallmark_proxy::store::Store;
use hallmark_tests::command::{Ran, script};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use serde_json::json;

use super::aws::{Api, Cp};
use super::boto3::Boto3;
use super::curl::{Curl, Presigned};
use super::rclone::Rclone;
use super::s3cmd::S3cmd;
use super::s5cmd::S5cmd;
use super::{BUCKET, Session, Tool as _};

const KEY: &str = "app.tar";
const LENGTH: u64 = 20 * MIB;

/// Lets a client download an artifact whose last byte was changed in the store.
fn check(download: impl FnOnce(&Session, &Path) -> Ran) {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start(Arc::clone(&store) as Arc<dyn Store>);
    let session = Session::with(proxy.address());
    session.client.create_bucket(BUCKET);
    let body = content(1, LENGTH);
    assert_eq!(session.client.put(BUCKET, KEY, &body).status, 200);
    store.edit(BUCKET, KEY, |object| object.flip(object.bytes.len() - 1));
    let to = session.file("downloaded");
    let said = download(&session, &to).bad();
    println!("{said}");
    if let Ok(got) = fs::read(&to) {
        assert!(got.len() < body.len(), "a file of full length is left");
    }
}

#[test]
fn p1_aws_s3api() {
    check(|session, to| Api(session).get(KEY, to));
}

#[test]
fn p1_aws_s3_cp_whole() {
    check(|session, to| Cp::whole(session).get(KEY, to));
}

#[test]
fn p1_aws_s3_cp_in_parts() {
    check(|session, to| Cp(session).get(KEY, to));
}

#[test]
fn p1_boto3_get_object() {
    check(|session, to| Boto3(session).get(KEY, to));
}

#[test]
fn p1_boto3_download_file() {
    check(|session, to| Boto3(session).run("download", json!({ "key": KEY, "file": to })));
}

#[test]
fn p1_rclone() {
    check(|session, to| Rclone(session).get(KEY, to));
}

#[test]
fn p1_s3cmd() {
    check(|session, to| S3cmd::new(session).get(KEY, to));
}

#[test]
fn p1_s5cmd() {
    check(|session, to| S5cmd(session).get(KEY, to));
}

#[test]
fn p1_curl_signing() {
    check(|session, to| Curl(session).get(KEY, to));
}

#[test]
fn p1_curl_with_a_signed_url() {
    check(|session, to| Presigned(session).get(KEY, to));
}

/// It comes back for the rest until it is refused.
#[test]
fn p1_curl_resuming() {
    check(|session, to| {
        let url = session.client.presigned("GET", BUCKET, KEY);
        let to = to.to_string_lossy().into_owned();
        let options = ["-sS", "--fail", "--retry", "2", "--retry-all-errors", "--retry-delay", "1"];
        session.sandbox.run("curl", &[&options[..], &["-C", "-", "-o", &to, &url]].concat())
    });
}

#[test]
fn p1_wget() {
    check(|session, to| {
        let url = session.client.presigned("GET", BUCKET, KEY);
        session.sandbox.run("wget", &["--tries=3", "--waitretry=1", "-nv", "-O", &to.to_string_lossy(), &url])
    });
}

#[test]
fn p1_python_urllib() {
    check(|session, to| {
        let url = session.client.presigned("GET", BUCKET, KEY);
        let script = script("urllib_get.py");
        session.sandbox.run_installed("python", &[script.as_os_str(), url.as_ref(), to.as_os_str()])
    });
}
