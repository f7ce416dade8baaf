//! From a request's head to what it asks for.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::address::Address;
use super::condition::{Conditions, DeleteCondition, PutCondition, refuse_conditions};
use super::error::{Code, S3Error};
use super::headers::sealed_headers;
use super::listing::{BUCKET_PARAMETERS, BucketListing, Listing, V1_PARAMETERS, V2_PARAMETERS};
use super::operation::{ChecksumMode, Operation, PutRequest, Read, ResponseOverrides};
use super::payload::ChecksumAlgorithm;
use super::range::RangeHeader;
use super::refuse::{unknown_headers, unknown_parameters};
use super::uri::{Query, RawPath};
use crate::name::{BucketName, ObjectName};
use crate::store::{Lock, Retentions, Tags};

/// The head of a request, its target decoded: the same values that its signature was checked over.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The host, as [`host`](super::uri::host) found it.
    pub host: &'a str,
    /// The decoded path.
    pub path: &'a RawPath,
    /// The decoded query.
    pub query: &'a Query,
    /// The headers.
    pub headers: &'a HeaderMap,
}

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
const READ_PARAMETERS: [&str; 7] = [
    OVERRIDES[0].0,
    OVERRIDES[1].0,
    OVERRIDES[2].0,
    OVERRIDES[3].0,
    OVERRIDES[4].0,
    OVERRIDES[5].0,
    CHECKSUM_MODE,
];

const CHECKSUM_MODE: &str = "x-amz-checksum-mode";

/// Finds out what a request asks for; `domains` are the host names that allow virtual-host style.
///
/// All of the request is understood or it is refused: parameters and headers are on allow-lists for every method.
///
/// # Errors
/// The refusal. Nothing was looked up for it, so it tells nothing about what is stored.
pub fn route(head: &Head<'_>, domains: &[String]) -> Result<Operation, S3Error> {
    not_there_yet(head)?;
    unknown_headers(head.headers)?;
    match Address::parse(head.host, domains, head.path)? {
        Address::Service => service(head),
        Address::Bucket(bucket) => in_bucket(head, bucket),
        Address::Object(object) => on_object(head, object),
    }
}

/// Refuses what clients most often run into in words that help, before anything else is found wrong with it.
fn not_there_yet(head: &Head<'_>) -> Result<(), S3Error> {
    let asks = |name| head.query.contains(name);
    let message = if asks("uploads") || asks("uploadId") {
        "Multipart uploads are not implemented yet: tell the client not to split files (see \"Upload and download\" in \
         Hallmark's README)."
    } else if head.headers.contains_key("x-amz-copy-source") {
        "Copies are not implemented yet: download and upload instead."
    } else {
        return Ok(());
    };
    Err(S3Error::new(Code::NotImplemented, message))
}

fn service(head: &Head<'_>) -> Result<Operation, S3Error> {
    let query = head.query;
    match *head.method {
        Method::GET => {
            unknown_parameters(query, BUCKET_PARAMETERS)?;
            Ok(Operation::ListBuckets(BucketListing::parse(query)?))
        }
        _ => not_allowed(head, "SERVICE"),
    }
}

fn in_bucket(head: &Head<'_>, bucket: BucketName) -> Result<Operation, S3Error> {
    let query = head.query;
    match *head.method {
        Method::GET if query.contains("location") => {
            unknown_parameters(query, &["location"])?;
            empty(query, "location")?;
            Ok(Operation::GetBucketLocation { bucket })
        }
        Method::GET => {
            let is_v2 = query.contains("list-type");
            unknown_parameters(query, if is_v2 { V2_PARAMETERS } else { V1_PARAMETERS })?;
            Ok(Operation::ListObjects { bucket, listing: Listing::parse(query)? })
        }
        Method::HEAD => {
            unknown_parameters(query, &[])?;
            Ok(Operation::HeadBucket { bucket })
        }
        Method::PUT => {
            unknown_parameters(query, &[])?;
            refuse_conditions(head.headers)?;
            Ok(Operation::CreateBucket { bucket, object_lock: false })
        }
        Method::DELETE => {
            unknown_parameters(query, &[])?;
            refuse_conditions(head.headers)?;
            Ok(Operation::DeleteBucket { bucket })
        }
        Method::POST if query.contains("delete") => {
            unknown_parameters(query, &["delete"])?;
            empty(query, "delete")?;
            refuse_conditions(head.headers)?;
            require_checksum(head.headers)?;
            Ok(Operation::DeleteObjects { bucket, retentions: Retentions::Respect })
        }
        Method::POST => {
            unknown_parameters(query, &[])?;
            Err(S3Error::new(Code::NotImplemented, "Uploads by HTML form are not implemented; use PUT."))
        }
        _ => not_allowed(head, "BUCKET"),
    }
}

