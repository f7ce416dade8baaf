//! Copies: CopyObject and UploadPartCopy.

use std::time::{Duration, UNIX_EPOCH};

use hallmark_config::Permission;
use hallmark_signer::By;
use http::StatusCode;

use super::{Answer, Context, S3Service, documented, not_implemented};
use crate::gate::{Copy, GateError};
use crate::name::ObjectName;
use crate::s3::condition::PutCondition;
use crate::s3::documents;
use crate::s3::error::S3Error;
use crate::s3::operation::{CopyRequest, CopySource, PartCopyRequest, TagDirective};
use crate::s3::response;
use crate::store::{PartNumber, Tags};

impl S3Service {
    /// `PUT /bucket/key` with `x-amz-copy-source`: what may be read there, is written here.
    pub(super) async fn copy_object(
        &self,
        context: &Context,
        object: ObjectName,
        copy: CopyRequest,
    ) -> Answer {
        self.require_upload(context, &object, &copy.condition, &copy.lock)?;
        self.reader(context, &copy.source.object)?;
        let tags = self.copied_tags(context, &copy.source, copy.tags).await?;
        let CopyRequest { source, conditions, headers, tags: _, lock, condition } = copy;
        let copy = Copy {
            source: source.object,
            version: source.version,
            conditions,
            name: object,
            by: By::parse(&context.identity.by()).map_err(|_| S3Error::internal())?,
            headers,
            tags,
            lock,
            condition,
        };
        let copied = self.gate.copy(&copy, context.account()).await;
        let copied = copied.map_err(|error| self.hide_absence(context, &copy.source, error))?;
        let modified = UNIX_EPOCH + Duration::from_millis(copied.at);
        let document =
            documents::copy_object_result(&copied.etag.to_string(), modified, copied.checksum.as_ref());
        let mut response = response::document(StatusCode::OK, document, &context.id);
        response::version(response.headers_mut(), copied.version.as_ref())?;
        response::source_version(response.headers_mut(), copied.source_version.as_ref())?;
        documented(response)
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

    /// The tags of the copy.
    async fn copied_tags(
        &self,
        context: &Context,
        source: &CopySource,
        directive: TagDirective,
    ) -> Result<Tags, GateError> {
        match directive {
            TagDirective::Replace(tags) => Ok(tags),
            TagDirective::Copy => {
                let found = self.gate.store().tags(&source.object, source.version.as_ref()).await;
                let found = found.map_err(GateError::from);
                Ok(found.map_err(|error| self.hide_absence(context, &source.object, error))?.0)
            }
        }
    }
}
