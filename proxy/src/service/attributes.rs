//! What is asked about an artifact without its bytes: GetObjectAttributes.

use super::{Answer, Context, S3Service, not_implemented};
use crate::name::ObjectName;
use crate::s3::operation::AttributesRequest;
use crate::store::VersionId;

impl S3Service {
    /// `GET /bucket/key?attributes`
    pub(super) async fn object_attributes(
        &self,
        _context: &Context,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _wanted: &AttributesRequest,
    ) -> Answer {
        Err(not_implemented())
    }
}
