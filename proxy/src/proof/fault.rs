//! Why an artifact is not served.

use hallmark_signer::{CertificateFault, HallmarkError, LEAF_SIZE, PartsError, RecordError, SealError};

use crate::s3::error::Code;
use crate::store::{GetError, StoreError};
use crate::trust::TrustFault;

/// What is wrong with an artifact: one variant for each step at which it can fail.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ArtifactFault {
    /// There is no seal.
    #[error("the object bears no seal")]
    Unsealed,
    /// What stands in the place of the seal is none.
    #[error("the seal cannot be read: {0}")]
    Unreadable(#[from] HallmarkError),
    /// A seal on the object where a record must be, or the reverse.
    #[error("the seal does not stand where it must for an object of this size")]
    Misplaced,
    /// The seal does not hold for this object.
    #[error("the seal does not hold: {0}")]
    Seal(#[from] SealError),
    /// The record is not there.
    #[error("the record that holds the seal is missing")]
    RecordMissing,
    /// The record is damaged or belongs to something else.
    #[error("the record that holds the seal is damaged: {0}")]
    Record(#[from] RecordError),
    /// The table of parts on a small artifact is damaged or another's.
    #[error("the table of the artifact's parts is damaged: {0}")]
    Parts(#[from] PartsError),
    /// The bytes of a leaf are not those that were sealed.
    #[error("the bytes from {start} on (leaf {leaf}) are not those that were sealed", leaf = .0, start = .0.saturating_mul(LEAF_SIZE))]
    Digest(u64),
    /// The bytes ended early.
    #[error("the bytes end within the leaf that begins at {start}", start = .0.saturating_mul(LEAF_SIZE))]
    Truncated(u64),
    /// A part that lies in the store is not what its client sent.
    #[error("the store holds other bytes than were uploaded as part {0}")]
    Part(u16),
    /// The trust policy does not accept the artifact.
    #[error("{0}")]
    Trust(#[from] TrustFault),
}

impl ArtifactFault {
    /// For metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unsealed => "unsealed",
            Self::Unreadable(error) => error.label(),
            Self::Misplaced => "seal_misplaced",
            Self::Seal(error) => error.label(),
            Self::RecordMissing => "record_missing",
            Self::Record(error) => error.label(),
            Self::Parts(error) => error.label(),
            Self::Digest(_) => "digest_mismatch",
            Self::Truncated(_) => "truncated",
            Self::Part(_) => "part_mismatch",
            Self::Trust(fault) => fault.label(),
        }
    }

    /// Whether another instance may find nothing wrong with it, by the same configuration or the next one: it knows a seal
    /// key, or a form of seals, that this one does not.
    pub fn may_hold_elsewhere(&self) -> bool {
        match self {
            // Another configuration may know the certifier, and the certificate may be there again.
            Self::Seal(SealError::Certificate { fault, .. }) => match fault {
                CertificateFault::Malformed | CertificateFault::Certifier => true,
                CertificateFault::Signature
                | CertificateFault::Realm
                | CertificateFault::Refused(_)
                | CertificateFault::Lifetime => false,
            },
            Self::Seal(SealError::UnknownKey(_)) | Self::Unreadable(_) => true,
            Self::Seal(
                SealError::Bucket(_) | SealError::Length { .. } | SealError::Headers | SealError::Signature,
            )
            | Self::Unsealed
            | Self::Misplaced
            | Self::RecordMissing
            | Self::Record(_)
            | Self::Parts(_)
            | Self::Digest(_)
            | Self::Truncated(_)
            | Self::Part(_)
            | Self::Trust(_) => false,
        }
    }

    /// The code that clients are told.
    pub fn code(&self) -> Code {
        match self {
            Self::Unsealed => Code::ArtifactUnsealed,
            Self::Unreadable(_)
            | Self::Misplaced
            | Self::Seal(_)
            | Self::RecordMissing
            | Self::Record(_)
            | Self::Parts(_) => Code::ArtifactSealInvalid,
            Self::Digest(_) | Self::Truncated(_) | Self::Part(_) => Code::ArtifactDigestMismatch,
            Self::Trust(fault) => fault.code(),
        }
    }
}

/// Why nothing could be proven.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProofError {
    /// The artifact must not be served.
    #[error(transparent)]
    Artifact(#[from] ArtifactFault),
    /// The store did not give what was asked for.
    #[error(transparent)]
    Read(#[from] GetError),
}

impl ProofError {
    /// For metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Artifact(fault) => fault.label(),
            Self::Read(GetError::Store(error)) => error.fault.label(),
            Self::Read(
                GetError::NoSuchBucket
                | GetError::NoSuchKey
                | GetError::NoSuchVersion
                | GetError::DeleteMarker(_)
                | GetError::NoSuchStage
                | GetError::OutOfRange
                | GetError::Changed,
            ) => "object_changed",
        }
    }
}

impl From<StoreError> for ProofError {
    fn from(error: StoreError) -> Self {
        Self::Read(GetError::Store(error))
    }
}
