//! Signatures that were verified before.

use hallmark_signer::Verdicts;
use moka::sync::Cache;

/// How many verdicts are remembered: about 10 MiB.
const CAPACITY: u64 = 100_000;

/// Positive verdicts, under a digest of everything that went into them (message, signature, public key). Whether a
/// key is trusted is not among it: that is asked anew every time.
pub(crate) struct VerdictCache(Cache<[u8; 32], ()>);

impl Default for VerdictCache {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl Verdicts for VerdictCache {
    fn known(&self, key: &[u8; 32]) -> bool {
        self.0.contains_key(key)
    }

    fn remember(&self, key: [u8; 32]) {
        self.0.insert(key, ());
    }
}
