//! What was found good, and is kept in memory so that it is not fetched or checked again.
//!
//! Nothing gets in here unchecked, and nothing that is found here is a verdict of the policy: keys, rules and permissions
//! are asked at every request. What each thing is found by is why it cannot be taken for another:
//!
//! - **Signature checks**, by the digest of all that they depend on. They say "this key signed this", or that it did not.
//! - **Leaves and pages of leaf hashes**, by the [`CheckId`] of the verified seal that they matched, and their number. That
//!   id is a digest over everything the seal says and everything it is about: realm, bucket, key, length, the tree over
//!   the bytes, headers, its own random id, signature and signing key. So it does not matter that the id in the line is
//!   only what a store shows, that a copy has its source's bytes under a seal of its own, or that a key is changed:
//!   another seal is another id, and an id can only be asked for with a seal that has just been verified (or was before,
//!   by a key that is still trusted).
//! - **Records**, by the name that the object gives. The seal in it is verified for the object each time; what else it
//!   holds was checked against that seal. If it does not hold, the store is asked.
//! - **Heads**, by name and version: the proof of what the store said last. They say which leaves are likely to be wanted.
//!   Only where a bucket has a `freshness` do they take the place of a question to the store, for that long, unless this
//!   instance changed the object since, and only if the seal's key is still trusted.
//! - **Certificates of seal keys**, by the beginning of the key's id, as seals name it. Whether they are by a certifier that
//!   is trusted is asked each time.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use hallmark_signer::{CheckId, LEAF_SIZE, LeafPage, RecordRef, Verdicts};
use tokio::time::Instant;

use super::artifact::Artifact;
use super::certificates::Certificates;
use super::flight::Flights;
use super::leaf::Leaf;
use super::marks::Marks;
use super::record::Record;
use crate::cache::{Bounded, CacheStats, Changes, Count, Keep};
use crate::metrics::Metrics;
use crate::name::ObjectName;
use crate::store::VersionId;

/// The caches of one process. They outlive a change of keys and policy.
pub struct Kept {
    verdicts: Bounded<[u8; 32], ()>,
    failures: Bounded<[u8; 32], ()>,
    heads: Bounded<(ObjectName, Option<VersionId>), Sighting>,
    records: Bounded<RecordRef, Arc<Record>>,
    pages: Bounded<(CheckId, u64), Arc<LeafPage>>,
    leaves: Bounded<(CheckId, u64), Leaf>,
    certificates: Certificates,
    flights: Flights,
    changes: Arc<Changes>,
    marks: Marks,
}

/// What the store said of an object, proven, and when it was asked.
#[derive(Clone)]
pub(crate) struct Sighting {
    pub(super) artifact: Arc<Artifact>,
    asked: Asked,
}

/// When the store was asked for an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    at: Instant,
    changes: Count,
}

impl Asked {
    /// When.
    pub(crate) fn at(&self) -> Instant {
        self.at
    }
}

/// Of the memory for signature checks, the part that those get which failed: one in so many.
const FAILURES: u64 = 8;

impl Kept {
    /// Empty caches of these sizes.
    pub fn new(sizes: &hallmark_config::Cache) -> Self {
        Self {
            // Apart from those that passed: anybody who may write can make any number of failures.
            verdicts: Bounded::new(sizes.verdicts - sizes.verdicts / FAILURES, Keep::Popular),
            failures: Bounded::new(sizes.verdicts / FAILURES, Keep::Newest),
            heads: Bounded::new(sizes.heads, Keep::Newest),
            // A header has some KiB, and a page for each GiB of the artifact up to 32.
            records: Bounded::new(sizes.records / 4, Keep::Popular),
            pages: Bounded::new(sizes.records / 4 * 3, Keep::Popular),
            leaves: Bounded::new(sizes.leaves, Keep::Newest),
            certificates: Certificates::default(),
            flights: Flights::default(),
            changes: Arc::default(),
            marks: Marks::default(),
        }
    }

    /// The same, counted in `metrics`.
    #[must_use]
    pub fn measured(self, metrics: &Metrics) -> Self {
        Self {
            verdicts: self.verdicts.measured("verdicts", metrics),
            heads: self.heads.measured("heads", metrics),
            records: self.records.measured("records", metrics),
            pages: self.pages.measured("pages", metrics),
            leaves: self.leaves.measured("leaves", metrics),
            ..self
        }
    }

    /// What each cache has done and holds.
    pub fn stats(&self) -> [CacheStats; 5] {
        [
            self.verdicts.stats("verdicts"),
            self.heads.stats("heads"),
            self.records.stats("records"),
            self.pages.stats("pages"),
            self.leaves.stats("leaves"),
        ]
    }

    /// How many times a leaf was not fetched because another download was just fetching it.
    pub fn shared_leaves(&self) -> u64 {
        self.flights.shared()
    }

