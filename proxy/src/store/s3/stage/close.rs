//! A stage is closed: an object comes of its parts.
//!
//! Whether it did is known by a look at the object, and by nothing else. Stores differ too much in what they answer when
//! it is done already, is being done by another, or can no longer be done: Ceph's gateway says for each of these that it
//! failed.
//!
//! | if the process dies, or the answer is lost, after | what is there | closing again |
//! |---|---|---|
//! | ListParts | an open upload | begins anew |
//! | CompleteMultipartUpload, not done | an open upload | begins anew |
//! | CompleteMultipartUpload, done | the object | finds no upload, looks at the object, and is content |
//!
//! With other parts it is refused by the comparison with what was listed, before anything is done; or by that of the
//! ETags, when it was done.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use http::Method;
use tokio::time::sleep;

use super::super::cold::error::{Cause, Failure};
use super::super::cold::reason::Reason;
use super::super::hot::{Call, Whole as Payload};
use super::super::long::{Tries, failure, lasting};
use super::super::{S3Store, etag};
use super::listed::Listed;
use super::{Closed, Stage, Whole, is_missing, own};
use crate::store::{PutError, StageId, StagedPart};

/// How often it is tried while another one does the same, and the waits in between: 6 seconds in all.
const ATTEMPTS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// How an attempt ended that did not succeed.
enum Missed {
    /// For good.
    Refused(PutError),
    /// It may fare better a little later: another one is at it, or the store failed.
    Perhaps(Failure),
}

impl<E: Into<PutError>> From<E> for Missed {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl S3Store {
    pub(in crate::store::s3) async fn close_stage(
        &self,
        id: &StageId,
        parts: &[StagedPart],
    ) -> Result<(), PutError> {
        let stage = self.stage(id).ok_or(PutError::NoSuchStage)?;
        let (mut attempt, mut wait) = (1, FIRST_WAIT);
        loop {
            match self.try_close(&stage, parts).await {
                Ok(()) => return Ok(()),
                Err(Missed::Refused(error)) => return Err(error),
                Err(Missed::Perhaps(failure)) if attempt == ATTEMPTS => return Err(own(failure)),
                Err(Missed::Perhaps(_)) => {}
            }
            sleep(wait).await;
            (attempt, wait) = (attempt + 1, wait * 2);
        }
    }

    async fn try_close(&self, stage: &Stage, parts: &[StagedPart]) -> Result<(), Missed> {
        // Of parts that there can be in no stage it is not known yet whether there is one.
        let whole = Whole::of(parts, self.findings().parts);
        let Some(listed) = self.listed(stage).await.map_err(unlisted)? else {
            return self.closed_as(stage, parts, whole).await;
        };
        compare(parts, &listed)?;
        let whole = whole.map_err(PutError::NoSuchPart)?;
        let named: Vec<&StagedPart> =
            parts.iter().filter(|part| listed.contains_key(&part.number.number())).collect();
        if named.is_empty() {
            return Ok(self.close_empty(stage).await?);
        }
        let left_out = listed.len() > named.len();
        match self.join(stage, &named).await {
            Ok(etag) if etag.as_deref() == whole.etag() && etag.is_some() => Ok(()),
            Ok(_) => self.closed_as(stage, parts, Ok(whole)).await,
            Err(failure) => match failure.cause {
                // They were all there a moment ago.
                Cause::Refused(Reason::InvalidPart) if left_out => {
                    Err(PutError::Unsupported("uploads that leave out parts which were sent").into())
                }
                Cause::Refused(Reason::InvalidPart) => Err(Missed::Perhaps(failure)),
                Cause::Refused(Reason::Failed | Reason::Busy)
                | Cause::Late
                | Cause::Lost
                | Cause::Malformed
                | Cause::Unsent
                | Cause::Shed => self.look(stage, parts, whole, failure).await,
                Cause::Refused(_) if is_missing(&failure) => self.closed_as(stage, parts, Ok(whole)).await,
                Cause::Refused(_) => Err(own(failure).into()),
            },
        }
    }

