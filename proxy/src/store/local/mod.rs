//! The embedded store: everything in one directory of this machine.
//!
//! ```text
//! lock             held while the store is open
//! index.redb       buckets, rows of versions and of state, bodies up to 16 KiB
//! bodies/<2 hex>/  larger bodies, one file for each version, and parts of bodies
//! ```
//!
//! **A put.** `receive` takes the body in: small ones into memory, others into a new file under a name that no
//! version had before (`id`, `bodies`), synced. Then the `committer`, the only writer, judges the guard and writes
//! row, inline body and the file's id in one durable transaction, together with whatever else waits. The row is what
//! makes an object: before it the file is garbage, after it the replaced version's file is, unless the bucket keeps
//! versions.
//!
//! **Versions.** The current object of each key has its row in one table, where a get and a list find it. What stands
//! behind it, and delete markers, are in another, which buckets that keep no versions never touch (`history`). What
//! protects a version (`locks`) is judged by the committer too.
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
mod bucket_row;
mod buckets;
mod committer;
mod copy;
mod delete;
mod expire;
mod fields;
mod history;
mod id;
mod index;
mod labels;
mod leases;
mod list;
mod locks;
mod lookup;
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
mod version;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use open::OpenError;

use self::bodies::Bodies;
use self::committer::Committer;
use self::index::Index;
use super::{
    Body, BucketInfo, BucketLock, Capabilities, Committed, DefaultRetention, Deleted, DeletedBucket,
    Deletion, GetError, Guard, Guards, LegalHold, ListPage, ListRequest, ListVersionsRequest, Metadata,
    NewBucket, PartNumber, Pin, PutError, Retention, Retentions, Source, Span, StageId, StagedPart,
    StateArea, StateName, Store, StoreError, Swept, Tags, VersionId, VersionPage, Versioning, Write,
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
        Ok(Capabilities {
            guards: Guards::ALL,
            max_key_bytes: MAX_KEY_BYTES,
            max_put_bytes: u64::MAX,
            min_part_bytes: 1,
            leaves_parts_out: true,
            promotes_once: true,
            governance: true,
            metadata: Metadata::ALL,
        })
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

    async fn sweep(&self, pause: Duration) -> Result<Swept, StoreError> {
        self.sweep_all(pause).await
    }

    async fn list_versions(&self, request: ListVersionsRequest) -> Result<VersionPage, GetError> {
        self.list_all_versions(request).await
    }

    async fn versioning(&self, bucket: &BucketName) -> Result<Versioning, GetError> {
        Ok(self.find_rules(bucket).await?.versioning)
    }

    async fn set_versioning(&self, bucket: &BucketName, versioning: Versioning) -> Result<(), PutError> {
        self.put_versioning(bucket, versioning).await
    }

    async fn object_lock(&self, bucket: &BucketName) -> Result<BucketLock, GetError> {
        Ok(self.find_rules(bucket).await?.lock)
    }

    async fn set_object_lock(
        &self,
        bucket: &BucketName,
        default: Option<DefaultRetention>,
    ) -> Result<(), PutError> {
        self.put_object_lock(bucket, default).await
    }

    async fn bucket_tags(&self, bucket: &BucketName) -> Result<Tags, GetError> {
        self.find_bucket_tags(bucket).await
    }

    async fn set_bucket_tags(&self, bucket: &BucketName, tags: Tags) -> Result<(), PutError> {
        self.put_bucket_tags(bucket, tags).await
    }

    async fn tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<(Tags, Option<VersionId>), GetError> {
        self.find_tags(object, version).await
    }

    async fn set_tags(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        tags: Tags,
    ) -> Result<Option<VersionId>, PutError> {
        self.put_tags(object, version, tags).await
    }

    async fn set_retention(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        retention: Option<Retention>,
        retentions: Retentions,
    ) -> Result<(), PutError> {
        self.put_retention(object, version, retention, retentions).await
    }

    async fn set_legal_hold(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        hold: LegalHold,
    ) -> Result<(), PutError> {
        self.put_legal_hold(object, version, hold).await
    }
}
