//! The object store behind the gate: one narrow trait and the stores that keep it.
//!
//! Nothing a store returns is trusted. Artifacts come back as [`Unverified`] and records as [`UnverifiedState`];
//! the only way out of either is a check in [`crate::proof`].

mod body;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod error;
mod forward;
mod governance;
pub mod local;
mod metered;
mod patience;
mod purpose;
pub mod s3;
mod stage;
mod types;
mod version;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use body::{Body, BodyWriter, Piece, StoreStopped};
pub use error::{GetError, PutError, StoreError, StoreFault};
pub(crate) use forward::forward;
pub use governance::*;
pub use metered::Metered;
pub(crate) use patience::ANSWER;
use patience::step;
pub use patience::{Patience, committed};
pub(crate) use purpose::{aside, for_health};
pub use stage::*;
pub use types::*;
pub use version::*;

use crate::name::{BucketName, ObjectName};
use crate::proof::{Unverified, UnverifiedBody, UnverifiedHead, UnverifiedState};

/// What every store does, and must do alike: one conformance suite runs over all of them.
///
/// **Durability.** A call that returned `Ok` survives the death of this process and of the machine.
///
/// **Atomicity.** A reader sees an object's old version or its new one: attributes and bytes of the same `put`.
/// A `put` whose body ends before [`BodyWriter::commit`], or with another length than announced, stores nothing.
///
/// **Conditions.** A [`Guard`] other than `Any` is evaluated atomically with the write, or the call is refused with
/// [`PutError::Unsupported`]; it is never ignored.
///
/// **Concurrency.** Calls on one key may overlap; the last to commit wins. No call waits for a body that another
/// call is still receiving.
///
/// **Cancellation.** Dropping a future of this trait leaves the store as if the call had not been made or had
/// succeeded; never in between.
///
/// **Retries** happen inside a store, only where a repeat is safe. An answer that never came is
/// [`PutError::Unknown`]: the caller finds out by [`head`](Store::head).
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Finds out what this store can do. Called before the first request; after that it is answered from memory.
    async fn probe(&self) -> Result<Capabilities, StoreError>;

    /// Stores an object of exactly `length` bytes with its attributes. It becomes the current version: it replaces what
    /// stands under that name, or where the bucket keeps versions, stands in front of it.
    async fn put(
        &self,
        object: &ObjectName,
        write: Write,
        length: u64,
        body: Body,
    ) -> Result<Committed, PutError>;

    /// Reads an object's attributes and the bytes of `span`: of the current version, or of `version`. With `pin`, only
    /// from the version that the pin names: [`GetError::Changed`] if another stands there now.
    async fn get(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        span: Span,
        pin: Option<&Pin>,
    ) -> Result<Unverified, GetError>;

    /// Reads an object's attributes.
    async fn head(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError>;

    /// Deletes an object or one version of it; what is not there is deleted already.
    async fn delete(&self, object: &ObjectName, deletion: Deletion) -> Result<Deleted, PutError>;

    /// Deletes many objects of one bucket; results in the order of `deletions`.
    async fn delete_many(&self, deletions: &[(ObjectName, Deletion)]) -> Vec<Result<Deleted, PutError>>;

    /// Makes an object of the bytes of another, without moving them through the caller: of those that `pin` names, or
    /// not at all ([`PutError::SourceChanged`]); and while the stage that the source names is there, or not at all
    /// ([`PutError::NoSuchStage`], judged together with the write where guards are). Only bytes are taken over: no attribute, tag or lock. `etag` is the
    /// sealed one, as in [`Piece::Commit`].
    async fn copy(
        &self,
        source: &Source,
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError>;

    /// Opens a stage. It stays until it is promoted or dropped, or for 8 days.
    async fn stage_open(&self) -> Result<StageId, PutError>;

    /// Stores a part of exactly `length` bytes, replacing the part of that number. Parts of one stage may come at
    /// once and in any order; the last to commit wins. A body that ends before [`BodyWriter::commit`] stores nothing.
    async fn stage_part(
        &self,
        stage: &StageId,
        number: PartNumber,
        length: u64,
        body: Body,
    ) -> Result<Pin, PutError>;

    /// Says that these parts, in this order (numbers ascending, at least one), are the object: from now on no part of
    /// them changes. May be said again with the same parts.
    async fn stage_close(&self, stage: &StageId, parts: &[StagedPart]) -> Result<(), PutError>;

    /// Reads bytes of a closed stage, whose parts these are.
    async fn stage_read(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        span: Span,
    ) -> Result<UnverifiedBody, GetError>;

    /// Makes an object of a closed stage, whose parts these are, and removes the stage. As atomic as
    /// [`put`](Self::put). After it, or after another `promote` of the same stage: [`PutError::NoSuchStage`].
    async fn promote(
        &self,
        stage: &StageId,
        parts: &[StagedPart],
        object: &ObjectName,
        write: Write,
        etag: &str,
    ) -> Result<Committed, PutError>;

    /// Removes a stage and all its parts; one that is not there is removed already.
    async fn stage_drop(&self, stage: &StageId) -> Result<(), StoreError>;

    /// One page of a bucket's keys in the order of their bytes. What it says is the store's word.
    async fn list(&self, request: ListRequest) -> Result<ListPage, GetError>;

    /// All buckets that hold users' objects, by name.
    async fn buckets(&self) -> Result<Vec<BucketInfo>, StoreError>;

    /// One bucket; `None`: there is none of that name.
    async fn bucket(&self, bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError>;

    /// Makes a bucket. `Ok(false)`: it was there.
    async fn create_bucket(&self, bucket: &BucketName, new: NewBucket) -> Result<bool, PutError>;

    /// Deletes an empty bucket.
    async fn delete_bucket(&self, bucket: &BucketName) -> Result<DeletedBucket, StoreError>;

    /// Writes a small object of Hallmark's own, out of clients' reach. `Guard::Matches` is unsupported.
    async fn state_put(&self, name: &StateName, value: Bytes, guard: Guard) -> Result<(), PutError>;

    /// Reads `span` of a state object; what lies past its end is left out. `None`: there is none.
    async fn state_get(&self, name: &StateName, span: Span) -> Result<Option<UnverifiedState>, StoreError>;

    /// Names of state objects of `area` that begin with `prefix`, after `after`, at most `limit`, in byte order.
    async fn state_list(
        &self,
        area: StateArea,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;

    /// Deletes a state object; one that is not there is deleted already.
    async fn state_delete(&self, name: &StateName) -> Result<(), StoreError>;

    /// Removes what crashes and clients left behind and nobody can come back to: stages and scratch state that are older
    /// than 8 days, and what no object is made of. Rests for `pause` now and then. May run beside everything else, on
    /// several instances at once; to be called once the server is ready, and then about once a day.
    async fn sweep(&self, pause: Duration) -> Result<Swept, StoreError>;

    // What follows is governance, which not every store has: those leave it as it is here.

    /// One page of all versions of a bucket's objects. What it says is the store's word. A store without versions lists
    /// its objects, each as the `null` version.
    async fn list_versions(&self, request: ListVersionsRequest) -> Result<VersionPage, GetError>;

    /// Whether a bucket keeps versions.
    async fn versioning(&self, bucket: &BucketName) -> Result<Versioning, GetError> {
        match self.bucket(bucket).await? {
            Some(_) => Ok(Versioning::Never),
            None => Err(GetError::NoSuchBucket),
        }
    }

    /// Has a bucket keep versions, or no longer. [`Versioning::Never`] is unsupported.
    async fn set_versioning(&self, _bucket: &BucketName, _versioning: Versioning) -> Result<(), PutError> {
        Err(PutError::Unsupported("versions"))
    }

    /// Whether versions of a bucket can be locked.
    async fn object_lock(&self, bucket: &BucketName) -> Result<BucketLock, GetError> {
        match self.bucket(bucket).await? {
            Some(_) => Ok(BucketLock::Off),
            None => Err(GetError::NoSuchBucket),
        }
    }

    /// Sets the retention that new versions get. Where the bucket keeps versions and they cannot be locked yet, from now on
    /// they can, for good; where it keeps none, that is [`PutError::NoObjectLock`].
    async fn set_object_lock(
        &self,
        _bucket: &BucketName,
        _default: Option<DefaultRetention>,
    ) -> Result<(), PutError> {
        Err(PutError::Unsupported("object lock"))
    }

    /// A bucket's tags; none: no tags were set.
    async fn bucket_tags(&self, bucket: &BucketName) -> Result<Tags, GetError> {
        match self.bucket(bucket).await? {
            Some(_) => Ok(Tags::default()),
            None => Err(GetError::NoSuchBucket),
        }
    }

    /// Replaces a bucket's tags.
    async fn set_bucket_tags(&self, _bucket: &BucketName, _tags: Tags) -> Result<(), PutError> {
        Err(PutError::Unsupported("tags"))
    }

    /// The tags of an object, and which version that is.
    async fn tags(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
    ) -> Result<(Tags, Option<VersionId>), GetError> {
        Ok((Tags::default(), None))
    }

    /// Replaces the tags of an object; says of which version.
    async fn set_tags(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _tags: Tags,
    ) -> Result<Option<VersionId>, PutError> {
        Err(PutError::Unsupported("tags"))
    }

    /// Sets or lifts the retention of an object. Evaluated atomically against the one in force: COMPLIANCE can only be
    /// prolonged, GOVERNANCE shortened or lifted only with [`Retentions::BypassGovernance`]: [`PutError::Locked`].
    async fn set_retention(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _retention: Option<Retention>,
        _retentions: Retentions,
    ) -> Result<(), PutError> {
        Err(PutError::Unsupported("object lock"))
    }

    /// Sets or lifts the legal hold of an object.
    async fn set_legal_hold(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _hold: LegalHold,
    ) -> Result<(), PutError> {
        Err(PutError::Unsupported("object lock"))
    }
}
