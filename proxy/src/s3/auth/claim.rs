//! What a request says of its body: `x-amz-content-sha256`.

use hallmark_signer::Sha256Digest;
use http::HeaderMap;

use super::chunk::ChunkSigning;
use super::field::single;
use super::signature::digest;
use super::signed_headers::{CONTENT_SHA256, SignedHeaders, not_signed};
use crate::s3::error::{Code, S3Error};
use crate::s3::uri::Query;

/// The query parameter by which a presigned URL may bind the body.
pub(super) const QUERY_CONTENT_SHA256: &str = "X-Amz-Content-Sha256";

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What the sender vouches for in the body.
#[derive(Debug)]
pub enum PayloadClaim {
    /// Nothing: the body could be anybody's.
    Unsigned,
    /// The SHA-256 of the whole body.
    Digest(Sha256Digest),
    /// The body is framed as `aws-chunked`.
    Chunked(Chunked),
}

/// The forms of `aws-chunked`.
#[derive(Debug)]
pub enum Chunked {
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: every chunk is signed.
    Signed(ChunkSigning),
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`: so are the trailers that follow.
    SignedTrailer(ChunkSigning),
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: neither is.
    UnsignedTrailer,
}

/// The syntax of `x-amz-content-sha256`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    Unsigned,
    Digest(Sha256Digest),
    Signed,
    SignedTrailer,
    UnsignedTrailer,
}

impl PayloadClaim {
    /// Whether the bytes of the body are vouched for by nobody. Such a body may be taken only where the transport
    /// vouches for it. (A request without a body may be so, too: every presigned download is.)
    pub fn is_unsigned(&self) -> bool {
        match self {
            Self::Unsigned | Self::Chunked(Chunked::UnsignedTrailer) => true,
            Self::Digest(_) | Self::Chunked(Chunked::Signed(_) | Chunked::SignedTrailer(_)) => false,
        }
    }
}

impl Body {
    fn parse(text: &str) -> Result<Self, S3Error> {
        match text {
            UNSIGNED => Ok(Self::Unsigned),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Ok(Self::Signed),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => Ok(Self::SignedTrailer),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(Self::UnsignedTrailer),
            _ => match digest(text.as_bytes()) {
                Some(bytes) => Ok(Self::Digest(Sha256Digest::new(bytes))),
                None => Err(S3Error::new(
                    Code::InvalidArgument,
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                     STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid \
                     sha256 value.",
                )
                .with("ArgumentName", CONTENT_SHA256)
                .with("ArgumentValue", text)),
            },
        }
    }

    /// The claim, given what checks the chunks of a signed request.
    pub(super) fn claim(self, signing: Option<ChunkSigning>) -> Result<PayloadClaim, S3Error> {
        Ok(match (self, signing) {
            (Self::Unsigned, _) => PayloadClaim::Unsigned,
            (Self::Digest(digest), _) => PayloadClaim::Digest(digest),
            (Self::Signed, Some(signing)) => PayloadClaim::Chunked(Chunked::Signed(signing)),
            (Self::SignedTrailer, Some(signing)) => PayloadClaim::Chunked(Chunked::SignedTrailer(signing)),
            (Self::UnsignedTrailer, _) => PayloadClaim::Chunked(Chunked::UnsignedTrailer),
            (Self::Signed | Self::SignedTrailer, None) => {
                return Err(invalid(
                    "Signed chunks need a signed request: there is no signature to begin with.",
                ));
            }
        })
    }
}

/// Of a request without a signature: whatever it says, or nothing.
pub(super) fn of_anonymous(headers: &HeaderMap) -> Result<PayloadClaim, S3Error> {
    match single(headers, CONTENT_SHA256)? {
        Some(text) => Body::parse(text)?.claim(None),
        None => Ok(PayloadClaim::Unsigned),
    }
}

/// Of a request with an `Authorization` header; also the text that is signed.
pub(super) fn of_signed(headers: &HeaderMap) -> Result<(String, Body), S3Error> {
    let text = single(headers, CONTENT_SHA256)?
        .ok_or_else(|| invalid("Missing required header for this request: x-amz-content-sha256"))?;
    Ok((text.to_owned(), Body::parse(text)?))
}

/// Of a presigned URL: unsigned, unless the query or a signed header gives a digest. Also the text that is signed.
pub(super) fn of_presigned(
    query: &Query,
    headers: &HeaderMap,
    signed: &SignedHeaders,
) -> Result<(String, Body), S3Error> {
    let header = single(headers, CONTENT_SHA256)?;
    // Whoever uses the URL may say that the body is unsigned, which it is; anything else its signer must have said.
    if header.is_some_and(|text| text != UNSIGNED) && !signed.contains(CONTENT_SHA256) {
        return Err(not_signed(CONTENT_SHA256));
    }
    let text = match (query.get(QUERY_CONTENT_SHA256)?, header) {
        (Some(in_query), Some(in_header)) if in_query != in_header => {
            return Err(invalid("x-amz-content-sha256 in the query and in the header differ."));
        }
        (Some(text), _) | (None, Some(text)) => text,
        (None, None) => UNSIGNED,
    };
    let body = Body::parse(text)?;
    match body {
        Body::Unsigned | Body::Digest(_) => Ok((text.to_owned(), body)),
        Body::Signed | Body::SignedTrailer | Body::UnsignedTrailer => {
            Err(invalid("Presigned URLs do not take bodies framed as aws-chunked."))
        }
    }
}

fn invalid(message: &'static str) -> S3Error {
    S3Error::new(Code::InvalidRequest, message)
}
