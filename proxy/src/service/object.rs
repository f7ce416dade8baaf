//! Uploads and deletions.

use hallmark_config::Permission;
use hallmark_signer::By;
use http::StatusCode;
use http::header::{ETAG, TRANSFER_ENCODING};
use hyper::body::Incoming;

use super::{Answer, Context, S3Service, Upload, bodiless};
use crate::gate;
use crate::name::{BucketName, ObjectName};
use crate::pace::Paced;
use crate::proof::Outgoing;
use crate::s3::condition::{DeleteCondition, PutCondition};
use crate::s3::documents::{
    DeleteRequest, DeleteTarget, DeletedTarget, MAX_REQUEST_BYTES, Undeleted, delete_result,
};
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::PutRequest;
use crate::s3::payload::Payload;
use crate::s3::response;
use crate::store::{Deletion, Retentions, VersionId};

impl S3Service {
    /// `PUT /bucket/key`
    pub(super) async fn put_object(
        &self,
        context: &Context,
        object: ObjectName,
        put: PutRequest,
        upload: Upload,
    ) -> Answer {
        self.access.require(&context.identity, Permission::Write, &object.bucket, object.key.as_str())?;
        self.require_sight_for(context, &object, &put.condition)?;
        self.require_key_fits(&object)?;
        let payload = self.payload(upload)?;
        let by = By::parse(&context.identity.by()).map_err(|_| S3Error::internal())?;
        let PutRequest { headers, condition, tags, lock } = put;
        let upload = gate::Upload { name: object, by, headers, condition, tags, lock };
        let uploaded = self.gate.put(upload, payload, context.account()).await?;
        let mut response = response::empty(StatusCode::OK, &context.id);
        response.headers_mut().insert(ETAG, response::quoted_etag(&uploaded.etag.to_string())?);
        if let Some(sum) = uploaded.checksum {
            response::checksum(response.headers_mut(), &sum)?;
        }
        bodiless(response)
    }

    /// That the store can keep an object of this name.
    pub(super) fn require_key_fits(&self, object: &ObjectName) -> Result<(), S3Error> {
        if object.key.as_str().len() > self.capabilities.max_key_bytes {
            let message = "Your key is too long for the object store";
            return Err(S3Error::new(Code::KeyTooLongError, message));
        }
        Ok(())
    }

    /// The body of an upload, which must say its length or how it ends.
    pub(super) fn payload(&self, upload: Upload) -> Result<Payload<Paced<Incoming>>, S3Error> {
        let Upload { parts, claim, body } = upload;
        let payload = Payload::new(self.gate.paced(body), claim, &parts.headers)?;
        if payload.length().is_none() && !parts.headers.contains_key(TRANSFER_ENCODING) {
            let message = "You must provide the Content-Length HTTP header.";
            return Err(S3Error::new(Code::MissingContentLength, message));
        }
        Ok(payload)
    }

    /// `DELETE /bucket/key`
    pub(super) async fn delete_object(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<VersionId>,
        condition: &DeleteCondition,
        retentions: Retentions,
    ) -> Answer {
        self.access.require(&context.identity, Permission::Delete, &object.bucket, object.key.as_str())?;
        match condition {
            DeleteCondition::None => {}
            DeleteCondition::Exists | DeleteCondition::Matches(_) => self.require_sight(context, object)?,
        }
        self.gate.delete(object, version, condition, retentions).await?;
        bodiless(response::empty(StatusCode::NO_CONTENT, &context.id))
    }

    /// A condition on what stands there is for those who may see it.
    pub(super) fn require_sight_for(
        &self,
        context: &Context,
        object: &ObjectName,
        condition: &PutCondition,
    ) -> Result<(), S3Error> {
        match condition {
            PutCondition::None | PutCondition::Absent => Ok(()),
            PutCondition::Exists | PutCondition::Matches(_) | PutCondition::Differs(_) => {
                self.require_sight(context, object)
            }
        }
    }

    /// `If-Match` tells what is there, so it is for those who may read and list (S3 asks for `s3:GetObject`, too).
    fn require_sight(&self, context: &Context, object: &ObjectName) -> Result<(), S3Error> {
        let (bucket, key) = (&object.bucket, object.key.as_str());
        self.access.require(&context.identity, Permission::Read, bucket, key)?;
        self.access.require(&context.identity, Permission::List, bucket, key)
    }

    /// `POST /bucket?delete`
    pub(super) async fn delete_objects(
        &self,
        context: &Context,
        bucket: &BucketName,
        _retentions: Retentions,
        upload: Upload,
    ) -> Answer {
        self.require_somewhere(context, Permission::Delete, bucket)?;
        let Upload { parts, claim, body } = upload;
        let payload = Payload::new(self.gate.paced(body), claim, &parts.headers)?;
        let (body, held) = self.gate.receive_document(payload, MAX_REQUEST_BYTES, context.account()).await?;
        let request = DeleteRequest::parse(&body)?;
        self.require_bucket(bucket).await?;

        let permitted = |target: DeleteTarget| {
            let (key, version) = (target.key.as_str(), &target.version);
            match self.access.require(&context.identity, Permission::Delete, bucket, key) {
                Ok(()) if version.is_none() => Ok(target),
                Ok(()) => Err(Undeleted::new(
                    &target,
                    S3Error::new(Code::NotImplemented, "Versions are deleted one by one."),
                )),
                Err(denied) => Err(Undeleted::new(&target, denied)),
            }
        };
        let wanted: Vec<_> = request.objects.into_iter().map(|target| target.and_then(permitted)).collect();
        let named = |target: &DeleteTarget| ObjectName { bucket: bucket.clone(), key: target.key.clone() };
        let objects: Vec<_> =
            wanted.iter().flatten().map(|target| (named(target), Deletion::default())).collect();
        let mut deleted = self.gate.store().delete_many(&objects).await.into_iter();
        let mut outcome = |target: DeleteTarget| match deleted.next() {
            // One answer for each that was asked for, in their order: the store's contract.
            Some(Ok(deleted)) => Ok(DeletedTarget { target, deleted }),
            Some(Err(error)) => Err(Undeleted::new(&target, gate::GateError::from(error).into())),
            None => Err(Undeleted::new(&target, S3Error::internal())),
        };
        let outcomes: Vec<_> = wanted.into_iter().map(|target| target.and_then(&mut outcome)).collect();
        let document = delete_result(request.reporting, &outcomes);
        // The answer is about as long as the request, for which the memory was set aside.
        let response = response::document(StatusCode::OK, document, &context.id);
        Ok(response.map(|document| Outgoing::document_holding(document, held)))
    }
}
