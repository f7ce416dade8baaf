//! Files of bodies: `bodies/<2 hex>/<32 hex>`, made under their last name. A file is nothing until a row names it.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, IoSlice, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::id::Id;

/// Files that may wait to be removed. Beyond that, the sweep finds them.
const REMOVALS: usize = 4096;

/// The directory of body files.
pub(super) struct Bodies {
    root: PathBuf,
    live: Arc<Live>,
    removals: SyncSender<Id>,
}

/// Ids of files that this process is making and that no row names yet: not garbage.
#[derive(Default)]
struct Live(Mutex<HashSet<Id>>);

impl Live {
    fn ids(&self) -> MutexGuard<'_, HashSet<Id>> {
        // A set of ids is whole after every step, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bodies {
    /// Makes what is missing of the directories below `root`.
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&root)?;
        for directory in 0..=u8::MAX {
            builder.create(directory_path(&root, directory))?;
        }
        File::open(&root)?.sync_all()?;
        let (removals, queue) = sync_channel(REMOVALS);
        let live = Arc::new(Live::default());
        // Removing a large file can take many milliseconds: neither a request nor a commit should wait for it.
        let remover = (root.clone(), Arc::clone(&live));
        std::thread::Builder::new()
            .name("store-remove".into())
            .spawn(move || remove_all(&remover.0, &remover.1, &queue))?;
        Ok(Self { root, live, removals })
    }

    pub(super) fn path(&self, id: &Id) -> PathBuf {
        directory_path(&self.root, id.directory()).join(id.to_string())
    }

    /// The path of one of the 256 directories.
    pub(super) fn directory(&self, number: u8) -> PathBuf {
        directory_path(&self.root, number)
    }

    /// Whether this process is making that file.
    pub(super) fn is_live(&self, id: &Id) -> bool {
        self.live.ids().contains(id)
    }

    /// Removes a file that no row names any more, soon.
    pub(super) fn remove(&self, id: Id) {
        if self.removals.try_send(id).is_err() {
            // The sweep will find it, once it is not taken for a file in the making.
            self.live.ids().remove(&id);
        }
    }

    /// Makes the names of new files durable.
    pub(super) fn sync_names(&self, files: &[NewBody]) -> io::Result<()> {
        let directories: HashSet<u8> = files.iter().map(|file| file.id.directory()).collect();
        directories.into_iter().try_for_each(|number| File::open(self.directory(number))?.sync_all())
    }
}

fn directory_path(root: &Path, number: u8) -> PathBuf {
    root.join(format!("{number:02x}"))
}

fn remove_all(root: &Path, live: &Live, queue: &Receiver<Id>) {
    for id in queue {
        let path = directory_path(root, id.directory()).join(id.to_string());
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %path.display(), error = %e, "a body that nothing names was not removed");
            }
            _ => {}
        }
        live.ids().remove(&id);
    }
}

/// A body file that no durable row names yet. Dropped as it is, the file is removed.
pub(super) struct NewBody {
    id: Id,
    fate: Fate,
    bodies: Arc<Bodies>,
}

enum Fate {
    /// Nothing names it: remove it.
    Remove,
    /// A row may name it: neither remove it nor let this process sweep it.
    Keep,
}

impl NewBody {
    /// A commit that names it is about to begin: from now on only [`named`](Self::named) decides.
    pub(super) fn in_doubt(&mut self) {
        self.fate = Fate::Keep;
    }

    /// A durable row names it.
    pub(super) fn named(self) {
        debug_assert!(matches!(self.fate, Fate::Keep), "committed without a word");
        self.bodies.live.ids().remove(&self.id);
    }
}

impl Drop for NewBody {
    fn drop(&mut self) {
        if matches!(self.fate, Fate::Remove) {
            self.bodies.remove(self.id);
        }
    }
}

/// A [`NewBody`] that is being written. All of it blocks.
pub(super) struct Writing {
    file: File,
    body: NewBody,
}

impl Writing {
    pub(super) fn begin(bodies: Arc<Bodies>, id: Id) -> io::Result<Self> {
        // Known as live before it can be found on disk: so the sweep never sees it without knowing it.
        bodies.live.ids().insert(id);
        let path = bodies.path(&id);
        let body = NewBody { id, fate: Fate::Remove, bodies };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Self { file, body })
    }

    pub(super) fn write(mut self, pieces: &[Bytes]) -> io::Result<Self> {
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut left = slices.as_mut_slice();
        while !left.is_empty() {
            match self.file.write_vectored(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut left, written),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(self)
    }

    /// Makes the bytes durable.
    pub(super) fn finish(self) -> io::Result<NewBody> {
        // Data and what is needed to read it back (its length): times need not be durable.
        self.file.sync_data()?;
        Ok(self.body)
    }
}
