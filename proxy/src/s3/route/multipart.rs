//! Requests of multipart uploads.

use std::time::SystemTime;

use http::HeaderMap;

use super::read::part_marker;
use super::{Head, copy, invalid, number};
use crate::name::ObjectName;
use crate::s3::auth::single;
use crate::s3::condition::{PutCondition, refuse_conditions};
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::sealed_headers;
use crate::s3::listing::encoding;
use crate::s3::lock;
use crate::s3::operation::{
    ChecksumKind, ChecksumPlan, CompleteUpload, CreateUpload, MAX_PARTS_LISTED, Operation, PartListing,
    WholeChecksum,
};
use crate::s3::payload::ChecksumAlgorithm;
use crate::s3::refuse::{BODY, CHECKSUM_PLAN, COMPLETE, COPY_RANGE, COPY_SOURCE, NEW_OBJECT};
use crate::s3::tags;
use crate::s3::uri::Query;
use crate::store::PartNumber;

/// The parameter that begins an upload.
pub(super) const UPLOADS: &str = "uploads";
/// The parameter that names an upload.
pub(super) const UPLOAD_ID: &str = "uploadId";
/// The parameter that names a part.
pub(super) const PART_NUMBER: &str = "partNumber";

const ALGORITHM: &str = "x-amz-checksum-algorithm";
const KIND: &str = "x-amz-checksum-type";
const SIZE: &str = "x-amz-mp-object-size";

/// The longest composite checksum is shorter.
const MAX_CHECKSUM: usize = 64;

pub(super) fn create(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    head.only_subresource(UPLOADS, &[], &[NEW_OBJECT, CHECKSUM_PLAN])?;
    refuse_conditions(head.headers)?;
    let create = CreateUpload {
        headers: sealed_headers(head.headers)?,
        tags: tags::of_headers(head.headers)?,
        lock: lock::of_headers(head.headers, SystemTime::now())?,
        checksum: plan(head.headers)?,
    };
    Ok(Operation::CreateMultipartUpload { object, create: Box::new(create) })
}

pub(super) fn upload_part(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    let copies = head.headers.contains_key(copy::SOURCE);
    let headers = if copies { &[COPY_SOURCE, COPY_RANGE][..] } else { &[BODY] };
    head.only(&[&[UPLOAD_ID, PART_NUMBER]], headers)?;
    refuse_conditions(head.headers)?;
    let upload = upload_id(head.query)?;
    let number = part_number(head.query)?.ok_or_else(|| {
        S3Error::new(Code::InvalidRequest, "Missing part number").with("ArgumentName", PART_NUMBER)
    })?;
    if copies {
        let copy = Box::new(copy::part(head.headers)?);
        return Ok(Operation::UploadPartCopy { object, upload, number, copy });
    }
    Ok(Operation::UploadPart { object, upload, number })
}

pub(super) fn complete(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    let headers = head.headers;
    head.only(&[&[UPLOAD_ID]], &[COMPLETE])?;
    let complete = CompleteUpload {
        condition: PutCondition::from_headers(headers)?,
        size: single(headers, SIZE)?.map(size).transpose()?,
        checksum: whole_checksum(headers)?,
        kind: single(headers, KIND)?.map(kind).transpose()?,
    };
    Ok(Operation::CompleteMultipartUpload {
        object,
        upload: upload_id(head.query)?,
        complete: Box::new(complete),
    })
}

pub(super) fn abort(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    head.only(&[&[UPLOAD_ID]], &[])?;
    refuse_conditions(head.headers)?;
    Ok(Operation::AbortMultipartUpload { object, upload: upload_id(head.query)? })
}

pub(super) fn list_parts(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    const MAX_PARTS: &str = "max-parts";
    const MARKER: &str = "part-number-marker";
    head.only(&[&[UPLOAD_ID, MAX_PARTS, MARKER, "encoding-type"]], &[])?;
    let limit = head.query.get(MAX_PARTS)?.map(|text| number(MAX_PARTS, text)).transpose()?;
    let after = match head.query.get(MARKER)? {
        None | Some("") => None,
        Some(text) => part_marker(number(MARKER, text)?),
    };
    let listing = PartListing {
        after,
        limit: limit.unwrap_or(MAX_PARTS_LISTED).min(MAX_PARTS_LISTED),
        encoding: encoding(head.query)?,
    };
    Ok(Operation::ListParts { object, upload: upload_id(head.query)?, listing })
}

/// `partNumber`.
pub(super) fn part_number(query: &Query) -> Result<Option<PartNumber>, S3Error> {
    let Some(text) = query.get(PART_NUMBER)? else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits).and_then(PartNumber::new);
    number.map(Some).ok_or_else(|| {
        invalid(PART_NUMBER, "Part number must be an integer between 1 and 10000, inclusive")
            .with("ArgumentValue", text)
    })
}

fn upload_id(query: &Query) -> Result<String, S3Error> {
    Ok(query.get(UPLOAD_ID)?.unwrap_or_default().to_owned())
}

/// How CreateMultipartUpload wants the object's checksum computed.
fn plan(headers: &HeaderMap) -> Result<Option<ChecksumPlan>, S3Error> {
    let refuse = |message: String| Err(S3Error::new(Code::InvalidRequest, message));
    let wanted = single(headers, KIND)?.map(kind).transpose()?;
    let Some(name) = single(headers, ALGORITHM)? else {
        return match wanted {
            None => Ok(None),
            Some(_) => refuse(format!("The {KIND} header can only be used with the {ALGORITHM} header.")),
        };
    };
    let Some(algorithm) = ChecksumAlgorithm::of_name(name) else {
        return refuse(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
             [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
                .to_owned(),
        );
    };
    let kind = wanted.unwrap_or(ChecksumKind::default_of(algorithm));
    if !kind.goes_with(algorithm) {
        let (kind, algorithm) = (kind.name(), algorithm.name());
        return refuse(format!(
            "The {kind} checksum type cannot be used with the {} checksum algorithm.",
            algorithm.to_lowercase()
        ));
    }
    Ok(Some(ChecksumPlan { algorithm, kind }))
}

fn kind(text: &str) -> Result<ChecksumKind, S3Error> {
    ChecksumKind::of_name(text).ok_or_else(|| {
        let message = format!("Value for {KIND} header is invalid.");
        S3Error::new(Code::InvalidRequest, message)
    })
}

fn size(text: &str) -> Result<u64, S3Error> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| S3Error::new(Code::InvalidRequest, format!("Value for {SIZE} header is invalid.")))
}

/// The checksum that CompleteMultipartUpload declares of the object.
fn whole_checksum(headers: &HeaderMap) -> Result<Option<WholeChecksum>, S3Error> {
    let mut found = None;
    for algorithm in ChecksumAlgorithm::ALL {
        let name = algorithm.header();
        let Some(text) = single(headers, name)? else { continue };
        if found.is_some() {
            let message =
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
            return Err(S3Error::new(Code::InvalidRequest, message));
        }
        if text.is_empty() || text.len() > MAX_CHECKSUM {
            return Err(S3Error::new(Code::InvalidRequest, format!("Value for {name} header is invalid.")));
        }
        found = Some(WholeChecksum { algorithm, value: text.into() });
    }
    Ok(found)
}
