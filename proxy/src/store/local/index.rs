//! The index: which versions there are, and the small bodies.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use redb::{
    Builder, Database, ReadOnlyTable, ReadTransaction, ReadableDatabase as _, StorageBackend, TableDefinition,
};

use super::bucket_row::Rules;
use super::id::Id;
use super::open::OpenError;
use super::parts::PartKey;
use super::room::Room;
use super::row::{Place, Stub};
use super::segments::{PageKey, Segment};
use crate::name::{BucketName, ObjectName};
use crate::store::{StateArea, StateName, StoreError, StoreFault};

/// What the index calls its own layout; another number is refused.
const FORMAT: u64 = 2;

/// Memory for pages of the index, bytes. What falls out of it is still in the kernel's page cache.
const CACHE_BYTES: usize = 64 << 20;

/// A lookup that took this long waited for the disk.
const SLOW: Duration = Duration::from_micros(400);

/// After a slow lookup, so many go to the blocking threads.
const WARY: u32 = 64;

type Bytewise = &'static [u8];

/// `"format"` to [`FORMAT`].
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Bucket to [`BucketRow`](super::bucket_row::BucketRow).
pub(super) const BUCKETS: TableDefinition<'_, &str, Bytewise> = TableDefinition::new("buckets");
/// [`object_key`] to [`Row`](super::row::Row): the current version of each key, unless that is a delete marker.
pub(super) const OBJECTS: TableDefinition<'_, Bytewise, Bytewise> = TableDefinition::new("objects");
/// [`version_key`](super::version::version_key) to [`Past`](super::row::Past): all other versions. See `history`.
pub(super) const VERSIONS: TableDefinition<'_, Bytewise, Bytewise> = TableDefinition::new("versions");
/// [`object_key`] to the number of the `null` version among [`VERSIONS`], where there is one.
pub(super) const NULLS: TableDefinition<'_, Bytewise, u64> = TableDefinition::new("nulls");
/// [`state_key`] to [`Stub`].
pub(super) const STATE: TableDefinition<'_, Bytewise, Bytewise> = TableDefinition::new("state");
/// Id to the body of that version. Apart from the rows, so that a listing does not read bodies.
pub(super) const INLINE: TableDefinition<'_, &[u8; Id::LEN], Bytewise> = TableDefinition::new("inline");
/// Ids whose bodies are files: what is on disk and not in here is garbage.
pub(super) const FILES: TableDefinition<'_, &[u8; Id::LEN], ()> = TableDefinition::new("files");
/// [`Segment`](super::segments::Segment)s of bodies that lie in several files, in pages.
pub(super) const SEGMENTS: TableDefinition<'_, &PageKey, Bytewise> = TableDefinition::new("segments");
/// Stages to unix milliseconds of their making and a byte that says [how they stand](super::stage::Phase).
pub(super) const STAGES: TableDefinition<'_, &[u8; Id::LEN], (u64, u8)> = TableDefinition::new("stages");
/// [`PartKey`] to the part: a [`Segment`](super::segments::Segment).
pub(super) const PARTS: TableDefinition<'_, &PartKey, &[u8; Segment::LEN]> = TableDefinition::new("parts");

/// The key of an object's row. No bucket name holds a NUL, so all keys of a bucket stand together, in their own order.
pub(super) fn object_key(object: &ObjectName) -> Vec<u8> {
    let mut key = bucket_prefix(&object.bucket);
    key.extend_from_slice(object.key.as_str().as_bytes());
    key
}

/// What every [`object_key`] of `bucket` begins with.
pub(super) fn bucket_prefix(bucket: &BucketName) -> Vec<u8> {
    let mut key = Vec::with_capacity(bucket.as_str().len() + 65);
    key.extend_from_slice(bucket.as_str().as_bytes());
    key.push(0);
    key
}

/// The key of a state object's row.
pub(super) fn state_key(name: &StateName) -> Vec<u8> {
    let mut key = vec![area_byte(name.area())];
    key.extend_from_slice(name.name().as_bytes());
    key
}

/// What every [`state_key`] of `area` begins with.
pub(super) fn area_byte(area: StateArea) -> u8 {
    match area {
        StateArea::Records => b'r',
        StateArea::Scratch => b's',
    }
}

