//! Files of bodies: `bodies/<2 hex>/<32 hex>`, made under their last name. A file is nothing until a row names it.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, IoSlice, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::id::Id;
use super::leases::Leases;

/// Files that may wait to be removed: those of some of the largest objects. Beyond that, the sweep finds them.
const REMOVALS: usize = 1 << 16;

/// The directory of body files.
pub(super) struct Bodies {
    root: PathBuf,
    live: Arc<Live>,
    /// Readers of bodies of several files.
    pub(super) leases: Leases,
    removals: Sender<Vec<Id>>,
}

/// Files that are this process's business: the sweep leaves them alone.
#[derive(Default)]
struct Live {
    /// Those being made that no row names yet, and those on their way to be removed.
    ids: Mutex<HashSet<Id>>,
    /// How many wait to be removed.
    waiting: AtomicUsize,
}

impl Live {
    fn ids(&self) -> MutexGuard<'_, HashSet<Id>> {
        // A set of ids is whole after every step, so a panic elsewhere does not spoil it.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files that no row names once a commit is durable.
pub(super) struct Gone {
    /// Whose they were: its readers may still want them.
    pub(super) version: Id,
    pub(super) files: Vec<Id>,
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
        let (removals, queue) = channel();
        let live = Arc::new(Live::default());
        // Removing a large file can take many milliseconds: neither a request nor a commit should wait for it.
        let remover = (root.clone(), Arc::clone(&live));
        std::thread::Builder::new()
            .name("store-remove".into())
            .spawn(move || remove_all(&remover.0, &remover.1, &queue))?;
        Ok(Self { root, live, leases: Leases::default(), removals })
    }

    pub(super) fn path(&self, id: &Id) -> PathBuf {
        directory_path(&self.root, id.directory()).join(id.to_string())
    }

    /// The path of one of the 256 directories.
    pub(super) fn directory(&self, number: u8) -> PathBuf {
        directory_path(&self.root, number)
    }

    /// Whether this process is making that file, or is about to remove it.
    pub(super) fn is_live(&self, id: &Id) -> bool {
        self.live.ids().contains(id)
    }

    /// A commit is about to begin after which nothing names these files: a reader may need them longer than the
    /// index names them, and so the sweep must not take them.
    pub(super) fn going(&self, gone: &[Gone]) {
        self.live.ids().extend(gone.iter().flat_map(|gone| &gone.files));
    }

    /// That commit is durable.
    pub(super) fn gone(&self, gone: Gone) {
        self.remove(self.leases.postpone(gone.version, gone.files));
    }

    /// Removes files that no row names any more, soon.
    pub(super) fn remove(&self, files: Vec<Id>) {
        let count = files.len();
        if count == 0 {
            return;
        }
        let before = self.live.waiting.fetch_add(count, Ordering::Relaxed);
        let unsent = if before + count > REMOVALS {
            Some(files)
        } else {
            self.removals.send(files).err().map(|e| e.0)
        };
        if let Some(files) = unsent {
            // The sweep will find them, once they are no longer taken for this process's business.
            self.live.waiting.fetch_sub(count, Ordering::Relaxed);
            let mut ids = self.live.ids();
            files.iter().for_each(|id| {
                ids.remove(id);
            });
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

fn remove_all(root: &Path, live: &Live, queue: &Receiver<Vec<Id>>) {
    for id in queue.iter().flatten() {
        let path = directory_path(root, id.directory()).join(id.to_string());
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %path.display(), error = %e, "a body that nothing names was not removed");
            }
            _ => {}
        }
        live.ids().remove(&id);
        live.waiting.fetch_sub(1, Ordering::Relaxed);
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
    /// Known as live before it can be found on disk: so the sweep never sees it without knowing it.
    pub(super) fn begin(bodies: &Arc<Bodies>, id: Id) -> Self {
        bodies.live.ids().insert(id);
        Self { id, fate: Fate::Remove, bodies: Arc::clone(bodies) }
    }

    pub(super) fn id(&self) -> Id {
        self.id
    }

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
            self.bodies.remove(vec![self.id]);
        }
    }
}

/// A [`NewBody`] that is being written. All of it blocks.
pub(super) struct Writing {
    file: File,
    body: NewBody,
}

impl Writing {
    pub(super) fn begin(bodies: &Arc<Bodies>, id: Id) -> io::Result<Self> {
        Self::of(NewBody::begin(bodies, id))
    }

    /// Makes the file, which is not there yet.
    pub(super) fn of(body: NewBody) -> io::Result<Self> {
        let path = body.bodies.path(&body.id);
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

    /// Writes exactly `length` bytes of another file: the kernel shares or moves them, if the file system can.
    pub(super) fn fill_from(mut self, source: &File, length: u64) -> io::Result<Self> {
        if io::copy(&mut source.take(length), &mut self.file)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
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
