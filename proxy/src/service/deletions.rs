//! DeleteObjects.

use hallmark_config::Permission;
use http::StatusCode;

use super::{Answer, Context, S3Service, Upload};
use crate::name::{BucketName, ObjectName};
use crate::proof::Outgoing;
use crate::s3::documents::{
    DeleteRequest, DeleteTarget, DeletedTarget, MAX_REQUEST_BYTES, Undeleted, delete_result,
};
use crate::s3::error::S3Error;
use crate::s3::payload::Payload;
use crate::s3::response;
use crate::store::{Deletion, Guard, Retentions};

impl S3Service {
    /// `POST /bucket?delete`. Each key counts for itself: what may not be deleted does not spoil the others.
    pub(super) async fn delete_objects(
        &self,
        context: &Context,
        bucket: &BucketName,
        retentions: Retentions,
        upload: Upload,
    ) -> Answer {
        let anywhere = |permission| self.require_somewhere(context, permission, bucket);
        if anywhere(Permission::DeleteVersion).is_err() {
            anywhere(Permission::Delete)?;
        }
        let Upload { parts, claim, body } = upload;
        let payload = Payload::new(self.gate.paced(body), claim, &parts.headers)?;
        let (body, held) = self.gate.receive_document(payload, MAX_REQUEST_BYTES, context.account()).await?;
        let request = DeleteRequest::parse(&body)?;
        self.require_bucket(bucket).await?;

        let permitted = |target: DeleteTarget| {
            let object = ObjectName { bucket: bucket.clone(), key: target.key.clone() };
            match self.require_deletion(context, &object, target.version.as_ref()) {
                Ok(()) => Ok((object, target)),
                Err(denied) => Err(Undeleted::new(&target, denied)),
            }
        };
        let wanted: Vec<_> = request.objects.into_iter().map(|target| target.and_then(permitted)).collect();
        let deletions: Vec<_> = wanted
            .iter()
            .flatten()
            .map(|(object, target)| {
                let retentions = self.granted(context, object, retentions);
                let version = target.version.clone();
                (object.clone(), Deletion { version, guard: Guard::Any, retentions })
            })
            .collect();
        let mut deleted = self.gate.delete_many(&deletions).await.into_iter();
        let mut outcome = |(_, target)| match deleted.next() {
            // One answer for each that was asked for, in their order.
            Some(Ok(deleted)) => Ok(DeletedTarget { target, deleted }),
            Some(Err(error)) => Err(Undeleted::new(&target, error.into())),
            None => Err(Undeleted::new(&target, S3Error::internal())),
        };
        let outcomes: Vec<_> = wanted.into_iter().map(|wanted| wanted.and_then(&mut outcome)).collect();
        let document = delete_result(request.reporting, &outcomes);
        // The answer is about as long as the request, for which the memory was set aside.
        let response = response::document(StatusCode::OK, document, &context.id);
        Ok(response.map(|document| Outgoing::document_holding(document, held)))
    }
}
