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
    there: Gauge,
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
            there: book.gauge(
                "hallmark_seal_key_ready",
                "1 if there is a key that makes seals; 0: uploads are refused",
            ),
        };
        // An alarm sees a number change, not a series appear.
        for result in [MADE, FAILED] {
            drop(keys.results.get_or_create(&result));
        }
        keys
    }

    /// One was made.
    pub(crate) fn made(&self) {
        self.results.get_or_create(&MADE).inc();
    }

    /// Seals are made by a short-lived key that ends then, milliseconds since 1970.
    pub(crate) fn ends(&self, not_after: u64) {
        self.expires.set(i64::try_from(not_after / 1000).unwrap_or(i64::MAX));
        self.there.set(1);
    }

    /// Seals are made by a key that lasts.
    pub(crate) fn lasts(&self) {
        self.expires.set(0);
        self.there.set(1);
    }

    /// There is no key that makes seals: uploads are refused.
    pub(crate) fn none(&self) {
        self.expires.set(0);
        self.there.set(0);
    }

    /// Whether there is one.
    pub(crate) fn is_there(&self) -> bool {
        self.there.get() == 1
    }

    /// None could be made.
    pub(crate) fn failed(&self) {
        self.results.get_or_create(&FAILED).inc();
    }
}
