//! Copies: CopyObject and UploadPartCopy.

use super::{Answer, Context, S3Service, not_implemented};
use crate::name::ObjectName;
use crate::s3::operation::{CopyRequest, PartCopyRequest};
use crate::store::PartNumber;

impl S3Service {
    /// `PUT /bucket/key` with `x-amz-copy-source`
    pub(super) async fn copy_object(
        &self,
        _context: &Context,
        _object: ObjectName,
        _copy: CopyRequest,
    ) -> Answer {
        Err(not_implemented())
    }

    /// `PUT /bucket/key?partNumber=…&uploadId=…` with `x-amz-copy-source`
    pub(super) async fn upload_part_copy(
        &self,
        _context: &Context,
        _object: ObjectName,
        _id: &str,
        _number: PartNumber,
        _copy: PartCopyRequest,
    ) -> Answer {
        Err(not_implemented())
    }
}
