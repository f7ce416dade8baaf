//! Trees of files, for clients that carry many at once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use hallmark_tests::data::{MIB, assert_same, content};

/// Files by their paths.
pub(super) type Tree = BTreeMap<String, Vec<u8>>;

/// An empty file, small ones, and two that clients split: one just over 8 MiB, one over 15 MiB.
const FILES: [(&str, u64); 6] = [
    ("empty", 0),
    ("notes.txt", 1024),
    ("deep/er/with space", 70_000),
    ("deep/ünï", 1),
    ("deep/app.tar", 8 * MIB + 1),
    ("image.bin", 20 * MIB),
];

/// Makes the files in a new directory. They are an hour old: clients that go by time take a file for newer than the
/// object that was made of it in the same second.
pub(super) fn plant(directory: &Path) -> Tree {
    let then = SystemTime::now() - Duration::from_secs(3600);
    let files = FILES.iter().enumerate().map(|(number, (name, length))| {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes = content(number as u64, *length);
        fs::write(&path, &bytes).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
        ((*name).to_owned(), bytes)
    });
    files.collect()
}

/// The files under a directory.
pub(super) fn read(directory: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_str().unwrap();
                tree.insert(name.to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    tree
}

/// That two trees are the same.
#[track_caller]
pub(super) fn assert_same_trees(got: &Tree, want: &Tree, what: &str) {
    assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{what}");
    for (name, bytes) in want {
        assert_same(&got[name], bytes, &format!("{what}: {name}"));
    }
}
