//! The pieces that an object is assembled of: copied by the store, one by one.

use std::ops::Range;

use aws_sdk_s3::types::CompletedPart;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;

use super::super::cold::error::{Cause, Failure};
use super::super::cold::reason::Reason;
use super::super::hot::{Call, Lasting, Whole, pin};
use super::super::long::{Tries, failure, lasting};
use super::super::places::Place;
use super::super::stage::is_missing;
use super::super::{S3Store, etag};
use super::source::{Bytes, Unmade, of_source, unread};
use crate::store::{MAX_PARTS, PutError, Span, step};

/// Parts that are copied at once.
const AT_ONCE: usize = 8;

/// So many bytes are copied at a time, unless there are more than ten thousand times as many.
const PIECE: u64 = 512 << 20;

/// What is not longer is not copied by the store, but through here, bytes.
pub(super) const SMALL: u64 = 64 << 10;

/// An upload of the target.
pub(super) struct Site<'a> {
    pub(super) target: &'a Place,
    pub(super) upload: String,
}

impl S3Store {
    /// Copies `bytes` into the upload, in pieces of these ranges.
    pub(super) async fn copy_parts(
        &self,
        bytes: &Bytes<'_>,
        ranges: Vec<Range<u64>>,
        site: &Site<'_>,
    ) -> Result<Vec<CompletedPart>, Unmade> {
        if bytes.length <= SMALL {
            return Ok(vec![self.carry_part(bytes, site).await?]);
        }
        let numbered = (1..).zip(ranges);
        let copies = numbered.map(|(number, range)| self.copy_part(bytes, number, range, site));
        stream::iter(copies).buffered(AT_ONCE).try_collect().await
    }

    async fn copy_part(
        &self,
        bytes: &Bytes<'_>,
        number: i32,
        range: Range<u64>,
        site: &Site<'_>,
    ) -> Result<CompletedPart, Unmade> {
        const WHAT: &str = "UploadPartCopy";
        let condition = self.findings().part_copy.and_then(|pin| bytes.condition(pin));
        let copy = self
            .sdk
            .upload_part_copy()
            .copy_source(bytes.name())
            .copy_source_range(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
            .bucket(site.target.bucket.as_str())
            .key(&site.target.key)
            .upload_id(&site.upload)
            .part_number(number)
            .customize()
            .config_override(lasting(Tries::Several, range.end - range.start))
            .mutate_request(move |request| {
                // Ceph's gateway wants it said that there is no body.
                request.headers_mut().insert("content-length", "0");
                if let Some((name, value)) = &condition {
                    request.headers_mut().insert(*name, value.clone());
                }
            });
        let copied = copy.send().await.map_err(|error| {
            let failure = failure(WHAT, &error);
            match failure.cause {
                Cause::Refused(Reason::NoSuchUpload) => Unmade::CutOff,
                _ => of_source(failure),
            }
        })?;
        step();
        let etag = copied.copy_part_result().and_then(|part| part.e_tag()).and_then(etag::bare);
        let nameless = || PutError::NotStored(Failure::malformed(WHAT, "a part without an ETag").into());
        let etag = etag.ok_or_else(nameless)?;
        Ok(CompletedPart::builder().part_number(number).e_tag(etag::quoted(etag)).build())
    }

    /// Reads all the bytes and sends them as the only part: Garage copies no parts from objects of a few bytes, and where
    /// there are so few it costs the same.
    async fn carry_part(&self, bytes: &Bytes<'_>, site: &Site<'_>) -> Result<CompletedPart, Unmade> {
        let read = self.read(bytes.place, bytes.version, &Span::All, Some(bytes.pin), Lasting::Read).await;
        let (answer, extent) = read.map_err(unread)?;
        let not_stored = |error| Unmade::Error(PutError::NotStored(error));
        let all = answer.collect(usize::try_from(SMALL).unwrap_or_default()).await.map_err(not_stored)?;
        if extent.whole != bytes.length || all.len() as u64 != bytes.length {
            return Err(Unmade::Source);
        }
        let call =
            Call::new(Method::PUT, site.target).query("partNumber", "1").query("uploadId", &site.upload);
        let answer = self.hot.call(&call, &Whole::new(all, None)).await.map_err(|failed| {
            if is_missing(&failed.failure) {
                return Unmade::CutOff;
            }
            not_stored(failed.into())
        })?;
        let pin = pin(&answer.headers).map_err(|malformed| not_stored(malformed.into()))?;
        Ok(CompletedPart::builder().part_number(1).e_tag(etag::quoted(&pin.0)).build())
    }
}

/// Of what pieces an object of so many bytes is assembled.
pub(in crate::store::s3) fn pieces(length: u64) -> Vec<Range<u64>> {
    let piece = length.div_ceil(u64::from(MAX_PARTS)).max(PIECE);
    let count = length.div_ceil(piece);
    (0..count).map(|n| n * piece..((n + 1) * piece).min(length)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_all_of_it_and_are_not_too_many() {
        const TIB: u64 = 1 << 40;
        for length in [1, PIECE - 1, PIECE, PIECE + 1, 6 << 30, 5 * TIB - 1, 5 * TIB, 48 * TIB] {
            let pieces = pieces(length);
            assert!((1..=usize::from(MAX_PARTS)).contains(&pieces.len()), "{length}");
            assert_eq!(pieces.iter().map(|piece| piece.end - piece.start).sum::<u64>(), length);
            assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(pieces.iter().all(|piece| piece.end - piece.start <= 5 << 30), "{length}");
        }
        assert!(pieces(0).is_empty());
    }
}
