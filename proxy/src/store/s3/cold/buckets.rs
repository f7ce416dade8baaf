//! Buckets.
//!
//! A bucket that is kept under a prefix of a bucket of the store is there as soon as that one is. Making it makes that one;
//! deleting it is never done, however empty it looks, for others may be kept there: that is for who configured it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use hallmark_config::{KeptIn, StoreBucket};

use super::super::S3Store;
use super::error::Failure;
use super::reason::Reason;
use super::text;
use super::walk::MAX_PAGES;
use super::wire::once;
use crate::name::BucketName;
use crate::store::{
    BucketInfo, BucketLock, DeletedBucket, GetError, NewBucket, PutError, StoreError, StoreFault,
};

/// The region whose buckets are made without naming it.
const FIRST_REGION: &str = "us-east-1";

/// How long it is remembered when a bucket was made.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Of how many buckets at most. No account that is known has more.
const MAX_REMEMBERED: u64 = 20_000;

/// When the buckets of the store were made: only a list of all of them tells, and many requests ask for one.
#[derive(Debug)]
pub(in crate::store::s3) struct Births(moka::sync::Cache<StoreBucket, SystemTime>);

impl Default for Births {
    fn default() -> Self {
        let cache = moka::sync::Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(REMEMBERED);
        Self(cache.build())
    }
}

