//! rclone.

use std::fs;
use std::path::Path;

use hallmark_tests::command::Ran;
use hallmark_tests::data::{self, MIB, assert_same};

use super::tree::{assert_same_trees, plant, read};
use super::{BUCKET, RELEASES, Session, Tool, as_a_path, client_tests, lab, parsed, two_buckets};

pub(super) struct Rclone<'a>(pub(super) &'a Session);

/// Settings under which what is large goes in parts of 5 MiB, uploads and copies alike. By default it is what is larger
/// than 200 MiB, and 4.6 GiB.
const SPLITTING: [&str; 3] = ["--s3-upload-cutoff=5M", "--s3-chunk-size=5M", "--s3-copy-cutoff=5M"];

impl Rclone<'_> {
    fn run(&self, arguments: &[&str]) -> Ran {
        let remote = self.remote();
        let arguments: Vec<String> =
            arguments.iter().map(|text| text.replacen("REMOTE:", &remote, 1)).collect();
        self.0.sandbox.run_installed("rclone", &[&["--config=".to_owned()], &arguments[..]].concat())
    }

    /// The remote, with its settings in its name.
    fn remote(&self) -> String {
        format!(":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{}':", self.0.endpoint())
    }

    fn split(&self, arguments: &[&str]) -> Ran {
        self.run(&[&SPLITTING[..], arguments].concat())
    }

    /// How many files a run moved, by its own account.
    #[track_caller]
    fn moved(&self, arguments: &[&str]) -> u64 {
        let told =
            self.run(&[arguments, &["--use-json-log", "--stats-log-level=NOTICE", "--stats=1h"]].concat());
        told.good();
        let last = told.stderr.lines().rfind(|line| line.contains("\"stats\"")).expect("stats");
        parsed(last)["stats"]["transfers"].as_u64().expect("a number")
    }
}

fn remote(key: &str) -> String {
    remote_in(BUCKET, key)
}

