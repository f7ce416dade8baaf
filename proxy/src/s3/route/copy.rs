//! Requests that copy.

use std::ops::Range;
use std::time::SystemTime;

use http::HeaderMap;

use super::{Head, VERSION, invalid, version_id};
use crate::name::{BucketName, ObjectName};
use crate::s3::address::object_key;
use crate::s3::auth::single;
use crate::s3::condition::{CopyConditions, PutCondition};
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::sealed_headers;
use crate::s3::lock;
use crate::s3::operation::{
    CopyRequest, CopySource, HeaderDirective, Operation, PartCopyRequest, TagDirective,
};
use crate::s3::refuse::{COPY_DIRECTIVES, COPY_SOURCE, NEW_OBJECT};
use crate::s3::tags;
use crate::s3::uri::decode;

/// The header that makes a PUT a copy.
pub(super) const SOURCE: &str = "x-amz-copy-source";

const RANGE: &str = "x-amz-copy-source-range";

/// CopyObject.
pub(super) fn object(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    let headers = head.headers;
    head.only(&[], &[COPY_SOURCE, COPY_DIRECTIVES, NEW_OBJECT])?;
    let source = source(headers)?;
    // The values of both directives have been checked: COPY or REPLACE.
    let replaces = |directive: &str| headers.get(directive).is_some_and(|value| value == "REPLACE");
    let replaced = match replaces("x-amz-metadata-directive") {
        true => HeaderDirective::Replace(sealed_headers(headers)?),
        // What else the headers say of the copy is ignored, as in S3: the copy is to be as the source.
        false => HeaderDirective::Copy,
    };
    if source.object == object && source.version.is_none() && replaced == HeaderDirective::Copy {
        let message = "This copy request is illegal because it is trying to copy an object to itself without \
                       changing the object's metadata, storage class, website redirect location or encryption \
                       attributes.";
        return Err(S3Error::new(Code::InvalidRequest, message));
    }
    let tags = match replaces("x-amz-tagging-directive") {
        true => TagDirective::Replace(tags::of_headers(headers)?),
        false if headers.contains_key("x-amz-tagging") => {
            let message = "The header x-amz-tagging needs x-amz-tagging-directive: REPLACE";
            return Err(invalid("x-amz-tagging", message));
        }
        false => TagDirective::Copy,
    };
    let copy = CopyRequest {
        source,
        conditions: CopyConditions::from_headers(headers),
        headers: replaced,
        tags,
        lock: lock::of_headers(headers, SystemTime::now())?,
        condition: PutCondition::from_headers(headers)?,
    };
    Ok(Operation::CopyObject { object, copy: Box::new(copy) })
}

/// What UploadPartCopy copies.
pub(super) fn part(headers: &HeaderMap) -> Result<PartCopyRequest, S3Error> {
    let range = single(headers, RANGE)?.map(|text| {
        let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last \
                       are the zero-based offsets of the first and last bytes to copy";
        range(text).ok_or_else(|| invalid(RANGE, message).with("ArgumentValue", text))
    });
    Ok(PartCopyRequest {
        source: source(headers)?,
        conditions: CopyConditions::from_headers(headers),
        range: range.transpose()?,
    })
}

/// `bytes=first-last`, and no other form.
fn range(text: &str) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    // `parse` would take a plus sign.
    let decimal = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let (first, last) = (decimal(first)?, decimal(last)?);
    (first <= last).then_some(first..last.checked_add(1)?)
}

/// `x-amz-copy-source`: `bucket/key`, percent-encoded, with or without a `/` in front and `?versionId=…` behind. It is
/// decoded once, and unlike in a path a `+` is a space: so S3 has it, and s5cmd relies on it. The question mark is looked
/// for before that, so one that belongs to the key must be encoded.
fn source(headers: &HeaderMap) -> Result<CopySource, S3Error> {
    let text = single(headers, SOURCE)?.unwrap_or_default();
    let malformed =
        || invalid(SOURCE, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    let path = decode(&path.replace('+', " ")).map_err(|_| malformed())?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    let (bucket, key) = path.split_once('/').filter(|(_, key)| !key.is_empty()).ok_or_else(malformed)?;
    let bucket = BucketName::parse(bucket).map_err(|_| {
        S3Error::new(Code::InvalidBucketName, "The specified bucket is not valid: the source of the copy.")
    })?;
    let version = query.map(|query| {
        let text =
            query.strip_prefix(VERSION).and_then(|text| text.strip_prefix('=')).ok_or_else(malformed)?;
        version_id(&decode(text).map_err(|_| malformed())?)
    });
    Ok(CopySource { object: ObjectName { bucket, key: object_key(key)? }, version: version.transpose()? })
}
