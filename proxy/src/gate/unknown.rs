//! Uploads of more than 8 MiB whose length nobody said: in parts, which lie in a stage until all of it is here.
//!
//! Stores want to know lengths beforehand, so the body is collected part by part. It is hashed in order as it comes:
//! nothing is read back. What is made in the end is an upload like any other, with the MD5 of all bytes for its ETag; that
//! it came in parts is nobody's business. A body that breaks off leaves a stage without an object, which is dropped.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hallmark_signer::{Hallmark, MAX_INLINE, RecordRef};

use super::budget::Reservation;
use super::hash::Hashing;
use super::quarantine::Ground;
use super::receive::Incoming;
use super::record::Contents;
use super::sibling_worth::Weight;
use super::upload::{Upload, Uploaded, declare, internal, no_randomness, too_large};
use super::{Gate, GateError};
use crate::s3::payload::{Payload, PayloadEnd, Step};
use crate::store::{
    Attributes, Body, Committed, PartNumber, PutError, StageId, StagedPart, Store, committed,
};
use crate::trust::Form;

/// So long is every part but the last: as much as is held in memory for an upload that turns out to be small. With all
/// parts there are, an upload of unknown length has 78 GiB at most; or as many parts as the memory that one client may hold is
/// enough for.
const PART: u64 = MAX_INLINE;

/// What more a part takes until the end: its leaves' hashes, copied once and in the record, and its name.
const PART_STATE: u64 = 4 * 1024;

/// For so many parts at once memory is set aside: 512 MiB.
const PARTS_AT_ONCE: usize = 64;

/// What is set aside for a body of unknown length from the beginning, where a client may hold so much: then only one that is
/// very long has to ask for more.
pub(super) const UNKNOWN_MEMORY: u64 = PART + PARTS_AT_ONCE as u64 * PART_STATE;

/// The beginning of a body that is longer than a part.
pub(super) struct Beginning {
    /// The memory for one part.
    pub(super) held: Reservation,
    /// What came, not more than a part.
    pub(super) buffer: BytesMut,
    /// What came after it, and belongs to it as far as there is room.
    pub(super) rest: Bytes,
}

/// A body as it is cut into parts.
struct Parts<'p, B> {
    body: &'p mut Payload<B>,
    buffer: BytesMut,
    rest: Bytes,
    end: Option<PayloadEnd>,
}

impl Gate {
    /// Takes in the rest of a body of unknown length.
    pub(super) async fn put_in_parts<B: Incoming>(
        &self,
        upload: Upload,
        body: &mut Payload<B>,
        beginning: Beginning,
    ) -> Result<Uploaded, GateError> {
        self.is_no_sibling(&upload.name, None)?;
        let ground = self.ground(&upload.name, &upload.condition, &upload.by, &Weight::Unknown).await?;
        let Beginning { held, buffer, rest } = beginning;
        let stage = OpenStage { store: self.store.clone(), id: Some(self.store.stage_open().await?) };
        let parts = Parts { body, buffer, rest, end: None };
        let uploaded = self.put_staged(upload, parts, held, &stage, ground).await;
        // Promoted or not: nobody else knows of it.
        stage.close().await;
        uploaded
    }

