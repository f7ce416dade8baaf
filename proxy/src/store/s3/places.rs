//! Where things stand in the store: which bucket and which key.
//!
//! A bucket that clients name is kept in the store's bucket of the same name, or where `[buckets.<name>.kept_in]` says.
//! No client can reach the state bucket, nor by its own name a bucket that another one is kept in.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_config::{Bucket, KeptIn, StoreBucket, StorePrefix};

use crate::name::{BucketName, ObjectName};
use crate::store::{StateArea, StateName};

/// Where each object, each stage and each state object stands.
#[derive(Debug)]
pub(super) struct Places {
    state_bucket: StoreBucket,
    kept_in: BTreeMap<BucketName, KeptIn>,
    /// Buckets of the store that no client reaches by their own name.
    taken: BTreeSet<StoreBucket>,
}

/// An object as the store names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its bucket.
    pub(super) bucket: StoreBucket,
    /// Its key.
    pub(super) key: String,
}

impl Places {
    /// Of these buckets; everything else is kept under its own name.
    pub(super) fn new(state_bucket: StoreBucket, buckets: &BTreeMap<BucketName, Bucket>) -> Self {
        let kept_in: BTreeMap<_, _> = buckets
            .iter()
            .filter_map(|(name, bucket)| Some((name.clone(), bucket.kept_in.clone()?)))
            .collect();
        let mut taken: BTreeSet<_> = kept_in.values().map(|kept| kept.bucket.clone()).collect();
        taken.insert(state_bucket.clone());
        Self { state_bucket, kept_in, taken }
    }

    /// Where a bucket is kept; `None`: nowhere, there is no such bucket for clients.
    pub(super) fn bucket(&self, bucket: &BucketName) -> Option<KeptIn> {
        if let Some(kept) = self.kept_in.get(bucket) {
            return Some(kept.clone());
        }
        let same = StoreBucket::parse(bucket.as_str()).ok().filter(|same| !self.taken.contains(same))?;
        Some(KeptIn { bucket: same, prefix: StorePrefix::none() })
    }

    /// Where an object stands; `None`: there is no such bucket for clients.
    pub(super) fn object(&self, object: &ObjectName) -> Option<Place> {
        let KeptIn { bucket, prefix } = self.bucket(&object.bucket)?;
        Some(Place { bucket, key: format!("{}{}", prefix.as_str(), object.key.as_str()) })
    }

    /// The buckets that are kept elsewhere, and where.
    pub(super) fn mapped(&self) -> impl Iterator<Item = (&BucketName, &KeptIn)> {
        self.kept_in.iter()
    }

    /// Whether objects of clients are kept in a bucket of the store.
    pub(super) fn holds(&self, bucket: &StoreBucket) -> bool {
        self.kept_in.values().any(|kept| kept.bucket == *bucket) || self.visible(bucket.as_str()).is_some()
    }

    /// What clients call a bucket of the store; `None`: it is not theirs.
    pub(super) fn visible(&self, bucket: &str) -> Option<BucketName> {
        let own = StoreBucket::parse(bucket).ok()?;
        let name = BucketName::parse(bucket).ok()?;
        (!self.taken.contains(&own) && !self.kept_in.contains_key(&name)).then_some(name)
    }

    /// The bucket for Hallmark's own.
    pub(super) fn state_bucket(&self) -> &StoreBucket {
        &self.state_bucket
    }

    /// Where a stage of this name stands, once it is closed.
    pub(super) fn stage(&self, name: &str) -> Place {
        Place { bucket: self.state_bucket.clone(), key: format!("{STAGES}{name}") }
    }

    /// Where a state object stands.
    pub(super) fn state(&self, name: &StateName) -> Place {
        let key = format!("{}{}", area_prefix(name.area()), name.name());
        Place { bucket: self.state_bucket.clone(), key }
    }
}

/// What the keys of all stages begin with.
pub(super) const STAGES: &str = "stages/";

