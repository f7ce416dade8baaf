//! Stages: multipart uploads in the state bucket.
//!
//! A stage has a random name, and stands under `stages/<name>`: as an open multipart upload of that key, and once it is
//! closed, as the object that came of it. Its id is name and upload id, so any instance can do anything with it and nothing
//! else is kept of it.
//!
//! What a closed stage was made of is seen from its ETag ([`whole`]): the object is read and copied on the condition that
//! its ETag is what comes of the parts that the caller names. So whoever names other parts gets nothing, and there is
//! nothing between a look and a deed.
//!
//! | | requests |
//! |---|---|
//! | open | CreateMultipartUpload |
//! | part | UploadPart |
//! | close ([`close`]) | ListParts, CompleteMultipartUpload; HEAD where the answer leaves something open |
//! | read ([`read`]) | GET |
//! | drop | AbortMultipartUpload, DELETE, ListObjectsV2 and what it finds ([`fence`](super::make::fence)) |
//!
//! Some stores take no empty part: there an empty part is none, and a stage of nothing else becomes an empty object.

mod close;
mod listed;
mod read;
mod whole;

use http::Method;
use tracing::warn;

use super::cold::error::Failure;
use super::cold::reason::Reason;
use super::hot::{Call, pin};
use super::places::Place;
use super::{S3Store, random_name};
use crate::store::{Body, PartNumber, Piece, Pin, PutError, StageId, StoreError, StoreFault};

pub(super) use whole::{Closed, Whole};

/// The MD5 of no bytes.
pub(super) const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// Characters of a stage's name.
const NAME_CHARS: usize = 32;

/// A stage as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    /// Its name, 32 hexadecimal digits.
    pub(super) name: String,
    /// Where its object stands, once it is closed.
    pub(super) place: Place,
    /// The id of its upload.
    upload: String,
}

impl S3Store {
    /// What the store knows by this id; `None`: nothing.
    pub(super) fn stage(&self, id: &StageId) -> Option<Stage> {
        let (name, upload) = id.as_str().split_once('.')?;
        let fits = name.len() == NAME_CHARS && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (fits && !upload.is_empty()).then(|| Stage {
            name: name.to_owned(),
            place: self.places.stage(name),
            upload: upload.to_owned(),
        })
    }

    pub(super) async fn open_stage(&self) -> Result<StageId, PutError> {
        const WHAT: &str = "CreateMultipartUpload of a stage";
        let name = random_name().map_err(PutError::NotStored)?;
        let place = self.places.stage(&name);
        let opened = self
            .sdk
            .create_multipart_upload()
            .bucket(place.bucket.as_str())
            .key(&place.key)
            .content_type("application/octet-stream")
            .send()
            .await
            .map_err(|error| own(Failure::of(WHAT, &error)))?;
        let id = opened.upload_id().and_then(|upload| StageId::parse(&format!("{name}.{upload}")));
        // One that is opened and cannot be named is swept away some day.
        let malformed =
            || PutError::NotStored(Failure::malformed(WHAT, "no upload id that can be used").into());
        id.filter(|id| self.stage(id).is_some()).ok_or_else(malformed)
    }

    pub(super) async fn upload_part(
        &self,
        id: &StageId,
        number: PartNumber,
        length: u64,
        body: Body,
    ) -> Result<Pin, PutError> {
        let stage = self.stage(id).ok_or(PutError::NoSuchStage)?;
        if length == 0 && !self.findings().parts.empty {
            return self.no_part(&stage, body).await;
        }
        let number = number.number().to_string();
        let call = Call::new(Method::PUT, &stage.place)
            .query("partNumber", &number)
            .query("uploadId", &stage.upload);
        let answer = self.hot.upload(call, length, body).await.map_err(gone)?;
        pin(&answer.headers).map_err(|malformed| PutError::Unknown(malformed.into()))
    }

    /// An empty part for a store that takes none: that the stage is there is all that matters.
    async fn no_part(&self, stage: &Stage, mut body: Body) -> Result<Pin, PutError> {
        let Some(Piece::Commit { .. }) = body.next().await else { return Err(PutError::Incomplete) };
        match self.is_open(stage).await {
            Ok(true) => Ok(Pin(EMPTY.to_owned())),
            Ok(false) => Err(PutError::NoSuchStage),
            Err(failure) => Err(PutError::NotStored(failure.into())),
        }
    }

    /// Removes what there is of a stage, in this order: who has its upload completed meanwhile leaves an object that is
    /// deleted right after, and who makes an object of that is cut off last (see [`fence`](super::make::fence)).
    pub(super) async fn drop_stage(&self, id: &StageId) -> Result<(), StoreError> {
        let Some(stage) = self.stage(id) else { return Ok(()) };
        self.abort(&stage.place, &stage.upload).await?;
        self.delete_closed(&stage).await?;
        self.fence_off(&stage.name).await
    }

    /// Ends a multipart upload; one that is over is ended already.
    pub(super) async fn abort(&self, place: &Place, upload: &str) -> Result<(), Failure> {
        let call = self.sdk.abort_multipart_upload();
        let call = call.bucket(place.bucket.as_str()).key(&place.key).upload_id(upload);
        match call.send().await.map_err(|error| Failure::of("AbortMultipartUpload", &error)) {
            Ok(_) => Ok(()),
            Err(failure) if is_missing(&failure) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Deletes the object that a closed stage is.
    pub(super) async fn delete_closed(&self, stage: &Stage) -> Result<(), Failure> {
        let call = Call::new(Method::DELETE, &stage.place);
        match self.hot.call(&call, &Default::default()).await {
            Ok(_) => Ok(()),
            Err(failed) if is_missing(&failed.failure) => Ok(()),
            Err(failed) => Err(failed.failure),
        }
    }

    /// The same once an object was made of it, which is what counts: who drops the stage tries it again.
    pub(super) async fn use_up(&self, stage: &Stage) {
        if let Err(failure) = self.delete_closed(stage).await {
            let error = StoreError::from(failure);
            warn!(stage = stage.name, %error, "a stage that became an object stays behind");
        }
    }
}

/// Whether what a call was about is not there.
pub(super) fn is_missing(failure: &Failure) -> bool {
    match failure.reason() {
        // Ceph's gateway says of an upload that is over that there is no such key.
        Some(Reason::NoSuchUpload | Reason::NoSuchKey | Reason::NoSuchVersion | Reason::Missing) => true,
        Some(_) | None => false,
    }
}

/// A failed write of what is our own: that the state bucket is gone is not what a client means by a bucket that is not
/// there.
pub(super) fn own(failure: Failure) -> PutError {
    match failure.reason() {
        Some(Reason::NoSuchBucket) => PutError::NotStored(failure.into()),
        Some(_) | None => failure.into(),
    }
}

/// What is said of a part that was not stored, of the stage.
fn gone(error: PutError) -> PutError {
    match error {
        PutError::NoSuchKey => PutError::NoSuchStage,
        PutError::NoSuchBucket => {
            PutError::NotStored(StoreError::new(StoreFault::Unavailable, "there is no state bucket"))
        }
        error => error,
    }
}
