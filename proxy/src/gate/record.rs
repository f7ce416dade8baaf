//! Writing the records of artifacts of more than 8 MiB: before the object that refers to them is visible.

use bytes::Bytes;
use hallmark_signer::{LeafHash, PartTable, RecordRef, SealLine, record};

use super::upload::{Settled, Upload, internal};
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::record_name;
use crate::store::{Committed, GetError, Guard, PutError, StateName, StoreError, StoreFault, VersionId};

/// What a record holds beside the seal.
#[derive(Clone, Copy)]
pub(super) struct Contents<'a> {
    pub(super) leaves: &'a [LeafHash],
    /// The checksum that came after the body; another one stands among the object's headers.
    pub(super) sum: Option<&'a str>,
    pub(super) parts: Option<&'a PartTable>,
}

/// Whether an object refers to a record.
enum Referred {
    Yes,
    No,
    /// Nobody knows.
    Perhaps,
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

    /// The end of an upload whose seal stands in a record, and which the store took or refused.
    ///
    /// A refusal is not always the last word: what stands between us and the store may have sent a request twice, and hand
    /// on what came of the second. So the name is looked at, and what refers to the record is the upload, whatever was said
    /// of it. The record goes only where surely nothing refers to it, for without it the artifact is lost.
    ///
    /// # Errors
    /// It was not stored, or that is not known.
    pub(super) async fn settle_recorded(
        &self,
        upload: &Upload,
        line: &SealLine,
        reference: &RecordRef,
        put: Result<Committed, PutError>,
    ) -> Result<Option<VersionId>, GateError> {
        // A write that is still under way may come to be later.
        let under_way = matches!(put, Err(PutError::Conflict));
        let error = match self.settle(upload, line, put).await {
            Err(Settled::NotStored(error)) => error,
            settled => return Ok(settled?),
        };
        match self.referred(&upload.name, reference).await {
            Referred::Yes => {
                let doubted = StoreError::new(StoreFault::Unavailable, "it was refused, and stands there");
                Ok(self.settle(upload, line, Err(PutError::Unknown(doubted))).await?)
            }
            Referred::No if !under_way => {
                self.forget_record(reference).await;
                Err(error)
            }
            Referred::No | Referred::Perhaps => Err(error),
        }
    }

    /// The same for a seal that stands in a record, or on the object itself.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn settle_sealed(
        &self,
        upload: &Upload,
        line: &SealLine,
        reference: Option<&RecordRef>,
        put: Result<Committed, PutError>,
    ) -> Result<Option<VersionId>, GateError> {
        match reference {
            Some(reference) => self.settle_recorded(upload, line, reference, put).await,
            None => Ok(self.settle(upload, line, put).await?),
        }
    }

    /// Whether what stands under `name` refers to a record.
    async fn referred(&self, name: &ObjectName, reference: &RecordRef) -> Referred {
        match self.store.head(name, None).await {
            Ok(found) if found.refers_to(reference) => Referred::Yes,
            // It may stand behind what is there now, or behind a delete marker.
            Ok(found) if found.has_versions() => Referred::Perhaps,
            Ok(_) | Err(GetError::NoSuchKey | GetError::NoSuchBucket) => Referred::No,
            Err(
                GetError::NoSuchVersion
                | GetError::DeleteMarker(_)
                | GetError::NoSuchStage
                | GetError::OutOfRange
                | GetError::Changed
                | GetError::Store(_),
            ) => Referred::Perhaps,
        }
    }

    /// Removes a record that surely nothing refers to. If that cannot be done now it is garbage, not harm.
    pub(super) async fn forget_record(&self, reference: &RecordRef) {
        let _ = self.store.state_delete(&record_name(reference)).await;
    }
}
