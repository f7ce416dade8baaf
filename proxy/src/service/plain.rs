//! What is the same for every bucket and object.

use super::{Answer, Context, S3Service, Upload, not_implemented};
use crate::name::{BucketName, ObjectName};
use crate::s3::operation::Plain;
use crate::store::VersionId;

impl S3Service {
    /// `GET /bucket?acl` and its like
    pub(super) async fn bucket_plain(
        &self,
        _context: &Context,
        _bucket: &BucketName,
        _what: Plain,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `PUT /bucket?acl`
    pub(super) async fn put_bucket_acl(
        &self,
        _context: &Context,
        _bucket: &BucketName,
        _upload: Upload,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `GET /bucket/key?acl`
    pub(super) async fn object_acl(
        &self,
        _context: &Context,
        _object: &ObjectName,
        _version: Option<&VersionId>,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `PUT /bucket/key?acl`
    pub(super) async fn put_object_acl(
        &self,
        _context: &Context,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _upload: Upload,
    ) -> Answer {
        Err(not_implemented())
    }
}
