//! A store that speaks S3: AWS, Ceph RGW, Garage, MinIO, R2 and others.
//!
//! | | |
//! |---|---|
//! | `places` | which bucket and key of the store an object, a stage or a state object stands under |
//! | `kept` | which of them this store can keep under its name |
//! | `connect` | from settings to clients: credentials, TLS, pool, timeouts |
//! | `hot/` | GET, HEAD, PUT, DELETE and UploadPart, by hyper, signed by aws-sigv4: what every small request costs |
//! | `cold/` | everything else, by aws-sdk-s3: lists, buckets, versions, tags, locks |
//! | `stage/`, `promote`, `copy` | parts that become an object, and objects that are made of others |
//! | `make/` | the three ways to make an object of bytes that the store has |
//! | `state` | Hallmark's own small objects |
//! | `sweep` | removes what nobody can come back to |
//! | `probe` | finds out what this store can do, by trying |
//!
//! What the store says is checked for form here, and for truth by nobody: that is what [`crate::proof`] is for. Quirks
//! of particular stores are handled in this module alone, each where it shows, with a test that names it.

mod cold;
mod connect;
mod copy;
mod etag;
mod hot;
mod kept;
mod long;
mod make;
mod own_keys;
mod places;
mod probe;
mod promote;
mod stage;
mod state;
mod sweep;

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use connect::ConnectError;
pub use probe::{Findings, Report, Row};

use self::hot::Hot;
use self::places::Places;
use super::{
    Body, BucketInfo, BucketLock, Capabilities, Committed, DefaultRetention, Deleted, DeletedBucket,
    Deletion, GetError, Guard, LegalHold, ListPage, ListRequest, ListVersionsRequest, NewBucket, PartNumber,
    Pin, PutError, Retention, Retentions, Source, Span, StageId, StagedPart, StateArea, StateName, Store,
    StoreError, Swept, Tags, VersionId, VersionPage, Versioning, Write,
};
use crate::name::{BucketName, ObjectName};
use crate::proof::{Unverified, UnverifiedBody, UnverifiedHead, UnverifiedState};

/// A store behind an S3 endpoint. See [`connect`](Self::connect).
pub struct S3Store {
    hot: Hot,
    sdk: aws_sdk_s3::Client,
    places: Places,
    found: OnceLock<Findings>,
    births: cold::Births,
}

#[async_trait]
impl Store for S3Store {
    async fn probe(&self) -> Result<Capabilities, StoreError> {
        Ok(self.examine().await?.capabilities())
    }

    async fn put(
        &self,
        object: &ObjectName,
        write: Write,
        length: u64,
        body: Body,
    ) -> Result<Committed, PutError> {
        self.require_kept(&write)?;
        self.put_object(object, write, length, body).await
    }

    async fn get(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        span: Span,
        pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        self.get_object(object, version, span, pin).await
    }

