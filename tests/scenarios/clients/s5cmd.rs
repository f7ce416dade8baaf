//! s5cmd.

use std::fs;
use std::path::Path;

use hallmark_tests::command::Ran;
use hallmark_tests::data::{self, MIB, assert_same};
use serde_json::Value;

use super::tree::{assert_same_trees, plant, read};
use super::{BUCKET, RELEASES, Session, Tool, as_a_path, client_tests, lab, two_buckets};

pub(super) struct S5cmd<'a>(pub(super) &'a Session);

impl S5cmd<'_> {
    fn run(&self, arguments: &[&str]) -> Ran {
        let endpoint = self.0.endpoint();
        let common = ["--endpoint-url", &endpoint];
        self.0.sandbox.run_installed("s5cmd", &[&common[..], arguments].concat())
    }
}

fn url(key: &str) -> String {
    url_in(BUCKET, key)
}

fn url_in(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}

impl Tool for S5cmd<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run(&["cp", "--raw", &file.to_string_lossy(), &url(key)])
    }

    fn get(&self, key: &str, to: &Path) -> Ran {
        self.run(&["cp", "--raw", &url(key), &to.to_string_lossy()])
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

/// More than 50 MiB goes in parts of that size; copies and moves are made by the proxy.
#[test]
fn parts() {
    let (_proxy, session) = two_buckets();
    let s5cmd = S5cmd(&session);
    let file = data::file(session.sandbox.home(), 1, 60 * MIB);
    let want = fs::read(&file).unwrap();
    s5cmd.put(&file, "large").good();
    session.sealed_in_parts(BUCKET, "large", &want, 2);
    s5cmd.run(&["cp", &url("large"), &url_in(RELEASES, "copied")]).good();
    session.sealed(RELEASES, "copied", &want);
    s5cmd.run(&["mv", &url("large"), &url_in(RELEASES, "moved")]).good();
    session.absent(BUCKET, "large");
    session.sealed(RELEASES, "moved", &want);
    let back = session.file("back");
    s5cmd.run(&["mv", &url_in(RELEASES, "moved"), &back.to_string_lossy()]).good();
    session.absent(RELEASES, "moved");
    assert_same(&fs::read(back).unwrap(), &want, "downloaded");
    assert_same(&s5cmd.run(&["cat", &url_in(RELEASES, "copied")]).stdout, &want, "shown");
    session.no_uploads(BUCKET);
}

/// Nobody knows how long they are.
#[test]
fn streams() {
    let (_proxy, session) = lab();
    for (length, split, parts) in [(1024, "", None), (12 * MIB, "--part-size 5", Some(3))] {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        let (endpoint, url) = (session.endpoint(), url("key"));
        session
            .shell(&format!("s5cmd --endpoint-url {endpoint} pipe {split} {url} < '{}'", file.display()))
            .good();
        match parts {
            None => session.sealed_whole(BUCKET, "key", &want),
            Some(parts) => session.sealed_in_parts(BUCKET, "key", &want, parts),
        };
    }
}

/// Up, to another bucket, and down again; a second time nothing moves.
#[test]
fn sync() {
    let (_proxy, session) = two_buckets();
    let s5cmd = S5cmd(&session);
    let (here, there) = (session.file("here"), session.file("there"));
    let mut want = plant(&here);
    let (here_named, there_named) = (format!("{}/", here.display()), format!("{}/", there.display()));
    let sync = |arguments: &[&str]| s5cmd.run(&[&["sync"], arguments].concat()).good().lines().count();
    assert_eq!(sync(&[&here_named, &url("tree/")]), want.len());
    assert_same_trees(&session.sealed_tree(BUCKET, "tree/"), &want, "uploaded");
    assert_eq!(sync(&[&here_named, &url("tree/")]), 0);
    assert_eq!(sync(&[&url("tree/*"), &url_in(RELEASES, "1.0/")]), want.len());
    assert_same_trees(&session.sealed_tree(RELEASES, "1.0/"), &want, "copied");
    assert_eq!(sync(&[&url_in(RELEASES, "1.0/*"), &there_named]), want.len());
    assert_same_trees(&read(&there), &want, "downloaded");
    assert_eq!(sync(&[&url_in(RELEASES, "1.0/*"), &there_named]), 0);

    want.remove("empty");
    fs::remove_file(here.join("empty")).unwrap();
    want.insert("notes.txt".into(), b"other".into());
    fs::write(here.join("notes.txt"), "other").unwrap();
    assert_eq!(sync(&["--delete", &here_named, &url("tree/")]), 2);
    assert_same_trees(&session.sealed_tree(BUCKET, "tree/"), &want, "uploaded again");
    s5cmd.run(&["rm", &url("tree/*")]).good();
    assert_eq!(session.client.keys(BUCKET, ""), Vec::<String>::new());
    assert_eq!(session.client.keys(RELEASES, "").len(), want.len() + 1);
}
