//! Configurations that were taken and refused.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::book::{Book, Labels};

/// What became of changed configurations.
#[derive(Debug)]
pub(crate) struct Reloads {
    results: Family<Labels<1>, Counter>,
    taken_at: Gauge,
    restart_needed: Gauge,
    refused: Gauge,
}

impl Reloads {
    /// Those of an instance that takes its first one now.
    pub(super) fn new(book: &mut Book) -> Self {
        let reloads = Self {
            results: book.counters(
                "hallmark_config_reloads",
                &["result"],
                "Configurations that were read after the first one, by what became of them",
            ),
            taken_at: book.gauge(
                "hallmark_config_last_success_timestamp_seconds",
                "When the configuration was taken that holds now, since 1970",
            ),
            restart_needed: book.gauge(
                "hallmark_config_restart_needed",
                "How many settings of the configuration that holds now only count after a restart",
            ),
            refused: book.gauge(
                "hallmark_config_refused",
                "1 while the configuration that was read last is refused and an older one holds, with all that it trusts",
            ),
        };
        // An alarm sees a number change, not a series appear.
        for result in [TAKEN, REFUSED] {
            drop(reloads.results.get_or_create(&result));
        }
        reloads.taken_at.set(now());
        reloads
    }

    /// One was taken, but for so many settings.
    pub(crate) fn taken(&self, restart_needed: usize) {
        self.results.get_or_create(&TAKEN).inc();
        self.taken_at.set(now());
        self.refused.set(0);
        self.restart_needed.set(i64::try_from(restart_needed).unwrap_or(i64::MAX));
    }

    /// One was refused, and the old one stayed.
    pub(crate) fn refused(&self) {
        self.results.get_or_create(&REFUSED).inc();
        self.refused.set(1);
    }
}

const TAKEN: Labels<1> = [("result", "taken")];
const REFUSED: Labels<1> = [("result", "refused")];

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