    async fn head(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError> {
        self.head_object(object, version).await
    }

    async fn delete(&self, object: &ObjectName, deletion: Deletion) -> Result<Deleted, PutError> {
        self.delete_object(object, deletion).await
    }

    async fn delete_many(&self, deletions: &[(ObjectName, Deletion)]) -> Vec<Result<Deleted, PutError>> {
        self.delete_objects(deletions).await
    }

    async fn copy(
        &self,
        source: &Source,
        object: &ObjectName,
        write: Write,
        _etag: &str,
    ) -> Result<Committed, PutError> {
        self.require_kept(&write)?;
        self.copy_object(source, object, write).await
    }

    async fn stage_open(&self) -> Result<StageId, PutError> {
        self.open_stage().await
    }

    async fn stage_part(
        &self,
        stage: &StageId,
        number: PartNumber,
        length: u64,
        body: Body,
    ) -> Result<Pin, PutError> {
        self.upload_part(stage, number, length, body).await
    }

    async fn stage_close(&self, stage: &StageId, parts: &[StagedPart]) -> Result<(), PutError> {
        self.close_stage(stage, parts).await
    }

    async fn stage_read(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        span: Span,
    ) -> Result<UnverifiedBody, GetError> {
        self.read_stage(stage, parts, span).await
    }

    async fn promote(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        object: &ObjectName,
        write: Write,
        _etag: &str,
    ) -> Result<Committed, PutError> {
        self.require_kept(&write)?;
        self.promote_stage(stage, parts, object, write).await
    }

    async fn stage_drop(&self, stage: &StageId) -> Result<(), StoreError> {
        self.drop_stage(stage).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, GetError> {
        self.list_objects(request).await
    }

    async fn buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        self.list_buckets().await
    }

    async fn bucket(&self, bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError> {
        self.find_bucket(bucket).await
    }

    async fn create_bucket(&self, bucket: &BucketName, new: NewBucket) -> Result<bool, PutError> {
        self.make_bucket(bucket, new).await
    }

    async fn delete_bucket(&self, bucket: &BucketName) -> Result<DeletedBucket, StoreError> {
        self.remove_bucket(bucket).await
    }

    async fn state_put(&self, name: &StateName, value: Bytes, guard: Guard) -> Result<(), PutError> {
        self.put_state(name, value, guard).await
    }

    async fn state_get(&self, name: &StateName, span: Span) -> Result<Option<UnverifiedState>, StoreError> {
        self.read_state(name, span).await
    }

    async fn state_list(
        &self,
        area: StateArea,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.list_state(area, prefix, after, limit).await
    }

    async fn state_delete(&self, name: &StateName) -> Result<(), StoreError> {
        self.delete_state(name).await
    }

    async fn sweep(&self, pause: Duration) -> Result<Swept, StoreError> {
        self.sweep_scratch(pause).await
    }

    async fn list_versions(&self, request: ListVersionsRequest) -> Result<VersionPage, GetError> {
        self.list_object_versions(request).await
    }

    async fn versioning(&self, bucket: &BucketName) -> Result<Versioning, GetError> {
        self.bucket_versioning(bucket).await
    }

    async fn set_versioning(&self, bucket: &BucketName, versioning: Versioning) -> Result<(), PutError> {
        self.set_bucket_versioning(bucket, versioning).await
    }

    async fn object_lock(&self, bucket: &BucketName) -> Result<BucketLock, GetError> {
        self.bucket_lock(bucket).await
    }

    async fn set_object_lock(
        &self,
        bucket: &BucketName,
        default: Option<DefaultRetention>,
    ) -> Result<(), PutError> {
        self.set_bucket_lock(bucket, default).await
    }

    async fn bucket_tags(&self, bucket: &BucketName) -> Result<Tags, GetError> {
        self.tags_of_bucket(bucket).await
    }

    async fn set_bucket_tags(&self, bucket: &BucketName, tags: Tags) -> Result<(), PutError> {
        self.set_tags_of_bucket(bucket, tags).await
    }

    async fn tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<(Tags, Option<VersionId>), GetError> {
        self.tags_of_object(object, version).await
    }

    async fn set_tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        tags: Tags,
    ) -> Result<Option<VersionId>, PutError> {
        self.set_tags_of_object(object, version, tags).await
    }

    async fn set_retention(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        retention: Option<Retention>,
        retentions: Retentions,
    ) -> Result<(), PutError> {
        self.set_object_retention(object, version, retention, retentions).await
    }

    async fn set_legal_hold(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        hold: LegalHold,
    ) -> Result<(), PutError> {
        self.set_object_legal_hold(object, version, hold).await
    }
}

/// 32 hexadecimal digits that nobody can guess.
fn random_name() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| StoreError::new(super::StoreFault::Unavailable, format!("no random bytes: {e}")))?;
    Ok(hex::encode(bytes))
}

impl S3Store {
    /// That the store keeps the attributes of a write as they are: else nobody could read what was written.
    fn require_kept(&self, write: &Write) -> Result<(), PutError> {
        self.findings()
            .metadata
            .refuses(&write.attributes)
            .map_or(Ok(()), |what| Err(PutError::Unsupported(what)))
    }
}