    /// What this instance changes is counted there.
    pub(crate) fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }

    /// When what was seen under each name was sealed.
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Before the store is asked for `name`.
    pub(crate) fn asking(&self, name: &ObjectName) -> Asked {
        Asked { at: Instant::now(), changes: self.changes.of(name) }
    }

    /// Notes what the store said, and was proven.
    pub(super) fn note(&self, artifact: &Arc<Artifact>, asked: Asked, freshness: Duration) {
        if self.heads.capacity() == 0 || (freshness.is_zero() && self.leaves.capacity() == 0) {
            return;
        }
        let key = artifact.known_as();
        // As a hint at which leaves are wanted the old one is as good.
        let same = |old: Sighting| {
            old.artifact.seal.check_id() == artifact.seal.check_id() && old.asked.changes == asked.changes
        };
        if freshness.is_zero() && self.heads.peek(&key).is_some_and(same) {
            return;
        }
        let memory = artifact.memory();
        self.heads.put(key, Sighting { artifact: Arc::clone(artifact), asked }, memory);
    }

    /// What the store said when it was asked for this last.
    pub(crate) fn recall(&self, name: &ObjectName, version: Option<&VersionId>) -> Option<Sighting> {
        if self.heads.capacity() == 0 {
            return None;
        }
        self.heads.get(&(name.clone(), version.cloned()))
    }

    /// Whether `sighting` is not older than `freshness`, and nothing was done to the object since.
    pub(crate) fn is_fresh(&self, sighting: &Sighting, freshness: Duration) -> bool {
        !freshness.is_zero() && sighting.asked.at.elapsed() < freshness && self.is_unchanged(sighting)
    }

    /// Whether this instance did nothing to the object since, as far as is known.
    pub(crate) fn is_unchanged(&self, sighting: &Sighting) -> bool {
        sighting.asked.changes == self.changes.of(&sighting.artifact.place.name)
    }

    /// Whether so many leaves of one artifact are kept for each other: a span of which some are given up before the others
    /// come is never found whole.
    pub(crate) fn keeps(&self, leaves: &Range<u64>) -> bool {
        let bytes = (leaves.end - leaves.start).saturating_mul(LEAF_SIZE);
        let room = self.leaves.capacity() / 2;
        // A small artifact has one leaf, whose length nobody knows at first: whether it fits is seen when it is kept.
        self.heads.capacity() > 0 && room > 0 && (bytes <= room || leaves.end - leaves.start <= 1)
    }

    pub(super) fn keep_leaf(&self, check: CheckId, index: u64, leaf: &Leaf) {
        self.leaves.put((check, index), leaf.clone(), leaf.bytes().len());
    }

    pub(super) fn leaf(&self, check: CheckId, index: u64) -> Option<Leaf> {
        self.leaves.get(&(check, index))
    }

    /// Whether a leaf is in memory.
    pub(crate) fn has_leaf(&self, check: CheckId, index: u64) -> bool {
        self.leaves.has(&(check, index))
    }

    pub(super) fn flights(&self) -> &Flights {
        &self.flights
    }

    /// Certificates of seal keys.
    pub(crate) fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    pub(super) fn keep_page(&self, check: CheckId, number: u64, page: &Arc<LeafPage>) {
        self.pages.put((check, number), Arc::clone(page), page.memory());
    }

    pub(super) fn page(&self, check: CheckId, number: u64) -> Option<Arc<LeafPage>> {
        self.pages.get(&(check, number))
    }

    pub(super) fn keep_record(&self, reference: RecordRef, record: &Arc<Record>) {
        self.records.put(reference, Arc::clone(record), record.memory());
    }

    pub(super) fn record(&self, reference: &RecordRef) -> Option<Arc<Record>> {
        self.records.get(reference)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

/// Verdicts, under a digest of everything that went into them (message, signature, public key). Whether a
/// key is trusted is not among it: that is asked anew every time.
impl Verdicts for Kept {
    fn known(&self, key: &[u8; 32]) -> bool {
        self.verdicts.get(key).is_some()
    }

    fn remember(&self, key: [u8; 32]) {
        self.verdicts.put(key, (), 0);
    }

    fn known_to_fail(&self, key: &[u8; 32]) -> bool {
        self.failures.peek(key).is_some()
    }

    fn remember_failure(&self, key: [u8; 32]) {
        self.failures.put(key, (), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> [u8; 32] {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        key
    }

    /// Whoever may write can make as many signatures that fail as they like.
    #[test]
    fn failures_are_remembered_and_push_nothing_else_out() {
        let sizes = hallmark_config::Cache { verdicts: 1 << 20, heads: 0, records: 0, leaves: 0 };
        let kept = Kept::new(&sizes);
        kept.remember(key(0));
        for number in 1..20_000 {
            kept.remember_failure(key(number));
        }
        assert!(kept.known(&key(0)) && !kept.known_to_fail(&key(0)));
        assert!(kept.known_to_fail(&key(19_999)) && !kept.known(&key(19_999)));
        assert!(!kept.known_to_fail(&key(1)), "they are bounded");
    }
}
