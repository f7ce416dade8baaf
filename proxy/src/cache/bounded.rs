//! A cache that is bounded in bytes.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::metrics::{self, CacheSize, Metrics};

/// What an entry takes beside what it holds: measured for keys of 40 bytes, rounded up.
const OVERHEAD: u64 = 400;

/// After so many bytes the cache is told to look after itself, so that it is over its bound by no more than that and what
/// other threads are putting in at the same moment.
const SETTLE: u64 = 1 << 20;

/// Keeps what it is given until there is no room.
///
/// The cache inside does its work in batches, and frees what it gave up later still. That would be many times the bound
/// where entries have a MiB each. So entries are emptied at the moment that they are given up, and the work is asked for
/// when enough has come in.
pub(crate) struct Bounded<K, V> {
    /// `None`: nothing is kept.
    entries: Option<Cache<K, Arc<Entry<V>>>>,
    capacity: u64,
    unsettled: AtomicU64,
    lookups: metrics::Cache,
}

struct Entry<V> {
    /// Taken out when the entry is given up.
    value: Mutex<Option<V>>,
    weight: u32,
}

/// Which entry is given up first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// What was asked for most lately stays; so what is put in is there for a while.
    Newest,
    /// What is asked for often stays, whatever comes once.
    Popular,
}

/// What a cache has done and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheStats {
    /// Which cache.
    pub name: &'static str,
    /// How often something was found.
    pub hits: u64,
    /// How often it was not.
    pub misses: u64,
    /// How many entries there are, about.
    pub entries: u64,
    /// How much memory they take, about, bytes.
    pub bytes: u64,
    /// How much they may take; 0: the cache is off.
    pub capacity: u64,
}

impl<K, V> Bounded<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Keeps at most `capacity` bytes; nothing if that is 0.
    pub(crate) fn new(capacity: u64, keep: Keep) -> Self {
        let policy = match keep {
            Keep::Newest => EvictionPolicy::lru(),
            Keep::Popular => EvictionPolicy::tiny_lfu(),
        };
        let entries = (capacity > 0).then(|| {
            Cache::builder()
                .max_capacity(capacity)
                .eviction_policy(policy)
                .weigher(|_, entry: &Arc<Entry<V>>| entry.weight)
                .eviction_listener(|_, entry: Arc<Entry<V>>, _| drop(entry.take()))
                .build()
        });
        Self { entries, capacity, unsettled: AtomicU64::new(0), lookups: metrics::Cache::default() }
    }

    /// The same, counted in `metrics` as the cache `name`.
    pub(crate) fn measured(self, name: &'static str, metrics: &Metrics) -> Self {
        let entries = self.entries.clone();
        let size = move || {
            let Some(entries) = &entries else { return CacheSize { entries: 0, bytes: 0 } };
            // It counts now and then, and else not.
            entries.run_pending_tasks();
            CacheSize { entries: entries.entry_count(), bytes: entries.weighted_size() }
        };
        Self { lookups: metrics.cache(name, size), ..self }
    }

    /// How much is kept at most, bytes.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// What is kept under `key`.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.entries.as_ref()?;
        let found = self.peek(key);
        match found {
            Some(_) => self.lookups.hit(),
            None => self.lookups.miss(),
        }
        found
    }

    /// The same, not counted.
    pub(crate) fn peek(&self, key: &K) -> Option<V> {
        self.entries.as_ref()?.get(key)?.get()
    }

    /// Whether something is kept under `key` at the moment. Not counted as a use.
    pub(crate) fn has(&self, key: &K) -> bool {
        self.entries.as_ref().is_some_and(|entries| entries.contains_key(key))
    }

    /// Keeps `value`, which holds `bytes` bytes of memory beside itself.
    pub(crate) fn put(&self, key: K, value: V, bytes: usize) {
        let Some(entries) = &self.entries else { return };
        let own = size_of::<K>() + size_of::<V>();
        let weight = OVERHEAD.saturating_add((bytes.saturating_add(own)) as u64);
        let Some(fits) = u32::try_from(weight).ok().filter(|_| weight <= self.capacity) else { return };
        entries.insert(key, Arc::new(Entry { value: Mutex::new(Some(value)), weight: fits }));
        if self.unsettled.fetch_add(weight, Ordering::Relaxed).saturating_add(weight) >= SETTLE {
            self.unsettled.store(0, Ordering::Relaxed);
            entries.run_pending_tasks();
        }
    }

    /// What it has done and holds.
    pub(crate) fn stats(&self, name: &'static str) -> CacheStats {
        let held = self.entries.as_ref().map(|entries| (entries.entry_count(), entries.weighted_size()));
        let (entries, bytes) = held.unwrap_or_default();
        let (hits, misses) = (self.lookups.hits(), self.lookups.misses());
        CacheStats { name, hits, misses, entries, bytes, capacity: self.capacity }
    }
}

