//! By a multipart upload of the target, whose parts the store copies by itself: for any size, and where CopyObject does not
//! mind what is to be minded.
//!
//! | step | if the process dies after it, or never hears the answer |
//! |---|---|
//! | CreateMultipartUpload | an upload without parts stays open, which costs nothing; the bucket's owner may have such swept up |
//! | write down the upload ([`fence`](super::fence)) | it is aborted when its stage is dropped, or 8 days later |
//! | look whether what it belongs to is there | the same |
//! | UploadPartCopy, several at a time | the same |
//! | look whether the source is still the same, where the store does not see to that | the same |
//! | CompleteMultipartUpload | [`PutError::Unknown`] where the answer was lost: the object is there or not, and nothing in between; the upload is aborted as above |
//! | forget the upload | an upload that is over is aborted once more, which does nothing |
//!
//! Nothing is visible before the last but one.

use std::ops::Range;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use http::HeaderMap;

use super::super::S3Store;
use super::super::cold::error::{Cause, Failure};
use super::super::cold::reason::Reason;
use super::super::hot::{write_guard, write_headers};
use super::super::long::{Tries, failure, lasting};
use super::super::places::Place;
use super::super::probe::SourcePin;
use super::super::stage::is_missing;
use super::fence::Fence;
use super::pieces::Site;
use super::source::{Bytes, Unmade, unavailable};
use super::with_headers;
use crate::store::{Committed, Guard, PutError, Write};

impl S3Store {
    /// Makes `target` of `bytes`, in pieces of these ranges. It belongs to what is called `of`, and goes on only while
    /// `still` holds.
    pub(in crate::store::s3) async fn assemble(
        &self,
        bytes: &Bytes<'_>,
        ranges: Vec<Range<u64>>,
        target: &Place,
        write: &Write,
        of: &str,
        still: impl Future<Output = Result<(), Unmade>> + Send,
    ) -> Result<Committed, Unmade> {
        let site = self.break_ground(target, write).await?;
        let fence = match self.raise_fence(of, target, &site.upload).await {
            Ok(fence) => fence,
            Err(error) => {
                self.clear_site(&site, None).await;
                // What was written is not visible.
                return Err(match error {
                    PutError::Unknown(error) => PutError::NotStored(error).into(),
                    error => error.into(),
                });
            }
        };
        if let Err(unmade) = still.await {
            self.clear_site(&site, Some(fence)).await;
            return Err(unmade);
        }
        let copied = async {
            let parts = self.copy_parts(bytes, ranges, &site).await?;
            self.unchanged(bytes).await?;
            Ok(parts)
        };
        let parts = match copied.await {
            Ok(parts) => parts,
            Err(unmade) => {
                // The store may still be copying other parts, which an upload that was ended takes in all the same. So what is
                // written down stays: it is ended once more by whoever drops the stage, or sweeps up.
                self.clear_site(&site, None).await;
                return Err(unmade);
            }
        };
        match self.finish(&site, parts, bytes.length, write).await {
            Ok(committed) => {
                self.lower_fence(fence).await;
                Ok(committed)
            }
            // It may still be done: what is written down stays, for whoever drops the stage.
            Err(Unmade::Error(error @ PutError::Unknown(_))) => Err(error.into()),
            Err(unmade) => {
                self.clear_site(&site, Some(fence)).await;
                Err(unmade)
            }
        }
    }

    async fn break_ground<'a>(&self, target: &'a Place, write: &Write) -> Result<Site<'a>, Unmade> {
        const WHAT: &str = "CreateMultipartUpload";
        let mut headers = HeaderMap::new();
        // The guard is for the end.
        let unguarded = Write { guard: Guard::Any, ..write.clone() };
        write_headers(&mut headers, &unguarded, self.findings().complete)?;
        let call = self.sdk.create_multipart_upload().bucket(target.bucket.as_str()).key(&target.key);
        let opened = call.customize().mutate_request(with_headers(headers)).send().await;
        let opened = opened.map_err(|error| not_stored(Failure::of(WHAT, &error)))?;
        match opened.upload_id() {
            Some(upload) if !upload.is_empty() => Ok(Site { target, upload: upload.to_owned() }),
            Some(_) | None => {
                Err(PutError::NotStored(Failure::malformed(WHAT, "no upload id").into()).into())
            }
        }
    }

    /// Looks at the source once more, where the store minds no condition about it: what was the same before and after was the
    /// same all the time.
    async fn unchanged(&self, bytes: &Bytes<'_>) -> Result<(), Unmade> {
        let bound = bytes.stays
            || bytes.version.is_some()
            || self.findings().part_copy.is_some_and(|pin| pin != SourcePin::Ignored);
        if bound {
            return Ok(());
        }
        self.look_at(bytes.place, bytes.version, bytes.pin).await.map(drop)
    }

    async fn finish(
        &self,
        site: &Site<'_>,
        parts: Vec<CompletedPart>,
        length: u64,
        write: &Write,
    ) -> Result<Committed, Unmade> {
        let mut headers = HeaderMap::new();
        write_guard(&mut headers, &write.guard, self.findings().complete)?;
        let call = self
            .sdk
            .complete_multipart_upload()
            .bucket(site.target.bucket.as_str())
            .key(&site.target.key)
            .upload_id(&site.upload)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .customize()
            .config_override(lasting(Tries::Once, length))
            .mutate_request(with_headers(headers));
        match call.send().await.map_err(|error| failure("CompleteMultipartUpload", &error)) {
            Ok(made) => Ok(self.made(site.target, write, made.e_tag(), made.version_id()).await?),
            Err(failure) => match self.done_all_the_same(site.target, write, &failure).await {
                Some(committed) => Ok(committed),
                None => Err(self.unfinished(site, failure).await),
            },
        }
    }

    /// Why there is no object.
    async fn unfinished(&self, site: &Site<'_>, failure: Failure) -> Unmade {
        match failure.cause {
            Cause::Refused(Reason::GuardFailed) => PutError::GuardFailed.into(),
            Cause::Refused(_) if is_missing(&failure) => Unmade::CutOff,
            Cause::Refused(Reason::Failed) => match self.is_upload(site.target, &site.upload).await {
                Ok(false) => Unmade::CutOff,
                Ok(true) | Err(_) => Unmade::Error(failure.into()),
            },
            Cause::Refused(_)
            | Cause::Unsent
            | Cause::Late
            | Cause::Lost
            | Cause::Malformed
            | Cause::Shed => Unmade::Error(failure.into()),
        }
    }

    /// Ends an upload that nothing comes of. If that fails it is for whoever drops the stage, or sweeps up.
    async fn clear_site(&self, site: &Site<'_>, fence: Option<Fence>) {
        let aborted = self.abort(site.target, &site.upload).await;
        if let (Ok(()), Some(fence)) = (aborted, fence) {
            self.lower_fence(fence).await;
        }
    }
}

/// Nothing was visible yet.
fn not_stored(failure: Failure) -> PutError {
    match failure.into() {
        PutError::Unknown(error) => PutError::NotStored(error),
        error => error,
    }
}

/// Said by who has nothing that goes on only on a condition.
pub(in crate::store::s3) async fn always() -> Result<(), Unmade> {
    Ok(())
}

/// What is said of a maker that was cut off though what it belongs to is there.
pub(in crate::store::s3) fn overtaken() -> PutError {
    PutError::NotStored(unavailable("another write of the object, or a sweep, ended this one"))
}
