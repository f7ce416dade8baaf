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
