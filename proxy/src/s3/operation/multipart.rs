//! What the requests of a multipart upload say.

use hallmark_signer::SealedHeaders;

use crate::s3::condition::PutCondition;
use crate::s3::listing::Encoding;
use crate::s3::payload::ChecksumAlgorithm;
use crate::store::{Lock, PartNumber, Tags};

/// What CreateMultipartUpload gives the object that is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateUpload {
    /// Content headers and user metadata, ready to be sealed.
    pub headers: SealedHeaders,
    /// `x-amz-tagging`.
    pub tags: Tags,
    /// `x-amz-object-lock-*`.
    pub lock: Lock,
    /// `x-amz-checksum-algorithm` and `x-amz-checksum-type`.
    pub checksum: Option<ChecksumPlan>,
}

/// How the object's checksum will be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChecksumPlan {
    /// With which algorithm.
    pub algorithm: ChecksumAlgorithm,
    /// Over what. Always one that goes with the algorithm.
    pub kind: ChecksumKind,
}

/// `x-amz-checksum-type`: what a checksum is computed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumKind {
    /// The checksums of the parts.
    Composite,
    /// The bytes of the object.
    FullObject,
}

impl ChecksumKind {
    /// The word in headers and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Composite => "COMPOSITE",
            Self::FullObject => "FULL_OBJECT",
        }
    }

    /// The kind of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Composite, Self::FullObject].into_iter().find(|kind| kind.name() == name)
    }

    /// What S3 takes with `algorithm` if the client does not say.
    pub fn default_of(algorithm: ChecksumAlgorithm) -> Self {
        match algorithm {
            ChecksumAlgorithm::Crc64Nvme => Self::FullObject,
            ChecksumAlgorithm::Crc32
            | ChecksumAlgorithm::Crc32c
            | ChecksumAlgorithm::Sha1
            | ChecksumAlgorithm::Sha256 => Self::Composite,
        }
    }

    /// Whether checksums of `algorithm` can be of this kind.
    pub fn goes_with(self, algorithm: ChecksumAlgorithm) -> bool {
        match (self, algorithm) {
            (_, ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c)
            | (Self::FullObject, ChecksumAlgorithm::Crc64Nvme)
            | (Self::Composite, ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256) => true,
            (Self::Composite, ChecksumAlgorithm::Crc64Nvme)
            | (Self::FullObject, ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256) => false,
        }
    }
}

/// What CompleteMultipartUpload says in its headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompleteUpload {
    /// On what the write depends.
    pub condition: PutCondition,
    /// `x-amz-mp-object-size`: how long the object must be.
    pub size: Option<u64>,
    /// `x-amz-checksum-<algorithm>`: what the object's checksum must be. Of the object, not of the request's body.
    pub checksum: Option<WholeChecksum>,
    /// `x-amz-checksum-type`: of which kind that must be.
    pub kind: Option<ChecksumKind>,
}

/// A checksum that a client declares of a whole object. Whether it is of the right form shows when it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeChecksum {
    /// How it was computed.
    pub algorithm: ChecksumAlgorithm,
    /// As it came: base64, with `-<parts>` behind it if it is composite.
    pub value: Box<str>,
}

/// Parts on a page at most, and by default.
pub const MAX_PARTS_LISTED: usize = 1000;

/// Which parts ListParts lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartListing {
    /// `part-number-marker`: those after this.
    pub after: Option<PartNumber>,
    /// `max-parts`: so many at most; 0 to 1000.
    pub limit: usize,
    /// How the key is written.
    pub encoding: Encoding,
}