impl<V: Clone> Entry<V> {
    fn get(&self) -> Option<V> {
        // Nothing in here can panic with the lock held but a clone; what it was taken for is still whole then.
        self.value.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self) -> Option<V> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const MIB: usize = 1 << 20;

    /// A MiB that is counted as long as it is there.
    #[derive(Clone)]
    struct Counted(#[expect(dead_code, reason = "held to be dropped")] Arc<Live>);

    struct Live(Arc<AtomicUsize>);

    impl Counted {
        fn new(live: &Arc<AtomicUsize>, peak: &AtomicUsize) -> Self {
            peak.fetch_max(live.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            Self(Arc::new(Live(Arc::clone(live))))
        }
    }

    impl Drop for Live {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn p7_what_is_given_up_is_freed_at_once() {
        const CAPACITY: usize = 16;
        const THREADS: usize = 4;
        let cache = Bounded::new((CAPACITY * MIB) as u64, Keep::Newest);
        let (live, peak) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (cache, live, peak) = (&cache, &live, &peak);
                scope.spawn(move || {
                    for number in 0..200 {
                        cache.put((thread, number), Counted::new(live, peak), MIB);
                    }
                });
            }
        });
        // Each thread has one in hand, and one that it has just put in.
        let peak = peak.into_inner();
        assert!((CAPACITY - 1..=CAPACITY + 2 * THREADS).contains(&peak), "{peak} MiB of {CAPACITY}");
        let stats = cache.stats("test");
        assert!(stats.entries < CAPACITY as u64 && stats.bytes <= stats.capacity, "{stats:?}");
        assert_eq!(live.load(Ordering::SeqCst) as u64, stats.entries);
    }

    #[test]
    fn what_was_put_in_is_found_and_counted() {
        let cache = Bounded::new(10_000, Keep::Newest);
        assert_eq!(cache.get(&1), None);
        cache.put(1, "one", 0);
        assert!(cache.has(&1) && !cache.has(&2));
        assert_eq!(cache.get(&1), Some("one"));
        cache.put(2, "too large", 10_000);
        assert_eq!(cache.get(&2), None);
        let stats = cache.stats("test");
        assert_eq!((stats.hits, stats.misses), (1, 2));
    }

    #[test]
    fn the_newest_stay() {
        let cache = Bounded::new(8 * MIB as u64, Keep::Newest);
        for number in 0..100 {
            cache.put(number, number, MIB);
            assert_eq!(cache.get(&number), Some(number), "it is there");
        }
        let kept: Vec<_> = (0..100).filter(|number| cache.has(number)).collect();
        assert_eq!(kept, (93..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_cache_that_is_off_keeps_nothing() {
        let cache = Bounded::new(0, Keep::Popular);
        cache.put(1, (), 0);
        assert_eq!(cache.get(&1), None);
        assert_eq!(cache.stats("test").misses, 0, "nobody asked a cache");
    }
}
