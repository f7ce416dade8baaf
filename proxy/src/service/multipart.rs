//! Multipart uploads, up to their end.

use super::{Answer, Context, S3Service, Upload, not_implemented};
use crate::name::{BucketName, ObjectName};
use crate::s3::listing::UploadListing;
use crate::s3::operation::{CreateUpload, PartListing};
use crate::store::PartNumber;

impl S3Service {
    /// `POST /bucket/key?uploads`
    pub(super) async fn create_upload(
        &self,
        _context: &Context,
        _object: ObjectName,
        _create: CreateUpload,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `PUT /bucket/key?partNumber=…&uploadId=…`
    pub(super) async fn upload_part(
        &self,
        _context: &Context,
        _object: ObjectName,
        _id: &str,
        _number: PartNumber,
        _upload: Upload,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `GET /bucket/key?uploadId=…`
    pub(super) async fn list_parts(
        &self,
        _context: &Context,
        _object: ObjectName,
        _id: &str,
        _listing: PartListing,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `GET /bucket?uploads`
    pub(super) async fn list_uploads(
        &self,
        _context: &Context,
        _bucket: &BucketName,
        _listing: &UploadListing,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `DELETE /bucket/key?uploadId=…`
    pub(super) async fn abort_upload(&self, _context: &Context, _object: ObjectName, _id: &str) -> Answer {
        Err(not_implemented())
    }
}
