//! The in-order window: the hash of an upload's parts, computed while they arrive.
//!
//! The seal needs SHA-256 and leaves of the whole, and parts arrive at once and in any order. What passes through this
//! instance is hashed here as far as it goes: the next part in order as it comes, the ones after it are held in memory
//! until it is their turn. Where a part begins with a leaf, as nearly all do, the leaves that were hashed for its own record
//! are those of the whole, and only SHA-256 is left to do. At Complete the window says of how many parts it has the hash; the rest is read back from the
//! stage ([`readback`](super::readback)).
//!
//! **It is never a hole.** The window counts only while the parts that it took in are the first ones of Complete's list,
//! number by number and tree by tree: these are the roots in the parts' records, which were computed from the same
//! bytes. A part that was sent again with other bytes, came through another instance, failed, or found no room
//! makes the window shorter, never wrong. That the stage still holds those bytes is not said here; whoever downloads
//! them has each leaf checked.
//!
//! **It never waits for a client** and holds no more than its pool: without room, the parts that are last in order go
//! first. Parts wait only for hashing that is under way ([`Feed::keep_pace`]): many parts and one window share the
//! processors, and it would fall behind. It lives in this process alone, and nothing but time is lost with it.

mod state;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hallmark_signer::{ContentHasher, LeavesHasher, TreeRoot};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use self::state::{FeedId, Job, Window};
use crate::metrics::Metrics;
use crate::store::PartNumber;

/// At most so many uploads have a window.
const MAX_UPLOADS: usize = 1024;

/// A window that nothing came to for so long ends.
const IDLE: Duration = Duration::from_secs(600);

/// How long Complete waits for parts that are here to be hashed. What is not hashed then is read back.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many windows hash at once.
const HASHERS: usize = 4;

/// The random bytes in an upload's id.
type UploadKey = [u8; 16];

/// The windows of one instance: one for each upload that has parts on their way through it.
pub struct Windows {
    /// Held for moments, never while something is hashed.
    state: Mutex<State>,
    hashers: Semaphore,
    /// Told whenever a window has hashed something, or has come to the end of what it could hash.
    progress: Notify,
    /// All the room there is, bytes.
    bytes: u64,
}

struct State {
    /// Bytes that may still be held.
    room: u64,
    uploads: HashMap<UploadKey, Window>,
    feeds: u64,
}

/// A part on its way into the window. Dropped before [`commit`](Feed::commit), it was never there.
pub struct Feed {
    windows: Arc<Windows>,
    upload: UploadKey,
    id: FeedId,
}

/// What the window knows of a list of parts: the state of the hash after the first of them.
pub(super) struct Prefix {
    /// After the first [`parts`](Self::parts) parts of the list.
    pub(super) hasher: ContentHasher,
    /// How many parts of the list are in it.
    pub(super) parts: usize,
}

impl Windows {
    /// Windows that hold at most `bytes` in all.
    pub fn new(bytes: u64) -> Arc<Self> {
        let state = State { room: bytes, uploads: HashMap::new(), feeds: 0 };
        Arc::new(Self {
            state: Mutex::new(state),
            hashers: Semaphore::new(HASHERS),
            progress: Notify::new(),
            bytes,
        })
    }

    /// Has `metrics` show how much is held.
    pub(in crate::gate) fn measure(self: &Arc<Self>, metrics: &Metrics) {
        let windows = self.clone();
        let used = move || windows.bytes.saturating_sub(windows.lock().room);
        metrics.memory("windows", self.bytes, used);
    }

    /// With less room than this, hashing comes before receiving.
    fn scarce(&self) -> u64 {
        self.bytes / 2
    }

    /// A part of `length` bytes of the upload whose id has these random bytes begins to arrive.
    pub fn begin(self: &Arc<Self>, upload: &UploadKey, number: PartNumber, length: u64) -> Feed {
        let mut state = self.lock();
        state.feeds += 1;
        let id = FeedId { number: number.number(), feed: state.feeds };
        state.end_idle();
        let State { room, uploads, .. } = &mut *state;
        if uploads.contains_key(upload) || uploads.len() < MAX_UPLOADS {
            uploads.entry(*upload).or_default().begin(id, length, room);
        }
        Feed { windows: self.clone(), upload: *upload, id }
    }

