//! The one thread that writes to the index.
//!
//! It takes all changes that wait and makes them one durable transaction: however many clients write, each pays a
//! share of the sync only. Conditions are judged inside the transaction, so nothing comes between them and the
//! write. Whoever asked is answered when the transaction is durable.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use redb::{ReadableTable as _, Table, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::bodies::{Bodies, Gone, NewBody};
use super::id::Id;
use super::index::{
    BUCKETS, FILES, INLINE, Index, NULLS, OBJECTS, PARTS, SEGMENTS, STAGES, STATE, VERSIONS, index_error,
};
use super::parts::PartKey;
use super::receive::Content;
use super::row::{Place, Stub};
use super::segments::{PageKey, Segment};
use crate::store::{PutError, StoreError, StoreFault};

/// Changes in one transaction.
const BATCH: usize = 256;

/// How long to wait for company when the last transaction had some: its writers were answered a moment ago and are
/// on their way back. A third more writes with 32 writers at once; a writer alone never waits.
const COMPANY: Duration = Duration::from_micros(50);

/// Changes that may wait.
const QUEUE: usize = 1024;

/// The tables, open for one transaction.
pub(super) struct Tables<'txn> {
    pub(super) buckets: Table<'txn, &'static str, &'static [u8]>,
    pub(super) objects: Table<'txn, &'static [u8], &'static [u8]>,
    pub(super) versions: Table<'txn, &'static [u8], &'static [u8]>,
    pub(super) nulls: Table<'txn, &'static [u8], u64>,
    pub(super) state: Table<'txn, &'static [u8], &'static [u8]>,
    pub(super) segments: Table<'txn, &'static PageKey, &'static [u8]>,
    pub(super) stages: Table<'txn, &'static [u8; Id::LEN], (u64, u8)>,
    pub(super) parts: Table<'txn, &'static PartKey, &'static [u8; Segment::LEN]>,
    inline: Table<'txn, &'static [u8; Id::LEN], &'static [u8]>,
    files: Table<'txn, &'static [u8; Id::LEN], ()>,
    /// Whether there is anything to commit.
    changed: bool,
    /// Files that rows name once this is durable.
    named: Vec<NewBody>,
    /// Files that rows no longer name once this is durable.
    unnamed: Vec<Gone>,
}

impl<'txn> Tables<'txn> {
    fn open(txn: &'txn WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            buckets: txn.open_table(BUCKETS)?,
            objects: txn.open_table(OBJECTS)?,
            versions: txn.open_table(VERSIONS)?,
            nulls: txn.open_table(NULLS)?,
            state: txn.open_table(STATE)?,
            segments: txn.open_table(SEGMENTS)?,
            stages: txn.open_table(STAGES)?,
            parts: txn.open_table(PARTS)?,
            inline: txn.open_table(INLINE)?,
            files: txn.open_table(FILES)?,
            changed: false,
            named: Vec::new(),
            unnamed: Vec::new(),
        })
    }

    /// To be said by every change that writes.
    pub(super) fn changed(&mut self) {
        self.changed = true;
    }

    /// Keeps the body of a version whose row is written in the same transaction.
    pub(super) fn keep_body(&mut self, id: Id, content: Content) -> Result<(), redb::Error> {
        match content {
            Content::Inline(bytes) => {
                self.inline.insert(id.as_bytes(), bytes.as_ref())?;
            }
            Content::File(file) => self.name_file(file)?,
            Content::Segments { list, new } => {
                self.keep_segments(id, &list)?;
                new.into_iter().try_for_each(|file| self.name_file(file))?;
            }
        }
        Ok(())
    }

    /// Gives up the body of a version whose row is gone.
    pub(super) fn drop_body(&mut self, stub: &Stub) -> Result<(), redb::Error> {
        match stub.place {
            Place::Inline => {
                self.inline.remove(stub.id.as_bytes())?;
            }
            Place::File => self.unname_files(stub.id, vec![stub.id])?,
            Place::Segments => {
                let files = self.drop_segments(stub.id)?;
                self.unname_files(stub.id, files)?;
            }
        }
        Ok(())
    }

    /// Keeps a file that something written in the same transaction names.
    pub(super) fn name_file(&mut self, file: NewBody) -> Result<(), redb::Error> {
        self.files.insert(file.id().as_bytes(), ())?;
        self.named.push(file);
        Ok(())
    }

    /// Gives up files that nothing names any more; readers of `version` may still want them.
    pub(super) fn unname_files(&mut self, version: Id, files: Vec<Id>) -> Result<(), redb::Error> {
        for file in &files {
            self.files.remove(file.as_bytes())?;
        }
        if !files.is_empty() {
            self.unnamed.push(Gone { version, files });
        }
        Ok(())
    }
}

/// The stub of the row under `key`. A row that does not decode counts as none, so that it can be replaced and
/// deleted; its body is lost to the sweep, which is the lesser evil.
pub(super) fn standing(table: &Table<'_, &[u8], &[u8]>, key: &[u8]) -> Result<Option<Stub>, redb::Error> {
    let row = table.get(key)?;
    Ok(row.and_then(|row| match Stub::decode_first(row.value()) {
        Ok(stub) => Some(stub),
        Err(error) => {
            tracing::warn!(%error, "a damaged row is being replaced");
            None
        }
    }))
}

