//! Hallmark's own small objects.

use super::{S3Store, unbuilt};
use bytes::Bytes;

use crate::proof::UnverifiedState;
use crate::store::{Guard, PutError, Span, StateArea, StateName, StoreError};

impl S3Store {
    pub(super) async fn put_state(
        &self,
        _name: &StateName,
        _value: Bytes,
        _guard: Guard,
    ) -> Result<(), PutError> {
        Err(PutError::NotStored(unbuilt("put_state")))
    }

    pub(super) async fn read_state(
        &self,
        _name: &StateName,
        _span: Span,
    ) -> Result<Option<UnverifiedState>, StoreError> {
        Err(unbuilt("read_state"))
    }

    pub(super) async fn list_state(
        &self,
        _area: StateArea,
        _prefix: &str,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        Err(unbuilt("list_state"))
    }

    pub(super) async fn delete_state(&self, _name: &StateName) -> Result<(), StoreError> {
        Err(unbuilt("delete_state"))
    }
}
