//! Memory for bodies in flight: one budget in bytes, and no client may hold all of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::metrics::Metrics;

/// Permits are counted in units of this many bytes.
const UNIT: u64 = 1024;

/// How long a request waits for memory before it is told to come back later.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many at once wait for more than they held, and have given that back in the books alone.
const EXCHANGES: usize = 2;

/// The budget of one process.
#[derive(Debug)]
pub struct Budget {
    all: Arc<Semaphore>,
    /// All of it, in units.
    size: u32,
    /// How many requests wait for some.
    waiting: Waiting,
    /// Whose turn it is to [exchange](Reservation::exchange) what it holds.
    exchanges: Arc<Semaphore>,
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
    exchanges: Arc<Semaphore>,
    waiting: Waiting,
    /// What the client may hold, and all there is, in units.
    sizes: (u32, u32),
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
            exchanges: Arc::new(Semaphore::new(EXCHANGES)),
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
        let (exchanges, sizes) = (self.exchanges.clone(), (size, self.size));
        Ok(Reservation { all, share, sources, exchanges, waiting, sizes })
    }

    /// The most that a client may ever hold, bytes.
    pub(super) fn most(&self) -> u64 {
        u64::from(self.shares.lock().unwrap_or_else(PoisonError::into_inner).size) * UNIT
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
    /// `bytes` more for the same client, for something that can be done without: only while half of what the client may
    /// hold, and of all there is, stays free.
    pub(crate) fn spare(&self, bytes: u64) -> Option<Self> {
        let units = units(bytes);
        let take = |source: &Arc<Semaphore>, half: usize| {
            let ample = source.available_permits() >= half.saturating_add(units as usize);
            ample.then(|| Arc::clone(source).try_acquire_many_owned(units).ok()).flatten()
        };
        let share = take(&self.sources.0, self.sizes.0 as usize / 2)?;
        let all = take(&self.sources.1, self.sizes.1 as usize / 2)?;
        Some(self.of_same(share, all))
    }

    /// For who works with what is held here: holds nothing itself. Always `Some`: of anything nothing can be split off.
    pub(super) fn lent(&mut self) -> Option<Self> {
        let (share, all) = (self.share.split(0)?, self.all.split(0)?);
        Some(self.of_same(share, all))
    }

    fn of_same(&self, share: OwnedSemaphorePermit, all: OwnedSemaphorePermit) -> Self {
        Self {
            all,
            share,
            sources: self.sources.clone(),
            exchanges: self.exchanges.clone(),
            waiting: self.waiting.clone(),
            sizes: self.sizes,
        }
    }

    /// Holds `bytes` instead of what it holds now. Who holds memory and waits for more may wait for somebody who does the
    /// same; so where that much is not free, all is given back first, and then waited for like anybody else does. What was
    /// held is in use all the same, beside the budget: a few may do that at once, and others hold what they have until it
    /// is their turn.
    ///
    /// # Errors
    /// [`Exhausted`] after 5 seconds, or at once if it is more than a client may ever hold. What was held may be given back
    /// then.
    pub async fn exchange(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let (wanted, held) = (units(bytes), self.all.num_permits() as u64);
        if wanted > self.sizes.0 {
            return Err(Exhausted);
        }
        let missing = u64::from(wanted).saturating_sub(held);
        if missing == 0 {
            self.shrink(bytes);
            return Ok(());
        }
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        if let Ok(share) = self.sources.0.clone().try_acquire_many_owned(missing)
            && let Ok(all) = self.sources.1.clone().try_acquire_many_owned(missing)
        {
            self.share.merge(share);
            self.all.merge(all);
            return Ok(());
        }
        let exchanges = self.exchanges.clone();
        let exchanged = async {
            let waiting = self.waiting.clone();
            let waits = Waits::begin(&waiting);
            let _turn = exchanges.acquire_owned().await.map_err(|_| Exhausted)?;
            drop(waits);
            self.shrink(0);
            acquire(&self.sources, wanted, self.sizes.0, &self.waiting).await
        };
        // For its turn and for the memory.
        let (share, all) = timeout(PATIENCE, exchanged).await.map_err(|_| Exhausted)??;
        self.share.merge(share);
        self.all.merge(all);
        Ok(())
    }

    /// Holds `bytes`, or what it holds now if that is more. See [`exchange`](Self::exchange).
    ///
    /// # Errors
    /// See there.
    pub async fn at_least(&mut self, bytes: u64) -> Result<(), Exhausted> {
        if units(bytes) as usize <= self.all.num_permits() {
            return Ok(());
        }
        self.exchange(bytes).await
    }

    /// The most that its client may ever hold, bytes.
    pub(super) fn most(&self) -> u64 {
        u64::from(self.sizes.0) * UNIT
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
    timeout(PATIENCE, both).await.ok().flatten().ok_or(Exhausted)
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
mod tests;
