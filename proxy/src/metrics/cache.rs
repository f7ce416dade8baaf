//! Caches: what they knew, what they did not, and what they hold.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::book::{Book, Labels};
use super::number;
use super::reading::{Readings, Varying};

/// The counters of one cache. Clones are the same ones.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    hits: Counter,
    misses: Counter,
}

/// What a cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSize {
    /// How many things.
    pub entries: u64,
    /// About so much memory, where it is kept by weight.
    pub bytes: u64,
}

/// The metrics of all caches.
#[derive(Debug)]
pub(super) struct Caches {
    lookups: Family<Labels<2>, Counter>,
    entries: Readings<Varying, 1>,
    bytes: Readings<Varying, 1>,
}

impl Cache {
    /// What was looked for was there.
    pub fn hit(&self) {
        self.hits.inc();
    }

    /// It was not.
    pub fn miss(&self) {
        self.misses.inc();
    }

    /// How often it was there.
    pub fn hits(&self) -> u64 {
        self.hits.get()
    }

    /// How often it was not.
    pub fn misses(&self) -> u64 {
        self.misses.get()
    }
}

impl Caches {
    pub(super) fn new(book: &mut Book) -> Self {
        Self {
            lookups: book.counters(
                "hallmark_cache_lookups",
                &["cache", "outcome"],
                "Questions to a cache; outcome: hit or miss",
            ),
            entries: book.readings("hallmark_cache_entries", &["cache"], "What a cache holds"),
            bytes: book.readings("hallmark_cache_bytes", &["cache"], "What that weighs, about"),
        }
    }

    pub(super) fn cache(
        &self,
        name: &'static str,
        size: impl Fn() -> CacheSize + Clone + Send + Sync + 'static,
    ) -> Cache {
        let entries = size.clone();
        self.entries.read([("cache", name)], move || number(entries().entries));
        self.bytes.read([("cache", name)], move || number(size().bytes));
        let lookups = |outcome| self.lookups.get_or_create_owned(&[("cache", name), ("outcome", outcome)]);
        Cache { hits: lookups("hit"), misses: lookups("miss") }
    }
}
