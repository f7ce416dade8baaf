//! Deletions.

use super::guard::deletion_refused;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::s3::condition::DeleteCondition;
use crate::store::{Deleted, Deletion, PutError, Retentions, StoreError, StoreFault, VersionId};

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
        client: &str,
    ) -> Result<Deleted, GateError> {
        self.deletable(name)?;
        let guard = self.guard_deletion(name, condition, client).await?;
        let deleted = self.store.delete(name, Deletion { version, guard, retentions }).await;
        // Whatever came of it: what comes to light may be older.
        self.kept().marks().forget(name);
        deleted.map_err(|error| deletion_refused(condition, error))
    }

    /// Deletes many objects of one bucket, or versions of them, each for itself; results in the order of `deletions`.
    /// Nothing here depends on what stands there: no guard but `Any`.
    pub async fn delete_many(&self, deletions: &[(ObjectName, Deletion)]) -> Vec<Result<Deleted, GateError>> {
        let refused: Vec<_> = deletions.iter().map(|(name, _)| self.deletable(name).err()).collect();
        let permitted = deletions.iter().zip(&refused).filter(|(_, refused)| refused.is_none());
        let permitted: Vec<_> = permitted.map(|(deletion, _)| deletion.clone()).collect();
        let mut deleted = self.store.delete_many(&permitted).await.into_iter();
        for (name, _) in &permitted {
            self.kept().marks().forget(name);
        }
        // One answer for each that was asked for, in their order: the store's contract.
        let answer = |refused: Option<GateError>| match refused {
            Some(refused) => Err(refused),
            None => deleted.next().unwrap_or_else(|| Err(unanswered())).map_err(GateError::from),
        };
        refused.into_iter().map(answer).collect()
    }
}

fn unanswered() -> PutError {
    PutError::Unknown(StoreError::new(StoreFault::Protocol, "a deletion was not answered"))
}
