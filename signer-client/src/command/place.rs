//! Files that appear whole or not at all.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::command::failure::Failure;

/// A file in the making, beside the place where it will stand. Dropped, it goes away.
pub(crate) struct Pending {
    file: NamedTempFile,
    directory: PathBuf,
    target: PathBuf,
}

impl Pending {
    /// Begins a file that will be `target`. What stands there stays until [`Self::place`].
    pub(crate) fn beside(target: PathBuf) -> Result<Self, Failure> {
        // A rename would replace a device as readily as a file; of a symbolic link it replaces the link.
        match target.symlink_metadata() {
            Ok(found) if !found.is_file() && !found.is_symlink() => {
                return Err(Failure::usage(format!("{} exists and is not a file", target.display())));
            }
            Ok(_) | Err(_) => {}
        }
        let directory = match target.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".hallmark-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any new file; the umask takes from it.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder
            .tempfile_in(&directory)
            .map_err(|error| Failure::failed(format!("cannot write in {}: {error}", directory.display())))?;
        Ok(Self { file, directory, target })
    }

    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.as_file_mut().write_all(bytes);
        written.map_err(|error| Failure::io("write", &self.target, error))
    }

    /// Puts the file into its place, on disk, replacing what stands there in one step.
    pub(crate) fn place(self) -> Result<(), Failure> {
        let Self { file, directory, target } = self;
        file.as_file().sync_all().map_err(|error| Failure::io("write", &target, error))?;
        file.persist(&target).map_err(|error| Failure::io("write", &target, error.error))?;
        sync_directory(&directory);
        Ok(())
    }

    /// Where it will stand.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }
}

/// Best effort: the file is good with or without; this makes its name survive a power cut.
pub(crate) fn sync_directory(directory: &Path) {
    if cfg!(unix) {
        let _ = File::open(directory).and_then(|directory| directory.sync_all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("file");
        let names = || directory.path().read_dir().unwrap().count();
        std::fs::write(&target, "old").unwrap();

        let mut pending = Pending::beside(target.clone()).unwrap();
        pending.write(b"new").unwrap();
        assert_eq!((names(), std::fs::read(&target).unwrap().as_slice()), (2, &b"old"[..]));
        drop(pending);
        assert_eq!((names(), std::fs::read(&target).unwrap().as_slice()), (1, &b"old"[..]));

        let mut pending = Pending::beside(target.clone()).unwrap();
        pending.write(b"ne").unwrap();
        pending.write(b"w").unwrap();
        pending.place().unwrap();
        assert_eq!((names(), std::fs::read(&target).unwrap().as_slice()), (1, &b"new"[..]));
    }

    #[test]
    fn only_files_are_replaced() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Pending::beside(directory.path().to_owned()).is_err());
        assert!(Pending::beside("/dev/null".into()).is_err());
        assert!(Pending::beside(directory.path().join("no/such/directory")).is_err());
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    }
}
