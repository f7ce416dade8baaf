//! What a request asks for, with everything it says about how.

mod about;
mod copy;
mod kind;
mod multipart;
mod read;

use hallmark_signer::{KeyHint, SealedHeaders};

pub use copy::*;
pub use kind::Kind;
pub use multipart::*;
pub use read::*;

use super::condition::{DeleteCondition, PutCondition};
use super::listing::{BucketListing, Listing, UploadListing, VersionListing};
use crate::name::{BucketName, ObjectName};
use crate::store::{Lock, PartNumber, Retentions, Tags, VersionId};

/// A request that [`route`](super::route::route) understood: nothing it asked for was left out.
///
/// Where a document comes with it, the comment says who reads that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `GET /`
    ListBuckets(BucketListing),
    /// `GET /.hallmark/seal-keys.pem`
    GetSealKeys,
    /// `GET /.hallmark/seal-keys/KEY`
    GetSealKeyCertificate {
        /// The beginning of the key's id.
        key: KeyHint,
    },
    /// `PUT /bucket`; its body is for [`documents::create_bucket`](super::documents::create_bucket).
    CreateBucket {
        /// Its name.
        bucket: BucketName,
        /// `x-amz-bucket-object-lock-enabled`: whether its versions can be locked.
        object_lock: bool,
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
    /// `GET /bucket?acl` and its like: what is the same for every bucket.
    GetBucketPlain {
        /// Whose.
        bucket: BucketName,
        /// What.
        what: Plain,
    },
    /// `PUT /bucket?acl` that leaves it as it is; its body is for
    /// [`documents::owner_only`](super::documents::owner_only).
    PutBucketAcl {
        /// Whose.
        bucket: BucketName,
    },
    /// `GET /bucket`, in both versions.
    ListObjects {
        /// Whose keys.
        bucket: BucketName,
        /// Which of them.
        listing: Listing,
    },
    /// `GET /bucket?versions`
    ListObjectVersions {
        /// Whose keys.
        bucket: BucketName,
        /// Which of them.
        listing: VersionListing,
    },
    /// `GET /bucket?uploads`
    ListMultipartUploads {
        /// Whose uploads.
        bucket: BucketName,
        /// Which of them.
        listing: UploadListing,
    },
    /// `POST /bucket?delete`; its body is for [`DeleteRequest::parse`](super::documents::DeleteRequest::parse).
    DeleteObjects {
        /// Whose objects.
        bucket: BucketName,
        /// What is done about retentions.
        retentions: Retentions,
    },
    /// `POST /bucket` with a form.
    PostForm {
        /// Where the object goes; its key stands in the form.
        bucket: BucketName,
    },
    /// `GET /bucket?versioning`
    GetBucketVersioning {
        /// Of which bucket.
        bucket: BucketName,
    },
    /// `PUT /bucket?versioning`; its body is for [`documents::versioning`](super::documents::versioning).
    PutBucketVersioning {
        /// Of which bucket.
        bucket: BucketName,
    },
    /// `GET /bucket?tagging`
    GetBucketTagging {
        /// Of which bucket.
        bucket: BucketName,
    },
    /// `PUT /bucket?tagging`; its body is for [`documents::bucket_tags`](super::documents::bucket_tags).
    PutBucketTagging {
        /// Of which bucket.
        bucket: BucketName,
    },
    /// `DELETE /bucket?tagging`
    DeleteBucketTagging {
        /// Of which bucket.
        bucket: BucketName,
    },
    /// `GET /bucket?object-lock`
    GetObjectLockConfiguration {
        /// Of which bucket.
        bucket: BucketName,
    },
    /// `PUT /bucket?object-lock`; its body is for
    /// [`documents::object_lock`](super::documents::object_lock).
    PutObjectLockConfiguration {
        /// Of which bucket.
        bucket: BucketName,
    },
    /// `PUT /bucket/key`
    PutObject {
        /// What is written.
        object: ObjectName,
        /// What goes with it.
        put: Box<PutRequest>,
    },
    /// `PUT /bucket/key` with `x-amz-copy-source`.
    CopyObject {
        /// What is written.
        object: ObjectName,
        /// What it is made of.
        copy: Box<CopyRequest>,
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
    /// `GET /bucket/key?attributes`
    GetObjectAttributes {
        /// What is asked about.
        object: ObjectName,
        /// Which version of it.
        version: Option<VersionId>,
        /// What is asked.
        wanted: AttributesRequest,
    },
    /// `GET /bucket/key?hallmark=seal`: the seal as a DSSE envelope.
    GetSeal {
        /// Whose seal.
        object: ObjectName,
        /// Which version of it.
        version: Option<VersionId>,
    },
    /// `GET /bucket/key?hallmark=sha256`: a line for `sha256sum -c`.
    GetSha256 {
        /// Whose digest.
        object: ObjectName,
        /// Which version of it.
        version: Option<VersionId>,
    },
    /// `DELETE /bucket/key`
    DeleteObject {
        /// What is deleted.
        object: ObjectName,
        /// Which version of it, for good.
        version: Option<VersionId>,
        /// On what that depends.
        condition: DeleteCondition,
        /// What is done about retentions.
        retentions: Retentions,
    },
    /// `POST /bucket/key?uploads`
    CreateMultipartUpload {
        /// What will be written.
        object: ObjectName,
        /// What goes with it.
        create: Box<CreateUpload>,
    },
    /// `PUT /bucket/key?partNumber=…&uploadId=…`
    UploadPart {
        /// What the upload will write.
        object: ObjectName,
        /// Which upload; unchecked.
        upload: String,
        /// Which part.
        number: PartNumber,
    },
    /// The same with `x-amz-copy-source`.
    UploadPartCopy {
        /// What the upload will write.
        object: ObjectName,
        /// Which upload; unchecked.
        upload: String,
        /// Which part.
        number: PartNumber,
        /// What it is made of.
        copy: Box<PartCopyRequest>,
    },
    /// `POST /bucket/key?uploadId=…`; its body is for
    /// [`CompleteRequest::parse`](super::documents::CompleteRequest::parse).
    CompleteMultipartUpload {
        /// What is written.
        object: ObjectName,
        /// Which upload; unchecked.
        upload: String,
        /// What is declared of the whole, and on what the write depends.
        complete: Box<CompleteUpload>,
    },
    /// `DELETE /bucket/key?uploadId=…`
    AbortMultipartUpload {
        /// What would have been written.
        object: ObjectName,
        /// Which upload; unchecked.
        upload: String,
    },
    /// `GET /bucket/key?uploadId=…`
    ListParts {
        /// What the upload will write.
        object: ObjectName,
        /// Which upload; unchecked.
        upload: String,
        /// Which of its parts.
        listing: PartListing,
    },
    /// `GET /bucket/key?acl`
    GetObjectAcl {
        /// Whose.
        object: ObjectName,
        /// Of which version.
        version: Option<VersionId>,
    },
    /// `PUT /bucket/key?acl` that leaves it as it is; its body is for
    /// [`documents::owner_only`](super::documents::owner_only).
    PutObjectAcl {
        /// Whose.
        object: ObjectName,
        /// Of which version.
        version: Option<VersionId>,
    },
    /// `GET /bucket/key?tagging`
    GetObjectTagging {
        /// Of which object.
        object: ObjectName,
        /// Of which version.
        version: Option<VersionId>,
    },
    /// `PUT /bucket/key?tagging`; its body is for [`documents::object_tags`](super::documents::object_tags).
    PutObjectTagging {
        /// Of which object.
        object: ObjectName,
        /// Of which version.
        version: Option<VersionId>,
    },
    /// `DELETE /bucket/key?tagging`
    DeleteObjectTagging {
        /// Of which object.
        object: ObjectName,
        /// Of which version.
        version: Option<VersionId>,
    },
    /// `GET /bucket/key?retention`
    GetObjectRetention {
        /// Of which object.
        object: ObjectName,
        /// Of which version.
        version: Option<VersionId>,
    },
    /// `PUT /bucket/key?retention`; its body is for [`documents::retention`](super::documents::retention).
    PutObjectRetention {
        /// Of which object.
        object: ObjectName,
        /// Of which version.
        version: Option<VersionId>,
        /// What is done about the retention in force.
        retentions: Retentions,
    },
    /// `GET /bucket/key?legal-hold`
    GetObjectLegalHold {
        /// Of which object.
        object: ObjectName,
        /// Of which version.
        version: Option<VersionId>,
    },
    /// `PUT /bucket/key?legal-hold`; its body is for [`documents::legal_hold`](super::documents::legal_hold).
    PutObjectLegalHold {
        /// Of which object.
        object: ObjectName,
        /// Of which version.
        version: Option<VersionId>,
    },
}

/// What PutObject says beside the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutRequest {
    /// Content headers and user metadata, ready to be sealed.
    pub headers: SealedHeaders,
    /// On what the write depends.
    pub condition: PutCondition,
    /// `x-amz-tagging`.
    pub tags: Tags,
    /// `x-amz-object-lock-*`.
    pub lock: Lock,
}

