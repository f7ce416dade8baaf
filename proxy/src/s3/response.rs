//! Heads of responses: built here from typed values and nothing else, so that no header of a store gets through.

use std::fmt;
use std::time::SystemTime;

use hallmark_signer::SealedHeaders;
use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES,
    LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::documents::{Document, error_document};
use super::error::{Code, Fault, S3Error};
use super::lock::{hold_name, mode_name};
use super::operation::{ChecksumKind, ChecksumPlan, ResponseOverrides};
use super::payload::{ChecksumAlgorithm, DeclaredChecksum};
use super::range::{Part, Resolved};
use super::times::{http_date, iso8601};
use crate::name::BucketName;
use crate::store::{Deleted, Standing, VersionId};
use crate::trust::Form;

/// Names the request in the answer, the error document and the log.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
/// Why others are refused what this reader gets: a code and what is missing.
pub const UNTRUSTED: HeaderName = HeaderName::from_static("x-hallmark-untrusted");
/// There where what is served are signatures over another object.
pub const SIBLING: HeaderName = HeaderName::from_static("x-hallmark-sibling");
/// What was verified before the first byte: `seal,<signers>`.
pub const VERIFIED: HeaderName = HeaderName::from_static("x-hallmark-verified");
/// Why an artifact was refused; an answer to HEAD has no document that could say it.
pub const REFUSED: HeaderName = HeaderName::from_static("x-hallmark-refused");
/// The seal line, shown as user metadata so that any client's `head-object` shows it.
pub const SEAL: HeaderName = HeaderName::from_static("x-amz-meta-hallmark");

const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");
const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");
/// What clients call a version.
pub const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");
/// Whether that is a delete marker.
pub const DELETE_MARKER: HeaderName = HeaderName::from_static("x-amz-delete-marker");

const SOURCE_VERSION_ID: HeaderName = HeaderName::from_static("x-amz-copy-source-version-id");
const LOCK_MODE: HeaderName = HeaderName::from_static("x-amz-object-lock-mode");
const LOCK_UNTIL: HeaderName = HeaderName::from_static("x-amz-object-lock-retain-until-date");
const LEGAL_HOLD: HeaderName = HeaderName::from_static("x-amz-object-lock-legal-hold");
const TAGGING_COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");
const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");

/// Seconds after which a client may try again.
pub(crate) const RETRY_SECONDS: &str = "2";

