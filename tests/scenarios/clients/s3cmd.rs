//! s3cmd.

use std::fs;
use std::path::Path;

use hallmark_tests::command::Ran;
use hallmark_tests::site::FULL;

use super::{BUCKET, Session, Tool, client_tests};

pub(super) struct S3cmd<'a>(&'a Session);

impl<'a> S3cmd<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        let address = session.client.address;
        let settings = format!(
            "[default]\naccess_key = {}\nsecret_key = {}\nhost_base = {address}\nhost_bucket = {address}\n\
             use_https = False\nbucket_location = us-east-1\nenable_multipart = False\n",
            FULL.0, FULL.1
        );
        fs::write(session.file("s3cfg"), settings).unwrap();
        Self(session)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let config = self.0.file("s3cfg");
        let config = config.to_string_lossy();
        let common = ["--config", &config, "--no-progress"];
        self.0.sandbox.run_installed("s3cmd", &[&common[..], arguments].concat())
    }
}

fn url(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

impl Tool for S3cmd<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run(&["put", "--disable-multipart", &file.to_string_lossy(), &url(key)])
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.run(&["get", "--force", &url(key), &to.to_string_lossy()])
    }

    fn list(&self) -> Vec<String> {
        let listed = self.run(&["ls", "--recursive", &url("")]).good();
        listed.lines().filter_map(|line| line.split_once(&url(""))).map(|(_, key)| key.to_owned()).collect()
    }

    fn delete(&self, key: &str) -> Ran {
        self.run(&["del", &url(key)])
    }

    fn cannot_name(&self, key: &str) -> Option<&'static str> {
        key.ends_with('/').then_some("the client takes a trailing slash for a directory")
    }
}

client_tests!(|session| Box::new(S3cmd::new(session)));
