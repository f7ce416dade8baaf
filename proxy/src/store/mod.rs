//! The object store behind the gate: one narrow trait and the stores that keep it.
//!
//! Nothing a store returns is trusted. Artifacts come back as [`Unverified`] and records as [`UnverifiedState`];
//! the only way out of either is a check in [`crate::proof`].

mod body;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod error;
pub mod local;
mod patience;
mod types;

use async_trait::async_trait;
use bytes::Bytes;

pub use body::{Body, BodyWriter, Piece, StoreStopped};
pub use error::{GetError, PutError, StoreError, StoreFault};
pub(crate) use patience::ANSWER;
pub use patience::{Patience, committed};
pub use types::*;

use crate::name::{BucketName, ObjectName};
use crate::proof::{Unverified, UnverifiedHead, UnverifiedState};

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
    /// Finds out what this store can do. Called once, before the first request.
    async fn probe(&self) -> Result<Capabilities, StoreError>;

    /// Stores an object of exactly `length` bytes with its attributes, replacing what stands under that name.
    async fn put(
        &self,
        object: &ObjectName,
        attributes: Attributes,
        length: u64,
        body: Body,
        guard: Guard,
    ) -> Result<Committed, PutError>;

    /// Reads an object's attributes and the bytes of `span`. With `pin`, only from the version that the pin names:
    /// [`GetError::Changed`] if another stands there now.
    async fn get(&self, object: &ObjectName, span: Span, pin: Option<&Pin>) -> Result<Unverified, GetError>;

    /// Reads an object's attributes.
    async fn head(&self, object: &ObjectName) -> Result<UnverifiedHead, GetError>;

    /// Deletes an object; one that is not there is deleted already. `Absent` makes no sense here and is unsupported.
    async fn delete(&self, object: &ObjectName, guard: Guard) -> Result<(), PutError>;

    /// Deletes many objects of one bucket; results in the order of `objects`.
    async fn delete_many(&self, objects: &[ObjectName]) -> Vec<Result<(), PutError>>;

    /// One page of a bucket's keys in the order of their bytes. What it says is the store's word.
    async fn list(&self, request: ListRequest) -> Result<ListPage, GetError>;

    /// All buckets that hold users' objects, by name.
    async fn buckets(&self) -> Result<Vec<BucketInfo>, StoreError>;

    /// One bucket; `None`: there is none of that name.
    async fn bucket(&self, bucket: &BucketName) -> Result<Option<BucketInfo>, StoreError>;

    /// Makes a bucket. `Ok(false)`: it was there.
    async fn create_bucket(&self, bucket: &BucketName) -> Result<bool, StoreError>;

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
}
