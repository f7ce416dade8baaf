//! Leaves that were found bad a moment ago.
//!
//! A download that breaks off at a bad leaf ends in a reset, which discards what was on its way: the client resumes
//! somewhere before that leaf, and would be reset there again and again without ever hearing why. So the next download
//! that needs such a leaf looks at it first, and is refused with the reason, or finds it mended.

use std::ops::Range;
use std::time::Duration;

use hallmark_signer::{LEAF_SIZE, SealId};
use moka::sync::Cache;

/// How long a leaf stays under suspicion: longer than clients wait before they resume.
const MEMORY: Duration = Duration::from_secs(60);

/// How many artifacts are under suspicion at most.
const CAPACITY: u64 = 10_000;

/// The leaf that was found bad, by the seal of its artifact.
pub struct Suspects(Cache<SealId, u64>);

impl Default for Suspects {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(MEMORY).build())
    }
}

impl Suspects {
    pub(super) fn add(&self, seal: SealId, leaf: u64) {
        self.0.insert(seal, leaf);
    }

    /// The bytes of the suspected leaf of an artifact of `length` bytes, if any of `wanted` is in it.
    pub(crate) fn within(&self, seal: SealId, length: u64, wanted: &Range<u64>) -> Option<Range<u64>> {
        let start = self.0.get(&seal)?.saturating_mul(LEAF_SIZE);
        let leaf = start..start.saturating_add(LEAF_SIZE).min(length);
        (leaf.start < wanted.end && wanted.start < leaf.end).then_some(leaf)
    }

    /// It was looked at again and found good.
    pub(crate) fn clear(&self, seal: SealId) {
        self.0.invalidate(&seal);
    }
}
