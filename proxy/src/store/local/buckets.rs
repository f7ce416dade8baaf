//! Buckets. Puts and the deletion of a bucket pass through the same thread, so neither can overtake the other.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redb::ReadableTable as _;

use super::LocalStore;
use super::committer::Tables;
use super::id::unix_ms;
use super::index::{View, bucket_prefix, index_error};
use crate::name::BucketName;
use crate::store::{BucketInfo, DeletedBucket, PutError, StoreError, StoreFault};

impl LocalStore {
    pub(super) async fn list_buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        let list = |view: &View| {
            let table = view.buckets()?;
            let mut buckets = Vec::new();
            for entry in table.range::<&str>(..).map_err(index_error)? {
                let (name, created) = entry.map_err(index_error)?;
                let name = BucketName::parse(name.value()).map_err(|e| {
                    StoreError::new(StoreFault::Corrupt, format!("the name of a bucket: {e}"))
                })?;
                buckets.push(info(name, created.value()));
            }
            Ok(buckets)
        };
        self.index.look_at_leisure(list).await
    }

    pub(super) async fn find_bucket(&self, bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError> {
        let bucket = bucket.clone();
        let find = move |view: &View| {
            let created = view.buckets()?.get(bucket.as_str()).map_err(index_error)?;
            Ok(created.map(|created| info(bucket, created.value())))
        };
        self.index.look(find).await
    }

    pub(super) async fn make_bucket(&self, bucket: &BucketName) -> Result<bool, PutError> {
        let (bucket, now) = (bucket.clone(), unix_ms(SystemTime::now()));
        let change = move |tables: &mut Tables<'_>| {
            if tables.buckets.get(bucket.as_str())?.is_some() {
                return Ok(false);
            }
            tables.changed();
            tables.buckets.insert(bucket.as_str(), now)?;
            Ok(true)
        };
        Ok(self.committer.submit(change).await?)
    }

    pub(super) async fn remove_bucket(&self, bucket: &BucketName) -> Result<DeletedBucket, StoreError> {
        let bucket = bucket.clone();
        let change = move |tables: &mut Tables<'_>| {
            if tables.buckets.get(bucket.as_str())?.is_none() {
                return Ok(DeletedBucket::NoSuchBucket);
            }
            let keys = bucket_prefix(&bucket);
            if let Some(first) = tables.objects.range::<&[u8]>(keys.as_slice()..)?.next()
                && first?.0.value().starts_with(&keys)
            {
                return Ok(DeletedBucket::NotEmpty);
            }
            tables.changed();
            tables.buckets.remove(bucket.as_str())?;
            Ok(DeletedBucket::Deleted)
        };
        Ok(self.committer.submit(change).await?)
    }
}

fn info(name: BucketName, created: u64) -> BucketInfo {
    BucketInfo {
        name,
        created: UNIX_EPOCH.checked_add(Duration::from_millis(created)).unwrap_or(UNIX_EPOCH),
        owner: None,
    }
}
