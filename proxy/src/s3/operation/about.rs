//! What every operation says of itself.

use super::{Kind, Operation, Plain};
use crate::name::{BucketName, ObjectName};
use crate::s3::error::{Code, S3Error};
use crate::s3::listing::ListForm;

impl Operation {
    /// Which one it is, whatever it is about: for logs and metrics.
    pub fn kind(&self) -> Kind {
        match self {
            Self::ListBuckets(_) => Kind::ListBuckets,
            Self::GetSealKeys => Kind::GetSealKeys,
            Self::GetSealKeyCertificate { .. } => Kind::GetSealKeyCertificate,
            Self::CreateBucket { .. } => Kind::CreateBucket,
            Self::HeadBucket { .. } => Kind::HeadBucket,
            Self::DeleteBucket { .. } => Kind::DeleteBucket,
            Self::GetBucketLocation { .. } => Kind::GetBucketLocation,
            Self::GetBucketPlain { what, .. } => what.kind(),
            Self::PutBucketAcl { .. } => Kind::PutBucketAcl,
            Self::ListObjects { listing, .. } => match listing.form {
                ListForm::V1 { .. } => Kind::ListObjects,
                ListForm::V2 { .. } => Kind::ListObjectsV2,
            },
            Self::ListObjectVersions { .. } => Kind::ListObjectVersions,
            Self::ListMultipartUploads { .. } => Kind::ListMultipartUploads,
            Self::DeleteObjects { .. } => Kind::DeleteObjects,
            Self::PostForm { .. } => Kind::PostObject,
            Self::GetBucketVersioning { .. } => Kind::GetBucketVersioning,
            Self::PutBucketVersioning { .. } => Kind::PutBucketVersioning,
            Self::GetBucketTagging { .. } => Kind::GetBucketTagging,
            Self::PutBucketTagging { .. } => Kind::PutBucketTagging,
            Self::DeleteBucketTagging { .. } => Kind::DeleteBucketTagging,
            Self::GetObjectLockConfiguration { .. } => Kind::GetObjectLockConfiguration,
            Self::PutObjectLockConfiguration { .. } => Kind::PutObjectLockConfiguration,
            Self::PutObject { .. } => Kind::PutObject,
            Self::CopyObject { .. } => Kind::CopyObject,
            Self::GetObject { .. } => Kind::GetObject,
            Self::HeadObject { .. } => Kind::HeadObject,
            Self::GetObjectAttributes { .. } => Kind::GetObjectAttributes,
            Self::GetSeal { .. } => Kind::GetSeal,
            Self::GetSha256 { .. } => Kind::GetSha256,
            Self::DeleteObject { .. } => Kind::DeleteObject,
            Self::CreateMultipartUpload { .. } => Kind::CreateMultipartUpload,
            Self::UploadPart { .. } => Kind::UploadPart,
            Self::UploadPartCopy { .. } => Kind::UploadPartCopy,
            Self::CompleteMultipartUpload { .. } => Kind::CompleteMultipartUpload,
            Self::AbortMultipartUpload { .. } => Kind::AbortMultipartUpload,
            Self::ListParts { .. } => Kind::ListParts,
            Self::GetObjectAcl { .. } => Kind::GetObjectAcl,
            Self::PutObjectAcl { .. } => Kind::PutObjectAcl,
            Self::GetObjectTagging { .. } => Kind::GetObjectTagging,
            Self::PutObjectTagging { .. } => Kind::PutObjectTagging,
            Self::DeleteObjectTagging { .. } => Kind::DeleteObjectTagging,
            Self::GetObjectRetention { .. } => Kind::GetObjectRetention,
            Self::PutObjectRetention { .. } => Kind::PutObjectRetention,
            Self::GetObjectLegalHold { .. } => Kind::GetObjectLegalHold,
            Self::PutObjectLegalHold { .. } => Kind::PutObjectLegalHold,
        }
    }

