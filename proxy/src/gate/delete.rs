//! Deletions.

use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::s3::condition::DeleteCondition;
use crate::store::{Deleted, Deletion, Guard, Retentions, VersionId};

impl Gate {
    /// Deletes what stands under `name`, or one version of it. A condition is about the sealed ETag.
    ///
    /// # Errors
    /// The condition does not hold, or the store failed.
    pub async fn delete(
        &self,
        name: &ObjectName,
        version: Option<VersionId>,
        condition: &DeleteCondition,
        retentions: Retentions,
    ) -> Result<Deleted, GateError> {
        self.deletable(name)?;
        let guard = match condition {
            DeleteCondition::None => Guard::Any,
            DeleteCondition::Matches(tag) => self.guard_matching(name, tag).await?,
        };
        Ok(self.store.delete(name, Deletion { version, guard, retentions }).await?)
    }
}
