//! rclone.

use std::path::Path;

use hallmark_tests::command::Ran;

use super::{BUCKET, Session, Tool, as_a_path, client_tests};

pub(super) struct Rclone<'a>(pub(super) &'a Session);

impl Rclone<'_> {
    fn run(&self, arguments: &[&str]) -> Ran {
        let settings = format!(
            ":s3,provider=Other,env_auth=true,region=us-east-1,no_check_bucket=true,endpoint='{}':",
            self.0.endpoint()
        );
        let arguments: Vec<String> =
            arguments.iter().map(|text| text.replacen("REMOTE:", &settings, 1)).collect();
        let common = ["--config=", "--s3-upload-cutoff=200M", "--contimeout=60s"].map(str::to_owned);
        self.0.sandbox.run_installed("rclone", &[&common[..], &arguments].concat())
    }
}

fn remote(key: &str) -> String {
    format!("REMOTE:{BUCKET}/{key}")
}

impl Tool for Rclone<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run(&["copyto", &file.to_string_lossy(), &remote(key)])
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.run(&["copyto", &remote(key), &to.to_string_lossy()])
    }

    fn range(&self, key: &str, first: u64, last: u64, to: &Path) -> Option<Ran> {
        let (offset, count) = (format!("--offset={first}"), format!("--count={}", last - first + 1));
        let ran = self.run(&["cat", &offset, &count, &remote(key)]);
        std::fs::write(to, &ran.stdout).unwrap();
        Some(ran)
    }

    fn list(&self) -> Vec<String> {
        let listed = self.run(&["lsf", "-R", "--files-only", &remote("")]).good();
        listed.lines().map(str::to_owned).collect()
    }

    fn delete(&self, key: &str) -> Ran {
        self.run(&["deletefile", &remote(key)])
    }

    fn cannot_name(&self, key: &str) -> Option<&'static str> {
        as_a_path(key)
    }
}

client_tests!(|session| Box::new(Rclone(session)), ranges);
