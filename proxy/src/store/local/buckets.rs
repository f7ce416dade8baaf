//! Buckets. Puts and the deletion of a bucket pass through the same thread, so neither can overtake the other.

use std::time::SystemTime;

use redb::ReadableTable as _;

use super::LocalStore;
use super::bucket_row::{BucketRow, Rules};
use super::committer::Tables;
use super::id::unix_ms;
use super::index::{View, bucket_prefix, index_error};
use crate::name::BucketName;
use crate::store::{
    BucketInfo, BucketLock, DefaultRetention, DeletedBucket, GetError, NewBucket, PutError, StoreError,
    StoreFault, Tags, Versioning,
};

impl LocalStore {
    pub(super) async fn list_buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        let list = |view: &View| {
            let table = view.buckets()?;
            let mut buckets = Vec::new();
            for entry in table.range::<&str>(..).map_err(index_error)? {
                let (name, row) = entry.map_err(index_error)?;
                let name = BucketName::parse(name.value()).map_err(|e| {
                    StoreError::new(StoreFault::Corrupt, format!("the name of a bucket: {e}"))
                })?;
                buckets.push(BucketRow::decode(row.value())?.info(name));
            }
            Ok(buckets)
        };
        self.index.look_at_leisure(list).await
    }

    pub(super) async fn find_bucket(&self, bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError> {
        Ok(self.bucket_row(bucket).await?.map(|row| row.info(bucket.clone())))
    }

    pub(super) async fn find_rules(&self, bucket: &BucketName) -> Result<Rules, GetError> {
        Ok(self.bucket_row(bucket).await?.ok_or(GetError::NoSuchBucket)?.rules)
    }

    pub(super) async fn find_bucket_tags(&self, bucket: &BucketName) -> Result<Tags, GetError> {
        Ok(self.bucket_row(bucket).await?.ok_or(GetError::NoSuchBucket)?.tags)
    }

    async fn bucket_row(&self, bucket: &BucketName) -> Result<Option<BucketRow>, StoreError> {
        let bucket = bucket.clone();
        let find = move |view: &View| {
            let row = view.buckets()?.get(bucket.as_str()).map_err(index_error)?;
            row.map(|row| BucketRow::decode(row.value())).transpose()
        };
        self.index.look(find).await
    }

    pub(super) async fn make_bucket(&self, bucket: &BucketName, new: NewBucket) -> Result<bool, PutError> {
        let rules = if new.object_lock {
            Rules { versioning: Versioning::Enabled, lock: BucketLock::On { default: None } }
        } else {
            Rules { versioning: Versioning::Never, lock: BucketLock::Off }
        };
        let created = unix_ms(SystemTime::now());
        let row = BucketRow { rules, created, owner: new.owner, tags: Tags::default() }.encode();
        let row = row.ok_or(PutError::Unsupported("an owner of 4 GiB"))?;
        let bucket = bucket.clone();
        let change = move |tables: &mut Tables<'_>| {
            if tables.buckets.get(bucket.as_str())?.is_some() {
                return Ok(false);
            }
            tables.changed();
            tables.buckets.insert(bucket.as_str(), row.as_slice())?;
            Ok(true)
        };
        Ok(self.committer.submit(change).await?)
    }

    pub(super) async fn put_versioning(
        &self,
        bucket: &BucketName,
        versioning: Versioning,
    ) -> Result<(), PutError> {
        let change = move |row: &mut BucketRow| {
            match (versioning, row.rules.lock) {
                (Versioning::Never, _) => return Err(PutError::Unsupported("forgetting versions")),
                (Versioning::Suspended, BucketLock::On { .. }) => return Err(PutError::Locked),
                (Versioning::Enabled, _) | (Versioning::Suspended, BucketLock::Off) => {}
            }
            row.rules.versioning = versioning;
            Ok(())
        };
        self.change_bucket(bucket, change).await
    }

    pub(super) async fn put_object_lock(
        &self,
        bucket: &BucketName,
        default: Option<DefaultRetention>,
    ) -> Result<(), PutError> {
        let change = move |row: &mut BucketRow| match (row.rules.lock, row.rules.versioning) {
            (BucketLock::On { .. }, _) | (BucketLock::Off, Versioning::Enabled) => {
                row.rules.lock = BucketLock::On { default };
                Ok(())
            }
            (BucketLock::Off, Versioning::Never | Versioning::Suspended) => Err(PutError::NoObjectLock),
        };
        self.change_bucket(bucket, change).await
    }

    pub(super) async fn put_bucket_tags(&self, bucket: &BucketName, tags: Tags) -> Result<(), PutError> {
        let change = move |row: &mut BucketRow| {
            row.tags = tags;
            Ok(())
        };
        self.change_bucket(bucket, change).await
    }

    async fn change_bucket(
        &self,
        bucket: &BucketName,
        change: impl FnOnce(&mut BucketRow) -> Result<(), PutError> + Send + 'static,
    ) -> Result<(), PutError> {
        let bucket = bucket.clone();
        let change = move |tables: &mut Tables<'_>| {
            let row = match tables.buckets.get(bucket.as_str())? {
                None => Err(PutError::NoSuchBucket),
                Some(row) => BucketRow::decode(row.value()).map_err(PutError::NotStored),
            };
            let row = row.and_then(|mut row| {
                change(&mut row)?;
                row.encode().ok_or(PutError::Unsupported("tags over 4 GiB"))
            });
            let row = match row {
                Ok(row) => row,
                Err(refused) => return Ok(Err(refused)),
            };
            tables.changed();
            tables.buckets.insert(bucket.as_str(), row.as_slice())?;
            Ok(Ok(()))
        };
        self.committer.submit(change).await?
    }

    pub(super) async fn remove_bucket(&self, bucket: &BucketName) -> Result<DeletedBucket, StoreError> {
        let bucket = bucket.clone();
        let change = move |tables: &mut Tables<'_>| {
            if tables.buckets.get(bucket.as_str())?.is_none() {
                return Ok(DeletedBucket::NoSuchBucket);
            }
            let keys = bucket_prefix(&bucket);
            for table in [&tables.objects, &tables.versions] {
                if let Some(first) = table.range::<&[u8]>(keys.as_slice()..)?.next()
                    && first?.0.value().starts_with(&keys)
                {
                    return Ok(DeletedBucket::NotEmpty);
                }
            }
            tables.changed();
            tables.buckets.remove(bucket.as_str())?;
            Ok(DeletedBucket::Deleted)
        };
        Ok(self.committer.submit(change).await?)
    }
}
