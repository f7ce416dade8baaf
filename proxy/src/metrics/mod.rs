//! What is counted, for Prometheus. `deploy/metrics.md` lists all of it, and a test holds it to that.
//!
//! There is nothing global: each instance has a [`Metrics`], which is handed to whoever counts. Counting is a few atomic
//! additions: the series of an operation or a call are looked up once and then found by number. Labels are words of ours,
//! never a client's or a store's, so there are only so many series, and nothing of a key or a client in any.

mod book;
mod cache;
mod config;
mod histogram;
mod process;
mod reading;
mod requests;
mod seal_key;
mod slots;
mod store;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

pub use cache::{Cache, CacheSize};
pub(crate) use requests::{Request, Requests};
pub(crate) use seal_key::SealKeyMetrics;
pub(crate) use store::{StoreCall, StoreCalls, StoreOutcome};

use self::book::{Book, Labels};
use self::cache::Caches;
use self::config::Reloads;
use self::reading::{Readings, Varying};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of one instance. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<All>);

#[derive(Debug)]
struct All {
    /// Locked to be read out.
    book: Mutex<Book>,
    requests: Requests,
    store: StoreCalls,
    caches: Caches,
    connections: Gauge,
    connections_limit: Gauge,
    received: Counter,
    released: Counter,
    downloads: Gauge,
    cut_downloads: Family<Labels<1>, Counter>,
    memory_limit: Readings<Varying, 1>,
    memory_used: Readings<Varying, 1>,
    memory_waiting: Readings<Varying, 0>,
    ready: Readings<Varying, 0>,
    store_up: Readings<Varying, 0>,
    reloads: Reloads,
    seal_keys: SealKeyMetrics,
}

/// Counts one more of something for as long as it is there.
#[derive(Debug)]
pub(crate) struct Present(Gauge);

impl Metrics {
    /// Those of an instance that starts now.
    pub fn new() -> Self {
        let mut book = Book::default();
        book.info("hallmark_build", &["version"], "Which Hallmark this is", [env!("CARGO_PKG_VERSION")]);
        process::register(&mut book);
        let all = All {
            requests: Requests::new(&mut book),
            store: StoreCalls::new(&mut book),
            caches: Caches::new(&mut book),
            connections: book.gauge("hallmark_connections", "Open connections of clients"),
            connections_limit: book.gauge("hallmark_connections_limit", "limits.max_connections"),
            received: book.counter("hallmark_received_bytes", "Bytes of bodies that clients sent"),
            released: book.counter(
                "hallmark_released_bytes",
                "Bytes of artifacts that were handed to clients, each checked",
            ),
            downloads: book.gauge("hallmark_downloads_in_flight", "Artifacts on their way to a client"),
            cut_downloads: book.counters(
                "hallmark_cut_downloads",
                &["label"],
                "Downloads that were broken off for what the store sent after their beginning, by reason",
            ),
            memory_limit: book.readings(
                "hallmark_memory_limit_bytes",
                &["for"],
                "limits.memory_budget: for bodies, and for parts that wait to be hashed in order (windows)",
            ),
            memory_used: book.readings("hallmark_memory_used_bytes", &["for"], "What is taken of that"),
            memory_waiting: book.readings("hallmark_memory_waiting", &[], "Requests that wait for memory"),
            ready: book.readings("hallmark_ready", &[], "1 if /readyz says ok"),
            store_up: book.readings(
                "hallmark_store_up",
                &[],
                "1 if the store answered when it was asked last",
            ),
            reloads: Reloads::new(&mut book),
            seal_keys: SealKeyMetrics::new(&mut book),
            book: Mutex::default(),
        };
        *all.book.lock().unwrap_or_else(PoisonError::into_inner) = book;
        Self(Arc::new(all))
    }

    /// All of them, in the text format of `OpenMetrics` 1.0.0, which is what Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let book = self.0.book.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a string does not fail; and whoever reads half of it misses the end mark.
        let _ = encode(&mut text, book.registry());
        text
    }

    /// Counts for the cache `name`, whose size can be asked.
    pub fn cache(
        &self,
        name: &'static str,
        size: impl Fn() -> CacheSize + Clone + Send + Sync + 'static,
    ) -> Cache {
        self.0.caches.cache(name, size)
    }

    pub(crate) fn requests(&self) -> &Requests {
        &self.0.requests
    }

    pub(crate) fn store(&self) -> &StoreCalls {
        &self.0.store
    }

    /// What becomes of changed configurations.
    pub(crate) fn reloads(&self) -> &Reloads {
        &self.0.reloads
    }

    /// What becomes of short-lived seal keys.
    pub(crate) fn seal_keys(&self) -> SealKeyMetrics {
        self.0.seal_keys.clone()
    }

    /// Bytes that clients send.
    pub(crate) fn received(&self) -> Counter {
        self.0.received.clone()
    }

    /// Bytes of artifacts that clients get.
    pub(crate) fn released(&self) -> Counter {
        self.0.released.clone()
    }

    /// A client's connection is open.
    pub(crate) fn connection(&self) -> Present {
        Present::of(&self.0.connections)
    }

    /// So many can be.
    pub(crate) fn connections_limit(&self, limit: usize) {
        self.0.connections_limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
    }

    /// An artifact is on its way to a client.
    pub(crate) fn download(&self) -> Present {
        Present::of(&self.0.downloads)
    }

    /// A download was broken off after its beginning.
    pub(crate) fn download_cut(&self, label: &'static str) {
        self.0.cut_downloads.get_or_create(&[("label", label)]).inc();
    }

    /// `limit` bytes of memory are set aside `for` something; how many of them are taken can be asked.
    pub(crate) fn memory(
        &self,
        purpose: &'static str,
        limit: u64,
        used: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.0.memory_limit.read([("for", purpose)], move || number(limit));
        self.0.memory_used.read([("for", purpose)], move || number(used()));
    }

    /// How many requests wait for memory can be asked.
    pub(crate) fn memory_waiting(&self, waiting: impl Fn() -> u64 + Send + Sync + 'static) {
        self.0.memory_waiting.read([], move || number(waiting()));
    }

    /// Whether it is ready, and whether its store is up, can be asked.
    pub(crate) fn health(
        &self,
        ready: impl Fn() -> bool + Send + Sync + 'static,
        store_up: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        self.0.ready.read([], move || f64::from(u8::from(ready())));
        self.0.store_up.read([], move || f64::from(u8::from(store_up())));
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Present {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// For people and graphs, who do not look at the last of sixteen digits.
#[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
fn number(number: u64) -> f64 {
    number as f64
}
