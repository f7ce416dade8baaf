//! Object lock: a bucket's default retention, retention and legal hold of versions. What the store says of them is its
//! word: no seal covers them.

use std::time::SystemTime;

use hallmark_config::Permission;
use http::StatusCode;

use super::{Answer, Context, S3Service, Upload, bodiless, documented};
use crate::gate::GateError;
use crate::name::{BucketName, ObjectName};
use crate::s3::documents;
use crate::s3::error::{Code, S3Error};
use crate::s3::response;
use crate::store::{BucketLock, Lock, PutError, Retentions, VersionId};

impl S3Service {
    /// `GET /bucket?object-lock`
    pub(super) async fn object_lock_configuration(&self, context: &Context, bucket: &BucketName) -> Answer {
        self.require_sight_of_bucket(context, bucket)?;
        let BucketLock::On { default } = self.gate.store().object_lock(bucket).await? else {
            let message = "Object Lock configuration does not exist for this bucket";
            let error = S3Error::new(Code::ObjectLockConfigurationNotFoundError, message);
            return Err(error.with("BucketName", bucket.as_str()).into());
        };
        let document = documents::object_lock_configuration(default);
        documented(response::document(StatusCode::OK, document, &context.id))
    }

    /// `PUT /bucket?object-lock`
    pub(super) async fn put_object_lock_configuration(
        &self,
        context: &Context,
        bucket: &BucketName,
        upload: Upload,
    ) -> Answer {
        self.access.require(&context.identity, Permission::Admin, bucket, "")?;
        let body = self.configuration(context, upload).await?;
        let default = documents::object_lock(&body)?;
        match self.gate.store().set_object_lock(bucket, default).await {
            Ok(()) => bodiless(response::empty(StatusCode::OK, &context.id)),
            Err(PutError::NoObjectLock) => {
                let message =
                    "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
                Err(S3Error::new(Code::InvalidBucketState, message).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// `GET /bucket/key?retention`
    pub(super) async fn object_retention(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Answer {
        let lock = self.lock_of(context, object, version).await?;
        let retention = lock.retention.ok_or_else(not_locked)?;
        let document = documents::retention_document(retention);
        documented(response::document(StatusCode::OK, document, &context.id))
    }

    /// `PUT /bucket/key?retention`
    pub(super) async fn put_object_retention(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
        retentions: Retentions,
        upload: Upload,
    ) -> Answer {
        let (bucket, key) = (&object.bucket, object.key.as_str());
        self.access.require(&context.identity, Permission::Lock, bucket, key)?;
        let retentions = self.granted(context, object, retentions);
        let body = self.configuration(context, upload).await?;
        let retention = documents::retention(&body, SystemTime::now())?;
        let changed = self.gate.store().set_retention(object, version, retention, retentions).await;
        changed.map_err(|error| self.hide_absence(context, object, version, error.into()))?;
        bodiless(response::empty(StatusCode::OK, &context.id))
    }

    /// `GET /bucket/key?legal-hold`
    pub(super) async fn object_legal_hold(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Answer {
        let lock = self.lock_of(context, object, version).await?;
        let hold = lock.legal_hold.ok_or_else(not_locked)?;
        let document = documents::legal_hold_document(hold);
        documented(response::document(StatusCode::OK, document, &context.id))
    }

    /// `PUT /bucket/key?legal-hold`
    pub(super) async fn put_object_legal_hold(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
        upload: Upload,
    ) -> Answer {
        let (bucket, key) = (&object.bucket, object.key.as_str());
        self.access.require(&context.identity, Permission::Lock, bucket, key)?;
        let body = self.configuration(context, upload).await?;
        let changed = self.gate.store().set_legal_hold(object, version, documents::legal_hold(&body)?).await;
        changed.map_err(|error| self.hide_absence(context, object, version, error.into()))?;
        bodiless(response::empty(StatusCode::OK, &context.id))
    }

    /// What is done about retentions where a client asks to bypass them. As in S3 the question alone does no harm: whoever
    /// may not is told so by what is locked.
    pub(super) fn granted(&self, context: &Context, object: &ObjectName, asked: Retentions) -> Retentions {
        let (bucket, key) = (&object.bucket, object.key.as_str());
        match asked {
            Retentions::BypassGovernance
                if self.access.permits(&context.identity, Permission::BypassGovernance, bucket, key) =>
            {
                asked
            }
            Retentions::BypassGovernance | Retentions::Respect => Retentions::Respect,
        }
    }

    /// That this client may protect the object that it makes, if it asks for that.
    pub(super) fn require_lock(
        &self,
        context: &Context,
        object: &ObjectName,
        lock: &Lock,
    ) -> Result<(), S3Error> {
        if *lock == Lock::default() {
            return Ok(());
        }
        self.access.require(&context.identity, Permission::Lock, &object.bucket, object.key.as_str())
    }

    /// What protects a version, for whoever may read it.
    async fn lock_of(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<Lock, GateError> {
        self.reader(context, object)?;
        if self.gate.store().object_lock(&object.bucket).await? == BucketLock::Off {
            return Err(PutError::NoObjectLock.into());
        }
        Ok(self.admitted(context, object, version).await?.standing().lock.clone())
    }
}

fn not_locked() -> S3Error {
    let message = "The specified object does not have a ObjectLock configuration";
    S3Error::new(Code::NoSuchObjectLockConfiguration, message)
}
