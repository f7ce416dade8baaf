//! Conditions on what stands there now.

use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::Reader;
use crate::s3::condition::EntityTag;
use crate::store::{Guard, PutError};

impl Gate {
    /// Turns a client's `If-Match`, which is about the sealed ETag, into a condition that the store evaluates together
    /// with the write.
    ///
    /// # Errors
    /// Another artifact stands there, or none that holds.
    pub(super) async fn guard_matching(
        &self,
        name: &ObjectName,
        tag: &EntityTag,
    ) -> Result<Guard, GateError> {
        let current = self.head(name, None, Reader::Inspecting).await?;
        if tag.is(&current.etag()) {
            Ok(Guard::Matches(current.pin().clone()))
        } else {
            Err(PutError::GuardFailed.into())
        }
    }
}
