//! Seal keys that live shortly.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::book::{Book, Labels};

/// What became of the seal keys that this instance makes. Clones are the same; the default is read by nobody.
#[derive(Debug, Clone, Default)]
pub(crate) struct SealKeyMetrics {
    results: Family<Labels<1>, Counter>,
    expires: Gauge,
}

const MADE: Labels<1> = [("result", "made")];
const FAILED: Labels<1> = [("result", "failed")];

impl SealKeyMetrics {
    pub(super) fn new(book: &mut Book) -> Self {
        let keys = Self {
            results: book.counters(
                "hallmark_seal_key_renewals",
                &["result"],
                "Short-lived seal keys that were to be made, by what became of them",
            ),
            expires: book.gauge(
                "hallmark_seal_key_expires_timestamp_seconds",
                "When the short-lived seal key of now ends, since 1970; 0: there is none",
            ),
        };
        // An alarm sees a number change, not a series appear.
        for result in [MADE, FAILED] {
            drop(keys.results.get_or_create(&result));
        }
        keys
    }

    /// One was made; it ends at `not_after`, milliseconds since 1970.
    pub(crate) fn made(&self, not_after: u64) {
        self.results.get_or_create(&MADE).inc();
        self.expires(not_after);
    }

    /// The key of now ends then, milliseconds since 1970.
    pub(crate) fn expires(&self, not_after: u64) {
        self.expires.set(i64::try_from(not_after / 1000).unwrap_or(i64::MAX));
    }

    /// None could be made.
    pub(crate) fn failed(&self) {
        self.results.get_or_create(&FAILED).inc();
    }
}
