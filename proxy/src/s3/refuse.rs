//! Refuses what a request asks for and we do not do: unknown query parameters, unknown `x-amz-*` headers.
//!
//! S3 gives unknown subresources and headers a meaning year after year, and clients take success for consent. So both
//! are allow-lists, on every method: what is not named here is `NotImplemented`, never ignored.

use http::HeaderMap;
use http::header::CONTENT_RANGE;

use super::error::{Code, S3Error};
use super::payload::ChecksumAlgorithm;
use super::uri::Query;

/// Parameters that any request may have: the operation's name, which SDKs add, and a presigned request's signature,
/// which is for authentication to judge.
const COMMON_PARAMETERS: [&str; 8] = [
    "x-id",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Content-Sha256",
];

/// `x-amz-*` headers with the values that ask for nothing beyond what is done anyway; no values: any.
const HARMLESS: [(&str, &[&str]); 14] = [
    ("x-amz-acl", &["private"]),
    ("x-amz-bucket-object-lock-enabled", &["false"]),
    // Asks for leave to delete what is locked; nothing is.
    ("x-amz-bypass-governance-retention", &["true", "false"]),
    // CloudFront's own, on its way to the origin.
    ("x-amz-cf-id", &[]),
    ("x-amz-checksum-mode", &["ENABLED"]),
    ("x-amz-content-sha256", &[]),
    ("x-amz-date", &[]),
    ("x-amz-decoded-content-length", &[]),
    ("x-amz-object-ownership", &["BucketOwnerEnforced"]),
    ("x-amz-request-payer", &["requester"]),
    ("x-amz-sdk-checksum-algorithm", &[]),
    ("x-amz-storage-class", &["STANDARD"]),
    ("x-amz-trailer", &[]),
    ("x-amz-user-agent", &[]),
];

/// Refuses every parameter that is not in `known` nor common to all requests, and every repeated one.
///
/// # Errors
/// `NotImplemented`, or `InvalidArgument` for a repeated parameter.
pub(super) fn unknown_parameters(query: &Query, known: &[&str]) -> Result<(), S3Error> {
    for (name, _) in query.iter() {
        if !known.contains(&name) && !COMMON_PARAMETERS.contains(&name) {
            let shown = shorten(name);
            let message = format!("The query parameter `{shown}` is not supported in this request.");
            return Err(S3Error::new(Code::NotImplemented, message).with("ArgumentName", shown));
        }
        query.get(name)?;
    }
    Ok(())
}

/// Refuses every `x-amz-*` header that asks for something we do not do, and `Content-Range`: a server that does not
/// know it would take a part for the whole (RFC 9110, section 14.4).
///
/// # Errors
/// `NotImplemented`, naming the header.
pub(super) fn unknown_headers(headers: &HeaderMap) -> Result<(), S3Error> {
    let refuse = |name: &str, what: &str| {
        let name = shorten(name);
        let message = format!("The header `{name}`{what} asks for functionality that is not implemented.");
        Err(S3Error::new(Code::NotImplemented, message).with("Header", name))
    };
    if headers.contains_key(CONTENT_RANGE) {
        return refuse(CONTENT_RANGE.as_str(), "");
    }
    for (name, value) in headers {
        let name = name.as_str();
        let is_ours = name.starts_with("x-amz-meta-") || ChecksumAlgorithm::of_header(name).is_some();
        if !name.starts_with("x-amz-") || is_ours {
            continue;
        }
        match HARMLESS.iter().find(|(known, _)| *known == name) {
            None => return refuse(name, ""),
            Some((_, values)) if values.is_empty() || values.iter().any(|known| value == known) => {}
            Some(_) => return refuse(name, " with this value"),
        }
    }
    Ok(())
}

/// A name from a request, cut to what a message can bear.
fn shorten(name: &str) -> String {
    name.chars().take(64).collect()
}
