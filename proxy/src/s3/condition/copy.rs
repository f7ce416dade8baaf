//! The conditions of copies: about the source.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName};

use super::{Seconds, Tags, date, joined, seconds, tags};

const IF_MATCH: HeaderName = HeaderName::from_static("x-amz-copy-source-if-match");
const IF_NONE_MATCH: HeaderName = HeaderName::from_static("x-amz-copy-source-if-none-match");
const IF_MODIFIED_SINCE: HeaderName = HeaderName::from_static("x-amz-copy-source-if-modified-since");
const IF_UNMODIFIED_SINCE: HeaderName = HeaderName::from_static("x-amz-copy-source-if-unmodified-since");

/// `x-amz-copy-source-if-*`: whether a source is to be copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyConditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
    if_modified_since: Option<Seconds>,
    if_unmodified_since: Option<Seconds>,
}

impl CopyConditions {
    /// The conditions of a request; read as those of a GET.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            if_match: joined(headers, &IF_MATCH).as_deref().map(tags),
            if_none_match: joined(headers, &IF_NONE_MATCH).as_deref().map(tags),
            if_modified_since: date(headers, &IF_MODIFIED_SINCE),
            if_unmodified_since: date(headers, &IF_UNMODIFIED_SINCE),
        }
    }

    /// Whether a source with this ETag (unquoted), sealed `at`, is to be copied; if not, the answer is
    /// `PreconditionFailed`. A condition on the tag goes before the one on the time, as in S3: `if-match` that holds
    /// makes up for `if-unmodified-since` that does not, and `if-none-match` that does not hold is final.
    pub fn hold(&self, etag: &str, at: SystemTime) -> bool {
        let at = seconds(at);
        let is_wanted = match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) => tags.any(|tag| tag.is(etag)),
            (None, Some(since)) => at <= since,
            (None, None) => true,
        };
        let is_new = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => !tags.any(|tag| tag.resembles(etag)),
            (None, Some(since)) => at > since,
            (None, None) => true,
        };
        is_wanted && is_new
    }
}
