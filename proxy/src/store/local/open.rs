//! Opening the directory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;

use super::LocalStore;
use super::bodies::Bodies;
use super::committer::Committer;
use super::index::Index;
use super::room::Room;

/// Why a directory cannot be served from.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "{} is in use by another process: stop that one first, or give this one a directory of its own",
        .0.display()
    )]
    Locked(PathBuf),
    /// The file system refused.
    #[error("{}: {what}: {error}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What came of it.
        error: io::Error,
    },
    /// The index cannot be opened.
    #[error("the index (`index.redb`) cannot be opened: {0}")]
    Index(#[source] redb::Error),
    /// Another version of Hallmark, or another program, laid this directory out.
    #[error(
        "the index (`index.redb`) has the format {}, and this version of Hallmark reads format {known} only: \
         use the version that wrote it",
        .found.map_or_else(|| "of something else".to_owned(), |n| n.to_string())
    )]
    Format {
        /// The format that the index names; `None`: it names none.
        found: Option<u64>,
        /// The format that is understood.
        known: u64,
    },
}

impl From<redb::DatabaseError> for OpenError {
    fn from(error: redb::DatabaseError) -> Self {
        Self::Index(error.into())
    }
}

impl LocalStore {
    /// Opens the store in the directory `path`, and makes it (mode 0700) if there is none.
    ///
    /// Takes the same time however much is stored, also after a crash; what a crash left behind is removed by
    /// [`sweep`](Self::sweep). Blocks for some milliseconds.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |error| OpenError::Io { what, path, error }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("cannot make it", path))?;
        let lock = lock(path)?;
        let file = path.join("index.redb");
        let index =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&file);
        let index = FileBackend::new(index.map_err(failed("cannot open it", &file))?)?;
        let index = Arc::new(Index::open(index, Room::on_disk_of(path.to_owned()), Some(lock))?);
        let bodies = path.join("bodies");
        let bodies = Arc::new(Bodies::open(bodies.clone()).map_err(failed("cannot make it", &bodies))?);
        // What was made just now must still be there after a power cut, or rows would be lost with the file.
        File::open(path)
            .and_then(|directory| directory.sync_all())
            .map_err(failed("cannot sync it", path))?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            // Not every parent may be read; then the directory was hardly made just now.
            let _ = File::open(parent).and_then(|parent| parent.sync_all());
        }
        Self::start(index, bodies).map_err(failed("cannot start a thread for it", path))
    }

    pub(super) fn start(index: Arc<Index>, bodies: Arc<Bodies>) -> io::Result<Self> {
        let committer = Committer::start(Arc::clone(&index), Arc::clone(&bodies))?;
        Ok(Self { committer, index, bodies })
    }
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let lock = path.join("lock");
    let failed = |error| OpenError::Io { what: "cannot lock it", path: lock.clone(), error };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&lock)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
