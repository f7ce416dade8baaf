//! How objects are read.

use http::{HeaderName, HeaderValue};

use crate::s3::condition::Conditions;
use crate::s3::error::S3Error;
use crate::s3::range::{RangeHeader, Resolved};
use crate::store::{PartNumber, VersionId};

/// How an object is to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// Which version; `None`: the current one.
    pub version: Option<VersionId>,
    /// Which part of it; never together with a range.
    pub part: Option<PartNumber>,
    /// Which bytes; whether it counts depends on `If-Range`: see [`Read::resolve`].
    pub range: Option<RangeHeader>,
    /// Whether at all.
    pub conditions: Conditions,
    /// Headers of the answer that the client chose.
    pub overrides: ResponseOverrides,
    /// Whether the declared checksum is shown.
    pub checksum: ChecksumMode,
}

impl Read {
    /// Which bytes of an artifact of `length` bytes with this ETag are to be sent.
    ///
    /// # Errors
    /// `InvalidRange`: there are none in the range.
    pub fn resolve(&self, etag: &str, length: u64) -> Result<Resolved, S3Error> {
        match &self.range {
            Some(range) if self.conditions.range_applies(etag) => range.resolve(length),
            _ => Ok(Resolved::Whole),
        }
    }
}

/// `x-amz-checksum-mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ChecksumMode {
    /// Not asked for.
    #[default]
    Off,
    /// `ENABLED`: the answer shows the checksum that the uploader declared.
    Enabled,
}

/// Content headers of the answer that the client chose (`response-content-type` and its like).
///
/// As in S3 they are for authenticated requests alone: see [`Operation::permitted_unsigned`](super::Operation::permitted_unsigned).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseOverrides(Vec<(HeaderName, HeaderValue)>);

impl ResponseOverrides {
    /// Those of `headers`, which the router has checked.
    pub(in crate::s3) fn new(headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self(headers)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values; each name at most once.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

/// What GetObjectAttributes asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributesRequest {
    /// `x-amz-object-attributes`: at least one, none twice.
    pub attributes: Vec<ObjectAttribute>,
    /// `x-amz-part-number-marker`: of the parts, those after this.
    pub parts_after: Option<PartNumber>,
    /// `x-amz-max-parts`: so many parts at most; 0 to 1000.
    pub max_parts: usize,
}

/// What can be asked about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectAttribute {
    /// Its ETag.
    ETag,
    /// The checksum that was declared of it.
    Checksum,
    /// The parts it came in.
    ObjectParts,
    /// Its storage class.
    StorageClass,
    /// Its length.
    ObjectSize,
}

impl ObjectAttribute {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ETag, Self::Checksum, Self::ObjectParts, Self::StorageClass, Self::ObjectSize];

    /// The word in `x-amz-object-attributes`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ETag => "ETag",
            Self::Checksum => "Checksum",
            Self::ObjectParts => "ObjectParts",
            Self::StorageClass => "StorageClass",
            Self::ObjectSize => "ObjectSize",
        }
    }
}
