//! Memory for bodies in flight: one budget in bytes, and no client may hold all of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::Metrics;

/// Permits are counted in units of this many bytes.
const UNIT: u64 = 1024;

/// How long a request waits for memory before it is told to come back later.
const PATIENCE: Duration = Duration::from_secs(5);

/// The budget of one process.
#[derive(Debug)]
pub struct Budget {
    all: Arc<Semaphore>,
    /// All of it, in units.
    size: u32,
    /// How many requests wait for some.
    waiting: Waiting,
    /// What each client may hold. Locked only to look up or insert.
    shares: Mutex<Shares>,
}

/// What each client may hold.
#[derive(Debug)]
struct Shares {
    /// In units.
    size: u32,
    /// That of each client that holds something now.
    held: HashMap<Box<str>, Weak<Semaphore>>,
}

/// Memory that one request may use; returned when dropped.
#[derive(Debug)]
pub struct Reservation {
    all: OwnedSemaphorePermit,
    share: OwnedSemaphorePermit,
    sources: (Arc<Semaphore>, Arc<Semaphore>),
    waiting: Waiting,
    /// Half of what the client may hold, and of all there is, in units.
    halves: (usize, usize),
}

/// How many requests wait for memory.
#[derive(Debug, Clone, Default)]
struct Waiting(Arc<AtomicU64>);

/// One of them.
struct Waits<'a>(&'a Waiting);

/// There is no memory for this request now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no memory for another body at the moment")]
pub struct Exhausted;

impl Budget {
    /// A budget of `bytes` for `clients` clients: each may hold a quarter, or its even part if there are fewer than
    /// four.
    pub fn new(bytes: u64, clients: usize) -> Self {
        let size = units(bytes);
        Self {
            all: Arc::new(Semaphore::new(size as usize)),
            size,
            waiting: Waiting::default(),
            shares: Mutex::new(Shares { size: share(size, clients), held: HashMap::new() }),
        }
    }

    /// From now on there are so many clients. What is held stays held and counts towards the whole, which nobody can
    /// exceed; but of the new shares only what is reserved from now on is taken, so that a client may for as long as its
    /// old requests last hold an old share and a new one.
    pub(super) fn share_among(&self, clients: usize) {
        let size = share(self.size, clients);
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.size != size {
            *shares = Shares { size, held: HashMap::new() };
        }
    }

    /// Has `metrics` show what is taken of it, and how many wait for more.
    pub(super) fn measure(&self, metrics: &Metrics) {
        let (all, limit) = (self.all.clone(), u64::from(self.size) * UNIT);
        let used = move || limit.saturating_sub(all.available_permits() as u64 * UNIT);
        metrics.memory("bodies", limit, used);
        let waiting = self.waiting.clone();
        metrics.memory_waiting(move || waiting.0.load(Ordering::Relaxed));
    }

    /// Reserves `bytes` for `client`, waiting its turn.
    ///
    /// # Errors
    /// [`Exhausted`] after 5 seconds, or at once if it is more than a client may ever hold.
    pub async fn reserve(&self, client: &str, bytes: u64) -> Result<Reservation, Exhausted> {
        let (share, size) = self.share_of(client);
        let sources = (share, self.all.clone());
        let waiting = self.waiting.clone();
        let (share, all) = acquire(&sources, units(bytes), size, &waiting).await?;
        let halves = (size as usize / 2, self.size as usize / 2);
        Ok(Reservation { all, share, sources, waiting, halves })
    }

    /// The share of a client, and its size in units.
    fn share_of(&self, client: &str) -> (Arc<Semaphore>, u32) {
        // Poisoned shares are still shares.
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let size = shares.size;
        if let Some(share) = shares.held.get(client).and_then(Weak::upgrade) {
            return (share, size);
        }
        shares.held.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(size as usize));
        shares.held.insert(client.into(), Arc::downgrade(&share));
        (share, size)
    }
}

impl Reservation {
    /// Adds `bytes`, waiting their turn. For small additions: who holds memory and waits for much more may wait for
    /// somebody who does the same.
    ///
    /// # Errors
    /// [`Exhausted`] after 5 seconds.
    pub async fn grow(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let (share, all) = acquire(&self.sources, units(bytes), u32::MAX, &self.waiting).await?;
        self.share.merge(share);
        self.all.merge(all);
        Ok(())
    }

    /// `bytes` more for the same client, for something that can be done without: only while half of what the client may
    /// hold, and of all there is, stays free.
    pub(crate) fn spare(&self, bytes: u64) -> Option<Self> {
        let units = units(bytes);
        let take = |source: &Arc<Semaphore>, half: usize| {
            let ample = source.available_permits() >= half.saturating_add(units as usize);
            ample.then(|| Arc::clone(source).try_acquire_many_owned(units).ok()).flatten()
        };
        let share = take(&self.sources.0, self.halves.0)?;
        let all = take(&self.sources.1, self.halves.1)?;
        Some(Self {
            all,
            share,
            sources: self.sources.clone(),
            waiting: self.waiting.clone(),
            halves: self.halves,
        })
    }

