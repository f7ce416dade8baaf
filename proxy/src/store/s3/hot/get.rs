//! GET and HEAD of an object.

use std::ops::Range;

use http::header::{CONTENT_RANGE, IF_MATCH, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::answer::Answer;
use super::attributes::{is_delete_marker, quoted, read_head, version as version_of};
use super::call::Call;
use super::headers::{Malformed, optional, required};
use super::limit::Lasting;
use super::send::{Failed, Whole};
use crate::name::ObjectName;
use crate::proof::{Unverified, UnverifiedHead};
use crate::store::s3::S3Store;
use crate::store::s3::cold::reason::{ILL_FORMED, Reason};
use crate::store::s3::places::Place;
use crate::store::{GetError, Pin, Span, StoreError, VersionId};

/// The bytes that an answer has, and the length of what they are taken from.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store::s3) struct Extent {
    pub(in crate::store::s3) span: Range<u64>,
    pub(in crate::store::s3) whole: u64,
}

impl S3Store {
    pub(in crate::store::s3) async fn get_object(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        span: Span,
        pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        let place = self.place(object)?;
        let version = self.named(version)?;
        let (answer, extent) = match self.begin(&place, version, &span, pin, Lasting::Read).await {
            Ok(found) => found,
            // Some stores say nothing of a delete marker: whether one stands there must be asked for.
            Err(Unread::Nothing(_)) if self.findings().versions && !self.hot.tells_of_markers() => {
                return Err(self.missing(&place, version).await);
            }
            Err(unread) => return Err(unread.into()),
        };
        let head = read_head(&answer.headers, extent.whole, self.findings()).map_err(StoreError::from)?;
        let length = extent.span.end - extent.span.start;
        Ok(Unverified::new(head, extent.span, Box::pin(answer.stream(length))))
    }

    pub(in crate::store::s3) async fn head_object(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError> {
        let place = self.place(object)?;
        let version = self.named(version)?;
        let answer = match self.ask(Method::HEAD, &place, version, |call| call).await {
            Ok(answer) => answer,
            // The answer to a HEAD does not say what is missing, the bucket or what stands in it.
            Err(Unread::Nothing(_)) => return Err(self.missing(&place, version).await),
            Err(unread) => return Err(unread.into()),
        };
        let length = answer.length().map_err(StoreError::from)?;
        Ok(read_head(&answer.headers, length, self.findings()).map_err(StoreError::from)?)
    }

    /// Begins to read a span of what stands at a place. The answer has just that, as far as its headers say.
    pub(in crate::store::s3) async fn read(
        &self,
        place: &Place,
        version: Option<&VersionId>,
        span: &Span,
        pin: Option<&Pin>,
        lasting: Lasting,
    ) -> Result<(Answer, Extent), GetError> {
        Ok(self.begin(place, version, span, pin, lasting).await?)
    }

    async fn begin(
        &self,
        place: &Place,
        version: Option<&VersionId>,
        span: &Span,
        pin: Option<&Pin>,
        lasting: Lasting,
    ) -> Result<(Answer, Extent), Unread> {
        let pin = pin.map(|pin| HeaderValue::try_from(quoted(pin).as_ref())).transpose();
        // What no header can say is no ETag of what stands there.
        let pin = pin.map_err(|_| Unread::For(GetError::Changed))?;
        let range = match span {
            Span::All => None,
            Span::Bytes(range) => Some(format!("bytes={}-{}", range.start, range.end.saturating_sub(1))),
        };
        let range = range.map(HeaderValue::try_from).transpose();
        let range = range.map_err(|_| StoreError::from(Malformed::new("a range cannot be a header")))?;
        let answer = self
            .ask(Method::GET, place, version, |mut call| {
                call.headers.extend(pin.map(|pin| (IF_MATCH, pin)));
                call.headers.extend(range.map(|range| (RANGE, range)));
                call.lasting = lasting;
                call
            })
            .await?;
        let extent = extent(&answer, span).map_err(StoreError::from)?;
        Ok((answer, extent))
    }

    async fn ask(
        &self,
        method: Method,
        place: &Place,
        version: Option<&VersionId>,
        with: impl FnOnce(Call<'_>) -> Call<'_>,
    ) -> Result<Answer, Unread> {
        let mut call = Call::new(method, place);
        if let Some(version) = version {
            call = call.query("versionId", version.as_str());
        }
        let call = with(call);
        match self.hot.call(&call, &Whole::default()).await {
            Ok(answer) => Ok(answer),
            Err(failed) => Err(self.unread(version, failed)),
        }
    }

    /// A version that a store may know; `None`: the current one.
    pub(in crate::store::s3) fn named<'v>(
        &self,
        version: Option<&'v VersionId>,
    ) -> Result<Option<&'v VersionId>, GetError> {
        match version {
            Some(version) if !self.findings().versions => {
                if version.is_null() {
                    Ok(None)
                } else {
                    Err(GetError::NoSuchVersion)
                }
            }
            version => Ok(version),
        }
    }

