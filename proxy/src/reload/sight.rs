//! What files look like, so that it is noticed when they change.
//!
//! Looked at again and again rather than waited for by the system's notices: those name a file's old self after it was
//! replaced by a rename, say nothing of what a symbolic link points to (as in Kubernetes' mounts, where the link of a folder
//! above is exchanged), and never come from another machine's file system. The files are small and few, so what is in
//! them is compared, not their times: no change can hide in a clock's grain, and none is seen where there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hallmark_signer::Sha256Digest;
use zeroize::Zeroizing;

/// Of longer files only this much is compared, and the length. Nothing that a configuration names is read to more.
const MAX_COMPARED: u64 = 1 << 20;

/// What some files look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sight(BTreeMap<PathBuf, Seen>);

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// A file. Its mode counts: secrets that are open to others are refused until they are closed.
    File { mode: u32, length: u64, beginning: Sha256Digest },
    /// A folder or something else that has no content to compare.
    Other,
    /// Nothing, or nothing that can be read.
    Nothing(io::ErrorKind),
}

/// Finds out when files have changed and come to rest.
#[derive(Debug)]
pub(super) struct Settling {
    known: Sight,
    /// What differed when it was looked last.
    moving: Option<Sight>,
}

impl Sight {
    /// Looks at `files`.
    pub(super) fn of(files: &BTreeSet<PathBuf>) -> Self {
        Self(files.iter().map(|file| (file.clone(), Seen::at(file))).collect())
    }

    /// The same without the others.
    pub(super) fn only(mut self, files: &BTreeSet<PathBuf>) -> Self {
        self.0.retain(|file, _| files.contains(file));
        self
    }

    /// The same, where what was not there then may have come since, and is known as well.
    pub(super) fn with_what_came(self) -> Self {
        let look = |(file, seen): (PathBuf, Seen)| {
            let seen = match seen {
                Seen::Nothing(io::ErrorKind::NotFound) => Seen::at(&file),
                seen => seen,
            };
            (file, seen)
        };
        Self(self.0.into_iter().map(look).collect())
    }

    /// What was looked at.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        self.0.keys().cloned().collect()
    }
}

impl Seen {
    fn at(path: &Path) -> Self {
        Self::look(path).unwrap_or_else(|error| Self::Nothing(error.kind()))
    }

    fn look(path: &Path) -> io::Result<Self> {
        // Before it is opened: opening a pipe waits for somebody to write to it.
        if !path.metadata()?.is_file() {
            return Ok(Self::Other);
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        // It may hold a secret.
        let mut beginning = Zeroizing::new(Vec::new());
        file.take(MAX_COMPARED).read_to_end(&mut beginning)?;
        let (mode, length) = (metadata.mode(), metadata.len());
        Ok(Self::File { mode, length, beginning: Sha256Digest::of(&beginning) })
    }
}

impl Settling {
    /// Waits for files to look otherwise than this.
    pub(super) fn new(known: Sight) -> Self {
        Self { known, moving: None }
    }

    /// Whether files that look like this have not changed.
    pub(super) fn is_for(&self, files: &Sight) -> bool {
        self.known == *files
    }

    /// Which files are waited for.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        self.known.files()
    }

    /// Takes note of what they look like now. Whether they changed and now are as they were at the last look: who writes a
    /// file in place, or several one after the other, is not to be read half-way.
    pub(super) fn settled(&mut self, now: Sight) -> bool {
        if now == self.known {
            self.moving = None;
            return false;
        }
        let settled = self.moving.as_ref() == Some(&now);
        self.moving = (!settled).then_some(now);
        settled
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn what_was_made_since_is_no_change_and_what_was_changed_since_is() {
        let dir = tempfile::tempdir().unwrap();
        let [there, made, never] = ["there", "made", "never"].map(|name| dir.path().join(name));
        fs::write(&there, "1").unwrap();
        let files = BTreeSet::from([there.clone(), made.clone(), never]);
        let before = Sight::of(&files);
        fs::write(&made, "1").unwrap();
        let known = before.with_what_came();
        assert_eq!(known, Sight::of(&files));
        fs::write(&there, "2").unwrap();
        assert_ne!(known.clone().with_what_came(), Sight::of(&files));
    }

    #[test]
    fn every_way_to_change_a_file_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for (name, text) in [("plain", "1"), ("renamed", "1"), ("new", "2"), ("closed", "1"), ("gone", "1")] {
            fs::write(path(name), text).unwrap();
        }
        // As Kubernetes mounts them: a link to a file below a link to a folder, and that one is exchanged.
        for (folder, text) in [("one", "1"), ("two", "2")] {
            fs::create_dir(path(folder)).unwrap();
            fs::write(path(folder).join("file"), text).unwrap();
        }
        symlink("one", path("data")).unwrap();
        symlink("data/file", path("linked")).unwrap();
        type Change<'c> = &'c dyn Fn();
        let changes: [(&str, Change<'_>); 6] = [
            ("plain", &|| fs::write(path("plain"), "2").unwrap()),
            ("renamed", &|| fs::rename(path("new"), path("renamed")).unwrap()),
            ("linked", &|| {
                symlink("two", path("data.new")).unwrap();
                fs::rename(path("data.new"), path("data")).unwrap();
            }),
            ("closed", &|| fs::set_permissions(path("closed"), Permissions::from_mode(0o600)).unwrap()),
            ("gone", &|| fs::remove_file(path("gone")).unwrap()),
            ("comes", &|| fs::write(path("comes"), "").unwrap()),
        ];
        for (name, change) in changes {
            let files = BTreeSet::from([path(name)]);
            let before = Sight::of(&files);
            assert_eq!(Sight::of(&files), before, "{name}");
            change();
            assert_ne!(Sight::of(&files), before, "{name}");
        }
        let folder = BTreeSet::from([path("two")]);
        let before = Sight::of(&folder);
        fs::write(path("two").join("more"), "").unwrap();
        assert_eq!(Sight::of(&folder), before, "a store's folder changes all the time");
    }

    #[test]
    fn what_changes_is_waited_for_until_it_rests() {
        let file = PathBuf::from("file");
        let sight = |text: &str| {
            let beginning = Sha256Digest::of(text.as_bytes());
            Sight(BTreeMap::from([(file.clone(), Seen::File { mode: 0o600, length: 1, beginning })]))
        };
        let mut settling = Settling::new(sight("old"));
        let looks = ["old", "a", "b", "b", "b", "b", "old", "b", "old", "b", "b"];
        let settled: Vec<bool> = looks.iter().map(|text| settling.settled(sight(text))).collect();
        // Where nobody takes it over, it is told again after another look.
        let expected = [false, false, false, true, false, true, false, false, false, false, true];
        assert_eq!(settled, expected);
    }
}
