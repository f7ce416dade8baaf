//! Requests that read an object.

use http::header::{CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::multipart::{PART_NUMBER, part_number};
use super::{Head, VERSION, invalid, number};
use crate::name::ObjectName;
use crate::s3::auth::single;
use crate::s3::condition::Conditions;
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::{
    AttributesRequest, ChecksumMode, MAX_PARTS_LISTED, ObjectAttribute, Operation, Read, ResponseOverrides,
};
use crate::s3::range::RangeHeader;
use crate::s3::refuse;
use crate::store::PartNumber;

/// The subresource that GetObjectAttributes reads.
pub(super) const ATTRIBUTES: &str = "attributes";

/// Parameters of GetObject and HeadObject that choose a header of the answer, and the header.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-content-type", CONTENT_TYPE),
    ("response-expires", header::EXPIRES),
];

/// Parameters of GetObject and HeadObject. `x-amz-checksum-mode` is a header that some SDKs move into the query when
/// they presign.
const PARAMETERS: &[&str] = &[
    OVERRIDES[0].0,
    OVERRIDES[1].0,
    OVERRIDES[2].0,
    OVERRIDES[3].0,
    OVERRIDES[4].0,
    OVERRIDES[5].0,
    CHECKSUM_MODE,
    VERSION,
    PART_NUMBER,
];

const CHECKSUM_MODE: &str = "x-amz-checksum-mode";

/// How GetObject and HeadObject read.
pub(super) fn read(head: &Head<'_>) -> Result<Read, S3Error> {
    head.only(&[PARAMETERS], &[refuse::READ])?;
    let part = part_number(head.query)?;
    if part.is_some() && head.headers.contains_key(RANGE) {
        let message = "Cannot specify both Range header and partNumber query parameter";
        return Err(S3Error::new(Code::InvalidRequest, message));
    }
    Ok(Read {
        version: head.version()?,
        part,
        range: RangeHeader::from_headers(head.headers),
        conditions: Conditions::from_headers(head.headers),
        overrides: overrides(head)?,
        checksum: checksum_mode(head)?,
    })
}

fn overrides(head: &Head<'_>) -> Result<ResponseOverrides, S3Error> {
    let mut overrides = Vec::new();
    for (parameter, header) in OVERRIDES {
        let Some(value) = head.query.get(parameter)? else { continue };
        let fits =
            value.bytes().all(|b| matches!(b, b' '..=b'~')) && value.trim() == value && !value.is_empty();
        let value = HeaderValue::from_str(value).ok().filter(|_| fits).ok_or_else(|| {
            invalid(parameter, format!("The value of `{parameter}` cannot be that of a header."))
        })?;
        overrides.push((header, value));
    }
    Ok(ResponseOverrides::new(overrides))
}

fn checksum_mode(head: &Head<'_>) -> Result<ChecksumMode, S3Error> {
    let in_header = head.headers.contains_key(CHECKSUM_MODE);
    match head.query.get(CHECKSUM_MODE)? {
        None if !in_header => Ok(ChecksumMode::Off),
        // As a header it was checked with the others.
        None | Some("ENABLED") => Ok(ChecksumMode::Enabled),
        Some(_) => {
            let message = format!("The query parameter `{CHECKSUM_MODE}` is `ENABLED`.");
            Err(S3Error::new(Code::NotImplemented, message).with("ArgumentName", CHECKSUM_MODE))
        }
    }
}

/// The documents about an artifact that are Hallmark's own.
pub(super) fn about(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    head.only(&[&["hallmark", VERSION]], &[])?;
    let version = head.version()?;
    match head.query.get("hallmark")? {
        Some("seal") => Ok(Operation::GetSeal { object, version }),
        Some("sha256") => Ok(Operation::GetSha256 { object, version }),
        _ => {
            let message = "The query parameter `hallmark` is `seal` or `sha256`.";
            Err(S3Error::new(Code::NotImplemented, message).with("ArgumentName", "hallmark"))
        }
    }
}

/// GetObjectAttributes.
pub(super) fn attributes(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    const MAX_PARTS: &str = "x-amz-max-parts";
    const MARKER: &str = "x-amz-part-number-marker";
    head.only_subresource(ATTRIBUTES, &[VERSION], &[refuse::ATTRIBUTES])?;
    let max_parts = single(head.headers, MAX_PARTS)?.map(|text| number(MAX_PARTS, text)).transpose()?;
    let after = single(head.headers, MARKER)?.map(|text| number(MARKER, text)).transpose()?;
    let wanted = AttributesRequest {
        attributes: wanted(head.headers)?,
        parts_after: after.and_then(part_marker),
        max_parts: max_parts.unwrap_or(MAX_PARTS_LISTED).min(MAX_PARTS_LISTED),
    };
    Ok(Operation::GetObjectAttributes { object, version: head.version()?, wanted })
}

/// What a marker stands for: the part with that number, though no number may be larger than the largest; 0 is before
/// the first.
pub(super) fn part_marker(marker: usize) -> Option<PartNumber> {
    let last = u64::from(crate::store::MAX_PARTS);
    PartNumber::new(u64::try_from(marker).unwrap_or(last).min(last))
}

/// `x-amz-object-attributes`: a list, in one header or several.
fn wanted(headers: &HeaderMap) -> Result<Vec<ObjectAttribute>, S3Error> {
    const NAME: &str = "x-amz-object-attributes";
    let mut wanted = Vec::new();
    for value in headers.get_all(NAME) {
        for name in value.to_str().unwrap_or("?").split(',') {
            let found = ObjectAttribute::ALL.into_iter().find(|attribute| attribute.name() == name.trim());
            let attribute = found.ok_or_else(|| invalid(NAME, "Invalid attribute name specified."))?;
            if !wanted.contains(&attribute) {
                wanted.push(attribute);
            }
        }
    }
    if wanted.is_empty() {
        return Err(S3Error::new(Code::InvalidRequest, "The x-amz-object-attributes header is missing.")
            .with("ArgumentName", NAME));
    }
    Ok(wanted)
}