/// Why a change was not made, or may not have been.
#[derive(Debug, Clone)]
pub(super) enum Uncommitted {
    NotStored(StoreError),
    Unknown(StoreError),
}

impl From<Uncommitted> for PutError {
    fn from(error: Uncommitted) -> Self {
        match error {
            Uncommitted::NotStored(e) => Self::NotStored(e),
            Uncommitted::Unknown(e) => Self::Unknown(e),
        }
    }
}

impl From<Uncommitted> for StoreError {
    fn from(error: Uncommitted) -> Self {
        match error {
            Uncommitted::NotStored(e) | Uncommitted::Unknown(e) => e,
        }
    }
}

trait Job: Send {
    /// Makes the change. An error spoils the whole transaction.
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error>;

    /// Tells whoever asked.
    fn answer(self: Box<Self>, result: Result<(), Uncommitted>);
}

struct Pending<T, F> {
    change: Option<F>,
    outcome: Option<T>,
    asked: oneshot::Sender<Result<T, Uncommitted>>,
}

impl<T, F> Job for Pending<T, F>
where
    T: Send,
    F: FnOnce(&mut Tables<'_>) -> Result<T, redb::Error> + Send,
{
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        if let Some(change) = self.change.take() {
            self.outcome = Some(change(tables)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), Uncommitted>) {
        // `None` after a commit: it was not applied, which `commit` does not let happen. Dropping `asked` then says
        // "unknown". Whoever asked may be gone as well; the change stands all the same.
        let Self { outcome, asked, .. } = *self;
        if let Some(answer) = result.map_or_else(|e| Some(Err(e)), |()| outcome.map(Ok)) {
            let _ = asked.send(answer);
        }
    }
}

/// The way to the thread. Dropping it waits until what was asked for is done.
pub(super) struct Committer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub(super) fn start(index: Arc<Index>, bodies: Arc<Bodies>) -> std::io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Box<dyn Job>>(QUEUE);
        let run = move || {
            let mut last = 1;
            while let Some(first) = queue.blocking_recv() {
                if last > 1 {
                    std::thread::sleep(COMPANY);
                }
                let mut batch = vec![first];
                while batch.len() < BATCH
                    && let Ok(job) = queue.try_recv()
                {
                    batch.push(job);
                }
                last = batch.len();
                let result = commit(&index, &bodies, &mut batch);
                for job in batch {
                    job.answer(result.clone());
                }
            }
        };
        let thread = std::thread::Builder::new().name("store-commit".into()).spawn(run)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Has `change` made and waits until it is durable. An outcome that is a refusal is an outcome: such a change
    /// must have written nothing.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tables<'_>) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Uncommitted> {
        let stopped =
            |what| StoreError::new(StoreFault::Unavailable, format!("the writer of the index {what}"));
        let (asked, answer) = oneshot::channel();
        let job = Box::new(Pending { change: Some(change), outcome: None, asked });
        match &self.jobs {
            Some(jobs) if jobs.send(job).await.is_ok() => {}
            _ => return Err(Uncommitted::NotStored(stopped("has stopped"))),
        }
        answer.await.unwrap_or_else(|_| Err(Uncommitted::Unknown(stopped("stopped meanwhile"))))
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the writer of the index had panicked");
        }
    }
}

fn commit(index: &Index, bodies: &Bodies, batch: &mut [Box<dyn Job>]) -> Result<(), Uncommitted> {
    index.certain().and_then(|()| index.room.for_commit()).map_err(Uncommitted::NotStored)?;
    let not_stored = |e: redb::Error| Uncommitted::NotStored(index_error(e));
    let mut txn = index.db.begin_write().map_err(|e| not_stored(e.into()))?;
    // Readiness after a crash must not depend on how much is stored: without this the whole index would be walked
    // (1.6 s per GiB). It costs a second sync per transaction, 0.2 ms, shared by all of a batch.
    txn.set_quick_repair(true);
    let (mut named, unnamed) = {
        let mut tables = Tables::open(&txn).map_err(not_stored)?;
        for job in batch {
            job.apply(&mut tables).map_err(not_stored)?;
        }
        if !tables.changed {
            return Ok(());
        }
        (tables.named, tables.unnamed)
    };
    bodies.sync_names(&named).map_err(|e| {
        Uncommitted::NotStored(StoreError::new(
            StoreFault::Unavailable,
            format!("a directory was not synced: {e}"),
        ))
    })?;
    named.iter_mut().for_each(NewBody::in_doubt);
    bodies.going(&unnamed);
    txn.commit().map_err(|e| {
        // The transaction may or may not be on disk, and what the open index shows is not what is there.
        index.doubt();
        Uncommitted::Unknown(index_error(e))
    })?;
    named.into_iter().for_each(NewBody::named);
    unnamed.into_iter().for_each(|gone| bodies.gone(gone));
    Ok(())
}
