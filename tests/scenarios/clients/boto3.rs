//! boto3, as programs use it, over plain HTTP.

use std::fs;
use std::path::Path;

use hallmark_tests::command::{Ran, script};
use hallmark_tests::data::{self, MIB};
use hallmark_tests::s3::checksum;
use serde_json::{Value, json};

use super::{BUCKET, Session, Tool, client_tests, lab, texts};

pub(super) struct Boto3<'a>(pub(super) &'a Session);

impl Boto3<'_> {
    /// Runs one of the script's actions.
    pub(super) fn run(&self, action: &str, mut arguments: Value) -> Ran {
        arguments["action"] = action.into();
        arguments["bucket"] = BUCKET.into();
        let script = script("boto3_client.py");
        self.0.sandbox.run_installed("python", &[script.as_os_str(), arguments.to_string().as_ref()])
    }
}

impl Tool for Boto3<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run("put", json!({ "file": file, "key": key }))
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

client_tests!(|session| Box::new(Boto3(session)), ranges);

/// Each algorithm, by the call and by the transfer manager, in a file that is sealed at once and one that is streamed.
#[test]
fn checksums() {
    let (_proxy, session) = lab();
    let tool = Boto3(&session);
    for length in [0, 70_000, 9 * MIB] {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] {
            for action in ["put", "upload"] {
                let key = format!("{action}/{algorithm}/{length}");
                tool.run(action, json!({ "file": file, "key": key, "checksum": algorithm })).good();
                let shown: Value =
                    serde_json::from_str(&tool.run("head", json!({ "key": key })).good()).unwrap();
                let value = checksum(&algorithm.to_lowercase(), &want);
                assert_eq!(shown[format!("Checksum{algorithm}")], value, "{key}");
                let back = session.file("back");
                for action in ["get", "download"] {
                    tool.run(action, json!({ "file": back, "key": key })).good();
                    data::assert_same(&fs::read(&back).unwrap(), &want, &key);
                }
            }
        }
    }
}

/// URLs that boto3 signs, used by curl, which knows nothing of signatures.
#[test]
fn presigned_urls() {
    let (_proxy, session) = lab();
    let file = data::file(session.sandbox.home(), 1, 70_000);
    let path = file.to_string_lossy();
    for key in ["plain", "with space+plus%2F/ü"] {
        let url = |action: &str| {
            let signed = Boto3(&session).run("presign", json!({ "key": key, "method": action })).good();
            signed.trim().to_owned()
        };
        let curl = |arguments: &[&str]| {
            session.sandbox.run("curl", &[&["-sS", "--fail-with-body"], arguments].concat())
        };
        curl(&["--upload-file", &path, &url("put_object")]).good();
        let back = session.file("back");
        curl(&["-o", &back.to_string_lossy(), &url("get_object")]).good();
        data::assert_same(&fs::read(back).unwrap(), &fs::read(&file).unwrap(), key);
        curl(&["-X", "DELETE", &url("delete_object")]).good();
        assert_eq!(session.client.head(BUCKET, key).status, 404);
    }
}
