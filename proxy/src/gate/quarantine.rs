//! Uploads that need not satisfy their rule before they are served (`enforce = "download"`).
//!
//! Nobody may take down what is served by uploading something that is not: such an upload is taken only where what stands
//! under the name is not served, and stored only if that is still what stands there. That costs a HEAD, and only here. What
//! remains: signatures beside an artifact can make it one that is served after it was looked at; and where the store does
//! not mind a guard ([`Guards`](crate::store::Guards)), or what stands there is not what was sealed and cannot be named,
//! it is looked at and no more.

use super::guard::conflict;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::Reader;
use crate::s3::condition::PutCondition;
use crate::s3::error::{Code, S3Error};
use crate::store::{Guard, Guards};
use crate::trust::Taking;

/// What a write does to what stands under its name.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// On what it depends, towards the store.
    pub(super) guard: Guard,
    /// Whether it may be made without satisfying its rule.
    pub(super) taking: Taking,
}

impl Gate {
    /// The guard of a write on the client's condition, and whether what stands there may be replaced by what does not
    /// satisfy its rule.
    ///
    /// # Errors
    /// The condition does not hold, or the store failed.
    pub(super) async fn ground(
        &self,
        name: &ObjectName,
        condition: &PutCondition,
    ) -> Result<Ground, GateError> {
        let guard = self.guard(name, condition).await?;
        if guard == Guard::Absent && self.policy.quarantines(name) {
            return Ok(Ground { guard, taking: Taking::Quarantined });
        }
        match self.standing(name).await? {
            (Taking::Satisfying, _) => Ok(Ground { guard, taking: Taking::Satisfying }),
            (Taking::Quarantined, standing) => {
                let guards = self.store.probe().await?.guards;
                Ok(Ground { guard: both(guard, standing, guards)?, taking: Taking::Quarantined })
            }
        }
    }

    /// Whether an upload that does not satisfy its rule may replace what stands under `name`, and a guard for just that. The
    /// store is asked only where a rule takes such uploads.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn standing(&self, name: &ObjectName) -> Result<(Taking, Guard), GateError> {
        if !self.policy.quarantines(name) {
            return Ok((Taking::Satisfying, Guard::Any));
        }
        match self.head(name, None, Reader::Inspecting).await {
            Ok(found) if found.is_trusted() => Ok((Taking::Satisfying, Guard::Any)),
            Ok(found) => Ok((Taking::Quarantined, Guard::Matches(found.pin().clone()))),
            Err(GateError::Client(S3Error { code: Code::NoSuchKey, .. })) => {
                Ok((Taking::Quarantined, Guard::Absent))
            }
            // Something is there that nobody is served.
            Err(GateError::Artifact(_)) => Ok((Taking::Quarantined, Guard::Any)),
            Err(error) => Err(error),
        }
    }
}

/// A guard that holds the store to the client's condition and to what was looked at, as far as it minds any.
fn both(asked: Guard, standing: Guard, guards: Guards) -> Result<Guard, GateError> {
    match (asked, standing) {
        (Guard::Any, Guard::Absent) if !guards.absent => Ok(Guard::Any),
        (Guard::Any, Guard::Matches(_)) if !guards.matches => Ok(Guard::Any),
        (Guard::Any, standing) => Ok(standing),
        // It was replaced between two looks.
        (Guard::Matches(asked), Guard::Matches(standing)) if asked != standing => Err(conflict()),
        (Guard::Matches(_), Guard::Absent) => Err(conflict()),
        (asked @ (Guard::Matches(_) | Guard::Absent), _) => Ok(asked),
    }
}
