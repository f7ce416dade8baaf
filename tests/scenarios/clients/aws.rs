//! The AWS CLI: its calls of the API, and `s3 cp`.

use std::fs;
use std::path::Path;

use hallmark_tests::command::Ran;
use hallmark_tests::data::{self, MIB};

use super::{BUCKET, Session, Tool, lab, texts};

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
    /// With files under 200 MB in one piece, up and down.
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
    format!("s3://{BUCKET}/{key}")
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

mod api {
    use super::super::client_tests;
    use super::Api;

    client_tests!(|session| Box::new(Api(session)), ranges);
}

mod cp {
    use super::super::client_tests;
    use super::Cp;

    client_tests!(|session| Box::new(Cp::whole(session)));
}

/// Left to itself, `s3 cp` downloads larger files in several ranges at once.
#[test]
fn cp_downloads_in_parts() {
    let (_proxy, session) = lab();
    let file = data::file(session.sandbox.home(), 1, 30 * MIB);
    let want = fs::read(&file).unwrap();
    assert_eq!(session.client.put(BUCKET, "key", &want).status, 200);
    let back = session.file("back");
    Cp(&session).get("key", &back).good();
    data::assert_same(&fs::read(back).unwrap(), &want, "in parts");
}
