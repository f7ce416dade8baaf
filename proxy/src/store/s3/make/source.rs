//! The bytes that an object is made of.

use super::super::cold::error::{Cause, Failure};
use super::super::cold::reason::Reason;
use super::super::etag;
use super::super::places::Place;
use super::super::probe::SourcePin;
use super::super::stage::is_missing;
use crate::s3::uri::encode_path;
use crate::store::{GetError, Pin, PutError, StoreError, StoreFault, VersionId};

/// An object, or a closed stage, as far as it is to be the source of another object.
#[derive(Debug, Clone)]
pub(in crate::store::s3) struct Bytes<'a> {
    /// Where it stands.
    pub(in crate::store::s3) place: &'a Place,
    /// Which version; `None`: the current one.
    pub(in crate::store::s3) version: Option<&'a VersionId>,
    /// Its ETag.
    pub(in crate::store::s3) pin: &'a Pin,
    /// How many there are.
    pub(in crate::store::s3) length: u64,
    /// Whether nobody writes there: it is a stage.
    pub(in crate::store::s3) stays: bool,
}

/// Why no object was made.
#[derive(Debug)]
pub(in crate::store::s3) enum Unmade {
    /// The source is not there, or another one is.
    Source,
    /// The source is not what was meant, or the guard does not hold: the store says the same of both.
    Condition,
    /// The store failed, and what it was to make does not stand there.
    Failed(StoreError),
    /// The making was cut off by whoever dropped the stage, or swept up.
    CutOff,
    /// For another reason.
    Error(PutError),
}

impl From<PutError> for Unmade {
    fn from(error: PutError) -> Self {
        Self::Error(error)
    }
}

impl Bytes<'_> {
    /// As `x-amz-copy-source` names it.
    pub(super) fn name(&self) -> String {
        let version = self.version.map(|version| format!("?versionId={}", encode_path(version.as_str())));
        let path = encode_path(&format!("{}/{}", self.place.bucket.as_str(), self.place.key));
        format!("{path}{}", version.unwrap_or_default())
    }

    /// The condition that a copy is made on, by the header that the store knows.
    pub(super) fn condition(&self, pin: SourcePin) -> Option<(&'static str, String)> {
        pin.header().map(|name| (name, etag::quoted(&self.pin.0)))
    }
}

/// What a failed call says that was about the source alone. What was copied nobody sees yet.
pub(super) fn of_source(failure: Failure) -> Unmade {
    match failure.cause {
        Cause::Refused(Reason::GuardFailed | Reason::OutOfRange) => Unmade::Source,
        Cause::Refused(_) if is_missing(&failure) => Unmade::Source,
        _ => Unmade::Error(PutError::NotStored(failure.into())),
    }
}

/// Why the bytes cannot be read.
pub(super) fn unread(error: GetError) -> Unmade {
    match error {
        GetError::NoSuchBucket
        | GetError::NoSuchKey
        | GetError::NoSuchVersion
        | GetError::DeleteMarker(_)
        | GetError::NoSuchStage
        | GetError::OutOfRange
        | GetError::Changed => Unmade::Source,
        GetError::Store(error) => Unmade::Error(PutError::NotStored(error)),
    }
}

/// The making of an object ended without a word of the store.
pub(super) fn unavailable(why: &str) -> StoreError {
    StoreError::new(StoreFault::Unavailable, why)
}
