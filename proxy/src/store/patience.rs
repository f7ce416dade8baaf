//! No wait for a store is without end.

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
use crate::name::{BucketName, ObjectName};
use crate::proof::{Unverified, UnverifiedBody, UnverifiedHead, UnverifiedState};

/// How long a store may take to answer, or to send the next piece of a body.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// How long a store may take to join, copy or remove what can be large. Elsewhere these are several requests, each of which
/// is waited for by itself: to copy 5 TiB takes thousands.
pub(crate) const LARGE: Duration = Duration::from_secs(10 * 60);

/// A store whose answers are waited for, but not for ever.
///
/// `put` and `stage_part` are not among them: they last as long as the client sends, who has limits of its own; what comes after that
/// is waited for by [`committed`]. The bytes of a `get` are
/// waited for by whoever reads them ([`crate::proof::LeafReader`]).
pub struct Patience(Arc<dyn Store>);

impl Patience {
    /// Waits for `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

/// Waits for the end of a `put` whose body has been handed over, commit and all.
///
/// # Errors
/// What the store says, or [`PutError::Unknown`] if it says nothing.
pub async fn committed<T>(put: impl Future<Output = Result<T, PutError>> + Send) -> Result<T, PutError> {
    within(put).await
}

async fn within<T, E: From<Late>>(answer: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
    tokio::time::timeout(ANSWER, answer).await.unwrap_or_else(|_| Err(Late(ANSWER).into()))
}

/// The same for what may take as long as there are bytes.
async fn within_large<T, E: From<Late>>(answer: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
    tokio::time::timeout(LARGE, answer).await.unwrap_or_else(|_| Err(Late(LARGE).into()))
}

/// The store did not answer in this time.
struct Late(Duration);

impl From<Late> for StoreError {
    fn from(Late(time): Late) -> Self {
        Self::new(StoreFault::Timeout, format!("no answer within {time:?}"))
    }
}

impl From<Late> for GetError {
    fn from(late: Late) -> Self {
        Self::Store(late.into())
    }
}

impl From<Late> for PutError {
    /// It may have been done all the same.
    fn from(late: Late) -> Self {
        Self::Unknown(late.into())
    }
}

#[async_trait]
impl Store for Patience {
    async fn probe(&self) -> Result<Capabilities, StoreError> {
        within(self.0.probe()).await
    }

    async fn put(
        &self,
        object: &ObjectName,
        write: Write,
        length: u64,
        body: Body,
    ) -> Result<Committed, PutError> {
        self.0.put(object, write, length, body).await
    }

    async fn get(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        span: Span,
        pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        within(self.0.get(object, version, span, pin)).await
    }

    async fn head(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError> {
        within(self.0.head(object, version)).await
    }

    async fn delete(&self, object: &ObjectName, deletion: Deletion) -> Result<Deleted, PutError> {
        within(self.0.delete(object, deletion)).await
    }

    async fn delete_many(&self, deletions: &[(ObjectName, Deletion)]) -> Vec<Result<Deleted, PutError>> {
        let late = |_| deletions.iter().map(|_| Err(Late(ANSWER).into())).collect();
        tokio::time::timeout(ANSWER, self.0.delete_many(deletions)).await.unwrap_or_else(late)
    }

    async fn copy(
        &self,
        source: &Source,
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        within_large(self.0.copy(source, object, write, etag)).await
    }

    async fn stage_open(&self) -> Result<StageId, PutError> {
        within(self.0.stage_open()).await
    }

    async fn stage_part(
        &self,
        stage: &StageId,
        number: PartNumber,
        length: u64,
        body: Body,
    ) -> Result<Pin, PutError> {
        self.0.stage_part(stage, number, length, body).await
    }

    async fn stage_close(&self, stage: &StageId, parts: &[StagedPart]) -> Result<(), PutError> {
        within_large(self.0.stage_close(stage, parts)).await
    }

    async fn stage_read(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        span: Span,
    ) -> Result<UnverifiedBody, GetError> {
        within(self.0.stage_read(stage, parts, span)).await
    }

    async fn promote(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        within_large(self.0.promote(stage, parts, object, write, etag)).await
    }

    async fn stage_drop(&self, stage: &StageId) -> Result<(), StoreError> {
        within_large(self.0.stage_drop(stage)).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, GetError> {
        within(self.0.list(request)).await
    }

    async fn buckets(&self) -> Result<Vec<BucketInfo>, StoreError> {
        within(self.0.buckets()).await
    }

    async fn bucket(&self, bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError> {
        within(self.0.bucket(bucket)).await
    }

    async fn create_bucket(&self, bucket: &BucketName, new: NewBucket) -> Result<bool, PutError> {
        within(self.0.create_bucket(bucket, new)).await
    }

    async fn delete_bucket(&self, bucket: &BucketName) -> Result<DeletedBucket, StoreError> {
        within(self.0.delete_bucket(bucket)).await
    }

    async fn state_put(&self, name: &StateName, value: Bytes, guard: Guard) -> Result<(), PutError> {
        within(self.0.state_put(name, value, guard)).await
    }

    async fn state_get(&self, name: &StateName, span: Span) -> Result<Option<UnverifiedState>, StoreError> {
        within(self.0.state_get(name, span)).await
    }

    async fn state_list(
        &self,
        area: StateArea,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        within(self.0.state_list(area, prefix, after, limit)).await
    }

    async fn state_delete(&self, name: &StateName) -> Result<(), StoreError> {
        within(self.0.state_delete(name)).await
    }

    /// Nobody waits for it.
    async fn sweep(&self, pause: Duration) -> Result<Swept, StoreError> {
        self.0.sweep(pause).await
    }

    async fn list_versions(&self, request: ListVersionsRequest) -> Result<VersionPage, GetError> {
        within(self.0.list_versions(request)).await
    }

    async fn versioning(&self, bucket: &BucketName) -> Result<Versioning, GetError> {
        within(self.0.versioning(bucket)).await
    }

    async fn set_versioning(&self, bucket: &BucketName, versioning: Versioning) -> Result<(), PutError> {
        within(self.0.set_versioning(bucket, versioning)).await
    }

    async fn object_lock(&self, bucket: &BucketName) -> Result<BucketLock, GetError> {
        within(self.0.object_lock(bucket)).await
    }

    async fn set_object_lock(
        &self,
        bucket: &BucketName,
        default: Option<DefaultRetention>,
    ) -> Result<(), PutError> {
        within(self.0.set_object_lock(bucket, default)).await
    }

    async fn bucket_tags(&self, bucket: &BucketName) -> Result<Tags, GetError> {
        within(self.0.bucket_tags(bucket)).await
    }

    async fn set_bucket_tags(&self, bucket: &BucketName, tags: Tags) -> Result<(), PutError> {
        within(self.0.set_bucket_tags(bucket, tags)).await
    }

    async fn tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<(Tags, Option<VersionId>), GetError> {
        within(self.0.tags(object, version)).await
    }

    async fn set_tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        tags: Tags,
    ) -> Result<Option<VersionId>, PutError> {
        within(self.0.set_tags(object, version, tags)).await
    }

    async fn set_retention(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        retention: Option<Retention>,
        retentions: Retentions,
    ) -> Result<(), PutError> {
        within(self.0.set_retention(object, version, retention, retentions)).await
    }

    async fn set_legal_hold(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        hold: LegalHold,
    ) -> Result<(), PutError> {
        within(self.0.set_legal_hold(object, version, hold)).await
    }
}
