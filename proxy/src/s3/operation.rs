//! What a request asks for, with everything it says about how.

use hallmark_signer::SealedHeaders;
use http::{HeaderName, HeaderValue};

use super::condition::{Conditions, DeleteCondition, PutCondition};
use super::error::{Code, S3Error};
use super::listing::{BucketListing, ListForm, Listing};
use super::range::{RangeHeader, Resolved};
use crate::name::{BucketName, ObjectName};

/// A request that [`route`](super::route::route) understood: nothing it asked for was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `GET /`
    ListBuckets(BucketListing),
    /// `PUT /bucket`; its body is for [`documents::create_bucket`](super::documents::create_bucket).
    CreateBucket {
        /// Its name.
        bucket: BucketName,
    },
    /// `HEAD /bucket`
    HeadBucket {
        /// Its name.
        bucket: BucketName,
    },
    /// `DELETE /bucket`
    DeleteBucket {
        /// Its name.
        bucket: BucketName,
    },
    /// `GET /bucket?location`
    GetBucketLocation {
        /// Its name.
        bucket: BucketName,
    },
    /// `GET /bucket`, in both versions.
    ListObjects {
        /// Whose keys.
        bucket: BucketName,
        /// Which of them.
        listing: Listing,
    },
    /// `POST /bucket?delete`; its body is for [`DeleteRequest::parse`](super::documents::DeleteRequest::parse).
    DeleteObjects {
        /// Whose objects.
        bucket: BucketName,
    },
    /// `PUT /bucket/key`
    PutObject {
        /// What is written.
        object: ObjectName,
        /// Content headers and user metadata, ready to be sealed.
        headers: SealedHeaders,
        /// On what the write depends.
        condition: PutCondition,
    },
    /// `GET /bucket/key`
    GetObject {
        /// What is read.
        object: ObjectName,
        /// How.
        read: Box<Read>,
    },
    /// `HEAD /bucket/key`
    HeadObject {
        /// What is asked about.
        object: ObjectName,
        /// How.
        read: Box<Read>,
    },
    /// `GET /bucket/key?hallmark=seal`: the seal as a DSSE envelope.
    GetSeal {
        /// Whose seal.
        object: ObjectName,
    },
    /// `GET /bucket/key?hallmark=sha256`: a line for `sha256sum -c`.
    GetSha256 {
        /// Whose digest.
        object: ObjectName,
    },
    /// `DELETE /bucket/key`
    DeleteObject {
        /// What is deleted.
        object: ObjectName,
        /// On what that depends.
        condition: DeleteCondition,
    },
}

/// How an object is to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
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
/// As in S3 they are for authenticated requests alone: see [`Operation::permitted_unsigned`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseOverrides(Vec<(HeaderName, HeaderValue)>);

impl ResponseOverrides {
    /// Those of `headers`, which the router has checked.
    pub(super) fn new(headers: Vec<(HeaderName, HeaderValue)>) -> Self {
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

impl Operation {
    /// S3's name for it, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ListBuckets(_) => "ListBuckets",
            Self::CreateBucket { .. } => "CreateBucket",
            Self::HeadBucket { .. } => "HeadBucket",
            Self::DeleteBucket { .. } => "DeleteBucket",
            Self::GetBucketLocation { .. } => "GetBucketLocation",
            Self::ListObjects { listing, .. } => match listing.form {
                ListForm::V1 { .. } => "ListObjects",
                ListForm::V2 { .. } => "ListObjectsV2",
            },
            Self::DeleteObjects { .. } => "DeleteObjects",
            Self::PutObject { .. } => "PutObject",
            Self::GetObject { .. } => "GetObject",
            Self::HeadObject { .. } => "HeadObject",
            Self::GetSeal { .. } => "GetSeal",
            Self::GetSha256 { .. } => "GetSha256",
            Self::DeleteObject { .. } => "DeleteObject",
        }
    }

    /// The bucket it is about.
    pub fn bucket(&self) -> Option<&BucketName> {
        match self {
            Self::ListBuckets(_) => None,
            Self::CreateBucket { bucket }
            | Self::HeadBucket { bucket }
            | Self::DeleteBucket { bucket }
            | Self::GetBucketLocation { bucket }
            | Self::ListObjects { bucket, .. }
            | Self::DeleteObjects { bucket } => Some(bucket),
            Self::PutObject { object, .. }
            | Self::GetObject { object, .. }
            | Self::HeadObject { object, .. }
            | Self::GetSeal { object }
            | Self::GetSha256 { object }
            | Self::DeleteObject { object, .. } => Some(&object.bucket),
        }
    }

    /// The object it is about.
    pub fn object(&self) -> Option<&ObjectName> {
        match self {
            Self::ListBuckets(_)
            | Self::CreateBucket { .. }
            | Self::HeadBucket { .. }
            | Self::DeleteBucket { .. }
            | Self::GetBucketLocation { .. }
            | Self::ListObjects { .. }
            | Self::DeleteObjects { .. } => None,
            Self::PutObject { object, .. }
            | Self::GetObject { object, .. }
            | Self::HeadObject { object, .. }
            | Self::GetSeal { object }
            | Self::GetSha256 { object }
            | Self::DeleteObject { object, .. } => Some(object),
        }
    }

    /// What a request that nobody signed cannot have, whatever the policy: a link to an artifact must not let
    /// anybody choose how a browser treats it.
    ///
    /// # Errors
    /// `InvalidRequest`, as S3 answers.
    pub fn permitted_unsigned(&self) -> Result<(), S3Error> {
        match self {
            Self::GetObject { read, .. } | Self::HeadObject { read, .. } if !read.overrides.is_empty() => {
                let message = "Request specific response headers cannot be used for anonymous GET requests.";
                Err(S3Error::new(Code::InvalidRequest, message))
            }
            _ => Ok(()),
        }
    }
}
