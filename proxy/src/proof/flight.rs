//! One read of an artifact that many downloads share.
//!
//! A flight is a body from the store that belongs to no download. Whoever needs the leaf that comes next in it has it
//! read, checked and kept, by a task of its own; all who need that leaf meanwhile wait for it; who comes later finds it
//! in the cache. So the fastest reader sets the pace, a client that is slow or goes away holds up nobody, and where a
//! flight fails, stands still, or is past what a reader needs, that reader asks the store itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use hallmark_signer::{CheckId, ExpectedLeaf};
use tokio::sync::watch;

use super::cursor::Cursor;
use super::fault::ProofError;
use super::kept::Kept;
use super::leaf::Leaf;
use crate::gate::Reservation;

/// A shared read of some leaves of one artifact.
pub(super) struct Flight {
    /// The seal that the leaves are checked against.
    check: CheckId,
    /// The first leaf that it does not read.
    end: u64,
    /// Locked for moments, never while something is waited for.
    state: Mutex<State>,
    kept: Arc<Kept>,
}

enum State {
    /// Until somebody needs the next leaf.
    Waiting(Box<Cursor>, Reservation),
    /// A task reads this leaf.
    Reading { leaf: u64, landed: watch::Receiver<Outcome> },
    /// All were read, or one could not be.
    Over,
}

/// What came of reading a leaf; `None`: nothing yet.
type Outcome = Option<Result<Leaf, ProofError>>;

/// A leaf that is being read.
pub(super) struct Landing(watch::Receiver<Outcome>);

/// The flights that are under way, by what they read.
#[derive(Default)]
pub(super) struct Flights {
    /// Each takes itself out when nobody follows it any more. Locked for moments.
    under_way: Mutex<HashMap<CheckId, Weak<Flight>>>,
    shared: AtomicU64,
}

impl Flight {
    /// A flight over what `cursor` reads, of the artifact with the seal `check`, up to before leaf `end`. `memory` is for
    /// the leaf that is being read.
    pub(super) fn new(
        kept: Arc<Kept>,
        check: CheckId,
        cursor: Cursor,
        end: u64,
        memory: Reservation,
    ) -> Arc<Self> {
        let state = Mutex::new(State::Waiting(Box::new(cursor), memory));
        Arc::new(Self { check, end, state, kept })
    }

    /// Whether it will read leaf `index`, if it gets there.
    pub(super) fn will_read(&self, index: u64) -> bool {
        let next = match &*self.state() {
            State::Waiting(cursor, _) => cursor.next(),
            State::Reading { leaf, .. } => *leaf,
            State::Over => return false,
        };
        (next..self.end).contains(&index)
    }

    /// Waits for leaf `index`, which must match `expected`, if it is the one that is being read or comes next.
    pub(super) fn join(self: &Arc<Self>, index: u64, expected: &ExpectedLeaf) -> Option<Landing> {
        let mut state = self.state();
        if let State::Reading { leaf, landed } = &*state {
            self.kept.flights().shared.fetch_add(u64::from(*leaf == index), Ordering::Relaxed);
            return (*leaf == index).then(|| Landing(landed.clone()));
        }
        let (tell, landed) = watch::channel(None);
        match std::mem::replace(&mut *state, State::Over) {
            State::Waiting(cursor, memory) if cursor.next() == index => {
                *state = State::Reading { leaf: index, landed: landed.clone() };
                tokio::spawn(Arc::clone(self).read(cursor, memory, expected.clone(), tell));
                Some(Landing(landed))
            }
            other => {
                *state = other;
                None
            }
        }
    }

    /// Reads one leaf.
    async fn read(
        self: Arc<Self>,
        mut cursor: Box<Cursor>,
        memory: Reservation,
        expected: ExpectedLeaf,
        tell: watch::Sender<Outcome>,
    ) {
        let leaf = cursor.next();
        let read = cursor.take_to_keep(expected).await;
        if let Ok(read) = &read {
            self.kept.keep_leaf(self.check, leaf, read);
        }
        let more = read.is_ok() && cursor.next() < self.end;
        // Before anybody hears of it: who wants the next one then finds it coming.
        *self.state() = if more { State::Waiting(cursor, memory) } else { State::Over };
        tell.send_replace(Some(read));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut under_way = self.kept.flights().under_way();
        if under_way.get(&self.check).is_some_and(|flight| std::ptr::eq(flight.as_ptr(), self)) {
            under_way.remove(&self.check);
        }
    }
}

impl Landing {
    /// The leaf, or why it could not be read; `None`: whoever read it is gone.
    pub(super) async fn wait(mut self) -> Outcome {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

impl Flights {
    /// The flight that reads the artifact with the seal `check`.
    pub(super) fn find(&self, check: &CheckId) -> Option<Arc<Flight>> {
        self.under_way().get(check).and_then(Weak::upgrade)
    }

    /// Lets others find `flight`, unless there is one that has something left to read.
    pub(super) fn offer(&self, flight: &Arc<Flight>) {
        let other = self.find(&flight.check);
        if other.is_none_or(|other| matches!(*other.state(), State::Over)) {
            self.replace(flight);
        }
    }

    /// Lets others find `flight` from now on, and no other.
    pub(super) fn replace(&self, flight: &Arc<Flight>) {
        self.under_way().insert(flight.check, Arc::downgrade(flight));
    }

    /// How many times a leaf was waited for that somebody else had read.
    pub(super) fn shared(&self) -> u64 {
        self.shared.load(Ordering::Relaxed)
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<CheckId, Weak<Flight>>> {
        // Nothing panics while it is locked.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
