//! minio-py.

use std::fs;
use std::path::Path;

use hallmark_tests::command::{Ran, script};
use hallmark_tests::data::{self, MIB, assert_same, content};
use serde_json::{Value, json};

use super::{BUCKET, RELEASES, Session, Tool, client_tests, lab, texts, two_buckets};

struct Minio<'a>(&'a Session);

impl Minio<'_> {
    fn run(&self, action: &str, mut arguments: Value) -> Ran {
        arguments["action"] = action.into();
        if arguments.get("bucket").is_none() {
            arguments["bucket"] = BUCKET.into();
        }
        let script = script("minio_client.py");
        self.0.sandbox.run_installed("python", &[script.as_os_str(), arguments.to_string().as_ref()])
    }
}

impl Tool for Minio<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run("put", json!({ "file": file, "key": key }))
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.run("get", json!({ "file": to, "key": key }))
    }

    fn range(&self, key: &str, first: u64, last: u64, to: &Path) -> Option<Ran> {
        let length = last - first + 1;
        Some(self.run("range", json!({ "file": to, "key": key, "offset": first, "length": length })))
    }

    fn list(&self) -> Vec<String> {
        texts(&self.run("list", json!({})).good())
    }

    fn delete(&self, key: &str) -> Ran {
        self.run("delete", json!({ "key": key }))
    }
}

client_tests!(|session| Box::new(Minio(session)), ranges);

/// More than 5 MiB goes in parts of that size.
#[test]
fn parts() {
    let (_proxy, session) = lab();
    let tool = Minio(&session);
    for (length, parts) in [(5 * MIB, None), (5 * MIB + 1, Some(2)), (12 * MIB, Some(3))] {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        tool.put(&file, "key").good();
        match parts {
            None => session.sealed_whole(BUCKET, "key", &want),
            Some(parts) => session.sealed_in_parts(BUCKET, "key", &want, parts),
        };
    }
    session.no_uploads(BUCKET);
}

/// Nobody knows how long they are.
#[test]
fn streams() {
    let (_proxy, session) = lab();
    let tool = Minio(&session);
    for (length, parts) in [(0, None), (1024, None), (12 * MIB, Some(3))] {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        tool.run("put_stream", json!({ "file": file, "key": "key" })).good();
        match parts {
            None => session.sealed_whole(BUCKET, "key", &want),
            Some(parts) => session.sealed_in_parts(BUCKET, "key", &want, parts),
        };
    }
}

#[test]
fn copies() {
    let (_proxy, session) = two_buckets();
    let tool = Minio(&session);
    let file = data::file(session.sandbox.home(), 1, 12 * MIB);
    let want = fs::read(&file).unwrap();
    tool.put(&file, "key ü").good();
    tool.run("copy", json!({ "bucket": RELEASES, "key": "copy", "source": [BUCKET, "key ü"] })).good();
    session.sealed(RELEASES, "copy", &want);
    let replaced = json!({ "key": "key ü", "source": [BUCKET, "key ü"], "metadata": { "build": "7" } });
    tool.run("copy", replaced).good();
    assert_eq!(session.sealed(BUCKET, "key ü", &want).header("x-amz-meta-build"), Some("7"));
}

/// One artifact of several, each of which is a part.
#[test]
fn composing() {
    let (_proxy, session) = two_buckets();
    let tool = Minio(&session);
    let pieces = [(RELEASES, 6 * MIB + 1), (BUCKET, 12 * MIB), (BUCKET, 70_001)];
    let mut sources = Vec::new();
    let mut want = Vec::new();
    for (number, (bucket, length)) in (1..).zip(pieces) {
        let bytes = content(number, length);
        assert_eq!(session.client.put(bucket, &format!("piece {number}"), &bytes).status, 200);
        sources.push(json!([bucket, format!("piece {number}")]));
        want.extend(bytes);
    }
    tool.run("compose", json!({ "key": "whole", "sources": sources })).good();
    session.sealed_in_parts(BUCKET, "whole", &want, 3);
    let back = session.file("back");
    tool.get("whole", &back).good();
    assert_same(&fs::read(back).unwrap(), &want, "composed");
    session.no_uploads(BUCKET);
}

#[test]
fn many_are_deleted_at_once() {
    let (_proxy, session) = lab();
    let keys: Vec<String> = (0..20).map(|number| format!("key {number} <&ü>")).collect();
    for key in &keys {
        assert_eq!(session.client.put(BUCKET, key, b"bytes").status, 200);
    }
    let errors = Minio(&session).run("delete_many", json!({ "keys": keys })).good();
    assert_eq!(texts(&errors), Vec::<String>::new());
    assert_eq!(session.client.keys(BUCKET, ""), Vec::<String>::new());
}

#[test]
fn tags() {
    let (_proxy, session) = lab();
    assert_eq!(session.client.put(BUCKET, "key", b"bytes").status, 200);
    let tags = json!({ "stage": "released", "who": "a b+c" });
    let told = Minio(&session).run("tag", json!({ "key": "key", "tags": tags })).good();
    assert_eq!(super::parsed(&told), tags);
}

#[test]
fn versions() {
    let (_proxy, session) = lab();
    let files = ["first", "second"].map(|text| {
        fs::write(session.file(text), text).unwrap();
        session.file(text)
    });
    let told = Minio(&session).run("versions", json!({ "key": "key", "files": files })).good();
    let want = json!([{ "latest": true, "text": "second" }, { "latest": false, "text": "first" }]);
    // The client says which is the latest in words of the XML.
    assert_eq!(
        told.replace("\"true\"", "true").replace("\"false\"", "false").parse::<Value>().unwrap(),
        want
    );
}

/// URLs and forms that the client signs, used by curl.
#[test]
fn presigned() {
    let (_proxy, session) = lab();
    let tool = Minio(&session);
    let file = data::file(session.sandbox.home(), 1, 9 * MIB);
    let want = fs::read(&file).unwrap();
    let curl = |arguments: &[&str]| {
        session.sandbox.run("curl", &[&["-sS", "--fail-with-body"], arguments].concat()).good()
    };
    let url = |method: &str| {
        tool.run("presign", json!({ "key": "key ü", "method": method })).good().trim().to_owned()
    };
    curl(&["--upload-file", &file.to_string_lossy(), &url("PUT")]);
    session.sealed(BUCKET, "key ü", &want);
    let back = session.file("back");
    curl(&["-o", &back.to_string_lossy(), &url("GET")]);
    assert_same(&fs::read(back).unwrap(), &want, "by a signed URL");

    let form = super::parsed(&tool.run("form", json!({ "prefix": "forms/", "most": 9 * MIB })).good());
    let mut fields = vec!["-F".to_owned(), "key=forms/app ü".to_owned()];
    for (name, value) in form.as_object().unwrap() {
        fields.extend(["-F".to_owned(), format!("{name}={}", value.as_str().unwrap())]);
    }
    fields.extend(["-F".to_owned(), format!("file=@{}", file.display())]);
    fields.push(format!("{}/{BUCKET}", session.endpoint()));
    curl(&fields.iter().map(String::as_str).collect::<Vec<_>>());
    session.sealed(BUCKET, "forms/app ü", &want);
}
