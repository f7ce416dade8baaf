//! High-water marks: when what was served under a name was sealed, at the latest. A store that puts an older version back
//! is found out as long as the mark is remembered.

use hallmark_config::UnixMs;
use hallmark_signer::Sha256Digest;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::time::Instant;

use crate::name::ObjectName;

/// So many names are remembered, those that were asked for last: some 8 MiB.
const MAX_MARKS: u64 = 32_768;

/// The marks of one process. Names are known by digests, so that long ones take no more room.
pub(crate) struct Marks(Cache<[u8; 32], Mark>);

#[derive(Debug, Clone, Copy)]
struct Mark {
    at: UnixMs,
    /// When that was seen. Whoever asked the store before may have got the older one rightly.
    seen: Instant,
}

impl Default for Marks {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_MARKS).eviction_policy(EvictionPolicy::lru()).build())
    }
}

impl Marks {
    /// Notes that what stands under `name` was sealed `at`, as the store said when it was asked at `asked`.
    ///
    /// # Errors
    /// When that was sealed which was seen before the store was asked, if it was sealed later.
    pub(crate) fn see(&self, name: &ObjectName, at: UnixMs, asked: Instant) -> Result<(), UnixMs> {
        let fresh = Mark { at, seen: Instant::now() };
        let entry = self.0.entry(known_as(name)).and_upsert_with(|known| match known {
            Some(known) if known.value().at >= at => *known.value(),
            Some(_) | None => fresh,
        });
        let known = *entry.value();
        if known.at > at && asked >= known.seen { Err(known.at) } else { Ok(()) }
    }

    /// When that was sealed, at the latest, which was seen under `name`.
    pub(crate) fn of(&self, name: &ObjectName) -> Option<UnixMs> {
        self.0.get(&known_as(name)).map(|known| known.at)
    }

    /// Forgets `name`: what stands under it is going to be an older one, or none.
    pub(crate) fn forget(&self, name: &ObjectName) {
        self.0.invalidate(&known_as(name));
    }
}

/// No bucket has a `/` in its name.
fn known_as(name: &ObjectName) -> [u8; 32] {
    let text = [name.bucket.as_str(), "/", name.key.as_str()].concat();
    *Sha256Digest::of(text.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::name::{BucketName, ObjectKey};

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_what_was_seen_before_is_found_out() {
        let name = |key| ObjectName {
            bucket: BucketName::parse("bucket").unwrap(),
            key: ObjectKey::parse(key).unwrap(),
        };
        let (a, b) = (name("a"), name("b"));
        let marks = Marks::default();
        let early = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(marks.see(&a, UnixMs(10), Instant::now()), Ok(()));
        assert_eq!(marks.see(&a, UnixMs(10), Instant::now()), Ok(()));
        assert_eq!(marks.see(&a, UnixMs(9), Instant::now()), Err(UnixMs(10)));
        // That one was asked for before the newer one was seen.
        assert_eq!(marks.see(&a, UnixMs(9), early), Ok(()));
        assert_eq!(marks.see(&b, UnixMs(9), Instant::now()), Ok(()));
        assert_eq!(marks.of(&a), Some(UnixMs(10)));
        assert_eq!(marks.see(&a, UnixMs(11), early), Ok(()));
        assert_eq!(marks.see(&a, UnixMs(10), Instant::now()), Err(UnixMs(11)));
        marks.forget(&a);
        assert_eq!(marks.see(&a, UnixMs(7), Instant::now()), Ok(()));
    }
}