    /// The upload is over.
    pub fn forget(&self, upload: &UploadKey) {
        let mut state = self.lock();
        if let Some(window) = state.uploads.remove(upload) {
            state.room += window.held();
        }
        drop(state);
        self.progress.notify_waiters();
    }

    /// The hash of the first parts of `list`, as many as the window took in. Of none, if it took in anything else.
    pub(super) async fn prefix(&self, upload: &UploadKey, list: &[(PartNumber, TreeRoot)]) -> Prefix {
        let nothing = || Prefix { hasher: ContentHasher::of_unknown_length(), parts: 0 };
        let settled = async {
            loop {
                let progress = self.progress.notified();
                match self.lock().uploads.get(upload) {
                    None => return None,
                    Some(window) if !window.has_work() => return window.prefix(list),
                    Some(_) => {}
                }
                progress.await;
            }
        };
        timeout(PATIENCE, settled).await.ok().flatten().unwrap_or_else(nothing)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change; and what a window says is compared with the parts' records.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has what can be hashed now hashed, unless that is going on already.
    fn wake(self: &Arc<Self>, upload: &UploadKey) {
        let job = {
            let mut state = self.lock();
            let State { room, uploads, .. } = &mut *state;
            uploads.get_mut(upload).and_then(|window| window.start(room))
        };
        match (job, Handle::try_current()) {
            (Some(job), Ok(runtime)) => drop(runtime.spawn(self.clone().work(*upload, job))),
            (Some(_), Err(_)) => self.forget(upload),
            (None, _) => self.progress.notify_waiters(),
        }
    }

    async fn work(self: Arc<Self>, upload: UploadKey, job: Job) {
        let mut next = Some(job);
        while let Some(job) = next {
            let charged = job.charged();
            let turn = self.hashers.acquire().await;
            let done = spawn_blocking(move || job.run()).await;
            drop(turn);
            let mut state = self.lock();
            let State { room, uploads, .. } = &mut *state;
            *room += charged;
            next = match done {
                Ok(job) => uploads.get_mut(&upload).and_then(|window| window.resume(job, room)),
                // The process is going down, or hashing panicked: the hasher is lost, and the window with it.
                Err(_) => {
                    drop(state);
                    self.forget(&upload);
                    None
                }
            };
            self.progress.notify_waiters();
        }
        self.progress.notify_waiters();
    }
}

impl State {
    fn end_idle(&mut self) {
        let now = Instant::now();
        let Self { room, uploads, .. } = self;
        uploads.retain(|_, window| {
            let stays = now.duration_since(window.used()) < IDLE;
            *room += if stays { 0 } else { window.held() };
            stays
        });
    }
}

impl Feed {
    /// Takes the next piece. Never waits.
    pub fn data(&mut self, piece: &Bytes) {
        let mut state = self.windows.lock();
        let State { room, uploads, .. } = &mut *state;
        if let Some(window) = uploads.get_mut(&self.upload) {
            window.data(self.id, piece, room);
            drop(state);
            self.windows.wake(&self.upload);
        }
    }

    /// Waits while room is scarce and bytes of this upload are being hashed. Not for any that are still to arrive, so
    /// no client waits for another connection of its own.
    pub(super) async fn keep_pace(&self) {
        let Self { windows, upload, .. } = self;
        let hashed = async {
            loop {
                let progress = windows.progress.notified();
                {
                    let state = windows.lock();
                    let hashing = state.uploads.get(upload).is_some_and(Window::is_hashing);
                    if state.room >= windows.scarce() || !hashing {
                        return;
                    }
                }
                progress.await;
            }
        };
        // Then the parts that are last in order lose their place, and that is all.
        let _ = timeout(PATIENCE, hashed).await;
    }

    /// The part with these leaves is durable, and so is its record, which has the root over them.
    pub fn commit(self, leaves: LeavesHasher) {
        let tree = leaves.root();
        if let Some(window) = self.windows.lock().uploads.get_mut(&self.upload) {
            window.commit(self.id, tree, leaves);
        }
        self.windows.wake(&self.upload);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut state = self.windows.lock();
        let State { room, uploads, .. } = &mut *state;
        if let Some(window) = uploads.get_mut(&self.upload) {
            window.end(self.id, room);
        }
    }
}

impl fmt::Debug for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows").field("uploads", &self.lock().uploads.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Feed").field(&self.id).finish()
    }
}

#[cfg(test)]
mod tests;
