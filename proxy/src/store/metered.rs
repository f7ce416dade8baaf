//! What the store is asked for, counted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Body, BucketInfo, BucketLock, Capabilities, Committed, DefaultRetention, Deleted, DeletedBucket,
    Deletion, GetError, Guard, LegalHold, ListPage, ListRequest, ListVersionsRequest, NewBucket, PartNumber,
    Pin, PutError, Retention, Retentions, Source, Span, StageId, StagedPart, StateArea, StateName, Store,
    StoreError, StoreFault, Swept, Tags, VersionId, VersionPage, Versioning, Write,
};
use crate::metrics::{Metrics, StoreCall, StoreOutcome};
use crate::name::{BucketName, ObjectName};
use crate::proof::{Unverified, UnverifiedBody, UnverifiedHead, UnverifiedState};

/// A store whose calls are counted: how many, how they ended, how long they took. It changes nothing about them.
pub struct Metered {
    store: Arc<dyn Store>,
    metrics: Metrics,
}

impl Metered {
    /// Counts the calls of `store`.
    pub fn new(store: Arc<dyn Store>, metrics: Metrics) -> Self {
        Self { store, metrics }
    }

    async fn measured<T, E: Failure>(
        &self,
        call: StoreCall,
        answer: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let call = self.metrics.store().begin(call);
        let answer = answer.await;
        call.ended(of(&answer));
        answer
    }
}

/// What kind of outcome an error is.
trait Failure {
    fn outcome(&self) -> StoreOutcome;
}

fn of<T, E: Failure>(answer: &Result<T, E>) -> StoreOutcome {
    answer.as_ref().err().map_or(StoreOutcome::Ok, Failure::outcome)
}

impl Failure for StoreError {
    fn outcome(&self) -> StoreOutcome {
        match self.fault {
            StoreFault::Timeout => StoreOutcome::Timeout,
            StoreFault::Unavailable => StoreOutcome::Unavailable,
            StoreFault::Busy => StoreOutcome::Busy,
            StoreFault::Protocol => StoreOutcome::Protocol,
            StoreFault::Corrupt => StoreOutcome::Corrupt,
        }
    }
}

impl Failure for GetError {
    fn outcome(&self) -> StoreOutcome {
        match self {
            Self::NoSuchBucket
            | Self::NoSuchKey
            | Self::NoSuchVersion
            | Self::DeleteMarker(_)
            | Self::NoSuchStage => StoreOutcome::Absent,
            Self::OutOfRange | Self::Changed => StoreOutcome::Refused,
            Self::Store(error) => error.outcome(),
        }
    }
}

impl Failure for PutError {
    fn outcome(&self) -> StoreOutcome {
        match self {
            Self::NoSuchBucket | Self::NoSuchKey | Self::NoSuchVersion | Self::NoSuchStage => {
                StoreOutcome::Absent
            }
            Self::Locked
            | Self::NoObjectLock
            | Self::SourceChanged
            | Self::NoSuchPart(_)
            | Self::GuardFailed
            | Self::Incomplete => StoreOutcome::Refused,
            Self::NotStored(error) => error.outcome(),
            Self::Unknown(_) => StoreOutcome::Unknown,
            Self::Unsupported(_) => StoreOutcome::Unsupported,
        }
    }
}

#[async_trait]
impl Store for Metered {
    async fn probe(&self) -> Result<Capabilities, StoreError> {
        self.measured(StoreCall::Probe, self.store.probe()).await
    }

    async fn put(
        &self,
        object: &ObjectName,
        write: Write,
        length: u64,
        body: Body,
    ) -> Result<Committed, PutError> {
        self.measured(StoreCall::Put, self.store.put(object, write, length, body)).await
    }

    async fn get(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        span: Span,
        pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        self.measured(StoreCall::Get, self.store.get(object, version, span, pin)).await
    }

