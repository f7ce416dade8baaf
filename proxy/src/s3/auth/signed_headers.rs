//! The headers that a signature covers, and those that it must.

use http::HeaderMap;

use super::presented::Place;
use crate::s3::error::{Code, S3Error};

/// Signed for what it says, as the last line of the canonical request, wherever it says it.
pub(super) const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// Names of signed headers: lower case, sorted, distinct, with `host`; each is in the request (`host` may stand in
/// the request target instead), and every `x-amz-*` header of the request is among them.
#[derive(Debug)]
pub(super) struct SignedHeaders(Vec<String>);

impl SignedHeaders {
    /// Reads the `;`-separated list and holds it against the request's headers.
    pub(super) fn parse(text: &str, place: Place, headers: &HeaderMap) -> Result<Self, S3Error> {
        let names: Vec<String> = text.split(';').map(str::to_owned).collect();
        let well_formed = |name: &String| !name.is_empty() && name.bytes().all(is_lower_token);
        if !names.iter().all(well_formed) || !names.is_sorted_by(|a, b| a < b) {
            let why = "the signed headers must be lower-case names, sorted, each once, separated by ';'.";
            return Err(place.malformed("SignedHeaders", why));
        }
        if let Some(missing) =
            names.iter().find(|name| *name != "host" && !headers.contains_key(name.as_str()))
        {
            let why = format!("the signed header '{missing}' is not in the request.");
            return Err(place.malformed("SignedHeaders", &why));
        }
        let signed = Self(names);
        let must = headers.keys().map(http::HeaderName::as_str);
        let must = must.filter(|name| name.starts_with("x-amz-") && *name != CONTENT_SHA256);
        let mut unsigned: Vec<_> = must.chain(["host"]).filter(|name| !signed.contains(name)).collect();
        if unsigned.is_empty() {
            return Ok(signed);
        }
        unsigned.sort_unstable();
        Err(not_signed(&unsigned.join(", ")))
    }

    /// Whether `name` is signed.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.binary_search_by(|signed| signed.as_str().cmp(name)).is_ok()
    }

    /// The names, sorted.
    pub(super) fn names(&self) -> &[String] {
        &self.0
    }
}

/// The refusal of a request that carries headers which its signature should cover and does not.
pub(super) fn not_signed(names: &str) -> S3Error {
    let message = "There were headers present in the request which were not signed";
    S3Error::new(Code::AccessDenied, message).with("HeadersNotSigned", names)
}

/// `tchar` of RFC 9110 without the upper-case letters.
fn is_lower_token(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
