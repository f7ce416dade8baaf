//! curl: signing by itself, and with a URL that was signed for it.

use std::fs;
use std::path::Path;

use hallmark_tests::command::Ran;
use hallmark_tests::s3::object;
use hallmark_tests::site::FULL;

use super::{BUCKET, Session, Tool};

/// `curl --aws-sigv4`
pub(super) struct Curl<'a>(pub(super) &'a Session);

/// Plain curl with URLs that our own signer makes.
pub(super) struct Presigned<'a>(pub(super) &'a Session);

impl Session {
    fn curl(&self, arguments: &[&str]) -> Ran {
        let common = ["-sS", "--fail-with-body", "--path-as-is", "--globoff"];
        self.sandbox.run("curl", &[&common[..], arguments].concat())
    }
}

impl Curl<'_> {
    fn run(&self, target: &str, arguments: &[&str]) -> Ran {
        let user = format!("{}:{}", FULL.0, FULL.1);
        let url = format!("{}{target}", self.0.endpoint());
        let sign = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", &user];
        let payload = ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"];
        self.0.curl(&[&sign[..], &payload, arguments, &[&url]].concat())
    }
}

impl Tool for Curl<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run(&object(BUCKET, key), &["--upload-file", &file.to_string_lossy()])
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.run(&object(BUCKET, key), &["-o", &to.to_string_lossy()])
    }

    fn range(&self, key: &str, first: u64, last: u64, to: &Path) -> Option<Ran> {
        let range = format!("{first}-{last}");
        Some(self.run(&object(BUCKET, key), &["-r", &range, "-o", &to.to_string_lossy()]))
    }

    fn list(&self) -> Vec<String> {
        let listed = self.0.file("listed");
        self.run(&format!("/{BUCKET}?list-type=2"), &["-o", &listed.to_string_lossy()]).good();
        keys_of(&fs::read_to_string(listed).unwrap())
    }

    fn delete(&self, key: &str) -> Ran {
        self.run(&object(BUCKET, key), &["-X", "DELETE"])
    }

    fn cannot_name(&self, key: &str) -> Option<&'static str> {
        as_a_directory(key)
    }
}

impl Tool for Presigned<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.0.curl(&["--upload-file", &file.to_string_lossy(), &self.0.client.presigned("PUT", BUCKET, key)])
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.0.curl(&["-o", &to.to_string_lossy(), &self.0.client.presigned("GET", BUCKET, key)])
    }

    fn range(&self, key: &str, first: u64, last: u64, to: &Path) -> Option<Ran> {
        let (range, url) = (format!("{first}-{last}"), self.0.client.presigned("GET", BUCKET, key));
        Some(self.0.curl(&["-r", &range, "-o", &to.to_string_lossy(), &url]))
    }

    fn list(&self) -> Vec<String> {
        self.0.client.keys(BUCKET, "")
    }

    fn delete(&self, key: &str) -> Ran {
        self.0.curl(&["-X", "DELETE", &self.0.client.presigned("DELETE", BUCKET, key)])
    }

    fn cannot_name(&self, key: &str) -> Option<&'static str> {
        as_a_directory(key)
    }
}

fn as_a_directory(key: &str) -> Option<&'static str> {
    key.ends_with('/').then_some("curl appends the name of the file that it uploads")
}

/// The keys of a listing, as a script that knows no XML would take them.
fn keys_of(xml: &str) -> Vec<String> {
    let keys = xml.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
    let plain = |key: &str| {
        [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&apos;", "'"),
            ("&#39;", "'"),
            ("&#34;", "\""),
            ("&amp;", "&"),
        ]
        .iter()
        .fold(key.to_owned(), |key, (entity, letter)| key.replace(entity, letter))
    };
    keys.map(plain).collect()
}

mod signing {
    use super::super::client_tests;
    use super::Curl;

    client_tests!(|session| Box::new(Curl(session)), ranges);
}

mod presigned {
    use super::super::client_tests;
    use super::Presigned;

    client_tests!(|session| Box::new(Presigned(session)), ranges);
}
