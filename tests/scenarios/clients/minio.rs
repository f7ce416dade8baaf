//! minio-py.

use std::path::Path;

use hallmark_tests::command::{Ran, script};
use serde_json::{Value, json};

use super::{BUCKET, Session, Tool, client_tests, texts};

struct Minio<'a>(&'a Session);

impl Minio<'_> {
    fn run(&self, action: &str, mut arguments: Value) -> Ran {
        arguments["action"] = action.into();
        arguments["bucket"] = BUCKET.into();
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
