//! Tags of buckets and objects.

use super::{Answer, Context, S3Service, Upload, not_implemented};
use crate::name::{BucketName, ObjectName};
use crate::store::VersionId;

impl S3Service {
    /// `GET /bucket?tagging`
    pub(super) async fn bucket_tagging(&self, _context: &Context, _bucket: &BucketName) -> Answer {
        Err(not_implemented())
    }

    /// `PUT /bucket?tagging`
    pub(super) async fn put_bucket_tagging(
        &self,
        _context: &Context,
        _bucket: &BucketName,
        _upload: Upload,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `DELETE /bucket?tagging`
    pub(super) async fn delete_bucket_tagging(&self, _context: &Context, _bucket: &BucketName) -> Answer {
        Err(not_implemented())
    }

    /// `GET /bucket/key?tagging`
    pub(super) async fn object_tagging(
        &self,
        _context: &Context,
        _object: &ObjectName,
        _version: Option<&VersionId>,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `PUT /bucket/key?tagging`
    pub(super) async fn put_object_tagging(
        &self,
        _context: &Context,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _upload: Upload,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `DELETE /bucket/key?tagging`
    pub(super) async fn delete_object_tagging(
        &self,
        _context: &Context,
        _object: &ObjectName,
        _version: Option<&VersionId>,
    ) -> Answer {
        Err(not_implemented())
    }
}
