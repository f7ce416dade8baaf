//! Signatures that were verified before.

use hallmark_signer::Verdicts;
use moka::sync::Cache;

use crate::metrics::{self, CacheSize, Metrics};

/// How many verdicts are remembered: about 10 MiB.
const CAPACITY: u64 = 100_000;
/// What one of them takes, bytes.
const ENTRY: u64 = 100;

/// Positive verdicts, under a digest of everything that went into them (message, signature, public key). Whether a
/// key is trusted is not among it: that is asked anew every time.
pub(crate) struct VerdictCache {
    known: Cache<[u8; 32], ()>,
    metrics: metrics::Cache,
}

impl VerdictCache {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let known = Cache::new(CAPACITY);
        let of = known.clone();
        let size = move || {
            // It counts now and then, and else not.
            of.run_pending_tasks();
            CacheSize { entries: of.entry_count(), bytes: of.entry_count() * ENTRY }
        };
        Self { known, metrics: metrics.cache("verdicts", size) }
    }
}

impl Verdicts for VerdictCache {
    fn known(&self, key: &[u8; 32]) -> bool {
        let known = self.known.contains_key(key);
        if known {
            self.metrics.hit();
        } else {
            self.metrics.miss();
        }
        known
    }

    fn remember(&self, key: [u8; 32]) {
        self.known.insert(key, ());
    }
}
