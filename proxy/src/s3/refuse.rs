//! Refuses what a request asks for and we do not do: unknown query parameters, unknown `x-amz-*` headers.
//!
//! S3 gives unknown subresources and headers a meaning year after year, and clients take success for consent. So both
//! are allow-lists, one for each operation: what is not named there is `NotImplemented`, never ignored.

use http::HeaderMap;
use http::header::CONTENT_RANGE;

use super::error::{Code, S3Error};
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

/// `x-amz-*` headers with the values they may have; no values: any. A name that ends in `-` stands for all that begin
/// so.
pub(super) type Headers = &'static [(&'static str, &'static [&'static str])];

/// Headers that any request may have, with the values that ask for nothing beyond what is done anyway.
const COMMON: Headers = &[
    ("x-amz-acl", &["private"]),
    // CloudFront's own, on its way to the origin.
    ("x-amz-cf-id", &[]),
    ("x-amz-content-sha256", &[]),
    ("x-amz-date", &[]),
    ("x-amz-request-payer", &["requester"]),
    ("x-amz-storage-class", &["STANDARD"]),
    ("x-amz-user-agent", &[]),
];

/// Headers of requests with a body, about the body.
pub(super) const BODY: Headers = &[
    ("x-amz-checksum-crc32", &[]),
    ("x-amz-checksum-crc32c", &[]),
    ("x-amz-checksum-crc64nvme", &[]),
    ("x-amz-checksum-sha1", &[]),
    ("x-amz-checksum-sha256", &[]),
    ("x-amz-decoded-content-length", &[]),
    ("x-amz-sdk-checksum-algorithm", &[]),
    ("x-amz-trailer", &[]),
];

/// Headers of requests that make an object, or begin to.
pub(super) const NEW_OBJECT: Headers = &[
    ("x-amz-meta-", &[]),
    ("x-amz-object-lock-legal-hold", &[]),
    ("x-amz-object-lock-mode", &[]),
    ("x-amz-object-lock-retain-until-date", &[]),
    ("x-amz-tagging", &[]),
];

/// Headers of CreateBucket.
pub(super) const NEW_BUCKET: Headers = &[
    ("x-amz-bucket-object-lock-enabled", &["true", "false"]),
    ("x-amz-object-ownership", &["BucketOwnerEnforced"]),
];

/// Headers of requests that read an object.
pub(super) const READ: Headers = &[("x-amz-checksum-mode", &["ENABLED"])];

/// Headers of GetObjectAttributes.
pub(super) const ATTRIBUTES: Headers =
    &[("x-amz-max-parts", &[]), ("x-amz-object-attributes", &[]), ("x-amz-part-number-marker", &[])];

/// Headers of requests that what is locked may stand in the way of.
pub(super) const BYPASS: Headers = &[("x-amz-bypass-governance-retention", &["true", "false"])];

/// Headers of both kinds of copy, about the source.
pub(super) const COPY_SOURCE: Headers = &[
    ("x-amz-copy-source", &[]),
    ("x-amz-copy-source-if-match", &[]),
    ("x-amz-copy-source-if-modified-since", &[]),
    ("x-amz-copy-source-if-none-match", &[]),
    ("x-amz-copy-source-if-unmodified-since", &[]),
];

/// Headers of CopyObject alone.
pub(super) const COPY_DIRECTIVES: Headers =
    &[("x-amz-metadata-directive", &["COPY", "REPLACE"]), ("x-amz-tagging-directive", &["COPY", "REPLACE"])];

/// Headers of UploadPartCopy alone.
pub(super) const COPY_RANGE: Headers = &[("x-amz-copy-source-range", &[])];

/// Headers of CreateMultipartUpload alone.
pub(super) const CHECKSUM_PLAN: Headers = &[("x-amz-checksum-algorithm", &[]), ("x-amz-checksum-type", &[])];

/// Headers of CompleteMultipartUpload: the checksums are the object's, so there is none for the body.
pub(super) const COMPLETE: Headers = &[
    ("x-amz-checksum-crc32", &[]),
    ("x-amz-checksum-crc32c", &[]),
    ("x-amz-checksum-crc64nvme", &[]),
    ("x-amz-checksum-sha1", &[]),
    ("x-amz-checksum-sha256", &[]),
    ("x-amz-checksum-type", &[]),
    ("x-amz-decoded-content-length", &[]),
    ("x-amz-mp-object-size", &[]),
];

/// Refuses every parameter that is not in `known` nor common to all requests, and every repeated one.
///
/// # Errors
/// `NotImplemented`, or `InvalidArgument` for a repeated parameter.
pub(super) fn unknown_parameters(query: &Query, known: &[&[&str]]) -> Result<(), S3Error> {
    for (name, _) in query.iter() {
        if !known.iter().any(|known| known.contains(&name)) && !COMMON_PARAMETERS.contains(&name) {
            let shown = shorten(name);
            let message = format!("The query parameter `{shown}` is not supported in this request.");
            return Err(S3Error::new(Code::NotImplemented, message).with("ArgumentName", shown));
        }
        query.get(name)?;
    }
    Ok(())
}

/// Refuses every `x-amz-*` header that is not in `known` nor common to all requests, and `Content-Range`: a server that
/// does not know it would take a part for the whole (RFC 9110, section 14.4).
///
/// # Errors
/// `NotImplemented`, naming the header.
pub(super) fn unknown_headers(headers: &HeaderMap, known: &[Headers]) -> Result<(), S3Error> {
    let refuse = |name: &str, what: &str| {
        let name = shorten(name);
        let message =
            format!("The header `{name}`{what} asks for functionality that is not implemented here.");
        Err(S3Error::new(Code::NotImplemented, message).with("Header", name))
    };
    if headers.contains_key(CONTENT_RANGE) {
        return refuse(CONTENT_RANGE.as_str(), "");
    }
    for (name, value) in headers {
        let name = name.as_str();
        if !name.starts_with("x-amz-") {
            continue;
        }
        let is_meant = |entry: &&(&str, &[&str])| entry.0 == name || begins_so(name, entry.0);
        match known.iter().copied().chain([COMMON]).flatten().find(is_meant) {
            None => return refuse(name, ""),
            Some((_, values)) if values.is_empty() || values.iter().any(|known| value == known) => {}
            Some(_) => return refuse(name, " with this value"),
        }
    }
    Ok(())
}

/// Whether `name` is one of those that the entry `prefix-` stands for: what follows is a name of its own.
fn begins_so(name: &str, entry: &str) -> bool {
    entry.ends_with('-') && name.strip_prefix(entry).is_some_and(|rest| !rest.is_empty())
}

/// A name from a request, cut to what a message can bear.
fn shorten(name: &str) -> String {
    name.chars().take(64).collect()
}
