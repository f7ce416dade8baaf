//! Deletions.

use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::s3::condition::DeleteCondition;
use crate::store::Guard;

impl Gate {
    /// Deletes what stands under `name`. A condition is about the sealed ETag.
    ///
    /// # Errors
    /// The condition does not hold, or the store failed.
    pub async fn delete(&self, name: &ObjectName, condition: &DeleteCondition) -> Result<(), GateError> {
        let guard = match condition {
            DeleteCondition::None => Guard::Any,
            DeleteCondition::Matches(tag) => self.guard_matching(name, tag).await?,
        };
        Ok(self.store.delete(name, guard).await?)
    }
}
