//! What is asked about an artifact without its bytes: GetObjectAttributes.

use hallmark_signer::CHECKSUM_HEADER;
use http::StatusCode;

use super::{Answer, Context, S3Service, documented};
use crate::name::ObjectName;
use crate::s3::documents;
use crate::s3::operation::AttributesRequest;
use crate::s3::payload::DeclaredChecksum;
use crate::s3::response;
use crate::store::VersionId;

impl S3Service {
    /// `GET /bucket/key?attributes`
    pub(super) async fn object_attributes(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
        wanted: &AttributesRequest,
    ) -> Answer {
        let admitted = self.admitted(context, object, version).await?;
        let checksum = admitted.headers().get(CHECKSUM_HEADER).and_then(DeclaredChecksum::from_metadata);
        let parts = admitted.part_table()?;
        let attributes = documents::Attributes {
            etag: &admitted.etag(),
            size: admitted.length(),
            checksum: checksum.as_ref(),
            parts: parts.as_ref(),
        };
        let document = documents::object_attributes(wanted, &attributes);
        let mut response = response::document(StatusCode::OK, document, &context.id);
        response::version(response.headers_mut(), admitted.standing().version.as_ref())?;
        response::modified(response.headers_mut(), admitted.modified())?;
        documented(response)
    }
}