/// What a client may ask about a bucket and is the same for all of ours: what S3 says of a plain private bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// `acl`
    Acl,
    /// `policy`
    Policy,
    /// `policyStatus`
    PolicyStatus,
    /// `publicAccessBlock`
    PublicAccessBlock,
    /// `encryption`
    Encryption,
    /// `accelerate`
    Accelerate,
    /// `requestPayment`
    RequestPayment,
    /// `logging`
    Logging,
    /// `notification`
    Notification,
    /// `ownershipControls`
    OwnershipControls,
    /// `cors`
    Cors,
    /// `lifecycle`
    Lifecycle,
    /// `website`
    Website,
    /// `replication`
    Replication,
}

impl Plain {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Acl,
        Self::Policy,
        Self::PolicyStatus,
        Self::PublicAccessBlock,
        Self::Encryption,
        Self::Accelerate,
        Self::RequestPayment,
        Self::Logging,
        Self::Notification,
        Self::OwnershipControls,
        Self::Cors,
        Self::Lifecycle,
        Self::Website,
        Self::Replication,
    ];

    /// The subresource: a query parameter.
    pub fn parameter(self) -> &'static str {
        match self {
            Self::Acl => "acl",
            Self::Policy => "policy",
            Self::PolicyStatus => "policyStatus",
            Self::PublicAccessBlock => "publicAccessBlock",
            Self::Encryption => "encryption",
            Self::Accelerate => "accelerate",
            Self::RequestPayment => "requestPayment",
            Self::Logging => "logging",
            Self::Notification => "notification",
            Self::OwnershipControls => "ownershipControls",
            Self::Cors => "cors",
            Self::Lifecycle => "lifecycle",
            Self::Website => "website",
            Self::Replication => "replication",
        }
    }
}
