//! Which kind of authentication a request uses: exactly one, or none.

use http::request::Parts;

use super::field::single;
use crate::s3::error::{Code, S3Error};
use crate::s3::uri::Query;

/// The one algorithm.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The query parameters of a presigned URL; the presence of any of them makes a request one.
pub(super) const PRESIGNED: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
];

/// How a request says who sent it.
pub(super) enum Mechanism<'a> {
    /// Not at all.
    Anonymous,
    /// An `Authorization` header of Signature Version 4; what follows the algorithm.
    Header(&'a str),
    /// A presigned URL of Signature Version 4.
    Presigned,
}

/// The kind that the request uses.
pub(super) fn of<'a>(parts: &'a Parts, query: &Query) -> Result<Mechanism<'a>, S3Error> {
    let header = single(&parts.headers, "authorization")?;
    // Any spelling counts here: a parameter that another implementation might act on must not pass for nothing.
    let presigned =
        query.iter().any(|(name, _)| PRESIGNED.iter().any(|known| known.eq_ignore_ascii_case(name)));
    let version_2 = query.contains("AWSAccessKeyId") || query.contains("Signature");
    let mechanism = match (header, presigned, version_2) {
        (None, false, false) => Mechanism::Anonymous,
        (Some(text), false, false) => in_header(text)?,
        (None, true, false) => Mechanism::Presigned,
        (None, false, true) => return Err(unsupported()),
        _ => {
            let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
                           query string parameter or the Authorization header should be specified";
            return Err(S3Error::new(Code::InvalidArgument, message).with("ArgumentName", "Authorization"));
        }
    };
    if parts.headers.contains_key("x-amz-security-token") {
        return Err(no_tokens());
    }
    Ok(mechanism)
}

fn in_header(text: &str) -> Result<Mechanism<'_>, S3Error> {
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    match scheme {
        ALGORITHM => Ok(Mechanism::Header(rest)),
        _ if scheme == "AWS" || scheme.starts_with("AWS4-") => Err(unsupported()),
        _ => Err(S3Error::new(Code::InvalidArgument, "Unsupported Authorization Type")
            .with("ArgumentName", "Authorization")),
    }
}

/// Signature Version 2, or an algorithm other than ours.
fn unsupported() -> S3Error {
    let message =
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    S3Error::new(Code::InvalidRequest, message)
}

/// Session tokens belong to temporary credentials; there are none here.
pub(super) fn no_tokens() -> S3Error {
    S3Error::new(
        Code::InvalidToken,
        "The provided token is not valid: there are no temporary credentials here.",
    )
}
