//! The hot calls, by hyper.

use super::{S3Store, unbuilt};
use crate::name::ObjectName;
use crate::proof::{Unverified, UnverifiedHead};
use crate::store::{Body, Committed, Deleted, Deletion, GetError, Pin, PutError, Span, VersionId, Write};

/// What it takes to make them.
#[derive(Debug, Default)]
pub(super) struct Hot {}

impl S3Store {
    pub(super) async fn put_object(
        &self,
        _object: &ObjectName,
        _write: Write,
        _length: u64,
        _body: Body,
    ) -> Result<Committed, PutError> {
        Err(PutError::NotStored(unbuilt("put_object")))
    }

    pub(super) async fn get_object(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _span: Span,
        _pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        Err(GetError::Store(unbuilt("get_object")))
    }

    pub(super) async fn head_object(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError> {
        Err(GetError::Store(unbuilt("head_object")))
    }

    pub(super) async fn delete_object(
        &self,
        _object: &ObjectName,
        _deletion: Deletion,
    ) -> Result<Deleted, PutError> {
        Err(PutError::NotStored(unbuilt("delete_object")))
    }
}
