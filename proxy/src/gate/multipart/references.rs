//! What a Complete does about parts by reference ([`part_copy`](super::part_copy)).
//!
//! Where all of its parts are, in order, those of one artifact from its first byte to its last, the artifact is copied in
//! the store and its digests are inherited, under a new seal. Where not, the bytes are carried now: each such part is
//! read as a download, leaf by leaf, and staged as if its client had sent it, under the ETag that its client knows.

use std::collections::BTreeMap;

use hallmark_signer::{MAX_INLINE, PartTable, Parts, SIGNATURE_HEADER, SealedEtag};

use super::complete::{Ahead, precedes};
use super::marker::Marker;
use super::names;
use super::part::{PartContent, PartRecord, SourceId};
use super::plan::{Added, Asked, Plan};
use super::selection::{Completion, Selection, Whole, check_list, select, whole_of};
use super::settle::Attempt;
use super::source::CopiedSource;
use crate::gate::checked::later;
use crate::gate::quarantine::Ground;
use crate::gate::{Gate, GateError, Reservation};
use crate::proof::{Admitted, ArtifactFault};
use crate::s3::condition::PutCondition;
use crate::s3::error::S3Error;
use crate::store::{Guard, PartNumber, PutError, Source, StagedPart};
use crate::trust::Form;

/// What the parts of a Complete are.
pub(super) enum Made {
    /// Bytes in the upload's stage.
    Parts(Selection),
    /// All the bytes of one artifact.
    Artifact(WholeCopy),
}

/// A Complete whose parts are all the bytes of one artifact.
pub(super) struct WholeCopy {
    pub(super) id: SourceId,
    source: CopiedSource,
    etag: SealedEtag,
    table: PartTable,
}

/// Of which bytes the store makes the object.
pub(super) enum Origin {
    /// Of these parts of the stage.
    Stage(Vec<StagedPart>),
    /// Of another object's.
    Artifact(Source),
}

impl Made {
    pub(super) fn origin(&self, marker: &Marker) -> Origin {
        match self {
            Self::Parts(selection) => Origin::Stage(selection.staged()),
            Self::Artifact(WholeCopy { source, .. }) => Origin::Artifact(Source {
                object: source.object.clone(),
                version: source.version.clone(),
                pin: source.pin.clone(),
                while_staged: Some(marker.stage.clone()),
            }),
        }
    }
}

impl Gate {
    /// Finds out what the listed parts are, and carries those by reference that do not make up a whole artifact.
    ///
    /// # Errors
    /// What S3 says to the list; a source is not what it was any more, or must not be served; or the store failed.
    pub(super) async fn made_of(
        &self,
        marker: &Marker,
        records: BTreeMap<PartNumber, PartRecord>,
        completion: &Completion,
        held: &mut Reservation,
    ) -> Result<Made, GateError> {
        let max_size = self.limits.max_object_size;
        if let Some(Whole { source: id, lengths, etag }) = whole_of(&records, completion, max_size)? {
            let source = self.source_of(marker, id).await?;
            if source.size == lengths.iter().sum::<u64>() {
                let parts = Parts::new(lengths).map_err(|_| S3Error::internal())?;
                let table = PartTable::new(parts, None).map_err(|_| S3Error::internal())?;
                return Ok(Made::Artifact(WholeCopy { id, source, etag, table }));
            }
        }
        check_list(&records, marker.checksum, completion, max_size)?;
        let mut sent = records.clone();
        for part in &completion.parts {
            let Some(record) = records.get(&part.number) else { continue };
            if let PartContent::Referenced { source, range } = &record.content {
                let source = self.source_of(marker, *source).await?;
                let record = self.carry_reference(marker, record, &source, range.clone(), held).await?;
                sent.insert(part.number, record);
            }
        }
        Ok(Made::Parts(select(&sent, marker.checksum, completion, max_size)?))
    }

    async fn source_of(&self, marker: &Marker, id: SourceId) -> Result<CopiedSource, GateError> {
        self.source(&marker.id, id).await?.ok_or_else(|| PutError::SourceChanged.into())
    }

    /// Judges and seals a copy, and says what the upload is about to become: as [`plan`](Self::plan) does for bytes.
    pub(super) async fn plan_copy(
        &self,
        marker: &Marker,
        copy: WholeCopy,
        asked: Asked,
        condition: &PutCondition,
    ) -> Result<(Plan, Attempt), GateError> {
        let Ahead { ground: Ground { guard, taking, standing: _ }, after, standing } =
            self.look_ahead(marker, condition).await?;
        let source = self.referenced(&copy.source, &marker.client).await?;
        let seal = source.seal().ok_or(ArtifactFault::Unsealed)?;
        let sha256 = *seal.sha256();
        let added = added(marker, &source, &copy.table);
        let inherited = self.inherit(&source, Some((copy.etag, copy.table))).await?;
        let upload = marker.upload(&added, condition)?;
        let at = self.time_for(&marker.object, later(self.clock.now(), after));
        let (line, _) = self.seal_copy(&upload, &source, &inherited, (at, Form::Any, taking)).await?;
        let record = self.record_copy(&marker.object, &source, &inherited, &line).await?;
        // Nothing is used up by a copy, as a stage is: a Complete that sleeps and wakes up when another one has done its
        // work, but not dropped the stage yet, could undo what came after it. So the copy is bound to the stage and also,
        // where the client asked for nothing, to what stands there now.
        // Where a store cannot use a stage up together with making an object of it, promotions can be undone like that too:
        // there a copy is bound to the stage alone, as they are, and its bytes need not be carried for the guard's sake.
        let bound = self.store.probe().await?.promotes_once;
        let (guard, overtakable) = match guard {
            Guard::Any if bound => (standing, precedes(after, at)),
            Guard::Any => (Guard::Any, precedes(after, at)),
            guard => (guard, false),
        };
        let plan = Plan {
            asked,
            line,
            sha256,
            at,
            etag: inherited.etag,
            record,
            guard,
            overtakable,
            added,
            source: Some(copy.id),
        };
        self.propose(marker, plan).await
    }

    /// A stage is used up when it is promoted, and gone when an upload was aborted; by a copy nothing is used up. A Complete
    /// that slept until the upload was over and its plan cleared away, and made another plan, took what stands there since
    /// then for what it is to replace. But whoever ends an upload leaves a trace before he clears the plan away: the answer,
    /// or no marker. So this is to be asked when a plan stands, and before it is carried out.
    ///
    /// # Errors
    /// The upload is over, or the store failed.
    pub(super) async fn still_open(&self, marker: &Marker) -> Result<(), GateError> {
        let done = self.done(&marker.id).await?;
        match (done, self.find_upload(&marker.object, marker.id.as_str(), &marker.client).await) {
            (None, Ok(_)) => return Ok(()),
            (Some(_), Ok(_)) | (_, Err(GateError::Client(_))) => {}
            (_, Err(error)) => return Err(error),
        }
        // Whoever else found it asks the same.
        let _ = self.store.state_delete(&names::plan(&marker.id)).await;
        Err(GateError::no_such_upload())
    }
}

/// What we add to the headers of a copy. Clients that copy in parts leave the metadata behind. A publisher's signature is
/// over the bytes, so where the client gives none that of the source comes along.
fn added(marker: &Marker, source: &Admitted, table: &PartTable) -> Added {
    let given = marker.headers.get(SIGNATURE_HEADER).is_some();
    Added {
        sum: None,
        table: (source.length() <= MAX_INLINE).then(|| table.to_metadata()),
        signatures: source.headers().get(SIGNATURE_HEADER).filter(|_| !given).map(str::to_owned),
    }
}
