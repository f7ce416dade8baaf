//! Stages: multipart uploads in the state bucket.

use super::{S3Store, unbuilt};
use crate::proof::UnverifiedBody;
use crate::store::{Body, GetError, PartNumber, Pin, PutError, Span, StageId, StagedPart, StoreError};

impl S3Store {
    pub(super) async fn open_stage(&self) -> Result<StageId, PutError> {
        Err(PutError::NotStored(unbuilt("open_stage")))
    }

    pub(super) async fn upload_part(
        &self,
        _stage: &StageId,
        _number: PartNumber,
        _length: u64,
        _body: Body,
    ) -> Result<Pin, PutError> {
        Err(PutError::NotStored(unbuilt("upload_part")))
    }

    pub(super) async fn close_stage(&self, _stage: &StageId, _parts: &[StagedPart]) -> Result<(), PutError> {
        Err(PutError::NotStored(unbuilt("close_stage")))
    }

    pub(super) async fn read_stage(
        &self,
        _stage: &StageId,
        _parts: &[StagedPart],
        _span: Span,
    ) -> Result<UnverifiedBody, GetError> {
        Err(GetError::Store(unbuilt("read_stage")))
    }

    pub(super) async fn drop_stage(&self, _stage: &StageId) -> Result<(), StoreError> {
        Err(unbuilt("drop_stage"))
    }
}
