//! CreateMultipartUpload and AbortMultipartUpload: an upload is there while its marker is.

use hallmark_signer::{By, PublisherSignatures, SIGNATURE_HEADER, SealedHeaders};

use super::id::UploadId;
use super::marker::Marker;
use crate::gate::clock::now_ms;
use crate::gate::upload::{internal, malformed_signature, no_randomness};
use crate::gate::{Gate, GateError};
use crate::name::ObjectName;
use crate::s3::payload::ChecksumPlan;
use crate::store::{BucketLock, Lock, PutError, Tags};

/// An upload that its client may begin.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// What it will be.
    pub object: ObjectName,
    /// Who makes it, as the seal will say.
    pub by: By,
    /// Content headers and user metadata.
    pub headers: SealedHeaders,
    /// Labels of the version.
    pub tags: Tags,
    /// What will protect the version.
    pub lock: Lock,
    /// What checksum the client wants of it.
    pub checksum: Option<ChecksumPlan>,
}

impl Gate {
    /// Begins an upload of `client`. What was said of it is kept for its completion; signatures are judged then, and
    /// only their form now.
    ///
    /// # Errors
    /// No such bucket, a lock where there can be none, signatures that are not well formed; or the store failed.
    pub async fn create_upload(&self, new: NewUpload, client: &str) -> Result<Marker, GateError> {
        self.require_sealing()?;
        let NewUpload { object, by, mut headers, tags, lock, checksum } = new;
        self.is_no_sibling(&object, None)?;
        self.attach(&object, &mut headers)?;
        if let Some(signatures) = headers.get(SIGNATURE_HEADER) {
            PublisherSignatures::parse(signatures).map_err(|_| malformed_signature())?;
        }
        if self.store.bucket(&object.bucket).await?.is_none() {
            return Err(GateError::no_such_bucket(&object.bucket));
        }
        if lock != Lock::default() && self.store.object_lock(&object.bucket).await? == BucketLock::Off {
            return Err(PutError::NoObjectLock.into());
        }
        let id = UploadId::new(&self.multipart.keys, &object, client, now_ms()).map_err(no_randomness)?;
        let stage = self.store.stage_open().await?;
        let marker =
            Marker { id, object, client: client.to_owned(), by, headers, tags, lock, checksum, stage };
        let Some(value) = marker.encode(&self.multipart.keys) else {
            self.drop_stage(&marker).await;
            tracing::error!(object = %marker.object, "what was said of an upload does not fit its marker");
            return Err(internal());
        };
        if let Err(error) = self.put_state_once(&marker.name(), value).await {
            // If it was written all the same, nobody knows its id.
            self.drop_stage(&marker).await;
            return Err(error.into());
        }
        Ok(marker)
    }

    /// Ends an upload and removes what was sent of it. First the marker: whoever comes later finds no upload.
    ///
    /// # Errors
    /// The store failed to remove the marker: the upload may still be there.
    pub async fn abort_upload(&self, marker: &Marker) -> Result<(), GateError> {
        self.store.state_delete(&marker.name()).await?;
        self.multipart.windows.forget(marker.id.random());
        self.drop_stage(marker).await;
        self.drop_records(&marker.id).await;
        Ok(())
    }

    /// Removes an upload's parts. If that fails they expire.
    async fn drop_stage(&self, marker: &Marker) {
        if let Err(error) = self.store.stage_drop(&marker.stage).await {
            tracing::warn!(upload = ?marker.id, %error, "the parts of an upload that is over stay behind");
        }
    }
}
