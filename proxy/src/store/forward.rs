//! Stores before stores: each call is passed on, and something is done around it.
//!
//! What there is to pass on stands here once. A decorator says what it does around a call by a macro of its own, which
//! [`forward!`] invokes for each one:
//!
//! ```text
//! around!(self, Variant, changes[object], call)
//! ```
//!
//! `Variant` is the call's name, `object` the argument that names what it changes, if it changes objects, and `call` the
//! future that passes it on. Whoever adds a call to [`Store`](super::Store) adds it here, or nothing that decorates compiles
//! (calls without a default) or passes the lints (those with one).

/// Implements [`Store`](super::Store) for a decorator whose field `store` is what it stands before.
macro_rules! forward {
    ($decorator:ty, $around:ident) => {
        $crate::store::forward! { @each $decorator, $around,
            Probe probe() -> Result<Capabilities, StoreError>;
            Put put(object: &ObjectName, write: Write, length: u64, body: Body)
                -> Result<Committed, PutError>, changes object;
            Get get(object: &ObjectName, version: Option<&VersionId>, span: Span, pin: Option<&Pin>)
                -> Result<Unverified, GetError>;
            Head head(object: &ObjectName, version: Option<&VersionId>) -> Result<UnverifiedHead, GetError>;
            Delete delete(object: &ObjectName, deletion: Deletion)
                -> Result<Deleted, PutError>, changes object;
            DeleteMany delete_many(deletions: &[(ObjectName, Deletion)])
                -> Vec<Result<Deleted, PutError>>, changes deletions;
            Copy copy(source: &Source, object: &ObjectName, write: Write, etag: &str)
                -> Result<Committed, PutError>, changes object;
            StageOpen stage_open() -> Result<StageId, PutError>;
            StagePart stage_part(stage: &StageId, number: PartNumber, length: u64, body: Body)
                -> Result<Pin, PutError>;
            StageClose stage_close(stage: &StageId, parts: &[StagedPart]) -> Result<(), PutError>;
            StageRead stage_read(stage: &StageId, parts: &[StagedPart], span: Span)
                -> Result<UnverifiedBody, GetError>;
            Promote promote(
                stage: &StageId, parts: &[StagedPart], object: &ObjectName, write: Write, etag: &str
            ) -> Result<Committed, PutError>, changes object;
            StageDrop stage_drop(stage: &StageId) -> Result<(), StoreError>;
            List list(request: ListRequest) -> Result<ListPage, GetError>;
            Buckets buckets() -> Result<Vec<BucketInfo>, StoreError>;
            Bucket bucket(bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError>;
            CreateBucket create_bucket(bucket: &BucketName, new: NewBucket) -> Result<bool, PutError>;
            DeleteBucket delete_bucket(bucket: &BucketName) -> Result<DeletedBucket, StoreError>;
            StatePut state_put(name: &StateName, value: Bytes, guard: Guard) -> Result<(), PutError>;
            StateGet state_get(name: &StateName, span: Span) -> Result<Option<UnverifiedState>, StoreError>;
            StateList state_list(area: StateArea, prefix: &str, after: Option<&str>, limit: usize)
                -> Result<Vec<String>, StoreError>;
            StateDelete state_delete(name: &StateName) -> Result<(), StoreError>;
            Sweep sweep(pause: Duration) -> Result<Swept, StoreError>;
            ListVersions list_versions(request: ListVersionsRequest) -> Result<VersionPage, GetError>;
            Versioning versioning(bucket: &BucketName) -> Result<Versioning, GetError>;
            SetVersioning set_versioning(bucket: &BucketName, versioning: Versioning)
                -> Result<(), PutError>;
            ObjectLock object_lock(bucket: &BucketName) -> Result<BucketLock, GetError>;
            SetObjectLock set_object_lock(bucket: &BucketName, default: Option<DefaultRetention>)
                -> Result<(), PutError>;
            BucketTags bucket_tags(bucket: &BucketName) -> Result<Tags, GetError>;
            SetBucketTags set_bucket_tags(bucket: &BucketName, tags: Tags) -> Result<(), PutError>;
            Tags tags(object: &ObjectName, version: Option<&VersionId>)
                -> Result<(Tags, Option<VersionId>), GetError>;
            SetTags set_tags(object: &ObjectName, version: Option<&VersionId>, tags: Tags)
                -> Result<Option<VersionId>, PutError>, changes object;
            SetRetention set_retention(
                object: &ObjectName,
                version: Option<&VersionId>,
                retention: Option<Retention>,
                retentions: Retentions
            ) -> Result<(), PutError>, changes object;
            SetLegalHold set_legal_hold(object: &ObjectName, version: Option<&VersionId>, hold: LegalHold)
                -> Result<(), PutError>, changes object;
        }
    };
    (@each $decorator:ty, $around:ident, $(
        $variant:ident $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty $(, changes $changed:ident)?;
    )*) => {
        const _: () = {
            use std::time::Duration;

            use async_trait::async_trait;
            use bytes::Bytes;
            use $crate::name::{BucketName, ObjectName};
            use $crate::proof::{Unverified, UnverifiedBody, UnverifiedHead, UnverifiedState};
            use $crate::store::{
                Body, BucketInfo, BucketLock, Capabilities, Committed, DefaultRetention, Deleted,
                DeletedBucket, Deletion, GetError, Guard, LegalHold, ListPage, ListRequest,
                ListVersionsRequest, NewBucket, PartNumber, Pin, PutError, Retention, Retentions, Source,
                Span, StageId, StagedPart, StateArea, StateName, Store, StoreError, Swept, Tags, VersionId,
                VersionPage, Versioning, Write,
            };

            #[async_trait]
            #[deny(clippy::missing_trait_methods)]
            impl Store for $decorator {$(
                async fn $name(&self, $($argument: $kind),*) -> $answer {
                    $around!(self, $variant, changes[$($changed)?], self.store.$name($($argument),*))
                }
            )*}
        };
    };
}

pub(crate) use forward;
