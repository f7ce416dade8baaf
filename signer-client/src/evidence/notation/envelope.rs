//! The envelope of a Notation signature: a flattened JWS (RFC 7515, section 7.2.2) with the chain in its unsigned header.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::chain::MAX_CHAIN;
use super::headers::Headers;
use crate::evidence::json::{self, JsonError};

/// A Notation signature that is well formed; by nobody knows whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotationEnvelope {
    pub(super) headers: Headers,
    /// Certificates, DER; the signer's first. 1 to [`MAX_CHAIN`].
    pub(super) chain: Vec<Vec<u8>>,
    /// What was signed, decoded.
    pub(super) payload: Vec<u8>,
    /// r || s.
    pub(super) signature: Vec<u8>,
    /// The encoded protected headers and payload, as they were signed.
    protected: String,
    encoded: String,
}

/// A file that is no Notation signature, or one that asks for more than is understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotationParseError {
    /// Not JSON, ambiguous, or not the fields of a flattened JWS.
    #[error("not a Notation signature (flattened JWS): {0}")]
    Json(#[from] JsonError),
    /// Not base64 in the right alphabet.
    #[error("`{0}` is not in the base64 that JWS asks for")]
    Base64(&'static str),
    /// A header of another form.
    #[error("the header `{0}` is missing or not what it should be")]
    Header(&'static str),
    /// A header that is signed and unsigned.
    #[error("the header `{0}` is among the signed and among the unsigned ones")]
    Twice(String),
    /// Another algorithm.
    #[error("the algorithm `{0}` is not supported; ES256 and ES384 are")]
    Algorithm(String),
    /// Another payload.
    #[error("the content type `{0}` is not that of Notary payloads of version 1")]
    ContentType(String),
    /// No scheme that is known, or not the times that it asks for.
    #[error(
        "neither `notary.x509` with a signing time nor `notary.x509.signingAuthority` with an authentic one"
    )]
    Scheme,
    /// A critical header that is not understood.
    #[error("the critical header `{0}` is not understood")]
    UnknownCritical(String),
    /// A header that must be critical and is not.
    #[error("the header `{0}` is not marked critical")]
    NotCritical(&'static str),
    /// A plugin whose checks are not known.
    #[error("the signature asks to be checked by a plugin that is not known")]
    Plugin,
    /// No certificate, or more than [`MAX_CHAIN`].
    #[error("the chain has {0} certificates; 1 to 8 are accepted")]
    ChainLength(usize),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jws {
    payload: String,
    protected: String,
    header: Map<String, Value>,
    signature: String,
}

impl NotationEnvelope {
    /// Reads an envelope. Its payload stays unread until its signature held.
    ///
    /// # Errors
    /// Not an envelope, ambiguous, or with something critical that is not understood.
    pub fn parse(file: &[u8]) -> Result<Self, NotationParseError> {
        let Jws { payload, protected, header, signature } = json::parse(file)?;
        let decode =
            |text: &str, name| URL_SAFE_NO_PAD.decode(text).map_err(|_| NotationParseError::Base64(name));
        let signed: Map<String, Value> = json::parse(&decode(&protected, "protected")?)?;
        if let Some(name) = signed.keys().find(|name| header.contains_key(*name)) {
            return Err(NotationParseError::Twice(name.clone()));
        }
        Ok(Self {
            headers: Headers::read(&signed)?,
            chain: chain(&header)?,
            payload: decode(&payload, "payload")?,
            signature: decode(&signature, "signature")?,
            protected,
            encoded: payload,
        })
    }

    /// What was signed.
    pub(super) fn signing_input(&self) -> String {
        format!("{}.{}", self.protected, self.encoded)
    }
}

/// The certificates: `x5c`, whose base64 is the standard one.
fn chain(header: &Map<String, Value>) -> Result<Vec<Vec<u8>>, NotationParseError> {
    const NAME: &str = "x5c";
    let chain = header.get(NAME).and_then(Value::as_array).ok_or(NotationParseError::Header(NAME))?;
    if !(1..=MAX_CHAIN).contains(&chain.len()) {
        return Err(NotationParseError::ChainLength(chain.len()));
    }
    let certificate = |value: &Value| {
        let text = value.as_str().ok_or(NotationParseError::Header(NAME))?;
        STANDARD.decode(text).map_err(|_| NotationParseError::Base64(NAME))
    };
    chain.iter().map(certificate).collect()
}