    /// Whether it was done although the store said that it failed.
    async fn look(
        &self,
        stage: &Stage,
        parts: &[StagedPart],
        whole: Whole,
        failure: Failure,
    ) -> Result<(), Missed> {
        match self.closed_as(stage, parts, Ok(whole)).await {
            // Who waited for long enough does not begin anew.
            Err(Missed::Refused(PutError::NoSuchStage)) if failure.cause == Cause::Late => {
                Err(own(failure).into())
            }
            // There may be an upload still.
            Err(Missed::Refused(PutError::NoSuchStage)) => Err(Missed::Perhaps(failure)),
            seen => seen,
        }
    }

    /// Whether what came of the stage is of these parts.
    async fn closed_as(
        &self,
        stage: &Stage,
        parts: &[StagedPart],
        whole: Result<Whole, u16>,
    ) -> Result<(), Missed> {
        // One that cannot be stands for any other than what is there.
        let other = parts.first().map_or(0, |part| part.number.number());
        let (whole, other) = match whole {
            Ok(whole) => (whole, other),
            Err(number) => (Whole::of(&[], self.findings().parts).map_err(PutError::NoSuchPart)?, number),
        };
        match self.closed(stage, &whole).await.map_err(own)? {
            Closed::As(_) => Ok(()),
            Closed::Otherwise => Err(PutError::NoSuchPart(other).into()),
            Closed::Not => Err(PutError::NoSuchStage.into()),
        }
    }

    /// Has the store join parts; gives the ETag of what came of them, where it is told.
    async fn join(&self, stage: &Stage, parts: &[&StagedPart]) -> Result<Option<String>, Failure> {
        let length = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.length));
        let parts = parts.iter().map(|part| {
            let number = i32::from(part.number.number());
            CompletedPart::builder().part_number(number).e_tag(etag::quoted(&part.pin.0)).build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let call = self.sdk.complete_multipart_upload();
        let call = call.bucket(stage.place.bucket.as_str()).key(&stage.place.key);
        let call = call.upload_id(&stage.upload).multipart_upload(parts);
        let joined = call.customize().config_override(lasting(Tries::Once, length)).send().await;
        let joined = joined.map_err(|error| failure("CompleteMultipartUpload of a stage", &error))?;
        // Ceph's gateway tells an empty one.
        Ok(joined.e_tag().and_then(etag::bare).map(str::to_owned))
    }

    /// A stage whose parts are all empty, and which the store has none of.
    ///
    /// Unlike what is joined it can be put there after the stage was dropped, by who was stopped between these two calls:
    /// such a one could make an empty object once more. That is all it could do, and only where empty parts are refused.
    async fn close_empty(&self, stage: &Stage) -> Result<(), PutError> {
        let put = Call::new(Method::PUT, &stage.place);
        let put = self.hot.call(&put, &Payload::new(Bytes::new(), None)).await;
        put.map_err(|failed| own(failed.failure))?;
        self.abort(&stage.place, &stage.upload).await.map_err(own)
    }
}

/// The parts could not be listed, and nothing was done.
fn unlisted(failure: Failure) -> PutError {
    PutError::NotStored(failure.into())
}

/// Compares the parts that the caller names with those that are there.
fn compare(parts: &[StagedPart], listed: &BTreeMap<u16, Listed>) -> Result<(), PutError> {
    let is_there = |part: &&StagedPart| match listed.get(&part.number.number()) {
        Some(Listed { length, etag }) => {
            *length == part.length && etag.as_ref().is_none_or(|etag| *etag == part.pin.0)
        }
        // Those that the store took for none.
        None => part.length == 0 && part.pin.0 == super::EMPTY,
    };
    match parts.iter().find(|part| !is_there(part)) {
        Some(missing) => Err(PutError::NoSuchPart(missing.number.number())),
        None => Ok(()),
    }
}
