//! Uploads and deletions.

use hallmark_config::Permission;
use hallmark_signer::{By, SealedHeaders};
use http::StatusCode;
use http::header::{ETAG, TRANSFER_ENCODING};

use super::{Answer, Context, S3Service, Upload, bodiless};
use crate::gate;
use crate::name::ObjectName;
use crate::pace::Paced;
use crate::s3::condition::{DeleteCondition, PutCondition};
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::PutRequest;
use crate::s3::payload::Payload;
use crate::s3::response;
use crate::server::Arriving;
use crate::store::{Lock, Retentions, VersionId};

impl S3Service {
    /// `PUT /bucket/key`
    pub(super) async fn put_object(
        &self,
        context: &Context,
        object: ObjectName,
        put: PutRequest,
        upload: Upload,
    ) -> Answer {
        self.require_upload(context, &object, &put.condition, &put.lock)?;
        self.require_headers_fit(&put.headers)?;
        let payload = self.payload(upload)?;
        self.require_length_fits(payload.length())?;
        let by = By::parse(&context.identity.by()).map_err(|_| S3Error::internal())?;
        let PutRequest { headers, condition, tags, lock } = put;
        let upload = gate::Upload { name: object, by, headers, condition, tags, lock };
        let (bucket, key) = (&upload.name.bucket, upload.name.key.as_str());
        let inspects = self.access.permits(&context.identity, Permission::ReadUntrusted, bucket, key);
        let uploaded = self.gate.put(upload, payload, context.account()).await?;
        let mut response = response::empty(StatusCode::OK, &context.id);
        response.headers_mut().insert(ETAG, response::quoted_etag(&uploaded.etag.to_string())?);
        response::new_version(response.headers_mut(), uploaded.version.as_ref())?;
        if let Some(sum) = uploaded.checksum {
            response::checksum(response.headers_mut(), &sum)?;
        }
        // Who uploads may be none of those who see what waits: that it does is told here.
        if let Some(why) = uploaded.waits {
            let told = if inspects { why.told() } else { why.said() };
            response::untrusted(response.headers_mut(), &told)?;
        }
        bodiless(response)
    }

    /// That the client may write under this name, on this condition and with this lock, and that the store can keep it.
    pub(super) fn require_upload(
        &self,
        context: &Context,
        object: &ObjectName,
        condition: &PutCondition,
        lock: &Lock,
    ) -> Result<(), S3Error> {
        self.require_write(context, object)?;
        self.require_sight_for(context, object, condition)?;
        self.require_lock(context, object, lock)?;
        self.require_key_fits(object)
    }

    /// That the client may write under this name: signatures over other objects are for those to write who may sign,
    /// and for nobody else.
    pub(super) fn require_write(&self, context: &Context, object: &ObjectName) -> Result<(), S3Error> {
        let permission =
            if self.gate.is_sibling(object) { Permission::WriteSignatures } else { Permission::Write };
        self.access.require(&context.identity, permission, &object.bucket, object.key.as_str())
    }

    /// That the client may delete this version, or the current one. Signatures are for those to take away who may put them
    /// there, and may delete: they can be anybody's.
    pub(super) fn require_deletion(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<(), S3Error> {
        let require = |permission: Permission| {
            self.access.require(&context.identity, permission, &object.bucket, object.key.as_str())
        };
        match (self.gate.is_sibling(object), version) {
            (false, None) => require(Permission::Delete),
            (false, Some(_)) => require(Permission::DeleteVersion),
            (true, None) => {
                require(Permission::WriteSignatures)?;
                require(Permission::Delete)
            }
            (true, Some(_)) => {
                require(Permission::WriteSignatures)?;
                require(Permission::DeleteVersion)
            }
        }
    }

    /// That the store can keep an object of this name.
    fn require_key_fits(&self, object: &ObjectName) -> Result<(), S3Error> {
        let bytes = self.access.prefix_bytes(&object.bucket) + object.key.as_str().len();
        if bytes > self.capabilities.max_key_bytes {
            let message = "Your key is too long for the object store";
            return Err(S3Error::new(Code::KeyTooLongError, message));
        }
        Ok(())
    }

    /// That the store takes so long a body at once: its own word would come when all of it was sent.
    fn require_length_fits(&self, length: Option<u64>) -> Result<(), S3Error> {
        let most = self.capabilities.max_put_bytes;
        match length {
            Some(length) if length > most => {
                let message = format!(
                    "The object store behind this endpoint takes at most {most} bytes in one PUT; upload it in parts"
                );
                Err(S3Error::new(Code::EntityTooLarge, message))
            }
            // What comes without a length goes to the store in parts.
            Some(_) | None => Ok(()),
        }
    }

    /// That the store can keep these headers. Its own word comes late where an upload comes in parts.
    pub(super) fn require_headers_fit(&self, headers: &SealedHeaders) -> Result<(), S3Error> {
        self.capabilities.metadata.changes(headers).map_or(Ok(()), |what| {
            let message = format!("The object store behind this endpoint does not keep {what}");
            Err(S3Error::new(Code::NotImplemented, message))
        })
    }

    /// The body of an upload, which must say its length or how it ends.
    pub(super) fn payload(&self, upload: Upload) -> Result<Payload<Paced<Arriving>>, S3Error> {
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
        self.require_deletion(context, object, version.as_ref())?;
        match condition {
            DeleteCondition::None => {}
            DeleteCondition::Exists | DeleteCondition::Matches(_) => self.require_sight(context, object)?,
        }
        let retentions = self.granted(context, object, retentions);
        let deleted = self.gate.delete(object, version, condition, retentions, context.account()).await?;
        bodiless(response::deleted(&deleted, &context.id)?)
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
}