impl S3Store {
    pub(in crate::store::s3) async fn list_buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        let all = self.store_buckets().await?;
        let visible = all.iter().filter_map(|(name, created)| {
            Some(BucketInfo { name: self.places.visible(name.as_str())?, created: *created, owner: None })
        });
        let mut buckets: Vec<_> = visible.collect();
        for (name, kept) in self.places.mapped() {
            let created = match all.get(&kept.bucket) {
                Some(created) => Some(*created),
                // Another's, perhaps, that we may use: those are not listed.
                None => self.has(&kept.bucket).await?.then_some(SystemTime::UNIX_EPOCH),
            };
            buckets.extend(created.map(|created| BucketInfo { name: name.clone(), created, owner: None }));
        }
        buckets.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
        Ok(buckets)
    }

    pub(in crate::store::s3) async fn find_bucket(
        &self,
        bucket: &BucketName,
    ) -> Result<Option<BucketInfo>, StoreError> {
        let Some(KeptIn { bucket: kept, .. }) = self.places.bucket(bucket) else { return Ok(None) };
        if !self.has(&kept).await? {
            self.births.0.invalidate(&kept);
            return Ok(None);
        }
        let created = match self.births.0.get(&kept) {
            Some(created) => created,
            None => self.birth(kept).await,
        };
        Ok(Some(BucketInfo { name: bucket.clone(), created, owner: None }))
    }

    pub(in crate::store::s3) async fn make_bucket(
        &self,
        bucket: &BucketName,
        new: NewBucket,
    ) -> Result<bool, PutError> {
        let kept = self.places.bucket(bucket).ok_or(PutError::NoSuchBucket)?.bucket;
        // Garage makes one without, and says nothing.
        if new.object_lock && !self.findings().object_lock {
            return Err(PutError::Unsupported("object lock"));
        }
        // In the first region, and on Ceph's gateway, who owns a bucket can make it again.
        if self.has(&kept).await.map_err(PutError::NotStored)? {
            return Ok(false);
        }
        let region = self.sdk.config().region().map(|region| region.as_ref().to_owned());
        let region = region.filter(|region| region != FIRST_REGION);
        let made = match self.create(&kept, &new, region.as_deref()).await {
            // A gateway with one region of its own, whatever requests are signed for.
            Err(failure) if region.is_some() && failure.is("InvalidLocationConstraint") => {
                self.create(&kept, &new, None).await
            }
            made => made,
        };
        match made {
            Ok(()) => {}
            Err(failure) => match failure.reason() {
                Some(Reason::BucketOwned) => return Ok(false),
                // Somebody was faster; or it is another's, and not for us.
                Some(Reason::BucketTaken) if self.has(&kept).await.map_err(PutError::NotStored)? => {
                    return Ok(false);
                }
                _ => return Err(failure.optional("making buckets")),
            },
        }
        // Where who owns a bucket can make it again, somebody may have been faster and made it without: it is his, and stays.
        if new.object_lock && self.bucket_lock(bucket).await.ok() != Some(BucketLock::On { default: None }) {
            tracing::warn!(%bucket, "a bucket that was to have object lock is there without");
            return Ok(false);
        }
        Ok(true)
    }

    pub(in crate::store::s3) async fn remove_bucket(
        &self,
        bucket: &BucketName,
    ) -> Result<DeletedBucket, StoreError> {
        let Some(KeptIn { bucket: kept, prefix }) = self.places.bucket(bucket) else {
            return Ok(DeletedBucket::NoSuchBucket);
        };
        let shared = self.places.mapped().any(|(name, other)| name != bucket && other.bucket == kept);
        if shared || !prefix.as_str().is_empty() {
            let there = self.has(&kept).await?;
            return Ok(if there { DeletedBucket::NotEmpty } else { DeletedBucket::NoSuchBucket });
        }
        let call = self.sdk.delete_bucket().bucket(kept.as_str()).customize().config_override(once());
        self.births.0.invalidate(&kept);
        match call.send().await.map_err(|e| Failure::of("DeleteBucket", &e)) {
            Ok(_) => Ok(DeletedBucket::Deleted),
            Err(failure) => match failure.reason() {
                Some(Reason::NoSuchBucket) => Ok(DeletedBucket::NoSuchBucket),
                Some(Reason::NotEmpty) => Ok(DeletedBucket::NotEmpty),
                _ => Err(failure.into()),
            },
        }
    }

    /// That the store has this bucket.
    pub(super) async fn require_store_bucket(&self, bucket: &StoreBucket) -> Result<(), GetError> {
        if self.has(bucket).await? { Ok(()) } else { Err(GetError::NoSuchBucket) }
    }

    async fn has(&self, bucket: &StoreBucket) -> Result<bool, StoreError> {
        let found = self.sdk.head_bucket().bucket(bucket.as_str()).send().await;
        match found.map_err(|e| Failure::of("HeadBucket", &e)) {
            Ok(_) => Ok(true),
            Err(failure) => match failure.reason() {
                Some(Reason::Missing | Reason::NoSuchBucket) => Ok(false),
                _ => Err(failure.into()),
            },
        }
    }

    async fn create(
        &self,
        bucket: &StoreBucket,
        new: &NewBucket,
        region: Option<&str>,
    ) -> Result<(), Failure> {
        let place = region.map(|region| {
            let constraint = BucketLocationConstraint::from(region);
            CreateBucketConfiguration::builder().location_constraint(constraint).build()
        });
        let call = self
            .sdk
            .create_bucket()
            .bucket(bucket.as_str())
            .set_create_bucket_configuration(place)
            .set_object_lock_enabled_for_bucket(new.object_lock.then_some(true));
        let made = call.customize().config_override(once()).send().await;
        made.map(drop).map_err(|e| Failure::of("CreateBucket", &e))
    }

    /// When a bucket that is there was made; 1970 where that cannot be known.
    async fn birth(&self, bucket: StoreBucket) -> SystemTime {
        let all = self.store_buckets().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the store's buckets cannot be listed, so nobody knows when they were made");
            BTreeMap::new()
        });
        let created = all.get(&bucket).copied().unwrap_or(SystemTime::UNIX_EPOCH);
        // Also that it is not known, so that not every request asks.
        self.births.0.insert(bucket, created);
        created
    }

    /// All buckets of the store that are ours, and when they were made.
    async fn store_buckets(&self) -> Result<BTreeMap<StoreBucket, SystemTime>, StoreError> {
        const CALL: &str = "ListBuckets";
        let (mut all, mut token) = (BTreeMap::new(), None);
        for _ in 0..MAX_PAGES {
            let answer = self.sdk.list_buckets().set_continuation_token(token.take()).send().await;
            let answer = answer.map_err(|e| Failure::of(CALL, &e))?;
            let before = all.len();
            for bucket in answer.buckets() {
                let name = bucket.name().and_then(|name| StoreBucket::parse(name).ok());
                // Names of old, with capitals or underscores, are nobody's.
                let Some(name) = name else { continue };
                let created = text::time(bucket.creation_date()).unwrap_or(SystemTime::UNIX_EPOCH);
                all.insert(name, created);
            }
            token = answer.continuation_token.filter(|token| !token.is_empty());
            if token.is_none() {
                for (name, created) in &all {
                    self.births.0.insert(name.clone(), *created);
                }
                return Ok(all);
            }
            if all.len() == before {
                return Err(Failure::malformed(CALL, "there is said to be more, but no page leads on").into());
            }
        }
        let message = format!("{CALL}: more than {MAX_PAGES} pages of buckets");
        Err(StoreError::new(StoreFault::Protocol, message))
    }
}
