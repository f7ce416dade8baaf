//! Versions: whether a bucket keeps them, and which there are.

use super::{Answer, Context, S3Service, Upload, not_implemented};
use crate::name::BucketName;
use crate::s3::listing::VersionListing;

impl S3Service {
    /// `GET /bucket?versioning`
    pub(super) async fn bucket_versioning(&self, _context: &Context, _bucket: &BucketName) -> Answer {
        Err(not_implemented())
    }

    /// `PUT /bucket?versioning`
    pub(super) async fn put_bucket_versioning(
        &self,
        _context: &Context,
        _bucket: &BucketName,
        _upload: Upload,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `GET /bucket?versions`
    pub(super) async fn list_versions(
        &self,
        _context: &Context,
        _bucket: &BucketName,
        _listing: &VersionListing,
    ) -> Answer {
        Err(not_implemented())
    }
}