/// What the names of all state objects of an area begin with.
pub(super) fn area_prefix(area: StateArea) -> &'static str {
    match area {
        StateArea::Records => "records/",
        StateArea::Scratch => "scratch/",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::name::ObjectKey;

    fn name(text: &str) -> BucketName {
        BucketName::parse(text).unwrap()
    }

    /// Kept elsewhere: `app` alone in `prod`, `lib` and `libs` side by side, `own` under its own name, but deeper.
    fn places() -> Places {
        let kept = [
            ("app", "prod", ""),
            ("lib", "shared", "lib/"),
            ("libs", "shared", "libs/"),
            ("own", "own", "er/"),
        ];
        let kept = kept.map(|(bucket, place, prefix)| {
            let kept_in = KeptIn {
                bucket: StoreBucket::parse(place).unwrap(),
                prefix: StorePrefix::parse(prefix).unwrap(),
            };
            (name(bucket), Bucket { kept_in: Some(kept_in), ..Bucket::default() })
        });
        let plain = (name("plain"), Bucket::default());
        Places::new(StoreBucket::parse("state").unwrap(), &kept.into_iter().chain([plain]).collect())
    }

    fn place(bucket: &str, key: &str) -> Option<String> {
        let object = ObjectName { bucket: name(bucket), key: ObjectKey::parse(key).unwrap() };
        places().object(&object).map(|Place { bucket, key }| format!("{bucket} {key}"))
    }

    #[test]
    fn objects_stand_where_it_is_said() {
        for (bucket, key, expected) in [
            ("app", "a/b", Some("prod a/b")),
            ("lib", "a", Some("shared lib/a")),
            ("lib", "/a", Some("shared lib//a")),
            ("libs", "a", Some("shared libs/a")),
            ("own", "a", Some("own er/a")),
            ("plain", "a", Some("plain a")),
            ("other", "a", Some("other a")),
            // Others are kept there.
            ("prod", "a", None),
            ("shared", "lib/a", None),
            ("state", "records/a", None),
        ] {
            assert_eq!(place(bucket, key).as_deref(), expected, "{bucket}/{key}");
        }
    }

    #[test]
    fn buckets_of_the_store_are_shown_to_whom_they_belong() {
        let places = places();
        for (bucket, expected) in [
            ("plain", Some("plain")),
            ("other", Some("other")),
            ("prod", None),
            ("shared", None),
            ("own", None),
            ("state", None),
            // Clients mean another one by this name.
            ("app", None),
            ("Not A Bucket", None),
        ] {
            assert_eq!(places.visible(bucket).as_ref().map(BucketName::as_str), expected, "{bucket}");
        }
        let mapped: Vec<_> = places.mapped().map(|(name, _)| name.as_str()).collect();
        assert_eq!(mapped, ["app", "lib", "libs", "own"]);
    }

    #[test]
    fn state_stands_in_the_state_bucket() {
        for (area, expected) in [(StateArea::Records, "records/a/b"), (StateArea::Scratch, "scratch/a/b")] {
            let Place { bucket, key } = places().state(&StateName::new(area, "a/b").unwrap());
            assert_eq!((bucket.as_str(), key.as_str()), ("state", expected));
        }
    }

    proptest! {
        /// Else who may write the one could write the other.
        #[test]
        fn no_two_objects_stand_in_one_place_and_none_among_our_own(
            one in (bucket(), key()),
            other in (bucket(), key()),
        ) {
            let places = places();
            let [one, other] = [one, other].map(|(bucket, key)| {
                ObjectName { bucket: name(&bucket), key: ObjectKey::parse(&key).unwrap() }
            });
            if let (Some(first), Some(second)) = (places.object(&one), places.object(&other)) {
                prop_assert_eq!(one == other, first == second);
                prop_assert_ne!(first.bucket.as_str(), "state");
            }
        }
    }

    fn bucket() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["app", "lib", "libs", "own", "plain", "other", "prod", "shared", "state"])
            .prop_map(str::to_owned)
    }

    fn key() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!["lib", "libs", "er", "s", "a", "/"]), 1..5)
            .prop_map(|pieces| pieces.concat())
    }
}
