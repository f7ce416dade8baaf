//! A store whose changes are counted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::changes::Changes;
use crate::name::{BucketName, ObjectName};
use crate::proof::{Unverified, UnverifiedBody, UnverifiedHead, UnverifiedState};
use crate::store::{
    Body, BucketInfo, BucketLock, Capabilities, Committed, DefaultRetention, Deleted, DeletedBucket,
    Deletion, GetError, Guard, LegalHold, ListPage, ListRequest, ListVersionsRequest, NewBucket, PartNumber,
    Pin, PutError, Retention, Retentions, Source, Span, StageId, StagedPart, StateArea, StateName, Store,
    StoreError, Swept, Tags, VersionId, VersionPage, Versioning, Write,
};

/// Counts every change of an object that goes through here, whatever came of it. All that the gate and the service do
/// goes through here, so that no change is forgotten.
pub(crate) struct Noting {
    store: Arc<dyn Store>,
    changes: Arc<Changes>,
}

impl Noting {
    /// Counts in `changes` what is done to `store`.
    pub(crate) fn new(store: Arc<dyn Store>, changes: Arc<Changes>) -> Self {
        Self { store, changes }
    }
}

#[async_trait]
impl Store for Noting {
    async fn probe(&self) -> Result<Capabilities, StoreError> {
        self.store.probe().await
    }

    async fn put(
        &self,
        object: &ObjectName,
        write: Write,
        length: u64,
        body: Body,
    ) -> Result<Committed, PutError> {
        let _changing = self.changes.begin(object);
        self.store.put(object, write, length, body).await
    }

    async fn get(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        span: Span,
        pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        self.store.get(object, version, span, pin).await
    }

    async fn head(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError> {
        self.store.head(object, version).await
    }

    async fn delete(&self, object: &ObjectName, deletion: Deletion) -> Result<Deleted, PutError> {
        let _changing = self.changes.begin(object);
        self.store.delete(object, deletion).await
    }

    async fn delete_many(&self, deletions: &[(ObjectName, Deletion)]) -> Vec<Result<Deleted, PutError>> {
        let _changing: Vec<_> = deletions.iter().map(|(object, _)| self.changes.begin(object)).collect();
        self.store.delete_many(deletions).await
    }

    async fn copy(
        &self,
        source: &Source,
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        let _changing = self.changes.begin(object);
        self.store.copy(source, object, write, etag).await
    }

    async fn stage_open(&self) -> Result<StageId, PutError> {
        self.store.stage_open().await
    }

    async fn stage_part(
        &self,
        stage: &StageId,
        number: PartNumber,
        length: u64,
        body: Body,
    ) -> Result<Pin, PutError> {
        self.store.stage_part(stage, number, length, body).await
    }

    async fn stage_close(&self, stage: &StageId, parts: &[StagedPart]) -> Result<(), PutError> {
        self.store.stage_close(stage, parts).await
    }

    async fn stage_read(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        span: Span,
    ) -> Result<UnverifiedBody, GetError> {
        self.store.stage_read(stage, parts, span).await
    }

    async fn promote(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        let _changing = self.changes.begin(object);
        self.store.promote(stage, parts, object, write, etag).await
    }

    async fn stage_drop(&self, stage: &StageId) -> Result<(), StoreError> {
        self.store.stage_drop(stage).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, GetError> {
        self.store.list(request).await
    }

    async fn buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        self.store.buckets().await
    }

    async fn bucket(&self, bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError> {
        self.store.bucket(bucket).await
    }

    async fn create_bucket(&self, bucket: &BucketName, new: NewBucket) -> Result<bool, PutError> {
        self.store.create_bucket(bucket, new).await
    }

    async fn delete_bucket(&self, bucket: &BucketName) -> Result<DeletedBucket, StoreError> {
        self.store.delete_bucket(bucket).await
    }

    async fn state_put(&self, name: &StateName, value: Bytes, guard: Guard) -> Result<(), PutError> {
        self.store.state_put(name, value, guard).await
    }

    async fn state_get(&self, name: &StateName, span: Span) -> Result<Option<UnverifiedState>, StoreError> {
        self.store.state_get(name, span).await
    }

    async fn state_list(
        &self,
        area: StateArea,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.store.state_list(area, prefix, after, limit).await
    }

    async fn state_delete(&self, name: &StateName) -> Result<(), StoreError> {
        self.store.state_delete(name).await
    }

    async fn sweep(&self, pause: Duration) -> Result<Swept, StoreError> {
        self.store.sweep(pause).await
    }

    async fn list_versions(&self, request: ListVersionsRequest) -> Result<VersionPage, GetError> {
        self.store.list_versions(request).await
    }

    async fn versioning(&self, bucket: &BucketName) -> Result<Versioning, GetError> {
        self.store.versioning(bucket).await
    }

    async fn set_versioning(&self, bucket: &BucketName, versioning: Versioning) -> Result<(), PutError> {
        self.store.set_versioning(bucket, versioning).await
    }

    async fn object_lock(&self, bucket: &BucketName) -> Result<BucketLock, GetError> {
        self.store.object_lock(bucket).await
    }

    async fn set_object_lock(
        &self,
        bucket: &BucketName,
        default: Option<DefaultRetention>,
    ) -> Result<(), PutError> {
        self.store.set_object_lock(bucket, default).await
    }

    async fn bucket_tags(&self, bucket: &BucketName) -> Result<Tags, GetError> {
        self.store.bucket_tags(bucket).await
    }

    async fn set_bucket_tags(&self, bucket: &BucketName, tags: Tags) -> Result<(), PutError> {
        self.store.set_bucket_tags(bucket, tags).await
    }

    async fn tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<(Tags, Option<VersionId>), GetError> {
        self.store.tags(object, version).await
    }

    async fn set_tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        tags: Tags,
    ) -> Result<Option<VersionId>, PutError> {
        let _changing = self.changes.begin(object);
        self.store.set_tags(object, version, tags).await
    }

    async fn set_retention(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        retention: Option<Retention>,
        retentions: Retentions,
    ) -> Result<(), PutError> {
        let _changing = self.changes.begin(object);
        self.store.set_retention(object, version, retention, retentions).await
    }

    async fn set_legal_hold(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        hold: LegalHold,
    ) -> Result<(), PutError> {
        let _changing = self.changes.begin(object);
        self.store.set_legal_hold(object, version, hold).await
    }
}
