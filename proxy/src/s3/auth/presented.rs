//! What a signed request presents: the fields of its signature, parsed, for us and of now, but not yet verified.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::chunk::ChunkSigning;
use super::claim::{self, Body, PayloadClaim};
use super::credential::{self, Scope};
use super::date::{MAX_EXPIRES, Timestamp};
use super::mechanism::{ALGORITHM, PRESIGNED, no_tokens};
use super::signature::{Signature, SigningKey};
use super::signed_headers::SignedHeaders;
use crate::s3::error::{Code, S3Error};
use crate::s3::uri::Query;

/// Where a signature stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// In the `Authorization` header.
    Header,
    /// In the query.
    Query,
    /// In the fields of a form.
    Form,
}

/// The fields of a signature.
#[derive(Debug)]
pub(super) struct Presented {
    pub(super) access_key: String,
    pub(super) scope: Scope,
    pub(super) timestamp: Timestamp,
    pub(super) signed_headers: SignedHeaders,
    pub(super) signature: Signature,
    /// The last line of the canonical request.
    pub(super) payload: String,
    pub(super) presigned: bool,
    body: Body,
}

impl Place {
    /// The refusal of a field that is not well formed.
    pub(super) fn malformed(self, field: &str, why: &str) -> S3Error {
        match self {
            Self::Header => {
                let message = format!("The authorization header is malformed; {why}");
                S3Error::new(Code::AuthorizationHeaderMalformed, message)
            }
            Self::Query => query_error(format!("Error parsing the X-Amz-{field} parameter; {why}")),
            Self::Form => {
                let message = format!("Error parsing the X-Amz-{field} field; {why}");
                S3Error::new(Code::InvalidArgument, message).with("ArgumentName", format!("X-Amz-{field}"))
            }
        }
    }
}

impl Presented {
    /// From what follows the algorithm in an `Authorization` header.
    pub(super) fn in_header(
        text: &str,
        headers: &HeaderMap,
        region: &str,
        now: SystemTime,
    ) -> Result<Self, S3Error> {
        let place = Place::Header;
        let fields = Fields::parse(text)?;
        let (access_key, scope) = credential::parse(fields.credential, place, region)?;
        let signed_headers = SignedHeaders::parse(fields.signed_headers, place, headers)?;
        let signature = signature(fields.signature, place)?;
        let timestamp = Timestamp::of_request(headers)?;
        if timestamp.day() != scope.date() {
            let why = "the date in the credential is not the date of the request.";
            return Err(place.malformed("Credential", why));
        }
        timestamp.check_skew(now)?;
        let (payload, body) = claim::of_signed(headers)?;
        Ok(Self { access_key, scope, timestamp, signed_headers, signature, payload, presigned: false, body })
    }

    /// From the query of a presigned URL.
    pub(super) fn in_query(
        query: &Query,
        headers: &HeaderMap,
        region: &str,
        now: SystemTime,
    ) -> Result<Self, S3Error> {
        let place = Place::Query;
        check_names(query)?;
        if query.contains("X-Amz-Security-Token") {
            return Err(no_tokens());
        }
        let required = |name: &str| {
            query.get(name)?.ok_or_else(|| {
                let message = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                               X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
                query_error(message.to_owned())
            })
        };
        if required("X-Amz-Algorithm")? != ALGORITHM {
            return Err(query_error(format!("X-Amz-Algorithm only supports \"{ALGORITHM}\"")));
        }
        let (access_key, scope) = credential::parse(required("X-Amz-Credential")?, place, region)?;
        let timestamp = Timestamp::parse(required("X-Amz-Date")?).ok_or_else(|| {
            let message = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"";
            query_error(message.to_owned())
        })?;
        if timestamp.day() != scope.date() {
            return Err(
                place.malformed("Credential", "the date in the credential is not that of X-Amz-Date.")
            );
        }
        let expires = expires(required("X-Amz-Expires")?)?;
        let signed_headers = SignedHeaders::parse(required("X-Amz-SignedHeaders")?, place, headers)?;
        let signature = signature(required("X-Amz-Signature")?, place)?;
        timestamp.check_expiry(expires, now)?;
        let (payload, body) = claim::of_presigned(query, headers, &signed_headers)?;
        Ok(Self { access_key, scope, timestamp, signed_headers, signature, payload, presigned: true, body })
    }

    /// What the request says of its body, once its signature has been verified with `key`: that signature is the seed
    /// of those of the chunks.
    pub(super) fn claim(&self, key: SigningKey) -> Result<PayloadClaim, S3Error> {
        let seed = self.signature.clone();
        let signing = ChunkSigning::new(key, self.timestamp.as_str().to_owned(), self.scope.text(), seed);
        self.body.claim(Some(signing))
    }
}

/// `Credential=…, SignedHeaders=…, Signature=…`, each exactly once, in any order.
struct Fields<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Result<Self, S3Error> {
        let malformed = |why: &str| Place::Header.malformed("", why);
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in text.split(',') {
            let (name, value) = field.trim_matches(' ').split_once('=').unwrap_or_default();
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => {
                    return Err(malformed(
                        "it has a field other than Credential, SignedHeaders and Signature.",
                    ));
                }
            };
            if slot.replace(value).is_some() {
                return Err(malformed("it has a field twice."));
            }
        }
        match (credential, signed_headers, signature) {
            (Some(credential), Some(signed_headers), Some(signature)) => {
                Ok(Self { credential, signed_headers, signature })
            }
            _ => Err(malformed("it needs the fields Credential, SignedHeaders and Signature.")),
        }
    }
}

fn signature(text: &str, place: Place) -> Result<Signature, S3Error> {
    Signature::parse(text.as_bytes())
        .ok_or_else(|| place.malformed("Signature", "the signature is not 64 lower-case hexadecimal digits."))
}

/// Refuses parameters of a presigned URL that are given twice or spelt otherwise: the signature would cover them, but
/// they would not mean what they seem to.
fn check_names(query: &Query) -> Result<(), S3Error> {
    for known in PRESIGNED.into_iter().chain([claim::QUERY_CONTENT_SHA256]) {
        let mut found = query.iter().map(|(name, _)| name).filter(|name| known.eq_ignore_ascii_case(name));
        if found.next().is_some_and(|name| name != known) || found.next().is_some() {
            return Err(query_error(format!("{known} must be given once and spelt exactly so.")));
        }
    }
    Ok(())
}

fn expires(text: &str) -> Result<Duration, S3Error> {
    let message = |why: &str| format!("X-Amz-Expires must be {why}");
    // A number that is out of bounds is a time that is over, or permission that nobody can give.
    let refuse = |why: &str| Err(S3Error::new(Code::AccessDenied, message(why)));
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(query_error(message("a number")));
    }
    if text.starts_with('-') {
        return refuse("non-negative");
    }
    match text.parse() {
        Ok(0) => refuse("at least 1"),
        Ok(seconds) if seconds <= MAX_EXPIRES => Ok(Duration::from_secs(seconds)),
        _ => refuse(
            "less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
        ),
    }
}

fn query_error(message: String) -> S3Error {
    S3Error::new(Code::AuthorizationQueryParametersError, message)
}
