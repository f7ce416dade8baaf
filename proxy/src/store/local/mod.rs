//! The embedded store: everything in one directory of this machine.
//!
//! ```text
//! lock             held while the store is open
//! index.redb       buckets, rows of objects and of state, bodies up to 16 KiB
//! bodies/<2 hex>/  larger bodies, one file for each version
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
//! **After a crash** nothing is scanned: the index opens as of its last transaction, and what lies in `bodies/` and
//! is not named in the index is removed by and by (`sweep`).

mod bodies;
mod buckets;
mod committer;
mod id;
mod index;
mod list;
mod objects;
mod open;
mod read;
mod receive;
mod room;
mod row;
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
    Attributes, Body, BucketInfo, Capabilities, Committed, DeletedBucket, GetError, Guard, ListPage,
    ListRequest, Pin, PutError, Span, StateArea, StateName, Store, StoreError,
};
use crate::name::{BucketName, MAX_KEY_BYTES, ObjectName};
use crate::proof::{Unverified, UnverifiedHead, UnverifiedState};

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
        attributes: Attributes,
        length: u64,
        body: Body,
        guard: Guard,
    ) -> Result<Committed, PutError> {
        self.put_object(object, attributes, length, body, guard).await
    }

    async fn get(&self, object: &ObjectName, span: Span, pin: Option<&Pin>) -> Result<Unverified, GetError> {
        self.get_object(object, span, pin).await
    }

    async fn head(&self, object: &ObjectName) -> Result<UnverifiedHead, GetError> {
        self.head_object(object).await
    }

    async fn delete(&self, object: &ObjectName, guard: Guard) -> Result<(), PutError> {
        self.delete_object(object, guard).await
    }

    async fn delete_many(&self, objects: &[ObjectName]) -> Vec<Result<(), PutError>> {
        self.delete_objects(objects).await
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

    async fn create_bucket(&self, bucket: &BucketName) -> Result<bool, StoreError> {
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
}