/// A request's id: 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// A random id. It has no other purpose than to be told apart from others, so if the system has no randomness to
    /// give it is all zeros.
    pub fn random() -> Self {
        Self::new(getrandom::u64().unwrap_or_default())
    }

    /// The id made of `random`.
    pub fn new(random: u64) -> Self {
        Self(format!("{random:016X}").into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The answer to a request that failed; `resource` is the path as decoded. HEAD gets the head alone.
pub fn error(error: &S3Error, resource: &str, id: &RequestId) -> Response<Document> {
    let mut response = document(error.code.status(), error_document(error, resource, id), id);
    let headers = response.headers_mut();
    if error.code.fault() == Fault::Artifact {
        // It may be signed, or its signer trusted, a moment from now.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFUSED, HeaderValue::from_static(error.code.as_str()));
    }
    for (name, text) in &error.headers {
        if let Ok(text) = HeaderValue::from_str(text) {
            headers.insert(HeaderName::from_static(name), text);
        }
    }
    let detail = |element| error.details.iter().find(|(name, _)| *name == element).map(|(_, text)| text);
    match error.code {
        Code::SlowDown => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
        }
        Code::InvalidRange => {
            let length = detail("ActualObjectSize").map(|length| format!("bytes */{length}"));
            if let Some(range) = length.and_then(|range| HeaderValue::try_from(range).ok()) {
                headers.insert(CONTENT_RANGE, range);
            }
        }
        Code::MethodNotAllowed => {
            let allowed = match detail("ResourceType").map(String::as_str) {
                Some("SERVICE") => "GET",
                Some("BUCKET") => "GET, HEAD, PUT, POST, DELETE",
                _ => "GET, HEAD, PUT, DELETE",
            };
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        _ => {}
    }
    response
}

/// An answer that is a document.
pub fn document(status: StatusCode, document: Document, id: &RequestId) -> Response<Document> {
    let content_type = HeaderValue::from_static(document.content_type());
    let mut response = empty(status, id).map(|()| document);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// What a document says of itself that stands for an object: its ETag, unquoted, of when it is, and the length of what is
/// sent of it or would be, if anything.
///
/// # Errors
/// `InternalError`: a value is not fit for a header.
pub fn made_here(
    headers: &mut HeaderMap,
    etag: &str,
    at: SystemTime,
    length: Option<usize>,
) -> Result<(), S3Error> {
    headers.insert(ETAG, quoted_etag(etag)?);
    headers.insert(LAST_MODIFIED, value(http_date(at))?);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(())
}

/// Which bytes these are.
///
/// # Errors
/// `InternalError`: the value is not fit for a header.
pub fn content_range(headers: &mut HeaderMap, part: &Part) -> Result<(), S3Error> {
    headers.insert(CONTENT_RANGE, value(part.content_range())?);
    Ok(())
}

/// An answer without a body.
pub fn empty(status: StatusCode, id: &RequestId) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    // 16 hexadecimal digits: RequestId's invariant.
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The answer to CreateBucket.
pub fn bucket_created(bucket: &BucketName, id: &RequestId) -> Response<()> {
    let mut response = empty(StatusCode::OK, id);
    // Letters, digits, `.` and `-`: BucketName's invariant.
    if let Ok(location) = HeaderValue::try_from(format!("/{bucket}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Which version an answer is about.
///
/// # Errors
/// `InternalError`: it is not fit for a header.
pub fn version(headers: &mut HeaderMap, version: &VersionId) -> Result<(), S3Error> {
    headers.insert(VERSION_ID, value(version.as_str())?);
    Ok(())
}

/// Which version a write made. Where a bucket keeps versions no longer there is nothing to say, as in S3: the next write
/// replaces it.
///
/// # Errors
/// `InternalError`: it is not fit for a header.
pub fn new_version(headers: &mut HeaderMap, made: Option<&VersionId>) -> Result<(), S3Error> {
    match made.filter(|made| !made.is_null()) {
        Some(made) => version(headers, made),
        None => Ok(()),
    }
}

/// Which version a copy was made of.
///
/// # Errors
/// `InternalError`: it is not fit for a header.
pub fn source_version(headers: &mut HeaderMap, version: &VersionId) -> Result<(), S3Error> {
    headers.insert(SOURCE_VERSION_ID, value(version.as_str())?);
    Ok(())
}

/// When an artifact was sealed.
///
/// # Errors
/// `InternalError`: it is not fit for a header.
pub fn modified(headers: &mut HeaderMap, at: SystemTime) -> Result<(), S3Error> {
    headers.insert(LAST_MODIFIED, value(http_date(at))?);
    Ok(())
}

/// The answer to DeleteObject.
///
/// # Errors
/// `InternalError`: a value is not fit for a header.
pub fn deleted(deleted: &Deleted, id: &RequestId) -> Result<Response<()>, S3Error> {
    let mut response = empty(StatusCode::NO_CONTENT, id);
    if let Some(deleted) = &deleted.version {
        version(response.headers_mut(), deleted)?;
    }
    if deleted.delete_marker {
        response.headers_mut().insert(DELETE_MARKER, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// What the store says of a version: what clients call it, what protects it, how many tags it has.
fn standing(headers: &mut HeaderMap, standing: &Standing) -> Result<(), S3Error> {
    if let Some(of) = &standing.version {
        version(headers, of)?;
    }
    if let Some(retention) = standing.lock.retention {
        headers.insert(LOCK_MODE, HeaderValue::from_static(mode_name(retention.mode)));
        headers.insert(LOCK_UNTIL, value(iso8601(retention.until))?);
    }
    if let Some(hold) = standing.lock.legal_hold {
        headers.insert(LEGAL_HOLD, HeaderValue::from_static(hold_name(hold)));
    }
    if standing.tags > 0 {
        headers.insert(TAGGING_COUNT, HeaderValue::from(standing.tags));
    }
    Ok(())
}

/// The answer to HeadBucket.
///
/// # Errors
/// `InternalError`: the region is not fit for a header.
pub fn bucket_found(region: &str, id: &RequestId) -> Result<Response<()>, S3Error> {
    let mut response = empty(StatusCode::OK, id);
    response.headers_mut().insert(BUCKET_REGION, value(region)?);
    Ok(response)
}

/// The checksum that an uploader declared.
///
/// # Errors
/// `InternalError`: it is not fit for a header.
pub fn checksum(headers: &mut HeaderMap, declared: &DeclaredChecksum) -> Result<(), S3Error> {
    let name = HeaderName::from_static(declared.algorithm().header());
    headers.insert(name, value(declared.value())?);
    headers.insert(CHECKSUM_TYPE, value(declared.kind())?);
    Ok(())
}

/// The checksum that an object which comes in parts will have.
pub fn checksum_plan(headers: &mut HeaderMap, plan: ChecksumPlan) {
    headers.insert(CHECKSUM_ALGORITHM, HeaderValue::from_static(plan.algorithm.name()));
    headers.insert(CHECKSUM_TYPE, HeaderValue::from_static(plan.kind.name()));
}

/// The checksum of a part.
///
/// # Errors
/// `InternalError`: it is not fit for a header.
pub fn part_checksum(headers: &mut HeaderMap, checksum: &DeclaredChecksum) -> Result<(), S3Error> {
    headers.insert(HeaderName::from_static(checksum.algorithm().header()), value(checksum.value())?);
    Ok(())
}

/// The checksum of a part of an artifact whose checksum is of this kind.
///
/// # Errors
/// `InternalError`: it is not fit for a header.
pub fn checksum_of_part(
    headers: &mut HeaderMap,
    algorithm: ChecksumAlgorithm,
    sum: &str,
    kind: ChecksumKind,
) -> Result<(), S3Error> {
    headers.insert(HeaderName::from_static(algorithm.header()), value(sum)?);
    headers.insert(CHECKSUM_TYPE, HeaderValue::from_static(kind.name()));
    Ok(())
}

/// `ETag`: `etag` in quotes.
///
/// # Errors
/// `InternalError`: it is not fit for a header.
pub fn quoted_etag(etag: &str) -> Result<HeaderValue, S3Error> {
    value(format!("\"{etag}\""))
}

/// What the head of an answer says of an artifact: all of it from a seal whose verdict is in.
#[derive(Debug, Clone, Copy)]
pub struct ArtifactHead<'a> {
    /// The sealed ETag, without quotes.
    pub etag: &'a str,
    /// When it was sealed; `None` for an object that bears no seal.
    pub at: Option<SystemTime>,
    /// Its bytes.
    pub length: u64,
    /// Its content headers and user metadata.
    pub headers: &'a SealedHeaders,
    /// The seal line; `None` for an object that bears none, where the configuration lets those through.
    pub seal: Option<&'a str>,
    /// What was verified, for [`VERIFIED`].
    pub verified: &'a str,
    /// Why the policy does not accept it, for [`UNTRUSTED`].
    pub untrusted: Option<&'a str>,
    /// What it was found to be, for [`SIBLING`].
    pub form: Form,
    /// The checksum that the uploader declared, if it is to be shown; never on a part.
    pub checksum: Option<&'a DeclaredChecksum>,
    /// In how many parts it came; told to who asks for one of them.
    pub parts: Option<u16>,
    /// What the store says of it: the one thing here that no seal covers.
    pub standing: &'a Standing,
}

impl ArtifactHead<'_> {
    /// The head of an answer that brings the artifact, or the part of it that `resolved` says: 200 or 206.
    ///
    /// # Errors
    /// `InternalError`: a value is not fit for a header.
    pub fn found(
        &self,
        resolved: Resolved,
        overrides: &ResponseOverrides,
        id: &RequestId,
    ) -> Result<Response<()>, S3Error> {
        let (status, length) = match resolved {
            Resolved::Whole => (StatusCode::OK, self.length),
            Resolved::Part(part) => (StatusCode::PARTIAL_CONTENT, part.size()),
        };
        let mut response = empty(status, id);
        let headers = response.headers_mut();
        for (name, text) in self.headers.iter() {
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?, value(text)?);
        }
        for (name, text) in overrides.iter() {
            headers.insert(name, text.clone());
        }
        if let Some(seal) = self.seal {
            headers.insert(SEAL, value(seal)?);
        }
        match (resolved, self.checksum) {
            (Resolved::Part(part), _) => content_range(headers, &part)?,
            (Resolved::Whole, Some(declared)) => checksum(headers, declared)?,
            (Resolved::Whole, None) => {}
        }
        if let Some(parts) = self.parts {
            headers.insert(PARTS_COUNT, HeaderValue::from(parts));
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        standing(headers, self.standing)?;
        self.validators(headers)?;
        Ok(response)
    }

    /// 304, with the headers that RFC 9110, section 15.4.5, asks for.
    ///
    /// # Errors
    /// `InternalError`: a value is not fit for a header.
    pub fn not_modified(&self, id: &RequestId) -> Result<Response<()>, S3Error> {
        let mut response = empty(StatusCode::NOT_MODIFIED, id);
        let headers = response.headers_mut();
        if let Some(of) = &self.standing.version {
            version(headers, of)?;
        }
        for name in [CACHE_CONTROL, EXPIRES] {
            if let Some(text) = self.headers.get(name.as_str()) {
                headers.insert(name, value(text)?);
            }
        }
        self.validators(headers)?;
        Ok(response)
    }

    fn validators(&self, headers: &mut HeaderMap) -> Result<(), S3Error> {
        headers.insert(ETAG, quoted_etag(self.etag)?);
        headers.insert(VERIFIED, value(self.verified)?);
        if let Some(why) = self.untrusted {
            untrusted(headers, why)?;
        }
        match self.form {
            Form::Sibling => drop(headers.insert(SIBLING, HeaderValue::from_static("yes"))),
            Form::Any => {}
        }
        if let Some(at) = self.at {
            headers.insert(LAST_MODIFIED, value(http_date(at))?);
        }
        Ok(())
    }
}

/// Tells why the policy does not accept something.
///
/// # Errors
/// `InternalError`: it is not fit for a header.
pub fn untrusted(headers: &mut HeaderMap, why: &str) -> Result<(), S3Error> {
    headers.insert(UNTRUSTED, value(plain(why))?);
    Ok(())
}

/// The longest reason that stands in a header, characters.
const MAX_REASON: usize = 500;

/// A text of the configuration's, or of a store's, as a header can hold it.
fn plain(text: &str) -> String {
    let fit = |c: char| c == ' ' || c.is_ascii_graphic();
    let escape = |c: char| if fit(c) { c.to_string() } else { c.escape_unicode().to_string() };
    text.chars().take(MAX_REASON).map(escape).collect()
}

fn value(text: impl AsRef<str>) -> Result<HeaderValue, S3Error> {
    HeaderValue::from_str(text.as_ref()).map_err(|_| unfit())
}

fn unfit() -> S3Error {
    S3Error::new(Code::InternalError, "A header of the response could not be written.")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::header::CONTENT_DISPOSITION;

    use super::*;
    use crate::s3::range::RangeHeader;
    use crate::store::{LegalHold, Lock, Retention, RetentionMode};

    /// Status and headers, sorted, one a line.
    fn show<T>(response: &Response<T>) -> String {
        let mut lines: Vec<_> = response
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        format!("{}\n{}", response.status().as_u16(), lines.join("\n"))
    }

    #[test]
    fn errors_carry_what_clients_act_on() {
        let id = RequestId::new(1);
        let check = |refusal: S3Error, expected: &str| {
            let response = error(&refusal, "/b/k", &id);
            assert_eq!(show(&response), format!("{expected}\nx-amz-request-id: 0000000000000001"));
            assert!(!response.body().bytes().is_empty());
        };
        let xml = "content-type: application/xml";
        check(S3Error::new(Code::NoSuchKey, "no"), &format!("404\n{xml}"));
        check(S3Error::new(Code::SlowDown, "no"), &format!("503\n{xml}\nretry-after: 2"));
        check(
            S3Error::new(Code::InvalidRange, "no").with("ActualObjectSize", "3"),
            &format!("416\ncontent-range: bytes */3\n{xml}"),
        );
        check(
            S3Error::new(Code::MethodNotAllowed, "no").with("ResourceType", "SERVICE"),
            &format!("405\nallow: GET\n{xml}"),
        );
        let refused = error(&S3Error::new(Code::ArtifactDigestMismatch, "no"), "/b/k", &id);
        assert_eq!(
            show(&refused),
            "403\ncache-control: no-store\ncontent-type: application/xml\n\
             x-amz-request-id: 0000000000000001\nx-hallmark-refused: ArtifactDigestMismatch"
        );
    }

    #[test]
    fn heads_are_made_of_what_is_sealed() {
        let mut sealed = SealedHeaders::default();
        for (name, value) in
            [("content-type", "text/plain"), ("cache-control", "no-cache"), ("x-amz-meta-commit", "4f2a")]
        {
            sealed.insert(name, value).unwrap();
        }
        let head = ArtifactHead {
            etag: "d41d",
            at: Some(UNIX_EPOCH + Duration::from_millis(1_767_323_045_678)),
            length: 11,
            headers: &sealed,
            seal: Some("v=1"),
            verified: "seal,release",
            untrusted: None,
            form: Form::Any,
            checksum: None,
            parts: None,
            standing: &Standing::default(),
        };
        let id = RequestId::new(1);
        let overrides = ResponseOverrides::new(vec![
            (CONTENT_TYPE, HeaderValue::from_static("a/b")),
            (CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        ]);
        let tail = "etag: \"d41d\"\nlast-modified: Fri, 02 Jan 2026 03:04:05 GMT\n";
        let ids = "x-amz-request-id: 0000000000000001\nx-hallmark-verified: seal,release";
        let whole = head.found(Resolved::Whole, &overrides, &id).unwrap();
        let meta = "x-amz-meta-commit: 4f2a\nx-amz-meta-hallmark: v=1\n";
        assert_eq!(
            show(&whole),
            format!(
                "200\naccept-ranges: bytes\ncache-control: no-cache\ncontent-disposition: attachment\n\
                 content-length: 11\ncontent-type: a/b\n{tail}{meta}{ids}"
            )
        );
        let range = HeaderMap::from_iter([(http::header::RANGE, HeaderValue::from_static("bytes=-4"))]);
        let part = RangeHeader::from_headers(&range).unwrap().resolve(11).unwrap();
        assert_eq!(
            show(&head.found(part, &ResponseOverrides::default(), &id).unwrap()),
            format!(
                "206\naccept-ranges: bytes\ncache-control: no-cache\ncontent-length: 4\n\
                 content-range: bytes 7-10/11\ncontent-type: text/plain\n{tail}{meta}{ids}"
            )
        );
        assert_eq!(
            show(&head.not_modified(&id).unwrap()),
            format!("304\ncache-control: no-cache\n{tail}{ids}")
        );
    }

    #[test]
    fn what_the_store_says_of_a_version_is_shown() {
        let until = UNIX_EPOCH + Duration::from_secs(1_893_456_000);
        let said = Standing {
            version: VersionId::parse("v1"),
            lock: Lock {
                retention: Some(Retention { mode: RetentionMode::Compliance, until }),
                legal_hold: Some(LegalHold::Off),
            },
            tags: 2,
        };
        let head = ArtifactHead {
            etag: "d41d",
            at: None,
            length: 0,
            headers: &SealedHeaders::default(),
            seal: None,
            verified: "seal",
            untrusted: Some("ArtifactDenied: \"é\"\n"),
            form: Form::Sibling,
            checksum: None,
            parts: None,
            standing: &said,
        };
        let id = RequestId::new(1);
        assert_eq!(
            show(&head.found(Resolved::Whole, &ResponseOverrides::default(), &id).unwrap()),
            "200\naccept-ranges: bytes\ncontent-length: 0\netag: \"d41d\"\nx-amz-object-lock-legal-hold: OFF\n\
             x-amz-object-lock-mode: COMPLIANCE\nx-amz-object-lock-retain-until-date: 2030-01-01T00:00:00.000Z\n\
             x-amz-request-id: 0000000000000001\nx-amz-tagging-count: 2\nx-amz-version-id: v1\n\
             x-hallmark-sibling: yes\nx-hallmark-untrusted: ArtifactDenied: \"\\u{e9}\"\\u{a}\nx-hallmark-verified: seal"
        );
        let gone = |version, delete_marker| {
            let version = VersionId::parse(version);
            show(&deleted(&Deleted { version, delete_marker }, &id).unwrap())
        };
        let written = |text| {
            let mut response = empty(StatusCode::OK, &id);
            new_version(response.headers_mut(), VersionId::parse(text).as_ref()).unwrap();
            show(&response)
        };
        assert_eq!(written("null"), "200\nx-amz-request-id: 0000000000000001");
        assert_eq!(written("v1"), "200\nx-amz-request-id: 0000000000000001\nx-amz-version-id: v1");
        assert_eq!(gone("", false), "204\nx-amz-request-id: 0000000000000001");
        assert_eq!(
            gone("v2", true),
            "204\nx-amz-delete-marker: true\nx-amz-request-id: 0000000000000001\nx-amz-version-id: v2"
        );
    }

    #[test]
    fn no_value_breaks_out_of_its_header() {
        assert_eq!(quoted_etag("a\r\nb").unwrap_err().code, Code::InternalError);
        let id = RequestId::new(u64::MAX);
        assert_eq!(id.as_str(), "FFFFFFFFFFFFFFFF");
        let created = bucket_created(&BucketName::parse("builds").unwrap(), &id);
        assert_eq!(created.headers()[LOCATION], "/builds");
    }
}
