//! Writing the records of artifacts of more than 8 MiB: before the object that refers to them is visible.

use bytes::Bytes;
use hallmark_signer::{LeafHash, PartTable, RecordRef, SealLine, record};

use super::upload::internal;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::record_name;
use crate::store::{Guard, PutError, StateName};

/// What a record holds beside the seal.
#[derive(Clone, Copy)]
pub(super) struct Contents<'a> {
    pub(super) leaves: &'a [LeafHash],
    /// The checksum that came after the body; another one stands among the object's headers.
    pub(super) sum: Option<&'a str>,
    pub(super) parts: Option<&'a PartTable>,
}

impl Gate {
    /// Writes the record of what is to stand under `name`.
    ///
    /// # Errors
    /// The seal is not of these contents; or the store failed.
    pub(super) async fn write_record(
        &self,
        name: &ObjectName,
        reference: &RecordRef,
        line: &SealLine,
        contents: Contents<'_>,
    ) -> Result<(), GateError> {
        let Contents { leaves, sum, parts } = contents;
        let record = record::encode(line, leaves, sum, parts).map_err(|error| {
            tracing::error!(object = %name, %error, "cannot make the record");
            internal()
        })?;
        Ok(self.put_state_once(&record_name(reference), record.into()).await?)
    }

    /// Writes a state object whose name was made at random: nothing stands there, and a store that can tell makes sure of
    /// that.
    pub(super) async fn put_state_once(&self, name: &StateName, value: Bytes) -> Result<(), PutError> {
        match self.store.state_put(name, value.clone(), Guard::Absent).await {
            Err(PutError::Unsupported(_)) => self.store.state_put(name, value, Guard::Any).await,
            written => written,
        }
    }

    /// Removes a record that nothing refers to. If that cannot be done now it is garbage, not harm.
    pub(super) async fn forget_record(&self, reference: &RecordRef) {
        let _ = self.store.state_delete(&record_name(reference)).await;
    }
}