    /// Why nothing can be read, as far as the answer says.
    fn unread(&self, version: Option<&VersionId>, failed: Failed) -> Unread {
        match delete_marker(&failed.headers, self) {
            Ok(Some(marker)) => {
                self.hot.told_of_marker();
                return Unread::For(GetError::DeleteMarker(marker));
            }
            Ok(None) => {}
            Err(malformed) => return StoreError::from(malformed).into(),
        }
        match (failed.failure.reason(), version) {
            (Some(Reason::Missing | Reason::NoSuchKey), None) => Unread::Nothing(GetError::NoSuchKey),
            (Some(Reason::Missing | Reason::NoSuchKey), Some(_)) => Unread::Nothing(GetError::NoSuchVersion),
            // It is not of the form that this store gives its versions. The answer to a HEAD does not say so.
            (Some(Reason::Refused), Some(_)) if failed.failure.is(ILL_FORMED) || failed.failure.is_mute() => {
                Unread::For(GetError::NoSuchVersion)
            }
            _ => Unread::For(failed.into()),
        }
    }
}

/// Why nothing was read.
enum Unread {
    /// Nothing is there. Perhaps there is a delete marker, or even the bucket is missing.
    Nothing(GetError),
    /// For this reason.
    For(GetError),
}

impl From<Unread> for GetError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Nothing(error) | Unread::For(error) => error,
        }
    }
}

impl From<StoreError> for Unread {
    fn from(error: StoreError) -> Self {
        Self::For(error.into())
    }
}

fn delete_marker(headers: &HeaderMap, store: &S3Store) -> Result<Option<VersionId>, Malformed> {
    if !is_delete_marker(headers)? {
        return Ok(None);
    }
    Ok(version_of(headers, store.findings())?.or_else(|| Some(VersionId::null())))
}

/// Compares what came with what was asked for.
fn extent(answer: &Answer, asked: &Span) -> Result<Extent, Malformed> {
    let length = answer.length()?;
    check(answer.status, &answer.headers, length, asked)
}

fn check(status: StatusCode, headers: &HeaderMap, length: u64, asked: &Span) -> Result<Extent, Malformed> {
    match (asked, status) {
        (Span::All, StatusCode::OK) => match optional(headers, &CONTENT_RANGE)? {
            None => Ok(Extent { span: 0..length, whole: length }),
            Some(_) => Err(Malformed::new("a range that nobody asked for")),
        },
        (Span::Bytes(_), StatusCode::PARTIAL_CONTENT) => {
            let range = required(headers, &CONTENT_RANGE)?;
            let (first, last, whole) =
                parse_range(range).ok_or_else(|| Malformed::new("`content-range` is of no form"))?;
            let span = first..last.checked_add(1).ok_or_else(|| Malformed::new("the range has no end"))?;
            let meant = asked.within(whole);
            if meant.as_ref() != Some(&span) || span.end - span.start != length {
                return Err(Malformed::new("another range than was asked for"));
            }
            Ok(Extent { span, whole })
        }
        _ => Err(Malformed::new(format!("{status} says nothing of what was asked for"))),
    }
}

/// `bytes first-last/whole`.
fn parse_range(text: &str) -> Option<(u64, u64, u64)> {
    let (first, rest) = text.strip_prefix("bytes ")?.split_once('-')?;
    let (last, whole) = rest.split_once('/')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let (first, last, whole) = (number(first)?, number(last)?, number(whole)?);
    (first <= last && last < whole).then_some((first, last, whole))
}
