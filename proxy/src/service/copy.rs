//! Copies: CopyObject and UploadPartCopy.

use std::time::{Duration, UNIX_EPOCH};

use hallmark_signer::By;
use http::StatusCode;

use super::multipart::checksum as part_checksum;
use super::{Answer, Context, S3Service, documented};
use crate::gate::multipart::PartCopy;
use crate::gate::{Copy, GateError};
use crate::name::ObjectName;
use crate::s3::documents;
use crate::s3::error::S3Error;
use crate::s3::operation::{CopyRequest, CopySource, PartCopyRequest, TagDirective};
use crate::s3::payload::DeclaredChecksum;
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
        let copied =
            copied.map_err(|error| self.hide_absence(context, &copy.source, copy.version.as_ref(), error))?;
        let checksum = copied.checksum.as_ref().map(DeclaredChecksum::to_whole);
        let document = documents::copy_object_result(
            &copied.etag.to_string(),
            UNIX_EPOCH + Duration::from_millis(copied.at),
            checksum.as_ref().map(|(sum, kind)| (sum, *kind)),
        );
        let mut response = response::document(StatusCode::OK, document, &context.id);
        let headers = response.headers_mut();
        response::new_version(headers, copied.version.as_ref())?;
        copied.source_version.iter().try_for_each(|version| response::source_version(headers, version))?;
        documented(response)
    }

    /// `PUT /bucket/key?partNumber=…&uploadId=…` with `x-amz-copy-source`
    pub(super) async fn upload_part_copy(
        &self,
        context: &Context,
        object: ObjectName,
        id: &str,
        number: PartNumber,
        copy: PartCopyRequest,
    ) -> Answer {
        let marker = self.own_upload(context, &object, id).await?;
        self.reader(context, &copy.source.object)?;
        let PartCopyRequest { source, conditions, range } = copy;
        let (name, version) = (source.object.clone(), source.version.clone());
        let copy = PartCopy { source: source.object, version: source.version, conditions, range };
        let (gate, request) = (self.gate.clone(), context.id.clone());
        let hidden = self.hidden(context, &name, version.as_ref());
        let work = async move {
            let copied = gate.upload_part_copy(&marker, number, &copy).await;
            let copied = copied.map_err(|error| hidden.show(error))?;
            let at = UNIX_EPOCH + Duration::from_millis(copied.record.at);
            let checksum = part_checksum(&copied.record).map(DeclaredChecksum::to_whole);
            let document = documents::copy_part_result(
                &copied.record.etag.to_hex(),
                at,
                checksum.as_ref().map(|(sum, _)| sum),
            );
            let mut response = response::document(StatusCode::OK, document, &request);
            let headers = response.headers_mut();
            copied
                .source_version
                .iter()
                .try_for_each(|version| response::source_version(headers, version))?;
            Ok(response)
        };
        self.kept_alive(context, &object, work).await
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
                let (object, version) = (&source.object, source.version.as_ref());
                let found = self.gate.store().tags(object, version).await.map_err(GateError::from);
                Ok(found.map_err(|error| self.hide_absence(context, object, version, error))?.0)
            }
        }
    }
}
