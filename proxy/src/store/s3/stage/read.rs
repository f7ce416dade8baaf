//! Bytes of a closed stage.

use super::super::S3Store;
use super::super::cold::error::Failure;
use super::super::cold::reason::Reason;
use super::super::hot::{Answer, Call, Lasting};
use super::{Closed, Stage, Whole, is_missing};
use crate::proof::UnverifiedBody;
use crate::store::{GetError, Pin, Span, StageId, StagedPart, StoreError, StoreFault};

impl S3Store {
    pub(in crate::store::s3) async fn read_stage(
        &self,
        id: &StageId,
        parts: &[StagedPart],
        span: Span,
    ) -> Result<UnverifiedBody, GetError> {
        let stage = self.stage(id).ok_or(GetError::NoSuchStage)?;
        let Ok(whole) = Whole::of(parts, self.findings().parts) else {
            // It is of other parts, or there is none.
            return Err(if self.is_there(&stage).await.map_err(of_stage)? {
                GetError::Changed
            } else {
                GetError::NoSuchStage
            });
        };
        let range = span.within(whole.length).ok_or(GetError::OutOfRange)?;
        let pin = match self.etag_of(&stage, &whole).await.map_err(of_stage)? {
            Closed::As(etag) => Pin(etag),
            Closed::Otherwise => return Err(GetError::Changed),
            Closed::Not => return Err(GetError::NoSuchStage),
        };
        let span = if range == (0..whole.length) { Span::All } else { Span::Bytes(range.clone()) };
        let answer = self.read_closed(&stage, &whole, &pin, &span).await?;
        let length = range.end - range.start;
        Ok(UnverifiedBody::new(pin, range, Box::pin(answer.stream(length))))
    }

    /// Begins to read a closed stage whose ETag this is.
    pub(in crate::store::s3) async fn read_closed(
        &self,
        stage: &Stage,
        whole: &Whole,
        pin: &Pin,
        span: &Span,
    ) -> Result<Answer, GetError> {
        let (answer, extent) = self.read(&stage.place, None, span, Some(pin), Lasting::Read).await.map_err(
            |error| match error {
                GetError::NoSuchKey => GetError::NoSuchStage,
                GetError::NoSuchBucket => {
                    StoreError::new(StoreFault::Unavailable, "there is no state bucket").into()
                }
                // It is shorter than its parts.
                GetError::OutOfRange => GetError::Changed,
                error => error,
            },
        )?;
        if extent.whole != whole.length {
            return Err(GetError::Changed);
        }
        Ok(answer)
    }

    /// Whether there is such a stage, open or closed.
    pub(in crate::store::s3) async fn is_there(&self, stage: &Stage) -> Result<bool, Failure> {
        if self.is_open(stage).await? {
            return Ok(true);
        }
        match self.hot.call(&Call::new(http::Method::HEAD, &stage.place), &Default::default()).await {
            Ok(_) => Ok(true),
            Err(failed) if is_missing(&failed.failure) => Ok(false),
            Err(failed) => Err(failed.failure),
        }
    }
}

/// Why a stage cannot be looked at.
fn of_stage(failure: Failure) -> GetError {
    match failure.reason() {
        Some(Reason::NoSuchBucket) => GetError::Store(failure.into()),
        Some(_) | None => failure.into(),
    }
}