/// The open index.
pub(super) struct Index {
    pub(super) db: Database,
    pub(super) room: Room,
    /// Lookups still to be made on the blocking threads.
    wary: AtomicU32,
    /// A commit failed: what the file holds is known only after it was opened anew.
    in_doubt: AtomicBool,
    /// Held for as long as the index is open. Declared last: let go last.
    _lock: Option<File>,
}

impl Index {
    /// Opens `file`, or makes a new index of an empty one.
    pub(super) fn open(file: impl StorageBackend, room: Room, lock: Option<File>) -> Result<Self, OpenError> {
        let db = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(file)?;
        prepare(&db)?;
        Ok(Self { db, room, wary: AtomicU32::new(0), in_doubt: AtomicBool::new(false), _lock: lock })
    }

    /// A snapshot.
    pub(super) fn view(&self) -> Result<View, StoreError> {
        self.db.begin_read().map(View).map_err(index_error)
    }

    /// Looks something small up.
    ///
    /// A lookup takes 1 to 2 microseconds when its pages are in memory, which is nearly always; handing it to a
    /// blocking thread would take ten times that. So it is done here and now, unless one was slow not long ago:
    /// then the disk is being waited for, and the next lookups wait on threads made for it.
    pub(super) async fn look<T: Send + 'static>(
        self: &Arc<Self>,
        lookup: impl FnOnce(&View) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.wary.load(Ordering::Relaxed) > 0 {
            // Two at once may take the same one off; it is a pace, not a count.
            self.wary.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).ok();
            return self.look_at_leisure(lookup).await;
        }
        let begun = Instant::now();
        let found = lookup(&self.view()?);
        if begun.elapsed() > SLOW {
            self.wary.store(WARY, Ordering::Relaxed);
        }
        found
    }

    /// Looks something up that may take long.
    pub(super) async fn look_at_leisure<T: Send + 'static>(
        self: &Arc<Self>,
        lookup: impl FnOnce(&View) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let index = Arc::clone(self);
        off_thread(move || lookup(&index.view()?)).await?
    }

    /// Makes all lookups that follow as if the disk were slow.
    #[cfg(test)]
    pub(super) fn distrust_the_disk(&self) {
        self.wary.store(u32::MAX, Ordering::Relaxed);
    }

    /// Says that a commit failed half-way.
    pub(super) fn doubt(&self) {
        self.in_doubt.store(true, Ordering::SeqCst);
    }

    /// Refuses what must not be done while it is not known what the index holds.
    pub(super) fn certain(&self) -> Result<(), StoreError> {
        if self.in_doubt.load(Ordering::SeqCst) {
            return Err(StoreError::new(
                StoreFault::Unavailable,
                "an earlier write to the index failed; the store is read-only until the server is restarted",
            ));
        }
        Ok(())
    }
}

/// Makes the tables of a new index, or checks that an old one is of a kind that is known.
fn prepare(db: &Database) -> Result<(), OpenError> {
    let index = |e: redb::Error| OpenError::Index(e);
    let txn = db.begin_read().map_err(|e| index(e.into()))?;
    if txn.list_tables().map_err(|e| index(e.into()))?.next().is_some() {
        let found = match txn.open_table(META) {
            Ok(meta) => meta.get("format").map_err(|e| index(e.into()))?.map(|v| v.value()),
            Err(redb::TableError::TableDoesNotExist(_)) => None,
            Err(e) => return Err(index(e.into())),
        };
        return match found {
            Some(FORMAT) => Ok(()),
            found => Err(OpenError::Format { found, known: FORMAT }),
        };
    }
    drop(txn);
    let make = || -> Result<(), redb::Error> {
        let mut txn = db.begin_write()?;
        txn.set_quick_repair(true);
        txn.open_table(META)?.insert("format", FORMAT)?;
        txn.open_table(BUCKETS)?;
        txn.open_table(OBJECTS)?;
        txn.open_table(VERSIONS)?;
        txn.open_table(NULLS)?;
        txn.open_table(STATE)?;
        txn.open_table(INLINE)?;
        txn.open_table(FILES)?;
        txn.open_table(SEGMENTS)?;
        txn.open_table(STAGES)?;
        txn.open_table(PARTS)?;
        Ok(txn.commit()?)
    };
    make().map_err(index)
}

