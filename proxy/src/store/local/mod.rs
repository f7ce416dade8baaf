//! The embedded store: everything in one directory of this machine.
//!
//! ```text
//! lock             held while the store is open
//! index.redb       buckets, rows of objects and of state, bodies up to 16 KiB
//! bodies/<2 hex>/  larger bodies, one file for each version, and parts of bodies
//! ```
//!
//! **A put.** `receive` takes the body in: small ones into memory, others into a new file under a name that no
//! version had before (`id`, `bodies`), synced. Then the `committer`, the only writer, judges the guard and writes
//! row, inline body and the file's id in one durable transaction, together with whatever else waits. The row is what
//! makes an object: before it the file is garbage, after it the replaced version's file is.
//!
//! **A get.** Row and inline body come from one snapshot of the index. A file is opened after that; when it is gone,
//! because the version was replaced meanwhile, the row is looked up again. An open file can be read to its end
//! whatever happens to its name.
//!
//! **Parts** of an object that is not one yet are files that a `stage` names; promoting it makes them the `segments` of
//! the object, in one transaction and without moving a byte. Whoever reads such an object holds a lease (`leases`) on
//! its files. A `copy` is a new name for the same files: a hard link each.
//!
//! **After a crash** nothing is scanned: the index opens as of its last transaction, and what lies in `bodies/` and
//! is not named in the index is removed by and by (`sweep`), as are stages that nobody came back to (`expire`).

mod bodies;
mod buckets;
mod committer;
mod copy;
mod expire;
mod id;
mod index;
mod leases;
mod list;
mod objects;
mod open;
mod parts;
mod read;
mod receive;
mod room;
mod row;
mod segments;
mod stage;
mod state;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use open::OpenError;
pub use sweep::Swept;

use self::bodies::Bodies;
use self::committer::Committer;
use self::index::Index;
use super::{
    Body, BucketInfo, Capabilities, Committed, Deleted, DeletedBucket, Deletion, GetError, Guard, ListPage,
    ListRequest, ListVersionsRequest, NewBucket, PartNumber, Pin, PutError, Source, Span, StageId,
    StagedPart, StateArea, StateName, Store, StoreError, VersionId, VersionPage, Write,
};
use crate::name::{BucketName, MAX_KEY_BYTES, ObjectName};
use crate::proof::{Unverified, UnverifiedBody, UnverifiedHead, UnverifiedState};

/// A store in a directory. See [`open`](Self::open).
///
/// Must be used within a tokio runtime. Dropping it waits until the writes that were handed in are durable.
pub struct LocalStore {
    // Declared first, dropped first: it finishes what was asked of it while the index is still open.
    committer: Committer,
    index: Arc<Index>,
    bodies: Arc<Bodies>,
}

#[async_trait]
impl Store for LocalStore {
    async fn probe(&self) -> Result<Capabilities, StoreError> {
        Ok(Capabilities { guards: true, max_key_bytes: MAX_KEY_BYTES })
    }

    async fn put(
        &self,
        object: &ObjectName,
        write: Write,
        length: u64,
        body: Body,
    ) -> Result<Committed, PutError> {
        self.put_object(object, write, length, body).await
    }

    async fn get(
        &self,
        object: &ObjectName,
        _version: Option<&VersionId>,
        span: Span,
        pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        self.get_object(object, span, pin).await
    }

    async fn head(
        &self,
        object: &ObjectName,
        _version: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError> {
        self.head_object(object).await
    }

    async fn delete(&self, object: &ObjectName, deletion: Deletion) -> Result<Deleted, PutError> {
        self.delete_object(object, deletion.guard).await.map(|()| Deleted::default())
    }

    async fn delete_many(&self, deletions: &[(ObjectName, Deletion)]) -> Vec<Result<Deleted, PutError>> {
        let objects: Vec<_> = deletions.iter().map(|(object, _)| object.clone()).collect();
        let done = self.delete_objects(&objects).await;
        done.into_iter().map(|done| done.map(|()| Deleted::default())).collect()
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

    async fn create_bucket(&self, bucket: &BucketName, _new: NewBucket) -> Result<bool, PutError> {
        self.make_bucket(bucket).await
    }

    async fn delete_bucket(&self, bucket: &BucketName) -> Result<DeletedBucket, StoreError> {
        self.remove_bucket(bucket).await
    }

    async fn state_put(&self, name: &StateName, value: Bytes, guard: Guard) -> Result<(), PutError> {
        self.put_state(name, value, guard).await
    }

    async fn state_get(&self, name: &StateName, span: Span) -> Result<Option<UnverifiedState>, StoreError> {
        self.get_state(name, span).await
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

    async fn copy(
        &self,
        source: &Source,
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        self.copy_object(source, object, write, etag).await
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
        self.put_part(stage, number, length, body).await
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
        self.read_stage(stage, parts, &span).await
    }

    async fn promote(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError> {
        self.promote_stage(stage, parts, object, write, etag).await
    }

    async fn stage_drop(&self, stage: &StageId) -> Result<(), StoreError> {
        self.drop_stage(stage).await
    }

    async fn list_versions(&self, _request: ListVersionsRequest) -> Result<VersionPage, GetError> {
        Err(GetError::NoSuchBucket)
    }
}
