//! What is the same for every bucket and object: clients ask for it on their way, and hear what S3 says of a plain
//! private bucket.

use hallmark_config::Permission;
use http::StatusCode;

use super::bucket::owner;
use super::{Answer, Context, S3Service, Upload, bodiless, documented};
use crate::gate::GateError;
use crate::name::{BucketName, ObjectName};
use crate::s3::documents;
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::Plain;
use crate::s3::response;
use crate::store::VersionId;

impl S3Service {
    /// `GET /bucket?acl` and its like
    pub(super) async fn bucket_plain(&self, context: &Context, bucket: &BucketName, what: Plain) -> Answer {
        self.require_sight_of_bucket(context, bucket)?;
        self.require_bucket(bucket).await?;
        let document = documents::plain(what, &owner(context))
            .map_err(|error| error.with("BucketName", bucket.as_str()))?;
        documented(response::document(StatusCode::OK, document, &context.id))
    }

    /// `PUT /bucket?acl`
    pub(super) async fn put_bucket_acl(
        &self,
        context: &Context,
        bucket: &BucketName,
        upload: Upload,
    ) -> Answer {
        self.access.require(&context.identity, Permission::Admin, bucket, "")?;
        self.unchanged_acl(context, upload).await?;
        self.require_bucket(bucket).await?;
        bodiless(response::empty(StatusCode::OK, &context.id))
    }

    /// `GET /bucket/key?acl`
    pub(super) async fn object_acl(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Answer {
        self.admitted(context, object, version).await?;
        documented(response::document(StatusCode::OK, documents::acl(&owner(context)), &context.id))
    }

    /// `PUT /bucket/key?acl`
    pub(super) async fn put_object_acl(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
        upload: Upload,
    ) -> Answer {
        self.require_write(context, object)?;
        self.unchanged_acl(context, upload).await?;
        self.admitted(context, object, version).await?;
        bodiless(response::empty(StatusCode::OK, &context.id))
    }

    /// That a client sets the access control list that there is anyway: by its name, which the router has checked, or by
    /// a document.
    async fn unchanged_acl(&self, context: &Context, upload: Upload) -> Result<(), GateError> {
        let by_name = upload.parts.headers.contains_key("x-amz-acl");
        let body = self.configuration(context, upload).await?;
        match (by_name, body.is_empty()) {
            (true, true) => Ok(()),
            (false, false) => Ok(documents::owner_only(&body, &owner(context))?),
            (true, false) => {
                let message = "Specifying both Canned ACLs and Header Grants is not allowed";
                Err(S3Error::new(Code::InvalidRequest, message).into())
            }
            (false, true) => {
                let message = "Your request was missing a required header: x-amz-acl, or a document.";
                Err(S3Error::new(Code::InvalidRequest, message).into())
            }
        }
    }
}