fn on_object(head: &Head<'_>, object: ObjectName) -> Result<Operation, S3Error> {
    let query = head.query;
    match *head.method {
        Method::GET if query.contains("hallmark") => {
            unknown_parameters(query, &["hallmark"])?;
            match query.get("hallmark")? {
                Some("seal") => Ok(Operation::GetSeal { object, version: None }),
                Some("sha256") => Ok(Operation::GetSha256 { object, version: None }),
                _ => Err(S3Error::new(
                    Code::NotImplemented,
                    "The query parameter `hallmark` is `seal` or `sha256`.",
                )
                .with("ArgumentName", "hallmark")),
            }
        }
        Method::GET => Ok(Operation::GetObject { object, read: Box::new(read(head)?) }),
        Method::HEAD => Ok(Operation::HeadObject { object, read: Box::new(read(head)?) }),
        Method::PUT => {
            unknown_parameters(query, &[])?;
            let condition = PutCondition::from_headers(head.headers)?;
            let headers = sealed_headers(head.headers)?;
            let put = PutRequest { headers, condition, tags: Tags::default(), lock: Lock::default() };
            Ok(Operation::PutObject { object, put: Box::new(put) })
        }
        Method::DELETE => {
            unknown_parameters(query, &[])?;
            let condition = DeleteCondition::from_headers(head.headers)?;
            Ok(Operation::DeleteObject { object, version: None, condition, retentions: Retentions::Respect })
        }
        _ => not_allowed(head, "OBJECT"),
    }
}

fn read(head: &Head<'_>) -> Result<Read, S3Error> {
    unknown_parameters(head.query, &READ_PARAMETERS)?;
    let mut overrides = Vec::new();
    for (parameter, header) in OVERRIDES {
        let Some(value) = head.query.get(parameter)? else { continue };
        let fits =
            value.bytes().all(|b| matches!(b, b' '..=b'~')) && value.trim() == value && !value.is_empty();
        let value = HeaderValue::from_str(value).ok().filter(|_| fits).ok_or_else(|| {
            let message = format!("The value of `{parameter}` cannot be that of a header.");
            S3Error::new(Code::InvalidArgument, message).with("ArgumentName", parameter)
        })?;
        overrides.push((header, value));
    }
    let in_header = head.headers.contains_key(CHECKSUM_MODE);
    let checksum = match head.query.get(CHECKSUM_MODE)? {
        None if !in_header => ChecksumMode::Off,
        // As a header it was checked with the others.
        None | Some("ENABLED") => ChecksumMode::Enabled,
        Some(_) => {
            let message = format!("The query parameter `{CHECKSUM_MODE}` is `ENABLED`.");
            return Err(S3Error::new(Code::NotImplemented, message).with("ArgumentName", CHECKSUM_MODE));
        }
    };
    Ok(Read {
        version: None,
        part: None,
        range: RangeHeader::from_headers(head.headers),
        conditions: Conditions::from_headers(head.headers),
        overrides: ResponseOverrides::new(overrides),
        checksum,
    })
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

/// A subresource is a name without a value.
fn empty(query: &Query, name: &'static str) -> Result<(), S3Error> {
    match query.get(name)? {
        Some(value) if !value.is_empty() => {
            let message = format!("The query parameter `{name}` takes no value.");
            Err(S3Error::new(Code::InvalidArgument, message).with("ArgumentName", name))
        }
        _ => Ok(()),
    }
}

/// No such method; but first no such parameter, so that what is not implemented is called so on every method.
fn not_allowed(head: &Head<'_>, resource: &'static str) -> Result<Operation, S3Error> {
    unknown_parameters(head.query, &[])?;
    let message = "The specified method is not allowed against this resource.";
    Err(S3Error::new(Code::MethodNotAllowed, message)
        .with("Method", head.method.as_str())
        .with("ResourceType", resource))
}

#[cfg(test)]
mod tests;
