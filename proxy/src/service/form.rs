//! Uploads by HTML form.

use super::{Answer, Context, S3Service, Upload, not_implemented};
use crate::name::BucketName;

impl S3Service {
    /// `POST /bucket` with a form
    pub(super) async fn post_form(&self, _context: &Context, _bucket: BucketName, _upload: Upload) -> Answer {
        Err(not_implemented())
    }
}
