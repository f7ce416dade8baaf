//! Versions: whether a bucket keeps them, and which there are.

use hallmark_config::Permission;
use http::StatusCode;

use super::bucket::{PAGE_MEMORY, owner};
use super::{Answer, Context, S3Service, Upload, bodiless, documented};
use crate::gate::GateError;
use crate::name::BucketName;
use crate::proof::Outgoing;
use crate::s3::documents;
use crate::s3::error::{Code, S3Error};
use crate::s3::listing::VersionListing;
use crate::s3::response;
use crate::store::{PutError, VersionPage};

impl S3Service {
    /// `GET /bucket?versioning`
    pub(super) async fn bucket_versioning(&self, context: &Context, bucket: &BucketName) -> Answer {
        self.require_sight_of_bucket(context, bucket)?;
        let versioning = self.gate.store().versioning(bucket).await?;
        let document = documents::versioning_configuration(versioning);
        documented(response::document(StatusCode::OK, document, &context.id))
    }

    /// `PUT /bucket?versioning`
    pub(super) async fn put_bucket_versioning(
        &self,
        context: &Context,
        bucket: &BucketName,
        upload: Upload,
    ) -> Answer {
        self.access.require(&context.identity, Permission::Admin, bucket, "")?;
        let body = self.configuration(context, upload).await?;
        let versioning = documents::versioning(&body)?;
        match self.gate.store().set_versioning(bucket, versioning).await {
            Ok(()) => bodiless(response::empty(StatusCode::OK, &context.id)),
            Err(PutError::Locked) => {
                let message = "An Object Lock configuration is present on this bucket, so the versioning state \
                               cannot be changed.";
                Err(S3Error::new(Code::InvalidBucketState, message).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// `GET /bucket?versions`
    pub(super) async fn list_versions(
        &self,
        context: &Context,
        bucket: &BucketName,
        listing: &VersionListing,
    ) -> Answer {
        self.access.require(&context.identity, Permission::List, bucket, &listing.prefix)?;
        let mut held = self.gate.reserve(context.account(), PAGE_MEMORY).await?;
        let page = match listing.request(bucket) {
            Some(request) => self.gate.store().list_versions(request).await.map_err(GateError::from)?,
            None => {
                self.require_bucket(bucket).await?;
                VersionPage::default()
            }
        };
        let document = documents::list_versions(bucket, listing, &page, &owner(context));
        // The page goes now; the document stays until a client that may be slow has taken it.
        drop(page);
        held.at_least(document.bytes().len() as u64).await?;
        let response = response::document(StatusCode::OK, document, &context.id);
        Ok(response.map(|document| Outgoing::document_holding(document, held)))
    }
}
