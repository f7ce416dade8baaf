//! The AWS CLI: its calls of the API, and its `s3` commands.

mod api;
mod governance;
mod promotion;
mod sync;
mod transfers;

use std::fs;
use std::path::Path;

use hallmark_tests::command::Ran;
use serde_json::Value;

use super::{BUCKET, Session, Tool, client_tests, parsed, texts};

/// `aws s3api`
pub(super) struct Api<'a>(pub(super) &'a Session);

/// `aws s3 cp`
pub(super) struct Cp<'a>(pub(super) &'a Session);

impl Api<'_> {
    fn run(&self, call: &str, key: &str, further: &[&str]) -> Ran {
        let key = format!("--key={key}");
        let mut arguments = vec!["s3api", call, "--bucket", BUCKET, &key];
        arguments.extend_from_slice(further);
        self.0.sandbox.run_installed("aws", &arguments)
    }

    /// What a call on an object answers.
    #[track_caller]
    fn ask(&self, call: &str, key: &str, further: &[&str]) -> Value {
        parsed(&self.run(call, key, further).good())
    }

    /// What a call on the bucket answers.
    #[track_caller]
    fn ask_bucket(&self, call: &str, further: &[&str]) -> Value {
        let arguments = [&["s3api", call, "--bucket", BUCKET], further].concat();
        parsed(&self.0.sandbox.run_installed("aws", &arguments).good())
    }
}

impl Tool for Api<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run("put-object", key, &["--body", &file.to_string_lossy()])
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.run("get-object", key, &[&to.to_string_lossy()])
    }

    fn range(&self, key: &str, first: u64, last: u64, to: &Path) -> Option<Ran> {
        let range = format!("bytes={first}-{last}");
        Some(self.run("get-object", key, &["--range", &range, &to.to_string_lossy()]))
    }

    fn list(&self) -> Vec<String> {
        let call =
            ["s3api", "list-objects-v2", "--bucket", BUCKET, "--query", "Contents[].Key", "--output", "json"];
        texts(&self.0.sandbox.run_installed("aws", &call).good())
    }

    fn delete(&self, key: &str) -> Ran {
        self.run("delete-object", key, &[])
    }
}

impl<'a> Cp<'a> {
    /// With files under 200 MB in one piece, up and down: not the default.
    pub(super) fn whole(session: &'a Session) -> Self {
        let settings = "[default]\ns3 =\n  multipart_threshold = 200MB\n";
        fs::write(session.file("aws-config"), settings).unwrap();
        Self(session)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.0.sandbox.run_installed("aws", &[&["s3"], arguments].concat())
    }
}

fn url(key: &str) -> String {
    url_in(BUCKET, key)
}

fn url_in(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}

impl Tool for Cp<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run(&["cp", "--no-progress", &file.to_string_lossy(), &url(key)])
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.run(&["cp", "--no-progress", &url(key), &to.to_string_lossy()])
    }

    fn list(&self) -> Vec<String> {
        // Date, time and size stand in columns before the key.
        let listed = self.run(&["ls", "--recursive", &url("")]).good();
        listed.lines().filter_map(|line| line.get(31..)).map(str::to_owned).collect()
    }

    fn delete(&self, key: &str) -> Ran {
        self.run(&["rm", &url(key)])
    }

    fn cannot_name(&self, key: &str) -> Option<&'static str> {
        key.ends_with('/').then_some("the client takes a trailing slash for a directory")
    }
}

mod calls {
    use super::{Api, client_tests};

    client_tests!(|session| Box::new(Api(session)), ranges);
}

mod cp {
    use super::{Cp, client_tests};

    client_tests!(|session| Box::new(Cp(session)));
}