    async fn put_staged<B: Incoming>(
        &self,
        mut upload: Upload,
        mut parts: Parts<'_, B>,
        mut held: Reservation,
        stage: &OpenStage,
        ground: Ground,
    ) -> Result<Uploaded, GateError> {
        let stage = stage.id()?;
        let mut hasher = Hashing::of_unknown_length();
        let (mut staged, mut total) = (Vec::<StagedPart>::new(), 0u64);
        while let Some(part) = parts.next().await? {
            let length = part.len() as u64;
            total += length;
            let number = PartNumber::new(staged.len() as u64 + 1).ok_or_else(too_large)?;
            if total > self.limits.max_object_size {
                return Err(too_large().into());
            }
            if staged.len().is_multiple_of(PARTS_AT_ONCE) {
                let needed = PART + (staged.len() + PARTS_AT_ONCE) as u64 * PART_STATE;
                if needed > held.most() {
                    // Coming back later would not help.
                    return Err(too_large().into());
                }
                held.at_least(needed).await?;
            }
            let put =
                committed(self.store.stage_part(stage, number, length, Body::whole(part.clone(), "part")));
            // The part's memory is free when both are done with it.
            let hash = async { hasher.update([part]).await?.update([]).await };
            let (pin, hashed) = tokio::join!(put, hash);
            hasher = hashed?;
            staged.push(StagedPart { number, length, pin: pin? });
        }
        let end = parts.end.take().ok_or_else(internal)?;
        let hashed = hasher.finish().await?;
        let checked = end.check(hashed.0.sha256(), hashed.1.as_bytes())?;
        if let Some(sum) = checked.checksum() {
            declare(&mut upload.headers, sum)?;
        }
        let form = Form::Any;
        let sealed = self.seal(&upload, &upload.headers, &hashed, &checked, (form, &ground)).await?;
        self.store.stage_close(stage, &staged).await?;
        let reference = RecordRef::random().map_err(no_randomness)?;
        let contents = Contents { leaves: hashed.0.leaves(), sum: None, parts: None };
        self.write_record(&upload.name, &reference, &sealed.line, contents).await?;
        let attributes = Attributes {
            headers: upload.headers.clone(),
            hallmark: Some(Hallmark::Record(reference).to_string()),
        };
        if let Err(error) = self.confirm_sealed(&upload, &upload.headers, &sealed, (form, &ground)).await {
            self.forget_record(&reference).await;
            return Err(error);
        }
        let write = upload.write(attributes, ground.guard);
        let etag = sealed.etag.to_string();
        let put: Result<Committed, PutError> =
            self.store.promote(stage, &staged, &upload.name, write, &etag).await;
        let version = self.settle_recorded(&upload, &sealed.line, &reference, put).await?;
        Ok(sealed.uploaded(version))
    }
}

impl<B: Incoming> Parts<'_, B> {
    /// The next part: all but the last have the same length. `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, GateError> {
        loop {
            let room = usize::try_from(PART).unwrap_or(usize::MAX).saturating_sub(self.buffer.len());
            let now = self.rest.split_to(room.min(self.rest.len()));
            self.buffer.extend_from_slice(&now);
            if self.buffer.len() as u64 == PART {
                // Memory for a part is what was set aside. Growing by doubling would take up to three times that.
                let room = BytesMut::with_capacity(usize::try_from(PART).unwrap_or_default());
                let part = std::mem::replace(&mut self.buffer, room).freeze();
                return Ok(Some(part));
            }
            if self.end.is_some() {
                let last = std::mem::take(&mut self.buffer).freeze();
                return Ok((!last.is_empty()).then_some(last));
            }
            match self.body.next().await? {
                Step::Data(piece) => self.rest = piece,
                Step::End(end) => self.end = Some(end),
            }
        }
    }
}

/// A stage that nobody else knows of. It is dropped with this, also where the client is gone and nobody waits any more.
struct OpenStage {
    store: Arc<dyn Store>,
    id: Option<StageId>,
}

impl OpenStage {
    fn id(&self) -> Result<&StageId, GateError> {
        self.id.as_ref().ok_or_else(internal)
    }

    async fn close(mut self) {
        if let Some(id) = self.id.take() {
            drop_stage(&*self.store, &id).await;
        }
    }
}

impl Drop for OpenStage {
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) {
            let store = self.store.clone();
            runtime.spawn(async move { drop_stage(&*store, &id).await });
        }
    }
}

async fn drop_stage(store: &dyn Store, stage: &StageId) {
    if let Err(error) = store.stage_drop(stage).await {
        tracing::warn!(%error, "the stage of an upload stays behind until it expires");
    }
}
