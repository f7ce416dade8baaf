//! `Expect: 100-continue`: what becomes of a connection whose client was answered without being told to go on.
//!
//! A client that waits for `100 Continue` and gets its answer instead sends no body. What comes next on the connection
//! is then a matter of opinion: RFC 9110, section 10.1.1, lets the client send the body all the same, and botocore (the
//! aws CLI, boto3) takes the head of the *next* answer for its body, so that a part that was stored has no ETag. Such a
//! connection is worth nothing any more, and the answer says so.

use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Body;

/// Whether a request's client waits, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    /// It does not.
    None,
    /// It waits before it sends a body, and is told to go on as soon as that is wanted.
    Continue,
    /// It waits, but there is no body to go on with: nobody will tell it.
    Nothing,
}

impl Expectation {
    /// What the head of a request asks for.
    pub(super) fn of(headers: &HeaderMap, body: &impl Body) -> Self {
        match headers.get(EXPECT) {
            None => Self::None,
            Some(_) if body.is_end_stream() => Self::Nothing,
            Some(_) => Self::Continue,
        }
    }

    /// Marks the answer as the last of its connection, if the client may have it without having been told to go on. Who
    /// got what was asked for, did send the body.
    pub(super) fn settle<B>(self, response: &mut Response<B>) {
        let last = match self {
            Self::None => false,
            Self::Continue => !response.status().is_success(),
            Self::Nothing => true,
        };
        if last {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}
