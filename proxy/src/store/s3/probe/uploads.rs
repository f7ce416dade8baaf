//! Multipart uploads in the lab.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use super::lab::{Headers, Lab, Said, adding, said, unquoted};
use crate::store::StoreError;
use crate::store::s3::cold::error::Failure;

/// An upload under way.
pub(super) struct Upload<'a> {
    lab: &'a Lab,
    key: String,
    id: String,
}

/// A part as it is named to complete an upload: number and ETag without quotes.
pub(super) type Part = (i32, String);

impl<'a> Upload<'a> {
    /// CreateMultipartUpload.
    pub(super) async fn create(
        lab: &'a Lab,
        key: &str,
        headers: Headers<'_>,
    ) -> Result<Said<Self>, StoreError> {
        let create = lab.sdk.create_multipart_upload().bucket(&lab.bucket).key(key);
        let create = create.customize().mutate_request(adding(headers));
        let created = lab.ask("create an upload", create.send()).await;
        let id = match said(created.map(|created| created.upload_id))? {
            Said::Done(id) => id,
            Said::Refused(reason) => return Ok(Said::Refused(reason)),
        };
        let id = id.ok_or_else(|| Failure::malformed("create an upload", "there is no upload id"))?;
        lab.has_opened(key, &id);
        lab.will_make(key);
        Ok(Said::Done(Self { lab, key: key.to_owned(), id }))
    }

    /// The same where the store must be able to.
    pub(super) async fn open(lab: &'a Lab, key: &str) -> Result<Self, StoreError> {
        Self::create(lab, key, &[]).await?.needed("to begin a multipart upload")
    }

    /// UploadPart.
    pub(super) async fn part(&self, number: i32, body: &Bytes) -> Result<Part, StoreError> {
        self.try_part(number, body).await?.needed("to upload a part")
    }

    /// The same where the store may refuse it.
    pub(super) async fn try_part(&self, number: i32, body: &Bytes) -> Result<Said<Part>, StoreError> {
        let Lab { sdk, bucket, .. } = self.lab;
        let part = sdk.upload_part().bucket(bucket).key(&self.key).upload_id(&self.id).part_number(number);
        let part = part.body(ByteStream::from(body.clone()));
        let stored = self.lab.ask("upload a part", part.send()).await;
        said(stored.map(|part| (number, unquoted(part.e_tag))))
    }

    /// UploadPartCopy of all of `from`.
    pub(super) async fn part_copy(
        &self,
        number: i32,
        from: &str,
        headers: Headers<'_>,
    ) -> Result<Said<()>, StoreError> {
        let Lab { sdk, bucket, .. } = self.lab;
        let copy = sdk.upload_part_copy().bucket(bucket).key(&self.key).upload_id(&self.id);
        let copy = copy.part_number(number).copy_source(format!("{bucket}/{from}"));
        let copy = copy.customize().mutate_request(adding(headers));
        said(self.lab.ask("copy a part", copy.send()).await.map(|_| ()))
    }

    /// CompleteMultipartUpload; gives the ETag, which may be empty.
    pub(super) async fn complete(
        &self,
        parts: &[Part],
        headers: Headers<'_>,
    ) -> Result<Said<String>, StoreError> {
        said(self.dare_complete(parts, headers).await)
    }

    /// The same where also an answer that makes no sense, or none, says something.
    pub(super) async fn dare_complete(
        &self,
        parts: &[Part],
        headers: Headers<'_>,
    ) -> Result<String, Failure> {
        let Lab { sdk, bucket, .. } = self.lab;
        let parts = parts.iter().map(|(number, etag)| {
            CompletedPart::builder().part_number(*number).e_tag(format!("\"{etag}\"")).build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let complete = sdk.complete_multipart_upload().bucket(bucket).key(&self.key).upload_id(&self.id);
        let complete = complete.multipart_upload(parts);
        let complete = complete.customize().mutate_request(adding(headers));
        let completed = self.lab.ask("complete an upload", complete.send()).await?;
        self.lab.is_over(&self.id);
        Ok(unquoted(completed.e_tag))
    }

    /// AbortMultipartUpload.
    pub(super) async fn abort(&self) -> Result<Said<()>, StoreError> {
        let Lab { sdk, bucket, .. } = self.lab;
        let abort = sdk.abort_multipart_upload().bucket(bucket).key(&self.key).upload_id(&self.id);
        let aborted = said(self.lab.ask("abort an upload", abort.send()).await.map(|_| ()))?;
        self.lab.is_over(&self.id);
        Ok(aborted)
    }

    /// Whether ListMultipartUploads shows it.
    pub(super) async fn is_listed(&self) -> Result<bool, StoreError> {
        let Lab { sdk, bucket, .. } = self.lab;
        let list = sdk.list_multipart_uploads().bucket(bucket).prefix(&self.key);
        let listed = said(self.lab.ask("list uploads", list.send()).await)?.done();
        Ok(listed.is_some_and(|listed| {
            listed.uploads().iter().any(|upload| upload.upload_id() == Some(self.id.as_str()))
        }))
    }
}
