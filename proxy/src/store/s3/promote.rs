//! A closed stage becomes an object.
//!
//! The object is made in one of the [ways](super::make) there are, and the stage deleted when it is there. Both are bound to
//! the stage: it is copied only as long as it is there and of the parts that the caller names.
//!
//! | if the process dies, or the answer is lost, after | what is there | who promotes again | who drops the stage |
//! |---|---|---|---|
//! | CopyObject, not done | the stage | begins anew | wins: nothing can be promoted |
//! | CopyObject, done | stage and object | makes the same object once more, unless the caller looks before (it does) | removes the stage; the object stays |
//! | assembling ([steps](super::make::assemble)), not done | stage, an upload of the target | begins anew, with another upload | ends the upload: nothing comes of it |
//! | assembling, done | stage and object | as with CopyObject | as with CopyObject |
//! | carrying: GET, and some of PUT | the stage | begins anew | wins: before the last byte goes the stage is looked for |
//! | carrying: PUT, done | stage and object | as with CopyObject | as with CopyObject |
//! | DELETE of the stage, not done | stage and object | as with CopyObject | removes the stage |
//! | DELETE of the stage, done | the object | finds no stage | has nothing to do |
//!
//! Two promotions at once may both be done: the store does not take the stage away in the moment it makes the object of
//! it ([`Capabilities::promotes_once`](crate::store::Capabilities::promotes_once)). Each makes the same bytes. One that slept
//! until the stage was dropped finds nothing, or was cut off. What is left is who carries, passes his last look, is stopped
//! just then and goes on when the stage was dropped: his guard, where there is one, is still evaluated then.

use super::S3Store;
use super::make::assemble::{always, overtaken};
use super::make::{Bytes, Unmade, Way};
use super::stage::{Closed, Stage, Whole, own};
use crate::name::ObjectName;
use crate::store::{Committed, Pin, PutError, StageId, StagedPart, Write};

impl S3Store {
    pub(super) async fn promote_stage(
        &self,
        id: &StageId,
        parts: &[StagedPart],
        object: &ObjectName,
        write: Write,
    ) -> Result<Committed, PutError> {
        let stage = self.stage(id).ok_or(PutError::NoSuchStage)?;
        let other = parts.first().map_or(0, |part| part.number.number());
        let whole = match Whole::of(parts, self.findings().parts) {
            Ok(whole) => whole,
            Err(number) if self.is_there(&stage).await.map_err(own)? => {
                return Err(PutError::NoSuchPart(number));
            }
            Err(_) => return Err(PutError::NoSuchStage),
        };
        let target = self.place(object)?;
        // Where the store minds no condition about the source it is looked at: nobody writes there any more.
        let bound = self.findings().copy_source.header().is_some()
            && self.findings().part_copy.is_none_or(|pin| pin.header().is_some());
        let seen = match bound {
            true => self.etag_of(&stage, &whole).await,
            false => self.closed(&stage, &whole).await,
        };
        let pin = match seen.map_err(own)? {
            Closed::As(etag) => Pin(etag),
            Closed::Otherwise => return Err(PutError::NoSuchPart(other)),
            Closed::Not => return Err(PutError::NoSuchStage),
        };
        let bytes =
            Bytes { place: &stage.place, version: None, pin: &pin, length: whole.length, stays: true };
        let ways = match self.findings().copy_keeps_multipart_etag {
            true => [Way::Duplicate, Way::Assemble, Way::Carry],
            false => [Way::Assemble, Way::Duplicate, Way::Carry],
        };
        let made = match self.way(&bytes, &write, &ways)? {
            Way::Duplicate => self.duplicate(&bytes, &target, &write).await,
            Way::Assemble => {
                let ranges = boundaries(parts);
                self.assemble(&bytes, ranges, &target, &write, &stage.name, always()).await
            }
            Way::Carry => {
                let still = async { self.look_at(&stage.place, None, &pin).await.map(drop) };
                self.carry(&bytes, object, write, still).await
            }
        };
        match made {
            Ok(committed) => {
                self.use_up(&stage).await;
                Ok(committed)
            }
            Err(unmade) => Err(self.unpromoted(unmade, &stage, &whole, other).await),
        }
    }

    /// What an unmade object means for its stage.
    async fn unpromoted(&self, unmade: Unmade, stage: &Stage, whole: &Whole, other: u16) -> PutError {
        let (otherwise, what) = match unmade {
            Unmade::Error(error) => return error,
            Unmade::Failed(error) => (PutError::Unknown(error), "the store"),
            // It was there, as it should be: so it was not about the stage.
            Unmade::Condition => (PutError::GuardFailed, "the guard"),
            Unmade::CutOff => (overtaken(), "the upload"),
            Unmade::Source => (overtaken(), "the stage"),
        };
        tracing::debug!(stage = stage.name, what, "a stage was not promoted");
        match self.closed(stage, whole).await {
            Ok(Closed::As(_)) => otherwise,
            Ok(Closed::Otherwise) => PutError::NoSuchPart(other),
            Ok(Closed::Not) => PutError::NoSuchStage,
            Err(failure) => PutError::NotStored(failure.into()),
        }
    }
}

/// Where the parts of a stage lie in it, but for the empty ones.
fn boundaries(parts: &[StagedPart]) -> Vec<std::ops::Range<u64>> {
    let ends = parts.iter().scan(0u64, |end, part| {
        *end = end.saturating_add(part.length);
        Some(end.saturating_sub(part.length)..*end)
    });
    ends.filter(|range| !range.is_empty()).collect()
}