    async fn head(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError> {
        self.measured(StoreCall::Head, self.store.head(object, version)).await
    }

    async fn delete(&self, object: &ObjectName, deletion: Deletion) -> Result<Deleted, PutError> {
        self.measured(StoreCall::Delete, self.store.delete(object, deletion)).await
    }

    async fn delete_many(&self, deletions: &[(ObjectName, Deletion)]) -> Vec<Result<Deleted, PutError>> {
        let call = self.metrics.store().begin(StoreCall::DeleteMany);
        let deleted = self.store.delete_many(deletions).await;
        // Each has an outcome of its own; it is the store's that counts.
        let failed = deleted
            .iter()
            .map(of)
            .find(|outcome| !matches!(outcome, StoreOutcome::Ok | StoreOutcome::Refused));
        call.ended(failed.unwrap_or(StoreOutcome::Ok));
        deleted
    }

    async fn copy(
        &self,
        source: &Source,
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        self.measured(StoreCall::Copy, self.store.copy(source, object, write, etag)).await
    }

    async fn stage_open(&self) -> Result<StageId, PutError> {
        self.measured(StoreCall::StageOpen, self.store.stage_open()).await
    }

    async fn stage_part(
        &self,
        stage: &StageId,
        number: PartNumber,
        length: u64,
        body: Body,
    ) -> Result<Pin, PutError> {
        self.measured(StoreCall::StagePart, self.store.stage_part(stage, number, length, body)).await
    }

    async fn stage_close(&self, stage: &StageId, parts: &[StagedPart]) -> Result<(), PutError> {
        self.measured(StoreCall::StageClose, self.store.stage_close(stage, parts)).await
    }

    async fn stage_read(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        span: Span,
    ) -> Result<UnverifiedBody, GetError> {
        self.measured(StoreCall::StageRead, self.store.stage_read(stage, parts, span)).await
    }

    async fn promote(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        self.measured(StoreCall::Promote, self.store.promote(stage, parts, object, write, etag)).await
    }

    async fn stage_drop(&self, stage: &StageId) -> Result<(), StoreError> {
        self.measured(StoreCall::StageDrop, self.store.stage_drop(stage)).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, GetError> {
        self.measured(StoreCall::List, self.store.list(request)).await
    }

    async fn buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        self.measured(StoreCall::Buckets, self.store.buckets()).await
    }

    async fn bucket(&self, bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError> {
        self.measured(StoreCall::Bucket, self.store.bucket(bucket)).await
    }

    async fn create_bucket(&self, bucket: &BucketName, new: NewBucket) -> Result<bool, PutError> {
        self.measured(StoreCall::CreateBucket, self.store.create_bucket(bucket, new)).await
    }

    async fn delete_bucket(&self, bucket: &BucketName) -> Result<DeletedBucket, StoreError> {
        self.measured(StoreCall::DeleteBucket, self.store.delete_bucket(bucket)).await
    }

    async fn state_put(&self, name: &StateName, value: Bytes, guard: Guard) -> Result<(), PutError> {
        self.measured(StoreCall::StatePut, self.store.state_put(name, value, guard)).await
    }

    async fn state_get(&self, name: &StateName, span: Span) -> Result<Option<UnverifiedState>, StoreError> {
        self.measured(StoreCall::StateGet, self.store.state_get(name, span)).await
    }

    async fn state_list(
        &self,
        area: StateArea,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.measured(StoreCall::StateList, self.store.state_list(area, prefix, after, limit)).await
    }

    async fn state_delete(&self, name: &StateName) -> Result<(), StoreError> {
        self.measured(StoreCall::StateDelete, self.store.state_delete(name)).await
    }

    /// Goes on for hours, at its own pace.
    async fn sweep(&self, pause: Duration) -> Result<Swept, StoreError> {
        self.store.sweep(pause).await
    }

    async fn list_versions(&self, request: ListVersionsRequest) -> Result<VersionPage, GetError> {
        self.measured(StoreCall::ListVersions, self.store.list_versions(request)).await
    }

    async fn versioning(&self, bucket: &BucketName) -> Result<Versioning, GetError> {
        self.measured(StoreCall::Versioning, self.store.versioning(bucket)).await
    }

    async fn set_versioning(&self, bucket: &BucketName, versioning: Versioning) -> Result<(), PutError> {
        self.measured(StoreCall::SetVersioning, self.store.set_versioning(bucket, versioning)).await
    }

    async fn object_lock(&self, bucket: &BucketName) -> Result<BucketLock, GetError> {
        self.measured(StoreCall::ObjectLock, self.store.object_lock(bucket)).await
    }

    async fn set_object_lock(
        &self,
        bucket: &BucketName,
        default: Option<DefaultRetention>,
    ) -> Result<(), PutError> {
        self.measured(StoreCall::SetObjectLock, self.store.set_object_lock(bucket, default)).await
    }

    async fn bucket_tags(&self, bucket: &BucketName) -> Result<Tags, GetError> {
        self.measured(StoreCall::BucketTags, self.store.bucket_tags(bucket)).await
    }

    async fn set_bucket_tags(&self, bucket: &BucketName, tags: Tags) -> Result<(), PutError> {
        self.measured(StoreCall::SetBucketTags, self.store.set_bucket_tags(bucket, tags)).await
    }

    async fn tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<(Tags, Option<VersionId>), GetError> {
        self.measured(StoreCall::Tags, self.store.tags(object, version)).await
    }

    async fn set_tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        tags: Tags,
    ) -> Result<Option<VersionId>, PutError> {
        self.measured(StoreCall::SetTags, self.store.set_tags(object, version, tags)).await
    }

    async fn set_retention(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        retention: Option<Retention>,
        retentions: Retentions,
    ) -> Result<(), PutError> {
        self.measured(
            StoreCall::SetRetention,
            self.store.set_retention(object, version, retention, retentions),
        )
        .await
    }

    async fn set_legal_hold(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        hold: LegalHold,
    ) -> Result<(), PutError> {
        self.measured(StoreCall::SetLegalHold, self.store.set_legal_hold(object, version, hold)).await
    }
}
