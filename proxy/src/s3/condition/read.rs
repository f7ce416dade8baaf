//! The conditions of reads.

use std::time::SystemTime;

use http::HeaderMap;
use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};

use super::{EntityTag, Seconds, Tags, date, joined, seconds, tag, tags};

/// The conditions of a GET or HEAD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
    if_modified_since: Option<Seconds>,
    if_unmodified_since: Option<Seconds>,
    if_range: Option<EntityTag>,
}

/// What comes of the conditions of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412.
    PreconditionFailed,
}

impl Conditions {
    /// The conditions of a request. Dates that are none are ignored, as RFC 9110 wants it; a tag that is none matches
    /// nothing.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            if_match: joined(headers, &IF_MATCH).as_deref().map(tags),
            if_none_match: joined(headers, &IF_NONE_MATCH).as_deref().map(tags),
            if_modified_since: date(headers, &IF_MODIFIED_SINCE),
            if_unmodified_since: date(headers, &IF_UNMODIFIED_SINCE),
            if_range: joined(headers, &IF_RANGE).as_deref().map(tag),
        }
    }

    /// What they come to for an artifact with this ETag (unquoted), sealed `at`; in the order of RFC 9110,
    /// section 13.2.2. For values that a seal covers only: the answer to a condition is an answer about the artifact.
    pub fn evaluate(&self, etag: &str, at: SystemTime) -> Verdict {
        let at = seconds(at);
        let may_proceed = match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) => tags.any(|tag| tag.is(etag)),
            (None, Some(since)) => at <= since,
            (None, None) => true,
        };
        let is_current = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => tags.any(|tag| tag.resembles(etag)),
            (None, Some(since)) => at <= since,
            (None, None) => false,
        };
        match (may_proceed, is_current) {
            (false, _) => Verdict::PreconditionFailed,
            (true, true) => Verdict::NotModified,
            (true, false) => Verdict::Proceed,
        }
    }

    /// The same but for dates: for what may change without any date in it changing, such as a list that leaves something
    /// out now.
    #[must_use]
    pub fn without_dates(&self) -> Self {
        Self { if_modified_since: None, if_unmodified_since: None, ..self.clone() }
    }

    /// Whether the request's `Range` counts for an artifact with this ETag; if not, the whole artifact is sent.
    ///
    /// A date in `If-Range` never suffices: two versions may share a second, and a client would join parts of both.
    /// RFC 9110, section 13.1.5, asks for a strong validator and allows a server to take none but tags for it.
    pub fn range_applies(&self, etag: &str) -> bool {
        self.if_range.as_ref().is_none_or(|tag| tag.is(etag))
    }
}
