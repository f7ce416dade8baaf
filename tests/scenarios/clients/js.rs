//! The AWS SDK for JavaScript with streams as bodies: over plain HTTP it sends chunks within chunks, a checksum as a
//! trailer, and no length.

use std::fs;
use std::path::Path;

use hallmark_tests::command::{Ran, script};
use hallmark_tests::data::{self, MIB};
use serde_json::{Value, json};

use super::{BUCKET, Session, Tool, check_keys, check_ranges, check_sizes, lab, texts};

struct Js<'a> {
    session: &'a Session,
    /// Whether the SDK is told how long the stream is.
    length: Length,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Told,
    Unknown,
}

impl Js<'_> {
    fn run(&self, action: &str, mut arguments: Value) -> Ran {
        arguments["action"] = action.into();
        arguments["bucket"] = BUCKET.into();
        let script = script("js/client.mjs");
        self.session.sandbox.run("node", &[script.as_os_str(), arguments.to_string().as_ref()])
    }
}

impl Tool for Js<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        let length = (self.length == Length::Told).then(|| fs::metadata(file).unwrap().len());
        self.run("put", json!({ "file": file, "key": key, "length": length }))
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.run("get", json!({ "file": to, "key": key }))
    }

    fn range(&self, key: &str, first: u64, last: u64, to: &Path) -> Option<Ran> {
        Some(self.run("get", json!({ "file": to, "key": key, "range": format!("bytes={first}-{last}") })))
    }

    fn list(&self) -> Vec<String> {
        texts(&self.run("list", json!({})).good())
    }

    fn delete(&self, key: &str) -> Ran {
        self.run("delete", json!({ "key": key }))
    }
}

#[test]
fn sizes() {
    check_sizes(|session| Box::new(Js { session, length: Length::Told }), &data::SIZES);
}

#[test]
fn sizes_unknown() {
    check_sizes(
        |session| Box::new(Js { session, length: Length::Unknown }),
        &[0, 1, 70_000, 3 * MIB, 8 * MIB],
    );
}

#[test]
fn keys() {
    check_keys(|session| Box::new(Js { session, length: Length::Unknown }));
}

#[test]
fn ranges() {
    check_ranges(|session| Box::new(Js { session, length: Length::Told }));
}

/// Over 8 MiB a length is needed until multipart uploads are there.
#[test]
fn large_streams_of_unknown_length_are_refused() {
    let (_proxy, session) = lab();
    let file = data::file(session.sandbox.home(), 1, 8 * MIB + 1);
    let said = Js { session: &session, length: Length::Unknown }.put(&file, "key").bad();
    assert!(said.contains("MissingContentLength"), "{said}");
    assert_eq!(session.client.head(BUCKET, "key").status, 404);
}
