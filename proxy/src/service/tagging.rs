//! Tags of buckets and objects. What they say is the store's word: no seal covers them.

use hallmark_config::Permission;
use http::{Response, StatusCode};

use super::{Answer, Context, S3Service, Upload, bodiless, documented};
use crate::name::{BucketName, ObjectName};
use crate::s3::documents;
use crate::s3::error::{Code, S3Error};
use crate::s3::response;
use crate::store::{Tags, VersionId};

impl S3Service {
    /// `GET /bucket?tagging`
    pub(super) async fn bucket_tagging(&self, context: &Context, bucket: &BucketName) -> Answer {
        self.require_sight_of_bucket(context, bucket)?;
        let tags = self.gate.store().bucket_tags(bucket).await?;
        if tags.is_empty() {
            let error = S3Error::new(Code::NoSuchTagSet, "The TagSet does not exist");
            return Err(error.with("BucketName", bucket.as_str()).into());
        }
        documented(response::document(StatusCode::OK, documents::tagging(&tags), &context.id))
    }

    /// `PUT /bucket?tagging`
    pub(super) async fn put_bucket_tagging(
        &self,
        context: &Context,
        bucket: &BucketName,
        upload: Upload,
    ) -> Answer {
        self.access.require(&context.identity, Permission::Admin, bucket, "")?;
        let body = self.configuration(context, upload).await?;
        self.gate.store().set_bucket_tags(bucket, documents::bucket_tags(&body)?).await?;
        bodiless(response::empty(StatusCode::NO_CONTENT, &context.id))
    }

    /// `DELETE /bucket?tagging`
    pub(super) async fn delete_bucket_tagging(&self, context: &Context, bucket: &BucketName) -> Answer {
        self.access.require(&context.identity, Permission::Admin, bucket, "")?;
        self.gate.store().set_bucket_tags(bucket, Tags::default()).await?;
        bodiless(response::empty(StatusCode::NO_CONTENT, &context.id))
    }

    /// `GET /bucket/key?tagging`
    pub(super) async fn object_tagging(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Answer {
        self.reader(context, object)?;
        let found = self.gate.store().tags(object, version).await;
        let (tags, found) =
            found.map_err(|error| self.hide_absence(context, object, version, error.into()))?;
        let document = response::document(StatusCode::OK, documents::tagging(&tags), &context.id);
        documented(of_version(document, found)?)
    }

    /// `PUT /bucket/key?tagging`
    pub(super) async fn put_object_tagging(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
        upload: Upload,
    ) -> Answer {
        self.require_write(context, object)?;
        let body = self.configuration(context, upload).await?;
        let tags = documents::object_tags(&body)?;
        self.change_tags(context, object, version, tags, StatusCode::OK).await
    }

    /// `DELETE /bucket/key?tagging`
    pub(super) async fn delete_object_tagging(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Answer {
        self.require_write(context, object)?;
        self.change_tags(context, object, version, Tags::default(), StatusCode::NO_CONTENT).await
    }

    async fn change_tags(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
        tags: Tags,
        status: StatusCode,
    ) -> Answer {
        let changed = self.gate.store().set_tags(object, version, tags).await;
        let changed = changed.map_err(|error| self.hide_absence(context, object, version, error.into()))?;
        bodiless(of_version(response::empty(status, &context.id), changed)?)
    }
}

/// Says which version an answer is about.
fn of_version<T>(mut answer: Response<T>, version: Option<VersionId>) -> Result<Response<T>, S3Error> {
    if let Some(version) = version {
        response::version(answer.headers_mut(), &version)?;
    }
    Ok(answer)
}
