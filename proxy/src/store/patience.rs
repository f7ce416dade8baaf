//! No wait for a store is without end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    Attributes, Body, BucketInfo, Capabilities, Committed, DeletedBucket, GetError, Guard, ListPage,
    ListRequest, Pin, PutError, Span, StateArea, StateName, Store, StoreError, StoreFault,
};
use crate::name::{BucketName, ObjectName};
use crate::proof::{Unverified, UnverifiedHead, UnverifiedState};

/// How long a store may take to answer, or to send the next piece of a body.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// A store whose answers are waited for, but not for ever.
///
/// A `put` is not among them: it lasts as long as the client sends, who has limits of its own; what comes after that
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
pub async fn committed(
    put: impl Future<Output = Result<Committed, PutError>> + Send,
) -> Result<Committed, PutError> {
    within(put).await
}

async fn within<T, E: From<Late>>(answer: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
    tokio::time::timeout(ANSWER, answer).await.unwrap_or_else(|_| Err(Late.into()))
}

/// The store did not answer in time.
struct Late;

impl From<Late> for StoreError {
    fn from(_: Late) -> Self {
        Self::new(StoreFault::Timeout, format!("no answer within {ANSWER:?}"))
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
        attributes: Attributes,
        length: u64,
        body: Body,
        guard: Guard,
    ) -> Result<Committed, PutError> {
        self.0.put(object, attributes, length, body, guard).await
    }

    async fn get(&self, object: &ObjectName, span: Span, pin: Option<&Pin>) -> Result<Unverified, GetError> {
        within(self.0.get(object, span, pin)).await
    }

    async fn head(&self, object: &ObjectName) -> Result<UnverifiedHead, GetError> {
        within(self.0.head(object)).await
    }

    async fn delete(&self, object: &ObjectName, guard: Guard) -> Result<(), PutError> {
        within(self.0.delete(object, guard)).await
    }

    async fn delete_many(&self, objects: &[ObjectName]) -> Vec<Result<(), PutError>> {
        let late = |_| objects.iter().map(|_| Err(Late.into())).collect();
        tokio::time::timeout(ANSWER, self.0.delete_many(objects)).await.unwrap_or_else(late)
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

    async fn create_bucket(&self, bucket: &BucketName) -> Result<bool, StoreError> {
        within(self.0.create_bucket(bucket)).await
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
}
