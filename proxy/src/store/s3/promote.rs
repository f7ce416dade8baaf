//! A closed stage becomes an object.

use super::{S3Store, unbuilt};
use crate::name::ObjectName;
use crate::store::{Committed, PutError, StageId, StagedPart, Write};

impl S3Store {
    pub(super) async fn promote_stage(
        &self,
        _stage: &StageId,
        _parts: &[StagedPart],
        _object: &ObjectName,
        _write: Write,
    ) -> Result<Committed, PutError> {
        Err(PutError::NotStored(unbuilt("promote_stage")))
    }
}
