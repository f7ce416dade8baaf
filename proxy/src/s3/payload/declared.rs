//! What the headers of an upload declare of its body. Syntax and contradictions are refused here, before a byte is
//! read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::checksum::{ChecksumAlgorithm, DeclaredChecksum};
use super::encoding::is_aws_chunked;
use crate::s3::auth::{PayloadClaim, single};
use crate::s3::error::{Code, S3Error};

const DECODED_LENGTH: &str = "x-amz-decoded-content-length";
const SDK_ALGORITHM: &str = "x-amz-sdk-checksum-algorithm";

/// Checksums declared of a body.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) content_md5: Option<[u8; 16]>,
    pub(super) checksum: Checksum,
}

/// An `x-amz-checksum-*`; there is at most one.
#[derive(Debug)]
pub(super) enum Checksum {
    None,
    /// Its value is known.
    Header(DeclaredChecksum),
    /// Its value follows the body.
    Trailer(ChecksumAlgorithm),
}

impl Checksum {
    pub(super) fn algorithm(&self) -> Option<ChecksumAlgorithm> {
        match self {
            Self::None => None,
            Self::Header(checksum) => Some(checksum.algorithm()),
            Self::Trailer(algorithm) => Some(*algorithm),
        }
    }
}

impl Declared {
    /// Where `x-amz-checksum-*` describe the body.
    pub(super) fn of_body(headers: &HeaderMap) -> Result<Self, S3Error> {
        let declared = Self { content_md5: content_md5(headers)?, checksum: checksum(headers)? };
        match (single(headers, SDK_ALGORITHM)?, declared.checksum.algorithm()) {
            (None, _) => Ok(declared),
            (Some(name), Some(algorithm)) if ChecksumAlgorithm::of_name(name) == Some(algorithm) => {
                Ok(declared)
            }
            (Some(_), Some(_)) => Err(invalid("Value for x-amz-sdk-checksum-algorithm header is invalid.")),
            (Some(_), None) => Err(invalid(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer \
                 headers were found.",
            )),
        }
    }

    /// The length of the data, without framing.
    pub(super) fn length(&self, claim: &PayloadClaim, headers: &HeaderMap) -> Result<Option<u64>, S3Error> {
        transfer_coding(headers)?;
        let content_length = length(headers, "content-length")?;
        if content_length.is_some() && headers.contains_key("transfer-encoding") {
            // Two lengths: a proxy in front may have believed the other one.
            return Err(invalid("Content-Length and Transfer-Encoding are both given."));
        }
        let decoded = length(headers, DECODED_LENGTH)?;
        match claim {
            PayloadClaim::Chunked(_) if decoded.is_none() && content_length.is_some() => {
                let message = "You must provide the x-amz-decoded-content-length HTTP header.";
                Err(S3Error::new(Code::MissingContentLength, message))
            }
            PayloadClaim::Chunked(_) => Ok(decoded),
            // Otherwise the framing would be stored as if it were data.
            PayloadClaim::Unsigned if decoded.is_some() || is_aws_chunked(headers) => Err(misframed()),
            // What a digest was signed of is what is sent, whatever a header calls it.
            PayloadClaim::Digest(_) if decoded.is_some() => Err(misframed()),
            PayloadClaim::Unsigned | PayloadClaim::Digest(_) => Ok(content_length),
        }
    }
}

fn misframed() -> S3Error {
    invalid("The body is said to be aws-chunked, but not by x-amz-content-sha256.")
}

/// The HTTP parser takes `chunked` off a body and nothing else: what another coding did to it would be stored.
fn transfer_coding(headers: &HeaderMap) -> Result<(), S3Error> {
    let mut codings = headers.get_all("transfer-encoding").iter();
    let plain = codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if plain && codings.next().is_none() {
        return Ok(());
    }
    Err(S3Error::new(Code::NotImplemented, "No Transfer-Encoding but chunked is supported."))
}

fn length(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>, S3Error> {
    let Some(text) = single(headers, name)? else { return Ok(None) };
    // `parse` would take a plus sign.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let length = text.parse().ok().filter(|_| digits);
    length.map(Some).ok_or_else(|| {
        let message = "A length is not a decimal number.";
        S3Error::new(Code::InvalidArgument, message).with("ArgumentName", name).with("ArgumentValue", text)
    })
}

fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, S3Error> {
    let Some(text) = single(headers, "content-md5")? else { return Ok(None) };
    let md5 = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    let refusal = || S3Error::new(Code::InvalidDigest, "The Content-MD5 you specified was invalid.");
    md5.map(Some).ok_or_else(refusal)
}

fn checksum(headers: &HeaderMap) -> Result<Checksum, S3Error> {
    let mut found = match single(headers, "x-amz-trailer")? {
        Some(text) => Checksum::Trailer(trailer(text)?),
        None => Checksum::None,
    };
    for (name, value) in headers {
        let Some(suffix) = name.as_str().strip_prefix("x-amz-checksum-") else { continue };
        if matches!(suffix, "algorithm" | "type" | "mode") {
            continue;
        }
        let algorithm = ChecksumAlgorithm::of_header(name.as_str()).ok_or_else(|| {
            invalid("The algorithm type you specified in x-amz-checksum- header is invalid.")
        })?;
        if !matches!(found, Checksum::None) {
            return Err(several());
        }
        let parsed = value.to_str().ok().and_then(|text| DeclaredChecksum::parse(algorithm, text));
        let refusal = || {
            S3Error::new(Code::InvalidRequest, format!("Value for {} header is invalid.", algorithm.header()))
        };
        found = Checksum::Header(parsed.ok_or_else(refusal)?);
    }
    Ok(found)
}

fn trailer(text: &str) -> Result<ChecksumAlgorithm, S3Error> {
    if text.contains(',') {
        return Err(several());
    }
    ChecksumAlgorithm::of_header(&text.trim().to_ascii_lowercase())
        .ok_or_else(|| invalid("The value specified in the x-amz-trailer header is not supported"))
}

fn several() -> S3Error {
    invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
}

fn invalid(message: &'static str) -> S3Error {
    S3Error::new(Code::InvalidRequest, message)
}