    /// Adds what is missing to `bytes`, as [`grow`](Self::grow) does.
    ///
    /// # Errors
    /// [`Exhausted`] after 5 seconds.
    pub async fn grow_to(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let held = self.all.num_permits() as u64 * UNIT;
        match bytes.saturating_sub(held) {
            0 => Ok(()),
            missing => self.grow(missing).await,
        }
    }

    /// Returns what is held beyond `bytes`.
    pub fn shrink(&mut self, bytes: u64) {
        for held in [&mut self.share, &mut self.all] {
            drop(held.split(held.num_permits().saturating_sub(units(bytes) as usize)));
        }
    }
}

async fn acquire(
    (share, all): &(Arc<Semaphore>, Arc<Semaphore>),
    units: u32,
    most: u32,
    waiting: &Waiting,
) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Exhausted> {
    if units > most {
        return Err(Exhausted);
    }
    // Nearly always there is enough.
    if let Ok(share) = share.clone().try_acquire_many_owned(units)
        && let Ok(all) = all.clone().try_acquire_many_owned(units)
    {
        return Ok((share, all));
    }
    let _waits = Waits::begin(waiting);
    // The client's own share first: who waits for that must not hold up others.
    let both = async {
        let share = share.clone().acquire_many_owned(units).await.ok()?;
        let all = all.clone().acquire_many_owned(units).await.ok()?;
        Some((share, all))
    };
    tokio::time::timeout(PATIENCE, both).await.ok().flatten().ok_or(Exhausted)
}

impl<'a> Waits<'a> {
    fn begin(waiting: &'a Waiting) -> Self {
        waiting.0.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Of a budget of `units`, what each of `clients` may hold.
fn share(units: u32, clients: usize) -> u32 {
    let parts = u32::try_from(clients.clamp(1, 4)).unwrap_or(4);
    (units / parts).max(1)
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn p7_no_client_can_hold_all_of_the_memory() {
        let budget = Budget::new(400 * UNIT, 9);
        let greedy = budget.reserve("a", 100 * UNIT).await.unwrap();
        assert_eq!(budget.reserve("a", 1).await.unwrap_err(), Exhausted);
        let _other = budget.reserve("b", 100 * UNIT).await.unwrap();
        drop(greedy);
        budget.reserve("a", 100 * UNIT).await.unwrap();
        assert_eq!(budget.reserve("c", 101 * UNIT).await.unwrap_err(), Exhausted);
    }

    #[tokio::test(start_paused = true)]
    async fn p7_a_reservation_grows_and_shrinks_within_the_budget_and_returns_all_of_it() {
        let budget = Budget::new(100 * UNIT, 1);
        let mut held = budget.reserve("a", 10 * UNIT).await.unwrap();
        held.grow(90 * UNIT).await.unwrap();
        assert_eq!(held.grow(1).await, Err(Exhausted));
        held.shrink(40 * UNIT);
        let other = budget.reserve("b", 60 * UNIT).await.unwrap();
        held.shrink(50 * UNIT);
        assert_eq!(held.grow(1).await, Err(Exhausted));
        held.grow_to(40 * UNIT).await.unwrap();
        assert_eq!(held.grow_to(40 * UNIT + 1).await, Err(Exhausted));
        drop((held, other));
        budget.reserve("a", 100 * UNIT).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn p7_shares_follow_the_number_of_clients_and_the_whole_stays() {
        let budget = Budget::new(120 * UNIT, 1);
        let before = budget.reserve("a", 100 * UNIT).await.unwrap();
        budget.share_among(3);
        assert_eq!(budget.reserve("a", 41 * UNIT).await.unwrap_err(), Exhausted, "more than a share");
        assert_eq!(budget.reserve("a", 40 * UNIT).await.unwrap_err(), Exhausted, "more than there is");
        drop(before);
        let first = budget.reserve("a", 40 * UNIT).await.unwrap();
        budget.share_among(3);
        assert_eq!(budget.reserve("a", 1).await.unwrap_err(), Exhausted, "nothing has changed");
        budget.share_among(2);
        budget.reserve("b", 60 * UNIT).await.unwrap();
        drop(first);
        budget.reserve("a", 60 * UNIT).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn p7_what_can_be_done_without_leaves_half_free() {
        let budget = Budget::new(100 * UNIT, 1);
        let held = budget.reserve("a", 10 * UNIT).await.unwrap();
        let spare = held.spare(40 * UNIT).unwrap();
        assert!(held.spare(1).is_none());
        drop(spare);
        assert!(held.spare(41 * UNIT).is_none());
        assert!(held.spare(1).is_some());
    }
}
