//! Requests about an object.

use std::time::SystemTime;

use http::Method;

use super::multipart::{self, UPLOAD_ID, UPLOADS};
use super::{Head, VERSION, copy, not_allowed, read};
use crate::name::ObjectName;
use crate::s3::condition::{DeleteCondition, PutCondition, refuse_conditions};
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::sealed_headers;
use crate::s3::lock::{self, retentions};
use crate::s3::operation::{Operation, PutRequest};
use crate::s3::refuse::{BODY, BYPASS, NEW_OBJECT};
use crate::s3::tags;

const ACL: &str = "acl";
const TAGGING: &str = "tagging";
const RETENTION: &str = "retention";
const LEGAL_HOLD: &str = "legal-hold";

pub(super) fn route(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    match *head.method {
        Method::GET => get(head, object),
        Method::HEAD => Ok(Operation::HeadObject { object, read: Box::new(read::read(head)?) }),
        Method::PUT => put(head, object),
        Method::DELETE => delete(head, object),
        Method::POST if head.query.contains(UPLOADS) => multipart::create(head, object),
        Method::POST if head.query.contains(UPLOAD_ID) => multipart::complete(head, object),
        _ => not_allowed(head, "OBJECT"),
    }
}

fn get(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    let asks = |name| head.query.contains(name);
    if asks("hallmark") {
        return read::about(head, object);
    }
    if asks(UPLOAD_ID) {
        return multipart::list_parts(head, object);
    }
    if asks(read::ATTRIBUTES) {
        return read::attributes(head, object);
    }
    let version = head.version()?;
    if asks(ACL) {
        head.only_subresource(ACL, &[VERSION], &[])?;
        return Ok(Operation::GetObjectAcl { object, version });
    }
    if asks(TAGGING) {
        head.only_subresource(TAGGING, &[VERSION], &[])?;
        return Ok(Operation::GetObjectTagging { object, version });
    }
    if asks(RETENTION) {
        head.only_subresource(RETENTION, &[VERSION], &[])?;
        return Ok(Operation::GetObjectRetention { object, version });
    }
    if asks(LEGAL_HOLD) {
        head.only_subresource(LEGAL_HOLD, &[VERSION], &[])?;
        return Ok(Operation::GetObjectLegalHold { object, version });
    }
    Ok(Operation::GetObject { object, read: Box::new(read::read(head)?) })
}

fn put(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    let asks = |name| head.query.contains(name);
    if asks(UPLOAD_ID) {
        return multipart::upload_part(head, object);
    }
    let governs = [ACL, TAGGING, RETENTION, LEGAL_HOLD].into_iter().find(|name| asks(name));
    if let Some(name) = governs {
        let bypass = if name == RETENTION { BYPASS } else { &[] };
        head.only_subresource(name, &[VERSION], &[BODY, bypass])?;
        refuse_conditions(head.headers)?;
        let version = head.version()?;
        return Ok(match name {
            ACL => Operation::PutObjectAcl { object, version },
            TAGGING => Operation::PutObjectTagging { object, version },
            LEGAL_HOLD => Operation::PutObjectLegalHold { object, version },
            _ => Operation::PutObjectRetention { object, version, retentions: retentions(head.headers)? },
        });
    }
    if head.headers.contains_key(copy::SOURCE) {
        return copy::object(head, object);
    }
    head.only(&[], &[BODY, NEW_OBJECT])?;
    let put = PutRequest {
        headers: sealed_headers(head.headers)?,
        condition: PutCondition::from_headers(head.headers)?,
        tags: tags::of_headers(head.headers)?,
        lock: lock::of_headers(head.headers, SystemTime::now())?,
    };
    Ok(Operation::PutObject { object, put: Box::new(put) })
}

fn delete(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    if head.query.contains(UPLOAD_ID) {
        return multipart::abort(head, object);
    }
    if head.query.contains(TAGGING) {
        head.only_subresource(TAGGING, &[VERSION], &[])?;
        refuse_conditions(head.headers)?;
        return Ok(Operation::DeleteObjectTagging { object, version: head.version()? });
    }
    head.only(&[&[VERSION]], &[BYPASS])?;
    let (version, condition) = (head.version()?, DeleteCondition::from_headers(head.headers)?);
    if version.is_some() && condition != DeleteCondition::None {
        let message = "Deleting a version on a condition is not implemented: a version never changes.";
        return Err(S3Error::new(Code::NotImplemented, message));
    }
    Ok(Operation::DeleteObject { object, version, condition, retentions: retentions(head.headers)? })
}
