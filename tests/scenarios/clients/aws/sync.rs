//! `s3 sync` of a tree with large files.

use std::fs;
use std::time::{Duration, SystemTime};

use super::super::tree::{assert_same_trees, plant, read};
use super::super::{BUCKET, RELEASES, lab, two_buckets};
use super::{Cp, url, url_in};

impl Cp<'_> {
    /// What it says that it moved, or deleted.
    #[track_caller]
    fn sync(&self, from: &str, to: &str, further: &[&str]) -> String {
        self.run(&[&["sync", "--no-progress", from, to], further].concat()).good()
    }
}

/// Up and down again; a second time nothing moves, and then what changed.
#[test]
fn both_ways() {
    let (_proxy, session) = lab();
    let cp = Cp(&session);
    let (here, there) = (session.file("here"), session.file("there"));
    let mut want = plant(&here);
    let (here_named, there_named, remote) =
        (here.to_string_lossy().into_owned(), there.to_string_lossy().into_owned(), url("tree/"));

    let said = cp.sync(&here_named, &remote, &[]);
    assert_eq!(said.lines().count(), want.len(), "{said}");
    assert_same_trees(&session.sealed_tree(BUCKET, "tree/"), &want, "uploaded");
    assert_eq!(cp.sync(&here_named, &remote, &[]), "");

    cp.sync(&remote, &there_named, &[]);
    assert_same_trees(&read(&there), &want, "downloaded");
    assert_eq!(cp.sync(&remote, &there_named, &[]), "");

    // One grows, one keeps its size and becomes newer, one goes.
    want.insert("notes.txt".into(), b"longer than before".repeat(100));
    want.insert("deep/ünï".into(), b"x".into());
    want.remove("empty");
    for name in ["notes.txt", "deep/ünï"] {
        fs::write(here.join(name), &want[name]).unwrap();
        let file = fs::File::options().write(true).open(here.join(name)).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
    }
    fs::remove_file(here.join("empty")).unwrap();
    let said = cp.sync(&here_named, &remote, &["--delete"]);
    assert_eq!(said.lines().count(), 3, "{said}");
    assert_same_trees(&session.sealed_tree(BUCKET, "tree/"), &want, "uploaded again");
    session.no_uploads(BUCKET);
}

/// From bucket to bucket, without a byte going through the client.
#[test]
fn between_buckets() {
    let (_proxy, session) = two_buckets();
    let cp = Cp(&session);
    let here = session.file("here");
    let want = plant(&here);
    cp.sync(&here.to_string_lossy(), &url("tree/"), &[]);
    let said = cp.sync(&url("tree/"), &url_in(RELEASES, "1.0/"), &[]);
    assert_eq!(said.lines().count(), want.len(), "{said}");
    assert_same_trees(&session.sealed_tree(RELEASES, "1.0/"), &want, "copied");
    assert_eq!(cp.sync(&url("tree/"), &url_in(RELEASES, "1.0/"), &[]), "");
}
