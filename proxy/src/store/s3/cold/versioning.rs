//! Whether buckets keep versions.

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};

use super::super::S3Store;
use super::error::Failure;
use super::reason::Reason;
use super::wire::{ContentMd5, once};
use crate::name::BucketName;
use crate::store::{GetError, PutError, Versioning};

impl S3Store {
    pub(in crate::store::s3) async fn bucket_versioning(
        &self,
        bucket: &BucketName,
    ) -> Result<Versioning, GetError> {
        let kept = self.places.bucket(bucket).ok_or(GetError::NoSuchBucket)?.bucket;
        let answer = self.sdk.get_bucket_versioning().bucket(kept.as_str()).send().await;
        let status = match answer.map_err(|e| Failure::of("GetBucketVersioning", &e)) {
            Ok(answer) => answer.status,
            Err(failure) if failure.reason() == Some(Reason::NotImplemented) => {
                self.require_store_bucket(&kept).await?;
                None
            }
            Err(failure) => return Err(failure.into()),
        };
        match status {
            None => Ok(Versioning::Never),
            Some(BucketVersioningStatus::Enabled) => Ok(Versioning::Enabled),
            Some(BucketVersioningStatus::Suspended) => Ok(Versioning::Suspended),
            Some(_) => Err(Failure::malformed("GetBucketVersioning", "an unknown status").into()),
        }
    }

    pub(in crate::store::s3) async fn set_bucket_versioning(
        &self,
        bucket: &BucketName,
        versioning: Versioning,
    ) -> Result<(), PutError> {
        let status = match versioning {
            Versioning::Never => return Err(PutError::Unsupported("forgetting versions")),
            Versioning::Enabled => BucketVersioningStatus::Enabled,
            Versioning::Suspended => BucketVersioningStatus::Suspended,
        };
        let kept = self.places.bucket(bucket).ok_or(PutError::NoSuchBucket)?.bucket;
        let call = self
            .sdk
            .put_bucket_versioning()
            .bucket(kept.as_str())
            .versioning_configuration(VersioningConfiguration::builder().status(status).build());
        let set = call.customize().config_override(once()).interceptor(ContentMd5).send().await;
        set.map(drop).map_err(|e| {
            let failure = Failure::of("PutBucketVersioning", &e);
            match failure.reason() {
                // Its versions can be locked, so it has to keep them.
                Some(Reason::BucketState) => PutError::Locked,
                _ => failure.optional("versions"),
            }
        })
    }
}
