//! What every operation says of itself.

use super::{Operation, Plain};
use crate::name::{BucketName, ObjectName};
use crate::s3::error::{Code, S3Error};
use crate::s3::listing::ListForm;

impl Operation {
    /// S3's name for it, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ListBuckets(_) => "ListBuckets",
            Self::CreateBucket { .. } => "CreateBucket",
            Self::HeadBucket { .. } => "HeadBucket",
            Self::DeleteBucket { .. } => "DeleteBucket",
            Self::GetBucketLocation { .. } => "GetBucketLocation",
            Self::GetBucketPlain { what, .. } => what.operation(),
            Self::PutBucketAcl { .. } => "PutBucketAcl",
            Self::ListObjects { listing, .. } => match listing.form {
                ListForm::V1 { .. } => "ListObjects",
                ListForm::V2 { .. } => "ListObjectsV2",
            },
            Self::ListObjectVersions { .. } => "ListObjectVersions",
            Self::ListMultipartUploads { .. } => "ListMultipartUploads",
            Self::DeleteObjects { .. } => "DeleteObjects",
            Self::PostForm { .. } => "PostObject",
            Self::GetBucketVersioning { .. } => "GetBucketVersioning",
            Self::PutBucketVersioning { .. } => "PutBucketVersioning",
            Self::GetBucketTagging { .. } => "GetBucketTagging",
            Self::PutBucketTagging { .. } => "PutBucketTagging",
            Self::DeleteBucketTagging { .. } => "DeleteBucketTagging",
            Self::GetObjectLockConfiguration { .. } => "GetObjectLockConfiguration",
            Self::PutObjectLockConfiguration { .. } => "PutObjectLockConfiguration",
            Self::PutObject { .. } => "PutObject",
            Self::CopyObject { .. } => "CopyObject",
            Self::GetObject { .. } => "GetObject",
            Self::HeadObject { .. } => "HeadObject",
            Self::GetObjectAttributes { .. } => "GetObjectAttributes",
            Self::GetSeal { .. } => "GetSeal",
            Self::GetSha256 { .. } => "GetSha256",
            Self::DeleteObject { .. } => "DeleteObject",
            Self::CreateMultipartUpload { .. } => "CreateMultipartUpload",
            Self::UploadPart { .. } => "UploadPart",
            Self::UploadPartCopy { .. } => "UploadPartCopy",
            Self::CompleteMultipartUpload { .. } => "CompleteMultipartUpload",
            Self::AbortMultipartUpload { .. } => "AbortMultipartUpload",
            Self::ListParts { .. } => "ListParts",
            Self::GetObjectAcl { .. } => "GetObjectAcl",
            Self::PutObjectAcl { .. } => "PutObjectAcl",
            Self::GetObjectTagging { .. } => "GetObjectTagging",
            Self::PutObjectTagging { .. } => "PutObjectTagging",
            Self::DeleteObjectTagging { .. } => "DeleteObjectTagging",
            Self::GetObjectRetention { .. } => "GetObjectRetention",
            Self::PutObjectRetention { .. } => "PutObjectRetention",
            Self::GetObjectLegalHold { .. } => "GetObjectLegalHold",
            Self::PutObjectLegalHold { .. } => "PutObjectLegalHold",
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
            Self::ListBuckets(_) => Subject::Service,
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
    /// S3's name for reading it.
    fn operation(self) -> &'static str {
        match self {
            Self::Acl => "GetBucketAcl",
            Self::Policy => "GetBucketPolicy",
            Self::PolicyStatus => "GetBucketPolicyStatus",
            Self::PublicAccessBlock => "GetPublicAccessBlock",
            Self::Encryption => "GetBucketEncryption",
            Self::Accelerate => "GetBucketAccelerateConfiguration",
            Self::RequestPayment => "GetBucketRequestPayment",
            Self::Logging => "GetBucketLogging",
            Self::Notification => "GetBucketNotificationConfiguration",
            Self::OwnershipControls => "GetBucketOwnershipControls",
            Self::Cors => "GetBucketCors",
            Self::Lifecycle => "GetBucketLifecycleConfiguration",
            Self::Website => "GetBucketWebsite",
            Self::Replication => "GetBucketReplication",
        }
    }
}
