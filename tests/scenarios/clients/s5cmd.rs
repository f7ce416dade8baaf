//! s5cmd.

use std::path::Path;

use hallmark_tests::command::Ran;
use serde_json::Value;

use super::{BUCKET, Session, Tool, as_a_path, client_tests};

pub(super) struct S5cmd<'a>(pub(super) &'a Session);

/// Parts so large, MiB, that everything is one: multipart uploads come later.
const PART: &str = "200";

impl S5cmd<'_> {
    fn run(&self, arguments: &[&str]) -> Ran {
        let endpoint = self.0.endpoint();
        let common = ["--endpoint-url", &endpoint];
        self.0.sandbox.run_installed("s5cmd", &[&common[..], arguments].concat())
    }
}

fn url(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

impl Tool for S5cmd<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run(&["cp", "--raw", "--part-size", PART, &file.to_string_lossy(), &url(key)])
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.run(&["cp", "--raw", "--part-size", PART, &url(key), &to.to_string_lossy()])
    }

    fn list(&self) -> Vec<String> {
        let listed = self.run(&["--json", "ls", &url("*")]).good();
        let key = |line: &str| {
            let entry: Value = serde_json::from_str(line).unwrap();
            entry["key"].as_str().unwrap().strip_prefix(&url("")).unwrap().to_owned()
        };
        listed.lines().map(key).collect()
    }

    fn delete(&self, key: &str) -> Ran {
        self.run(&["rm", "--raw", &url(key)])
    }

    fn cannot_name(&self, key: &str) -> Option<&'static str> {
        as_a_path(key)
    }
}

client_tests!(|session| Box::new(S5cmd(session)));