fn remote_in(bucket: &str, key: &str) -> String {
    format!("REMOTE:{bucket}/{key}")
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
        fs::write(to, &ran.stdout).unwrap();
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

/// Copied, checked, and synchronised; a second time nothing moves, and then what changed.
#[test]
fn trees() {
    let (_proxy, session) = lab();
    let rclone = Rclone(&session);
    let (here, there) = (session.file("here"), session.file("there"));
    let mut want = plant(&here);
    let (here_named, there_named) =
        (here.to_string_lossy().into_owned(), there.to_string_lossy().into_owned());

    rclone.run(&["copy", &here_named, &remote("tree")]).good();
    assert_same_trees(&session.sealed_tree(BUCKET, "tree/"), &want, "copied");
    rclone.run(&["check", &here_named, &remote("tree")]).good();
    rclone.run(&["check", "--download", &here_named, &remote("tree")]).good();
    assert_eq!(rclone.moved(&["copy", &here_named, &remote("tree")]), 0);

    rclone.run(&["sync", &remote("tree"), &there_named]).good();
    assert_same_trees(&read(&there), &want, "downloaded");
    assert_eq!(rclone.moved(&["sync", &remote("tree"), &there_named]), 0);

    want.insert("notes.txt".into(), b"other".into());
    want.remove("empty");
    fs::write(here.join("notes.txt"), "other").unwrap();
    fs::remove_file(here.join("empty")).unwrap();
    assert!(rclone.run(&["check", &here_named, &remote("tree")]).bad().contains("notes.txt"));
    assert_eq!(rclone.moved(&["sync", &here_named, &remote("tree")]), 1);
    assert_same_trees(&session.sealed_tree(BUCKET, "tree/"), &want, "synchronised");
}

#[test]
fn parts() {
    let (_proxy, session) = two_buckets();
    let rclone = Rclone(&session);
    let here = session.file("here");
    let want = plant(&here);
    let here_named = here.to_string_lossy().into_owned();
    rclone.split(&["copy", &here_named, &remote("tree")]).good();
    assert_same_trees(&session.sealed_tree(BUCKET, "tree/"), &want, "copied");
    session.sealed_in_parts(BUCKET, "tree/deep/app.tar", &want["deep/app.tar"], 2);
    session.sealed_in_parts(BUCKET, "tree/image.bin", &want["image.bin"], 4);
    // It keeps the MD5 of the whole in the metadata.
    rclone.run(&["check", &here_named, &remote("tree")]).good();
    rclone.split(&["sync", &remote("tree"), &remote_in(RELEASES, "1.0")]).good();
    assert_same_trees(&session.sealed_tree(RELEASES, "1.0/"), &want, "copied by the proxy");
    session.sealed_in_parts(RELEASES, "1.0/image.bin", &want["image.bin"], 4);
    rclone.run(&["check", &here_named, &remote_in(RELEASES, "1.0")]).good();
    session.no_uploads(BUCKET);
    session.no_uploads(RELEASES);
}

/// What is split by default.
#[test]
fn more_than_200_mib() {
    let (_proxy, session) = lab();
    let file = data::file(session.sandbox.home(), 1, 200 * MIB + 1);
    Rclone(&session).put(&file, "key").good();
    let want = fs::read(&file).unwrap();
    session.sealed_in_parts(BUCKET, "key", &want, 41);
    let back = session.file("back");
    Rclone(&session).get("key", &back).good();
    assert_same(&fs::read(back).unwrap(), &want, "downloaded");
}

/// Within the bucket and between buckets, by the proxy: no byte goes through the client.
#[test]
fn copies_and_moves() {
    let (_proxy, session) = two_buckets();
    let rclone = Rclone(&session);
    for length in [0, 1024, 20 * MIB] {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        rclone.put(&file, "first").good();
        rclone.run(&["copyto", &remote("first"), &remote("second/key")]).good();
        session.sealed(BUCKET, "second/key", &want);
        rclone.run(&["moveto", &remote("second/key"), &remote_in(RELEASES, "third")]).good();
        session.absent(BUCKET, "second/key");
        session.sealed(RELEASES, "third", &want);
        rclone.run(&["move", &remote_in(RELEASES, ""), &remote("moved")]).good();
        session.absent(RELEASES, "third");
        session.sealed(BUCKET, "moved/third", &want);
        assert_eq!(rclone.moved(&["copyto", &remote("first"), &remote("moved/third")]), 0, "{length}");
    }
}

/// The time of a file is in the metadata, which changes by a copy onto itself.
#[test]
fn times() {
    let (_proxy, session) = lab();
    let rclone = Rclone(&session);
    let file = data::file(session.sandbox.home(), 1, 9 * MIB);
    let want = fs::read(&file).unwrap();
    rclone.put(&file, "key").good();
    rclone.run(&["touch", "--timestamp=2020-02-02T02:02:02", &remote("key")]).good();
    session.sealed(BUCKET, "key", &want);
    let listed = parsed(&rclone.run(&["lsjson", &remote("")]).good());
    assert_eq!(listed[0]["ModTime"], "2020-02-02T02:02:02.000000000Z", "{listed}");
    // A file whose bytes are the same is not sent again.
    let at = fs::File::options().write(true).open(&file).unwrap();
    at.set_modified(std::time::UNIX_EPOCH).unwrap();
    rclone.put(&file, "key").good();
    let seen = session.sealed(BUCKET, "key", &want);
    assert_eq!(seen.header("x-amz-meta-mtime"), Some("0"));
    rclone.run(&["touch", &remote("new")]).good();
    session.sealed(BUCKET, "new", b"");
}

/// Nobody knows how long they are.
#[test]
fn streams() {
    let (_proxy, session) = lab();
    let rclone = Rclone(&session);
    for (length, parts) in [(1024, None), (MIB, Some(1)), (12 * MIB, Some(3))] {
        let file = data::file(session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        let (remote, file) = (rclone.remote(), file.display());
        session.shell(&format!("rclone --config= rcat \"{remote}{BUCKET}/key\" < '{file}'")).good();
        match parts {
            None => session.sealed_whole(BUCKET, "key", &want),
            Some(parts) => session.sealed_in_parts(BUCKET, "key", &want, parts),
        };
        assert_same(&rclone.run(&["cat", &super::rclone::remote("key")]).stdout, &want, "as a stream");
    }
}

#[test]
fn purge() {
    let (_proxy, session) = lab();
    plant(&session.file("here"));
    Rclone(&session).split(&["copy", &session.file("here").to_string_lossy(), &remote("tree")]).good();
    assert_eq!(session.client.put(BUCKET, "kept", b"bytes").status, 200);
    Rclone(&session).run(&["purge", &remote("tree")]).good();
    assert_eq!(session.client.keys(BUCKET, ""), ["kept"]);
}
