//! Which handler answers which operation.

use super::{Answer, Context, S3Service, Upload};
use crate::s3::operation::Operation;

impl S3Service {
    /// Answers one request that was understood. Whether its client may do that is for the handler to ask first.
    ///
    /// The handlers with much to remember are put on the heap: the future of every request is moved several times, and
    /// would else have room for the largest.
    pub(super) async fn dispatch(&self, context: &Context, operation: Operation, upload: Upload) -> Answer {
        match operation {
            Operation::ListBuckets(listing) => self.list_buckets(context, &listing).await,
            Operation::GetSealKeys => self.seal_key_document(context),
            Operation::GetSealKeyCertificate { key } => self.certificate_document(context, key).await,
            Operation::CreateBucket { bucket, object_lock } => {
                self.create_bucket(context, &bucket, object_lock, upload).await
            }
            Operation::HeadBucket { bucket } => self.head_bucket(context, &bucket).await,
            Operation::DeleteBucket { bucket } => self.delete_bucket(context, &bucket).await,
            Operation::GetBucketLocation { bucket } => self.bucket_location(context, &bucket).await,
            Operation::GetBucketPlain { bucket, what } => self.bucket_plain(context, &bucket, what).await,
            Operation::PutBucketAcl { bucket } => self.put_bucket_acl(context, &bucket, upload).await,
            Operation::ListObjects { bucket, listing } => self.list_objects(context, &bucket, &listing).await,
            Operation::ListObjectVersions { bucket, listing } => {
                self.list_versions(context, &bucket, &listing).await
            }
            Operation::ListMultipartUploads { bucket, listing } => {
                self.list_uploads(context, &bucket, &listing).await
            }
            Operation::DeleteObjects { bucket, retentions } => {
                Box::pin(self.delete_objects(context, &bucket, retentions, upload)).await
            }
            Operation::PostForm { bucket } => Box::pin(self.post_form(context, bucket, upload)).await,
            Operation::GetBucketVersioning { bucket } => self.bucket_versioning(context, &bucket).await,
            Operation::PutBucketVersioning { bucket } => {
                self.put_bucket_versioning(context, &bucket, upload).await
            }
            Operation::GetBucketTagging { bucket } => self.bucket_tagging(context, &bucket).await,
            Operation::PutBucketTagging { bucket } => self.put_bucket_tagging(context, &bucket, upload).await,
            Operation::DeleteBucketTagging { bucket } => self.delete_bucket_tagging(context, &bucket).await,
            Operation::GetObjectLockConfiguration { bucket } => {
                self.object_lock_configuration(context, &bucket).await
            }
            Operation::PutObjectLockConfiguration { bucket } => {
                self.put_object_lock_configuration(context, &bucket, upload).await
            }
            Operation::PutObject { object, put } => {
                Box::pin(self.put_object(context, object, *put, upload)).await
            }
            Operation::CopyObject { object, copy } => {
                Box::pin(self.copy_object(context, object, *copy)).await
            }
            Operation::GetObject { object, read } => self.get_object(context, &object, &read).await,
            Operation::HeadObject { object, read } => self.head_object(context, &object, &read).await,
            Operation::GetObjectAttributes { object, version, wanted } => {
                self.object_attributes(context, &object, version.as_ref(), &wanted).await
            }
            Operation::GetSeal { object, version } => {
                self.seal_document(context, &object, version.as_ref()).await
            }
            Operation::GetSha256 { object, version } => {
                self.sha256_document(context, &object, version.as_ref()).await
            }
            Operation::DeleteObject { object, version, condition, retentions } => {
                self.delete_object(context, &object, version, &condition, retentions).await
            }
            Operation::CreateMultipartUpload { object, create } => {
                Box::pin(self.create_upload(context, object, *create)).await
            }
            Operation::UploadPart { object, upload: id, number } => {
                Box::pin(self.upload_part(context, object, &id, number, upload)).await
            }
            Operation::UploadPartCopy { object, upload: id, number, copy } => {
                Box::pin(self.upload_part_copy(context, object, &id, number, *copy)).await
            }
            Operation::CompleteMultipartUpload { object, upload: id, complete } => {
                Box::pin(self.complete_upload(context, object, &id, *complete, upload)).await
            }
            Operation::AbortMultipartUpload { object, upload: id } => {
                self.abort_upload(context, object, &id).await
            }
            Operation::ListParts { object, upload: id, listing } => {
                self.list_parts(context, object, &id, listing).await
            }
            Operation::GetObjectAcl { object, version } => {
                self.object_acl(context, &object, version.as_ref()).await
            }
            Operation::PutObjectAcl { object, version } => {
                self.put_object_acl(context, &object, version.as_ref(), upload).await
            }
            Operation::GetObjectTagging { object, version } => {
                self.object_tagging(context, &object, version.as_ref()).await
            }
            Operation::PutObjectTagging { object, version } => {
                self.put_object_tagging(context, &object, version.as_ref(), upload).await
            }
            Operation::DeleteObjectTagging { object, version } => {
                self.delete_object_tagging(context, &object, version.as_ref()).await
            }
            Operation::GetObjectRetention { object, version } => {
                self.object_retention(context, &object, version.as_ref()).await
            }
            Operation::PutObjectRetention { object, version, retentions } => {
                self.put_object_retention(context, &object, version.as_ref(), retentions, upload).await
            }
            Operation::GetObjectLegalHold { object, version } => {
                self.object_legal_hold(context, &object, version.as_ref()).await
            }
            Operation::PutObjectLegalHold { object, version } => {
                self.put_object_legal_hold(context, &object, version.as_ref(), upload).await
            }
        }
    }
}