    /// The bucket it is about.
    pub fn bucket(&self) -> Option<&BucketName> {
        match self.subject() {
            Subject::Service => None,
            Subject::Bucket(bucket) => Some(bucket),
            Subject::Object(object) => Some(&object.bucket),
        }
    }

    /// The object it is about.
    pub fn object(&self) -> Option<&ObjectName> {
        match self.subject() {
            Subject::Service | Subject::Bucket(_) => None,
            Subject::Object(object) => Some(object),
        }
    }

    fn subject(&self) -> Subject<'_> {
        match self {
            Self::ListBuckets(_) | Self::GetSealKeys | Self::GetSealKeyCertificate { .. } => Subject::Service,
            Self::CreateBucket { bucket, .. }
            | Self::HeadBucket { bucket }
            | Self::DeleteBucket { bucket }
            | Self::GetBucketLocation { bucket }
            | Self::GetBucketPlain { bucket, .. }
            | Self::PutBucketAcl { bucket }
            | Self::ListObjects { bucket, .. }
            | Self::ListObjectVersions { bucket, .. }
            | Self::ListMultipartUploads { bucket, .. }
            | Self::DeleteObjects { bucket, .. }
            | Self::PostForm { bucket }
            | Self::GetBucketVersioning { bucket }
            | Self::PutBucketVersioning { bucket }
            | Self::GetBucketTagging { bucket }
            | Self::PutBucketTagging { bucket }
            | Self::DeleteBucketTagging { bucket }
            | Self::GetObjectLockConfiguration { bucket }
            | Self::PutObjectLockConfiguration { bucket } => Subject::Bucket(bucket),
            Self::PutObject { object, .. }
            | Self::CopyObject { object, .. }
            | Self::GetObject { object, .. }
            | Self::HeadObject { object, .. }
            | Self::GetObjectAttributes { object, .. }
            | Self::GetSeal { object, .. }
            | Self::GetSha256 { object, .. }
            | Self::DeleteObject { object, .. }
            | Self::CreateMultipartUpload { object, .. }
            | Self::UploadPart { object, .. }
            | Self::UploadPartCopy { object, .. }
            | Self::CompleteMultipartUpload { object, .. }
            | Self::AbortMultipartUpload { object, .. }
            | Self::ListParts { object, .. }
            | Self::GetObjectAcl { object, .. }
            | Self::PutObjectAcl { object, .. }
            | Self::GetObjectTagging { object, .. }
            | Self::PutObjectTagging { object, .. }
            | Self::DeleteObjectTagging { object, .. }
            | Self::GetObjectRetention { object, .. }
            | Self::PutObjectRetention { object, .. }
            | Self::GetObjectLegalHold { object, .. }
            | Self::PutObjectLegalHold { object, .. } => Subject::Object(object),
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

/// What an operation is about.
enum Subject<'a> {
    Service,
    Bucket(&'a BucketName),
    Object(&'a ObjectName),
}

impl Plain {
    /// The operation that reads it.
    fn kind(self) -> Kind {
        match self {
            Self::Acl => Kind::GetBucketAcl,
            Self::Policy => Kind::GetBucketPolicy,
            Self::PolicyStatus => Kind::GetBucketPolicyStatus,
            Self::PublicAccessBlock => Kind::GetPublicAccessBlock,
            Self::Encryption => Kind::GetBucketEncryption,
            Self::Accelerate => Kind::GetBucketAccelerateConfiguration,
            Self::RequestPayment => Kind::GetBucketRequestPayment,
            Self::Logging => Kind::GetBucketLogging,
            Self::Notification => Kind::GetBucketNotificationConfiguration,
            Self::OwnershipControls => Kind::GetBucketOwnershipControls,
            Self::Cors => Kind::GetBucketCors,
            Self::Lifecycle => Kind::GetBucketLifecycleConfiguration,
            Self::Website => Kind::GetBucketWebsite,
            Self::Replication => Kind::GetBucketReplication,
        }
    }
}
