//! Requests about a bucket.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};

use super::{Head, not_allowed};
use crate::name::BucketName;
use crate::s3::condition::refuse_conditions;
use crate::s3::error::{Code, S3Error};
use crate::s3::listing::{
    Listing, UPLOAD_PARAMETERS, UploadListing, V1_PARAMETERS, V2_PARAMETERS, VERSION_PARAMETERS,
    VersionListing,
};
use crate::s3::lock::retentions;
use crate::s3::operation::{Operation, Plain};
use crate::s3::payload::ChecksumAlgorithm;
use crate::s3::refuse::{BODY, BYPASS, NEW_BUCKET};

const LOCATION: &str = "location";
const VERSIONING: &str = "versioning";
const VERSIONS: &str = "versions";
const UPLOADS: &str = "uploads";
const TAGGING: &str = "tagging";
const OBJECT_LOCK: &str = "object-lock";
const ACL: &str = "acl";
const DELETE: &str = "delete";

pub(super) fn route(head: &Head<'_>, bucket: BucketName) -> Result<Operation, S3Error> {
    match *head.method {
        Method::GET => get(head, bucket),
        Method::HEAD => {
            head.only(&[], &[])?;
            Ok(Operation::HeadBucket { bucket })
        }
        Method::PUT => put(head, bucket),
        Method::DELETE => delete(head, bucket),
        Method::POST => post(head, bucket),
        _ => not_allowed(head, "BUCKET"),
    }
}

fn get(head: &Head<'_>, bucket: BucketName) -> Result<Operation, S3Error> {
    let asks = |name| head.query.contains(name);
    if asks(LOCATION) {
        head.only_subresource(LOCATION, &[], &[])?;
        return Ok(Operation::GetBucketLocation { bucket });
    }
    if asks(VERSIONING) {
        head.only_subresource(VERSIONING, &[], &[])?;
        return Ok(Operation::GetBucketVersioning { bucket });
    }
    if asks(TAGGING) {
        head.only_subresource(TAGGING, &[], &[])?;
        return Ok(Operation::GetBucketTagging { bucket });
    }
    if asks(OBJECT_LOCK) {
        head.only_subresource(OBJECT_LOCK, &[], &[])?;
        return Ok(Operation::GetObjectLockConfiguration { bucket });
    }
    if asks(VERSIONS) {
        head.only_subresource(VERSIONS, VERSION_PARAMETERS, &[])?;
        return Ok(Operation::ListObjectVersions { bucket, listing: VersionListing::parse(head.query)? });
    }
    if asks(UPLOADS) {
        head.only_subresource(UPLOADS, UPLOAD_PARAMETERS, &[])?;
        return Ok(Operation::ListMultipartUploads { bucket, listing: UploadListing::parse(head.query)? });
    }
    if let Some(what) = Plain::ALL.into_iter().find(|what| asks(what.parameter())) {
        head.only_subresource(what.parameter(), &[], &[])?;
        return Ok(Operation::GetBucketPlain { bucket, what });
    }
    head.only(&[if asks("list-type") { V2_PARAMETERS } else { V1_PARAMETERS }], &[])?;
    Ok(Operation::ListObjects { bucket, listing: Listing::parse(head.query)? })
}

fn put(head: &Head<'_>, bucket: BucketName) -> Result<Operation, S3Error> {
    let asks = |name| head.query.contains(name);
    let operation = if asks(VERSIONING) {
        head.only_subresource(VERSIONING, &[], &[BODY])?;
        Operation::PutBucketVersioning { bucket }
    } else if asks(TAGGING) {
        head.only_subresource(TAGGING, &[], &[BODY])?;
        Operation::PutBucketTagging { bucket }
    } else if asks(OBJECT_LOCK) {
        head.only_subresource(OBJECT_LOCK, &[], &[BODY])?;
        Operation::PutObjectLockConfiguration { bucket }
    } else if asks(ACL) {
        head.only_subresource(ACL, &[], &[BODY])?;
        Operation::PutBucketAcl { bucket }
    } else {
        head.only(&[], &[BODY, NEW_BUCKET])?;
        let lock = head.headers.get("x-amz-bucket-object-lock-enabled");
        Operation::CreateBucket { bucket, object_lock: lock.is_some_and(|value| value == "true") }
    };
    refuse_conditions(head.headers)?;
    Ok(operation)
}

fn delete(head: &Head<'_>, bucket: BucketName) -> Result<Operation, S3Error> {
    let operation = if head.query.contains(TAGGING) {
        head.only_subresource(TAGGING, &[], &[])?;
        Operation::DeleteBucketTagging { bucket }
    } else {
        head.only(&[], &[])?;
        Operation::DeleteBucket { bucket }
    };
    refuse_conditions(head.headers)?;
    Ok(operation)
}

fn post(head: &Head<'_>, bucket: BucketName) -> Result<Operation, S3Error> {
    if head.query.contains(DELETE) {
        head.only_subresource(DELETE, &[], &[BODY, BYPASS])?;
        refuse_conditions(head.headers)?;
        require_checksum(head.headers)?;
        return Ok(Operation::DeleteObjects { bucket, retentions: retentions(head.headers)? });
    }
    head.only(&[], &[])?;
    refuse_conditions(head.headers)?;
    if is_form(head.headers) {
        return Ok(Operation::PostForm { bucket });
    }
    let message = "Bucket POST must be of the enclosure-type multipart/form-data";
    Err(S3Error::new(Code::PreconditionFailed, message))
}

/// Whether the body is a form with a file in it.
fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (essence, _) = content_type.split_once(';').unwrap_or((content_type, ""));
    essence.trim().eq_ignore_ascii_case("multipart/form-data")
}

/// A deletion of many objects names them in its body, so the body must be known to be whole. (The signature covers
/// it too, where it is not unsigned; S3 asks for this all the same, and clients comply.)
fn require_checksum(headers: &HeaderMap) -> Result<(), S3Error> {
    let in_trailer = |value: &HeaderValue| {
        let names = value.to_str().unwrap_or_default().split(',');
        names
            .into_iter()
            .any(|name| ChecksumAlgorithm::of_header(&name.trim().to_ascii_lowercase()).is_some())
    };
    if headers.contains_key("content-md5")
        || ChecksumAlgorithm::ALL.iter().any(|algorithm| headers.contains_key(algorithm.header()))
        || headers.get_all("x-amz-trailer").iter().any(in_trailer)
    {
        return Ok(());
    }
    let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
    Err(S3Error::new(Code::InvalidRequest, message))
}
