//! Uploads and deletions.

use hallmark_config::Permission;
use hallmark_signer::{By, SealedHeaders};
use http::StatusCode;
use http::header::ETAG;

use super::{Answer, Context, S3Service, Upload, bodiless, documented};
use crate::gate;
use crate::name::{BucketName, ObjectName};
use crate::s3::condition::{DeleteCondition, PutCondition};
use crate::s3::documents::{DeleteRequest, MAX_REQUEST_BYTES, Undeleted, delete_result};
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::Payload;
use crate::s3::response;

impl S3Service {
    /// `PUT /bucket/key`
    pub(super) async fn put_object(
        &self,
        context: &Context,
        object: ObjectName,
        headers: SealedHeaders,
        condition: PutCondition,
        upload: Upload,
    ) -> Answer {
        self.access.require(&context.identity, Permission::Write, &object.bucket, object.key.as_str())?;
        if object.key.as_str().len() > self.capabilities.max_key_bytes {
            return Err(
                S3Error::new(Code::KeyTooLongError, "Your key is too long for the object store").into()
            );
        }
        let Upload { parts, claim, body } = upload;
        let payload = Payload::new(self.gate.paced(body), claim, &parts.headers)?;
        if payload.length().is_none() && !parts.headers.contains_key(http::header::TRANSFER_ENCODING) {
            let message = "You must provide the Content-Length HTTP header.";
            return Err(S3Error::new(Code::MissingContentLength, message).into());
        }
        let by = By::parse(&context.identity.by()).map_err(|_| unfit())?;
        let upload = gate::Upload { name: object, by, headers, condition };
        let uploaded = self.gate.put(upload, payload, context.account()).await?;
        let mut response = response::empty(StatusCode::OK, &context.id);
        response.headers_mut().insert(ETAG, response::quoted_etag(&uploaded.etag.to_string())?);
        if let Some(sum) = uploaded.checksum {
            response::checksum(response.headers_mut(), &sum)?;
        }
        bodiless(response)
    }

    /// `DELETE /bucket/key`
    pub(super) async fn delete_object(
        &self,
        context: &Context,
        object: &ObjectName,
        condition: &DeleteCondition,
    ) -> Answer {
        self.access.require(&context.identity, Permission::Delete, &object.bucket, object.key.as_str())?;
        self.gate.delete(object, condition).await?;
        bodiless(response::empty(StatusCode::NO_CONTENT, &context.id))
    }

    /// `POST /bucket?delete`
    pub(super) async fn delete_objects(
        &self,
        context: &Context,
        bucket: &BucketName,
        upload: Upload,
    ) -> Answer {
        self.require_somewhere(context, Permission::Delete, bucket)?;
        let Upload { parts, claim, body } = upload;
        let payload = Payload::new(self.gate.paced(body), claim, &parts.headers)?;
        let (body, _held) = self.gate.receive_document(payload, MAX_REQUEST_BYTES, context.account()).await?;
        let request = DeleteRequest::parse(&body)?;
        self.require_bucket(bucket).await?;

        let mut permitted = Vec::new();
        for key in request.objects.iter().flatten() {
            if self.access.permits(&context.identity, Permission::Delete, bucket, key.as_str()) {
                permitted.push(ObjectName { bucket: bucket.clone(), key: key.clone() });
            }
        }
        let mut deleted = self.gate.store().delete_many(&permitted).await.into_iter();
        let mut outcomes = Vec::with_capacity(request.objects.len());
        for object in request.objects {
            outcomes.push(match object {
                Err(undeleted) => Err(undeleted),
                Ok(key)
                    if !self.access.permits(&context.identity, Permission::Delete, bucket, key.as_str()) =>
                {
                    Err(Undeleted::new(&key, S3Error::new(Code::AccessDenied, "Access Denied")))
                }
                // One answer for each that was asked for, in their order: the store's contract.
                Ok(key) => match deleted.next() {
                    Some(Ok(())) => Ok(key),
                    Some(Err(error)) => Err(Undeleted::new(&key, gate::GateError::from(error).into())),
                    None => Err(Undeleted::new(&key, unfit())),
                },
            });
        }
        let document = delete_result(request.reporting, &outcomes);
        documented(response::document(StatusCode::OK, document, &context.id))
    }
}

fn unfit() -> S3Error {
    S3Error::new(Code::InternalError, "We encountered an internal error. Please try again.")
}
