//! Conditions on what stands there now.

use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::Reader;
use crate::s3::condition::{DeleteCondition, EntityTag, PutCondition};
use crate::s3::error::{Code, S3Error};
use crate::store::{Guard, PutError};

impl Gate {
    /// Turns the condition of a write to `name`, which is about sealed ETags, into one that the store evaluates
    /// together with the write. What the store says of it goes through [`refused`].
    ///
    /// # Errors
    /// The condition does not hold, or what stands there does not.
    pub(super) async fn guard(
        &self,
        name: &ObjectName,
        condition: &PutCondition,
        client: &str,
    ) -> Result<Guard, GateError> {
        match self.condition(name, condition)? {
            PutCondition::None => Ok(Guard::Any),
            PutCondition::Absent => Ok(Guard::Absent),
            PutCondition::Exists => self.guard_existing(name, client).await,
            PutCondition::Matches(tag) => self.guard_matching(name, tag, client).await,
            PutCondition::Differs(tag) => self.guard_differing(name, tag, client).await,
        }
    }

    /// The same for a deletion.
    pub(super) async fn guard_deletion(
        &self,
        name: &ObjectName,
        condition: &DeleteCondition,
        client: &str,
    ) -> Result<Guard, GateError> {
        match condition {
            DeleteCondition::None => Ok(Guard::Any),
            DeleteCondition::Exists => self.guard_existing(name, client).await,
            DeleteCondition::Matches(tag) => self.guard_matching(name, tag, client).await,
        }
    }

    async fn guard_existing(&self, name: &ObjectName, client: &str) -> Result<Guard, GateError> {
        let current = self.head(name, None, Reader::Inspecting, client).await?;
        Ok(Guard::Matches(current.pin().clone()))
    }

    async fn guard_matching(
        &self,
        name: &ObjectName,
        tag: &EntityTag,
        client: &str,
    ) -> Result<Guard, GateError> {
        let current = self.head(name, None, Reader::Inspecting, client).await?;
        if tag.is(&current.etag()) {
            Ok(Guard::Matches(current.pin().clone()))
        } else {
            Err(PutError::GuardFailed.into())
        }
    }

    async fn guard_differing(
        &self,
        name: &ObjectName,
        tag: &EntityTag,
        client: &str,
    ) -> Result<Guard, GateError> {
        match self.head(name, None, Reader::Inspecting, client).await {
            Ok(current) if tag.resembles(&current.etag()) => Err(PutError::GuardFailed.into()),
            Ok(current) => Ok(Guard::Matches(current.pin().clone())),
            Err(GateError::Client(S3Error { code: Code::NoSuchKey, .. })) => Ok(Guard::Absent),
            Err(error) => Err(error),
        }
    }
}

/// What a client hears whose write, on this condition, the store refused.
///
/// A guard may be narrower than the condition it was made for: it names the one artifact that was seen. If that was
/// replaced meanwhile the condition may still hold, so the client is asked to try again.
pub(super) fn refused(condition: &PutCondition, error: PutError) -> GateError {
    match (condition, error) {
        (PutCondition::Exists | PutCondition::Differs(_), PutError::GuardFailed) => conflict(),
        (_, error) => error.into(),
    }
}

/// The same for a deletion.
pub(super) fn deletion_refused(condition: &DeleteCondition, error: PutError) -> GateError {
    match (condition, error) {
        (DeleteCondition::Exists, PutError::GuardFailed) => conflict(),
        (_, error) => error.into(),
    }
}

pub(super) fn conflict() -> GateError {
    let message =
        "The conditional request cannot succeed due to a conflicting operation against this resource.";
    S3Error::new(Code::ConditionalRequestConflict, message).into()
}
