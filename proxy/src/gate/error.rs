//! Why the gate refused, and how clients are told.

use std::borrow::Cow;

use super::budget::Exhausted;
use crate::name::BucketName;
use crate::proof::{ArtifactFault, ProofError};
use crate::s3::error::{Code, S3Error};
use crate::s3::response::RETRY_SECONDS;
use crate::store::{GetError, PutError, StoreError, StoreFault};
use crate::trust::{StatusUnknown, TrustFault};

/// Why an upload was not taken or a download is not served, by whose fault it is.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GateError {
    /// The client's.
    #[error(transparent)]
    Client(#[from] S3Error),
    /// The artifact's.
    #[error(transparent)]
    Artifact(#[from] ArtifactFault),
    /// The store's: what it says is for the log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another service's, whose word on a signature is asked for.
    #[error(transparent)]
    Status(#[from] StatusUnknown),
    /// The certifier's of this instance's seal keys, which has not said yet who it is: a seal may be by a key of it.
    #[error(
        "the certifier of seal keys has not answered since the start, and the seal may be by a key of it"
    )]
    Unanswered,
    /// Nobody's: too much is asked for at the moment.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

impl GateError {
    /// There is no such bucket.
    pub fn no_such_bucket(bucket: &BucketName) -> Self {
        no_such_bucket().with("BucketName", bucket.as_str()).into()
    }

    /// There is no such upload: there never was, it is over, or it is not this client's.
    pub fn no_such_upload() -> Self {
        no_such_upload().into()
    }

    /// For metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Client(error) => error.code.as_str(),
            Self::Artifact(fault) => fault.label(),
            Self::Store(error) => error.fault.label(),
            Self::Status(_) => "signature_status_unknown",
            Self::Unanswered => "certifier_unanswered",
            Self::Exhausted(_) => "memory_exhausted",
        }
    }
}

impl From<GateError> for S3Error {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Client(error) => error,
            // The fault says what is wrong with the artifact in our own words; nothing in it is the store's.
            GateError::Artifact(fault) => Self::new(fault.code(), format!("Refused: {fault}.")),
            GateError::Store(error) => match error.fault {
                StoreFault::Timeout => {
                    Self::new(Code::GatewayTimeout, "The object store did not answer in time.")
                }
                StoreFault::Unavailable => {
                    Self::new(Code::ServiceUnavailable, "The object store is not available. Try again.")
                }
                StoreFault::Busy => Self::new(Code::SlowDown, "Please reduce your request rate."),
                StoreFault::Protocol | StoreFault::Corrupt => {
                    Self::new(Code::BadGateway, "The object store gave an answer that cannot be used.")
                }
            },
            GateError::Status(unknown) => not_now(format!("Refused for now: {unknown}. Try again.")),
            GateError::Unanswered => not_now(
                "Whether its seal holds is not known: who certifies seal keys has not answered yet. Try again.",
            ),
            GateError::Exhausted(_) => Self::new(Code::SlowDown, "Please reduce your request rate."),
        }
    }
}

/// What may be known in a moment.
fn not_now(message: impl Into<Cow<'static, str>>) -> S3Error {
    S3Error::new(Code::ServiceUnavailable, message).with_header("retry-after", RETRY_SECONDS)
}

impl From<TrustFault> for GateError {
    fn from(fault: TrustFault) -> Self {
        Self::Artifact(fault.into())
    }
}

impl From<ProofError> for GateError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Artifact(fault) => Self::Artifact(fault),
            ProofError::Read(error) => error.into(),
        }
    }
}

impl From<GetError> for GateError {
    fn from(error: GetError) -> Self {
        match error {
            GetError::NoSuchBucket => no_such_bucket().into(),
            GetError::NoSuchKey => S3Error::new(Code::NoSuchKey, "The specified key does not exist.").into(),
            GetError::NoSuchVersion => no_such_version().into(),
            GetError::DeleteMarker(version) => {
                S3Error::new(Code::NoSuchKey, "The specified key does not exist.")
                    .with_header("x-amz-delete-marker", "true")
                    .with_header("x-amz-version-id", version.as_str())
                    .into()
            }
            GetError::NoSuchStage => no_such_upload().into(),
            // Whether a range can be satisfied is for the sealed length to say: a client that resumes takes a 416 for
            // the end of the artifact. A store that has less than was sealed has lost some of it.
            GetError::OutOfRange => StoreError::new(
                StoreFault::Protocol,
                "the store says that the object ends before its sealed length",
            )
            .into(),
            GetError::Changed => StoreError::new(StoreFault::Unavailable, "the object kept changing").into(),
            GetError::Store(error) => error.into(),
        }
    }
}

impl From<PutError> for GateError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::NoSuchBucket => no_such_bucket().into(),
            PutError::NoSuchKey => S3Error::new(Code::NoSuchKey, "The specified key does not exist.").into(),
            PutError::NoSuchVersion => no_such_version().into(),
            PutError::Locked => {
                let message = "Access Denied because object protected by object lock.";
                S3Error::new(Code::AccessDenied, message).into()
            }
            PutError::NoObjectLock => {
                S3Error::new(Code::InvalidRequest, "Bucket is missing Object Lock Configuration").into()
            }
            PutError::SourceChanged => {
                let message = "The source of the copy was replaced or deleted meanwhile. Try again.";
                S3Error::new(Code::ConditionalRequestConflict, message).into()
            }
            PutError::NoSuchStage => no_such_upload().into(),
            PutError::NoSuchPart(number) => {
                S3Error::new(Code::InvalidPart, "One or more of the specified parts could not be found.")
                    .with("PartNumber", number.to_string())
                    .into()
            }
            PutError::GuardFailed => S3Error::new(
                Code::PreconditionFailed,
                "At least one of the pre-conditions you specified did not hold",
            )
            .into(),
            PutError::Conflict => super::guard::conflict(),
            PutError::Incomplete => {
                S3Error::new(Code::IncompleteBody, "The body ended before it was complete.").into()
            }
            PutError::NotStored(error) | PutError::Unknown(error) => error.into(),
            PutError::Unsupported(what) => {
                S3Error::new(Code::NotImplemented, format!("The object store does not support {what}."))
                    .into()
            }
        }
    }
}

fn no_such_version() -> S3Error {
    S3Error::new(Code::NoSuchVersion, "The specified version does not exist.")
}

fn no_such_upload() -> S3Error {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    S3Error::new(Code::NoSuchUpload, message)
}

fn no_such_bucket() -> S3Error {
    S3Error::new(Code::NoSuchBucket, "The specified bucket does not exist")
}
