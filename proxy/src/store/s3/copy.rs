//! An object is made of the bytes of another.
//!
//! The source is looked at first, for its length: that decides in which of the [ways](super::make) the copy is made. Each is
//! bound to the version that was looked at; by the store where it can, by a second look where only that is possible.
//!
//! | if the process dies, or the answer is lost, after | what is there | who copies again |
//! |---|---|---|
//! | HEAD of the source | nothing | begins anew |
//! | CopyObject or PUT, not done | nothing | begins anew |
//! | CopyObject or PUT, done | the object | makes it again, unless the caller looks before (it does) |
//! | assembling ([steps](super::make::assemble)), not done | an upload of the target, which is swept up | begins anew |
//! | assembling, done | the object | as above |
//!
//! A copy that belongs to a stage is assembled, and its upload ended when the stage is dropped
//! ([`fence`](super::make::fence)): who slept until then finds no stage, or his upload is over. Where it cannot be assembled
//! it is carried, and the stage looked for before the last byte goes.

use super::S3Store;
use super::make::assemble::{always, overtaken};
use super::make::pieces::pieces;
use super::make::{Bytes, Unmade, Way};
use super::random_name;
use super::stage::{Stage, own};
use crate::name::ObjectName;
use crate::store::{Committed, GetError, PutError, Source, Write};

impl S3Store {
    pub(super) async fn copy_object(
        &self,
        source: &Source,
        object: &ObjectName,
        write: Write,
    ) -> Result<Committed, PutError> {
        let stage = match &source.while_staged {
            Some(id) => Some(self.stage(id).ok_or(PutError::NoSuchStage)?),
            None => None,
        };
        let target = self.place(object)?;
        match self.try_copy(source, object, &target, write, stage.as_ref()).await {
            Ok(committed) => Ok(committed),
            Err(unmade) => Err(self.uncopied(unmade, source, stage.as_ref()).await),
        }
    }

    async fn try_copy(
        &self,
        source: &Source,
        object: &ObjectName,
        target: &super::places::Place,
        write: Write,
        stage: Option<&Stage>,
    ) -> Result<Committed, Unmade> {
        let place = self.place(&source.object).map_err(|_| Unmade::Source)?;
        let version = self.named(source.version.as_ref()).map_err(|_: GetError| Unmade::Source)?;
        let head = self.look_at(&place, version, &source.pin).await?;
        let length = head.length().map_err(|malformed| PutError::NotStored(malformed.into()))?;
        let bytes = Bytes { place: &place, version, pin: &source.pin, length, stays: false };
        let ways: &[Way] = match stage {
            None => &[Way::Duplicate, Way::Assemble, Way::Carry],
            // CopyObject is bound to no stage.
            Some(_) => &[Way::Assemble, Way::Carry],
        };
        match (self.way(&bytes, &write, ways)?, stage) {
            (Way::Duplicate, _) => self.duplicate(&bytes, target, &write).await,
            (Way::Assemble, None) => {
                let of = format!("copy-{}", random_name().map_err(PutError::NotStored)?);
                self.assemble(&bytes, pieces(length), target, &write, &of, always()).await
            }
            (Way::Assemble, Some(stage)) => {
                let still = self.still(stage);
                self.assemble(&bytes, pieces(length), target, &write, &stage.name, still).await
            }
            (Way::Carry, None) => self.carry(&bytes, object, write, always()).await,
            (Way::Carry, Some(stage)) => self.carry(&bytes, object, write, self.still(stage)).await,
        }
    }

    /// `otherwise`, if the source is what was meant.
    async fn unless_changed(&self, source: &Source, otherwise: PutError) -> PutError {
        let Ok(place) = self.place(&source.object) else { return PutError::SourceChanged };
        match self.look_at(&place, source.version.as_ref(), &source.pin).await {
            Ok(_) => otherwise,
            Err(Unmade::Error(error)) => error,
            Err(Unmade::Failed(error)) => PutError::Unknown(error),
            Err(Unmade::Source | Unmade::Condition | Unmade::CutOff) => PutError::SourceChanged,
        }
    }

    /// Whether a stage is there.
    async fn still(&self, stage: &Stage) -> Result<(), Unmade> {
        match self.is_there(stage).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(PutError::NoSuchStage.into()),
            Err(failure) => Err(PutError::NotStored(failure.into()).into()),
        }
    }

    /// What an unmade object means for its source.
    async fn uncopied(&self, unmade: Unmade, source: &Source, stage: Option<&Stage>) -> PutError {
        match (unmade, stage) {
            (Unmade::Error(error), _) => error,
            (Unmade::Source, _) => PutError::SourceChanged,
            (Unmade::CutOff, Some(stage)) => match self.is_there(stage).await {
                Ok(true) => overtaken(),
                Ok(false) => PutError::NoSuchStage,
                Err(failure) => own(failure),
            },
            (Unmade::CutOff, None) => overtaken(),
            // If the source is what was meant, it was the guard.
            (Unmade::Condition, _) => self.unless_changed(source, PutError::GuardFailed).await,
            (Unmade::Failed(error), _) => self.unless_changed(source, PutError::Unknown(error)).await,
        }
    }
}
