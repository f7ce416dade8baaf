//! Operations without what they are about: by name, for logs and metrics.

macro_rules! kinds {
    ($($kind:ident)*) => {
        /// An operation, whatever it is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", stringify!($kind), "`.")] $kind,)*
        }

        impl Kind {
            /// All of them, in the order of their numbers (`as usize`).
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// S3's name for it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)* }
            }
        }
    };
}

kinds! {
    ListBuckets
    CreateBucket
    HeadBucket
    DeleteBucket
    GetBucketLocation
    GetBucketAcl
    GetBucketPolicy
    GetBucketPolicyStatus
    GetPublicAccessBlock
    GetBucketEncryption
    GetBucketAccelerateConfiguration
    GetBucketRequestPayment
    GetBucketLogging
    GetBucketNotificationConfiguration
    GetBucketOwnershipControls
    GetBucketCors
    GetBucketLifecycleConfiguration
    GetBucketWebsite
    GetBucketReplication
    PutBucketAcl
    ListObjects
    ListObjectsV2
    ListObjectVersions
    ListMultipartUploads
    DeleteObjects
    PostObject
    GetBucketVersioning
    PutBucketVersioning
    GetBucketTagging
    PutBucketTagging
    DeleteBucketTagging
    GetObjectLockConfiguration
    PutObjectLockConfiguration
    PutObject
    CopyObject
    GetObject
    HeadObject
    GetObjectAttributes
    GetSeal
    GetSha256
    GetSealKeys
    GetSealKeyCertificate
    DeleteObject
    CreateMultipartUpload
    UploadPart
    UploadPartCopy
    CompleteMultipartUpload
    AbortMultipartUpload
    ListParts
    GetObjectAcl
    PutObjectAcl
    GetObjectTagging
    PutObjectTagging
    DeleteObjectTagging
    GetObjectRetention
    PutObjectRetention
    GetObjectLegalHold
    PutObjectLegalHold
}
