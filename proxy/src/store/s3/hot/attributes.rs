//! What is kept beside an object's bytes, as headers.
//!
//! Only headers that a seal covers are taken from an answer, and what stands beside the seal: version, lock, number of tags.

use std::borrow::Cow;

use hallmark_signer::{CONTENT_HEADERS, METADATA_PREFIX, SealedHeaders};
use http::header::{CONTENT_ENCODING, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::headers::{Malformed, optional, required};
use super::lock;
use crate::proof::UnverifiedHead;
use crate::store::s3::probe::Findings;
use crate::store::{Attributes, Pin, Standing, Tags, VersionId};

/// Where the seal stands, or the reference to it.
const HALLMARK: HeaderName = HeaderName::from_static("x-amz-meta-hallmark");
/// Metadata that no seal covers and nobody reads yet.
const LOG: &str = "x-amz-meta-hallmark-log";

const TAGGING: HeaderName = HeaderName::from_static("x-amz-tagging");
const TAGGING_COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");
const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");
const DELETE_MARKER: HeaderName = HeaderName::from_static("x-amz-delete-marker");

/// What begins framed bodies, and has no business in what is stored.
const FRAMED: &str = "aws-chunked";

/// Adds attributes to the headers of a request that writes.
pub(in crate::store::s3) fn write_attributes(
    headers: &mut HeaderMap,
    attributes: &Attributes,
) -> Result<(), Malformed> {
    let mut add = |name: &str, value: &str| {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unwritable(name))?;
        let value = HeaderValue::from_str(value).map_err(|_| unwritable(name.as_str()))?;
        headers.insert(name, value);
        Ok(())
    };
    attributes.headers.iter().try_for_each(|(name, value)| add(name, value))?;
    attributes.hallmark.iter().try_for_each(|hallmark| add(HALLMARK.as_str(), hallmark))
}

/// Adds tags to the headers of a request that writes.
pub(in crate::store::s3) fn write_tags(headers: &mut HeaderMap, tags: &Tags) -> Result<(), Malformed> {
    if tags.is_empty() {
        return Ok(());
    }
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs: Vec<String> =
        tags.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let value = HeaderValue::from_str(&pairs.join("&")).map_err(|_| unwritable(TAGGING.as_str()))?;
    headers.insert(TAGGING, value);
    Ok(())
}

fn unwritable(name: &str) -> Malformed {
    Malformed::new(format!("`{name}` cannot be a header"))
}

/// Reads what an answer says of an object of `length` bytes.
pub(in crate::store::s3) fn read_head(
    headers: &HeaderMap,
    length: u64,
    findings: &Findings,
) -> Result<UnverifiedHead, Malformed> {
    let attributes =
        Attributes { headers: sealed(headers)?, hallmark: optional(headers, &HALLMARK)?.map(str::to_owned) };
    let tags = match optional(headers, &TAGGING_COUNT)? {
        Some(count) => count.parse().map_err(|_| Malformed::new("the number of tags is none"))?,
        None => 0,
    };
    let standing = Standing { version: version(headers, findings)?, lock: lock::read(headers)?, tags };
    Ok(UnverifiedHead::new(attributes, length, pin(headers)?).standing(standing))
}

/// The pin of what was written or read.
pub(in crate::store::s3) fn pin(headers: &HeaderMap) -> Result<Pin, Malformed> {
    let etag = required(headers, &ETAG)?;
    let bare = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap_or(etag);
    let fits =
        !bare.is_empty() && bare.len() <= 1024 && bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if fits { Ok(Pin(bare.to_owned())) } else { Err(Malformed::new("the ETag is of no form")) }
}

/// What clients call the version that an answer is about. Some stores send names without having versions.
pub(in crate::store::s3) fn version(
    headers: &HeaderMap,
    findings: &Findings,
) -> Result<Option<VersionId>, Malformed> {
    if !findings.versions {
        return Ok(None);
    }
    let Some(text) = optional(headers, &VERSION_ID)? else { return Ok(None) };
    VersionId::parse(text).map(Some).ok_or_else(|| Malformed::new("the name of the version is of no form"))
}

/// Whether an answer is about a delete marker.
pub(in crate::store::s3) fn is_delete_marker(headers: &HeaderMap) -> Result<bool, Malformed> {
    match optional(headers, &DELETE_MARKER)? {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Malformed::new("`x-amz-delete-marker` is neither true nor false")),
    }
}

fn sealed(headers: &HeaderMap) -> Result<SealedHeaders, Malformed> {
    let mut sealed = SealedHeaders::default();
    for name in headers.keys() {
        let text = name.as_str();
        let covered = (text.starts_with(METADATA_PREFIX) && *name != HALLMARK && text != LOG)
            || CONTENT_HEADERS.contains(&text);
        if !covered {
            continue;
        }
        let value = required(headers, name)?;
        if *name == CONTENT_ENCODING && value.split(',').any(|word| word.trim().eq_ignore_ascii_case(FRAMED))
        {
            return Err(Malformed::new("the body is stored with its framing"));
        }
        sealed.insert(text, value).map_err(|error| Malformed::new(error.to_string()))?;
    }
    Ok(sealed)
}

/// The ETag in the form of a header.
pub(in crate::store::s3) fn quoted(pin: &Pin) -> Cow<'static, str> {
    format!("\"{}\"", pin.0).into()
}
