//! An object is made of the bytes of another.

use super::{S3Store, unbuilt};
use crate::name::ObjectName;
use crate::store::{Committed, PutError, Source, Write};

impl S3Store {
    pub(super) async fn copy_object(
        &self,
        _source: &Source,
        _object: &ObjectName,
        _write: Write,
    ) -> Result<Committed, PutError> {
        Err(PutError::NotStored(unbuilt("copy_object")))
    }
}
