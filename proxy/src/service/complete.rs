//! CompleteMultipartUpload.

use super::{Answer, Context, S3Service, Upload, not_implemented};
use crate::name::ObjectName;
use crate::s3::operation::CompleteUpload;

impl S3Service {
    /// `POST /bucket/key?uploadId=…`
    pub(super) async fn complete_upload(
        &self,
        _context: &Context,
        _object: ObjectName,
        _id: &str,
        _complete: CompleteUpload,
        _upload: Upload,
    ) -> Answer {
        Err(not_implemented())
    }
}