/// A snapshot of the index.
pub(super) struct View(ReadTransaction);

impl View {
    pub(super) fn buckets(&self) -> Result<ReadOnlyTable<&'static str, Bytewise>, StoreError> {
        self.0.open_table(BUCKETS).map_err(index_error)
    }

    pub(super) fn objects(&self) -> Result<ReadOnlyTable<Bytewise, Bytewise>, StoreError> {
        self.0.open_table(OBJECTS).map_err(index_error)
    }

    pub(super) fn versions(&self) -> Result<ReadOnlyTable<Bytewise, Bytewise>, StoreError> {
        self.0.open_table(VERSIONS).map_err(index_error)
    }

    pub(super) fn nulls(&self) -> Result<ReadOnlyTable<Bytewise, u64>, StoreError> {
        self.0.open_table(NULLS).map_err(index_error)
    }

    pub(super) fn state(&self) -> Result<ReadOnlyTable<Bytewise, Bytewise>, StoreError> {
        self.0.open_table(STATE).map_err(index_error)
    }

    pub(super) fn files(&self) -> Result<ReadOnlyTable<&'static [u8; Id::LEN], ()>, StoreError> {
        self.0.open_table(FILES).map_err(index_error)
    }

    pub(super) fn segments(&self) -> Result<ReadOnlyTable<&'static PageKey, Bytewise>, StoreError> {
        self.0.open_table(SEGMENTS).map_err(index_error)
    }

    pub(super) fn stages(&self) -> Result<ReadOnlyTable<&'static [u8; Id::LEN], (u64, u8)>, StoreError> {
        self.0.open_table(STAGES).map_err(index_error)
    }

    pub(super) fn parts(
        &self,
    ) -> Result<ReadOnlyTable<&'static PartKey, &'static [u8; Segment::LEN]>, StoreError> {
        self.0.open_table(PARTS).map_err(index_error)
    }

    /// Whether there is such a bucket.
    pub(super) fn has_bucket(&self, bucket: &str) -> Result<bool, StoreError> {
        Ok(self.buckets()?.get(bucket).map_err(index_error)?.is_some())
    }

    /// What a bucket does with what is written into it; `None`: there is no such bucket.
    pub(super) fn rules(&self, bucket: &BucketName) -> Result<Option<Rules>, StoreError> {
        let row = self.buckets()?.get(bucket.as_str()).map_err(index_error)?;
        row.map(|row| Rules::decode_first(row.value())).transpose()
    }

    /// How many bodies lie in the index.
    #[cfg(test)]
    pub(super) fn inline_bodies(&self) -> u64 {
        use redb::ReadableTableMetadata as _;
        self.0.open_table(INLINE).unwrap().len().unwrap()
    }

    /// The bytes of `span`, which lies within the body, if the body is in the index.
    pub(super) fn inline(
        &self,
        stub: &Stub,
        span: &std::ops::Range<u64>,
    ) -> Result<Option<Bytes>, StoreError> {
        if stub.place != Place::Inline {
            return Ok(None);
        }
        let table = self.0.open_table(INLINE).map_err(index_error)?;
        let body = table.get(stub.id.as_bytes()).map_err(index_error)?;
        let body = body.as_ref().map(redb::AccessGuard::value).filter(|body| body.len() as u64 == stub.size);
        let part = body
            .and_then(|body| body.get(usize::try_from(span.start).ok()?..usize::try_from(span.end).ok()?));
        match part {
            Some(part) => Ok(Some(Bytes::copy_from_slice(part))),
            None => Err(StoreError::new(
                StoreFault::Corrupt,
                format!("the body {} is not what its row says", stub.id),
            )),
        }
    }
}

/// Runs `work` where it may wait for the disk.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| {
        StoreError::new(StoreFault::Unavailable, format!("work on the disk was not finished: {e}"))
    })
}

/// What an error of the index means to callers.
pub(super) fn index_error(error: impl Into<redb::Error>) -> StoreError {
    let error = error.into();
    let fault = match &error {
        redb::Error::Corrupted(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableDoesNotExist(_) => StoreFault::Corrupt,
        _ => StoreFault::Unavailable,
    };
    StoreError::new(fault, format!("index: {error}"))
}
