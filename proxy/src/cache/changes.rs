//! What this instance has changed: so that what was seen before is not taken for what is there now.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::name::ObjectName;

/// How many counters there are. Names that share one only make each other ask the store once more.
const COUNTERS: usize = 4096;

/// Counts the changes of objects. Whoever asks the store notes the count before; if it is another afterwards, the answer may
/// be from before a change, and is good for that one request alone.
pub(crate) struct Changes {
    counters: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// How often an object, or one that shares its counter, was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(u64);

/// A change under way. However it ends, also where nobody waits for its end any more, it counts as one from then on:
/// before the client hears of it.
pub(crate) struct Changing<'c>(&'c AtomicU64);

impl Default for Changes {
    fn default() -> Self {
        let counters = (0..COUNTERS).map(|_| AtomicU64::new(0)).collect();
        Self { counters, hasher: RandomState::new() }
    }
}

impl Changes {
    /// How often `object` was changed, so far.
    pub(crate) fn of(&self, object: &ObjectName) -> Count {
        Count(self.counter(object).load(Ordering::SeqCst))
    }

    /// Begins a change of `object`.
    pub(crate) fn begin(&self, object: &ObjectName) -> Changing<'_> {
        Changing(self.counter(object))
    }

    fn counter(&self, object: &ObjectName) -> &AtomicU64 {
        static NEVER: AtomicU64 = AtomicU64::new(0);
        let at = self.hasher.hash_one(object) % COUNTERS as u64;
        // There are as many as the remainder can have values.
        usize::try_from(at).ok().and_then(|at| self.counters.get(at)).unwrap_or(&NEVER)
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{BucketName, ObjectKey};

    #[test]
    fn a_change_counts_when_it_is_over() {
        let name = |key| ObjectName {
            bucket: BucketName::parse("bucket").unwrap(),
            key: ObjectKey::parse(key).unwrap(),
        };
        let changes = Changes::default();
        let before = changes.of(&name("a"));
        let change = changes.begin(&name("a"));
        assert_eq!(changes.of(&name("a")), before);
        drop(change);
        assert_ne!(changes.of(&name("a")), before);
    }
}
