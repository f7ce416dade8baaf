//! Keys that, once written, stay: neither overwritten nor deleted through the proxy, whoever asks.
//!
//! A write becomes one that the store makes only if nothing stands under the name, so two first writers cannot both
//! win. Deletions are refused whether there is something or not: between a look and the deletion it could have come.

use super::guard::conflict;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::s3::condition::PutCondition;
use crate::s3::error::{Code, S3Error};

impl Gate {
    /// The condition under which a client's write may be made.
    ///
    /// # Errors
    /// The name is immutable, and the client means to write only over what stands there.
    pub(super) fn condition<'c>(
        &self,
        name: &ObjectName,
        asked: &'c PutCondition,
    ) -> Result<&'c PutCondition, GateError> {
        if !self.policy.immutable(name) {
            return Ok(asked);
        }
        match asked {
            PutCondition::None | PutCondition::Absent => Ok(&PutCondition::Absent),
            PutCondition::Exists | PutCondition::Matches(_) | PutCondition::Differs(_) => {
                Err(refused(name, "overwrite"))
            }
        }
    }

    /// What a write is answered that found something standing under its name, though its client had asked for nothing.
    pub(super) fn explain(&self, name: &ObjectName, asked: &PutCondition, error: GateError) -> GateError {
        let failed = matches!(&error, GateError::Client(S3Error { code: Code::PreconditionFailed, .. }));
        if !failed || *asked != PutCondition::None {
            error
        } else if self.policy.immutable(name) {
            refused(name, "overwrite")
        } else if self.policy.quarantines(name) || self.is_sibling(name) {
            // The guard was ours: what stands there was replaced since it was looked at.
            conflict()
        } else {
            error
        }
    }

    /// Whether what stands under `name`, or a version of it, may be deleted.
    ///
    /// # Errors
    /// The name is immutable.
    pub fn deletable(&self, name: &ObjectName) -> Result<(), GateError> {
        if self.policy.immutable(name) { Err(refused(name, "delete")) } else { Ok(()) }
    }
}

pub(super) fn refused(name: &ObjectName, attempt: &'static str) -> GateError {
    tracing::warn!(target: "audit", object = %name, attempt, "refused: the key is immutable");
    let message = "The configuration says that this key is immutable: once written, it is neither overwritten nor \
                   deleted. Write under another key.";
    S3Error::new(Code::AccessDenied, message).into()
}
