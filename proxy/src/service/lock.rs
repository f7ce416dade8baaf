//! Object lock: a bucket's default retention, retention and legal hold of versions.

use super::{Answer, Context, S3Service, Upload, not_implemented};
use crate::name::{BucketName, ObjectName};
use crate::store::{Retentions, VersionId};

impl S3Service {
    /// `GET /bucket?object-lock`
    pub(super) async fn object_lock_configuration(&self, _context: &Context, _bucket: &BucketName) -> Answer {
        Err(not_implemented())
    }

    /// `PUT /bucket?object-lock`
    pub(super) async fn put_object_lock_configuration(
        &self,
        _context: &Context,
        _bucket: &BucketName,
        _upload: Upload,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `GET /bucket/key?retention`
    pub(super) async fn object_retention(
        &self,
        _context: &Context,
        _object: &ObjectName,
        _version: Option<&VersionId>,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `PUT /bucket/key?retention`
    pub(super) async fn put_object_retention(
        &self,
        _context: &Context,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _retentions: Retentions,
        _upload: Upload,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `GET /bucket/key?legal-hold`
    pub(super) async fn object_legal_hold(
        &self,
        _context: &Context,
        _object: &ObjectName,
        _version: Option<&VersionId>,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `PUT /bucket/key?legal-hold`
    pub(super) async fn put_object_legal_hold(
        &self,
        _context: &Context,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _upload: Upload,
    ) -> Answer {
        Err(not_implemented())
    }
}
