//! What can go wrong in a store.

use std::fmt;

use super::version::VersionId;

/// The store could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{fault}: {message}")]
pub struct StoreError {
    /// What kind of failure it was.
    pub fault: StoreFault,
    /// For the log; never shown to clients.
    pub message: String,
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFault {
    /// No answer in time.
    Timeout,
    /// Not there, overloaded, or out of space.
    Unavailable,
    /// Too much is asked of it at once: it was not asked for this.
    Busy,
    /// It answered something that makes no sense.
    Protocol,
    /// Its own data is damaged.
    Corrupt,
}

impl StoreError {
    /// An error of kind `fault`.
    pub fn new(fault: StoreFault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into() }
    }
}

impl StoreFault {
    /// For metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Timeout => "store_timeout",
            Self::Unavailable => "store_unavailable",
            Self::Busy => "store_busy",
            Self::Protocol => "store_protocol",
            Self::Corrupt => "store_corrupt",
        }
    }
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Why nothing can be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GetError {
    /// No such bucket.
    #[error("no such bucket")]
    NoSuchBucket,
    /// No such key in the bucket.
    #[error("no such key")]
    NoSuchKey,
    /// No such version of the key.
    #[error("no such version")]
    NoSuchVersion,
    /// What was asked for is a delete marker, of this name.
    #[error("a delete marker")]
    DeleteMarker(VersionId),
    /// No such stage: it was promoted or dropped, or there never was one.
    #[error("no such stage")]
    NoSuchStage,
    /// The span begins at or past the end of the object.
    #[error("the range lies outside the object")]
    OutOfRange,
    /// The version that the pin names no longer stands there.
    #[error("the object changed")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a write was not done, or may not have been.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PutError {
    /// No such bucket; nothing was stored.
    #[error("no such bucket")]
    NoSuchBucket,
    /// No such key in the bucket; nothing was changed.
    #[error("no such key")]
    NoSuchKey,
    /// No such version of the key; nothing was changed.
    #[error("no such version")]
    NoSuchVersion,
    /// A retention or a legal hold protects the version, or the bucket's lock forbids it; nothing was changed.
    #[error("the version is locked")]
    Locked,
    /// The bucket was not made with object lock, so its versions cannot be locked; nothing was changed.
    #[error("the bucket has no object lock")]
    NoObjectLock,
    /// The source of a copy is gone, or another version stands there; nothing was stored.
    #[error("the source is not the version that was meant")]
    SourceChanged,
    /// No such stage: it was promoted or dropped, or there never was one; nothing was stored.
    #[error("no such stage")]
    NoSuchStage,
    /// A part of the stage is not what the caller says it is; nothing was stored.
    #[error("part {0} of the stage is not the one that was meant")]
    NoSuchPart(u16),
    /// The guard did not hold; nothing was stored.
    #[error("the condition does not hold")]
    GuardFailed,
    /// Another write of the same was under way at the same time, and the store took neither for the earlier one. Nothing was
    /// stored, as far as this request is concerned; another try may succeed, or fail on its guard.
    #[error("another write was under way at the same time")]
    Conflict,
    /// The body ended early or had another length than announced; nothing was stored.
    #[error("the body was not completed")]
    Incomplete,
    /// The store failed and nothing was stored.
    #[error("not stored: {0}")]
    NotStored(#[source] StoreError),
    /// The store failed; whether it stored the object is not known.
    #[error("perhaps stored: {0}")]
    Unknown(#[source] StoreError),
    /// The store cannot do this; what it is.
    #[error("the store does not support {0}")]
    Unsupported(&'static str),
}
