//! s3cmd.

use std::fs;
use std::path::Path;

use hallmark_tests::command::Ran;
use hallmark_tests::data::{self, MIB, assert_same};
use hallmark_tests::site::FULL;

use super::tree::{assert_same_trees, plant, read};
use super::{BUCKET, RELEASES, Session, Tool, client_tests, lab, two_buckets};

pub(super) struct S3cmd<'a>(&'a Session);

impl<'a> S3cmd<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        let address = session.client.address;
        let settings = format!(
            "[default]\naccess_key = {}\nsecret_key = {}\nhost_base = {address}\nhost_bucket = {address}\n\
             use_https = False\nbucket_location = us-east-1\n",
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
    url_in(BUCKET, key)
}

fn url_in(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}

impl Tool for S3cmd<'_> {
    fn put(&self, file: &Path, key: &str) -> Ran {
        self.run(&["put", &file.to_string_lossy(), &url(key)])
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

/// More than 15 MiB goes in parts of that size.
#[test]
fn parts() {
    let (_proxy, session) = two_buckets();
    let s3cmd = S3cmd::new(&session);
    let file = data::file(session.sandbox.home(), 1, 40 * MIB);
    let want = fs::read(&file).unwrap();
    s3cmd.put(&file, "large").good();
    session.sealed_in_parts(BUCKET, "large", &want, 3);
    s3cmd.run(&["cp", &url("large"), &url_in(RELEASES, "copied")]).good();
    session.sealed(RELEASES, "copied", &want);
    s3cmd.run(&["mv", &url("large"), &url_in(RELEASES, "moved")]).good();
    session.absent(BUCKET, "large");
    session.sealed(RELEASES, "moved", &want);
    let back = session.file("back");
    s3cmd.run(&["get", &url_in(RELEASES, "moved"), &back.to_string_lossy()]).good();
    assert_same(&fs::read(back).unwrap(), &want, "downloaded");
    session.no_uploads(BUCKET);
}

/// Up and down again; a second time nothing moves.
#[test]
fn sync() {
    let (_proxy, session) = lab();
    let s3cmd = S3cmd::new(&session);
    let (here, there) = (session.file("here"), session.file("there"));
    let mut want = plant(&here);
    let (here_named, there_named) = (format!("{}/", here.display()), format!("{}/", there.display()));
    fs::create_dir(&there).unwrap();
    let sync = |arguments: &[&str]| {
        let said = s3cmd.run(&[&["sync"], arguments].concat()).good();
        said.lines().filter(|line| line.starts_with("upload:") || line.starts_with("download:")).count()
    };
    assert_eq!(sync(&[&here_named, &url("tree/")]), want.len());
    assert_same_trees(&session.sealed_tree(BUCKET, "tree/"), &want, "uploaded");
    assert_eq!(sync(&[&here_named, &url("tree/")]), 0);
    assert_eq!(sync(&[&url("tree/"), &there_named]), want.len());
    assert_same_trees(&read(&there), &want, "downloaded");
    assert_eq!(sync(&[&url("tree/"), &there_named]), 0);

    want.remove("empty");
    fs::remove_file(here.join("empty")).unwrap();
    want.insert("notes.txt".into(), b"other".into());
    fs::write(here.join("notes.txt"), "other").unwrap();
    assert_eq!(sync(&["--delete-removed", &here_named, &url("tree/")]), 1);
    assert_same_trees(&session.sealed_tree(BUCKET, "tree/"), &want, "uploaded again");
    s3cmd.run(&["del", "--recursive", "--force", &url("tree/")]).good();
    assert_eq!(session.client.keys(BUCKET, ""), Vec::<String>::new());
}

/// Headers change by a copy onto itself; `info` asks for all that there is to know.
#[test]
fn modify_and_info() {
    let (_proxy, session) = lab();
    let s3cmd = S3cmd::new(&session);
    let file = data::file(session.sandbox.home(), 1, 9 * MIB);
    s3cmd.put(&file, "key").good();
    s3cmd.run(&["modify", "--add-header=Cache-Control: no-cache", &url("key")]).good();
    let seen = session.sealed(BUCKET, "key", &fs::read(file).unwrap());
    assert_eq!(seen.header("cache-control"), Some("no-cache"));
    assert!(s3cmd.run(&["info", &url("key")]).good().contains("File size: 9437184"));
    s3cmd.run(&["info", &format!("s3://{BUCKET}")]).good();
}

/// Uploads in parts that were left unfinished.
#[test]
fn unfinished_uploads() {
    let (_proxy, session) = lab();
    let s3cmd = S3cmd::new(&session);
    let created = session.client.send(session.client.request("POST", &format!("/{BUCKET}/key?uploads=")));
    let id = created.element("UploadId");
    assert!(s3cmd.run(&["multipart", &format!("s3://{BUCKET}")]).good().contains(&id));
    s3cmd.run(&["listmp", &url("key"), &id]).good();
    s3cmd.run(&["abortmp", &url("key"), &id]).good();
    session.no_uploads(BUCKET);
}
