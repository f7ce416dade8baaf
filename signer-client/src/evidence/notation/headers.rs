//! The signed headers of a Notation signature, and what is critical among them.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::authority::{self, AwsSigner};
use super::envelope::NotationParseError;

const SCHEME: &str = "io.cncf.notary.signingScheme";
const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
const AUTHENTIC_TIME: &str = "io.cncf.notary.authenticSigningTime";
const EXPIRY: &str = "io.cncf.notary.expiry";
const PAYLOAD: &str = "application/vnd.cncf.notary.payload.v1+json";

/// What was signed with, of what is supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
}

/// Who says when it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `notary.x509`: the signer, which proves nothing.
    X509,
    /// `notary.x509.signingAuthority`: the authority that signs for others.
    Authority {
        /// Unix milliseconds.
        signed_at: u64,
        /// For whom, if it is AWS Signer.
        aws: Option<AwsSigner>,
    },
}

impl Scheme {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::X509 => "notary.x509",
            Self::Authority { .. } => "notary.x509.signingAuthority",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Headers {
    pub(super) algorithm: Algorithm,
    pub(super) scheme: Scheme,
    /// Unix milliseconds.
    pub(super) expiry: Option<u64>,
}

impl Headers {
    /// Reads the protected headers. Those that are not critical and not known are ignored, as JWS asks.
    pub(super) fn read(headers: &Map<String, Value>) -> Result<Self, NotationParseError> {
        let algorithm = match text(headers, "alg")? {
            Some("ES256") => Algorithm::Es256,
            Some("ES384") => Algorithm::Es384,
            other => return Err(NotationParseError::Algorithm(other.unwrap_or_default().to_owned())),
        };
        match text(headers, "cty")? {
            Some(PAYLOAD) => {}
            other => return Err(NotationParseError::ContentType(other.unwrap_or_default().to_owned())),
        }
        let (signing, authentic) = (moment(headers, SIGNING_TIME)?, moment(headers, AUTHENTIC_TIME)?);
        let scheme = match (text(headers, SCHEME)?, signing, authentic) {
            (Some("notary.x509"), Some(_), None) => Scheme::X509,
            (Some("notary.x509.signingAuthority"), None, Some(signed_at)) => {
                Scheme::Authority { signed_at, aws: authority::read(headers)? }
            }
            _ => return Err(NotationParseError::Scheme),
        };
        critical(headers, &scheme)?;
        // Whoever names a plugin asks for its checks, also where that is not marked critical as it should be.
        let for_aws = matches!(scheme, Scheme::Authority { aws: Some(_), .. });
        if !for_aws
            && [authority::PLUGIN, authority::PLUGIN_VERSION].iter().any(|name| headers.contains_key(*name))
        {
            return Err(NotationParseError::Plugin);
        }
        Ok(Self { algorithm, scheme, expiry: moment(headers, EXPIRY)? })
    }
}

/// Checks `crit`: it names all that is critical by the specification and there, and nothing that is not understood.
fn critical(headers: &Map<String, Value>, scheme: &Scheme) -> Result<(), NotationParseError> {
    let no_list = || NotationParseError::Header("crit");
    let listed = headers.get("crit").and_then(Value::as_array).ok_or_else(no_list)?;
    let listed = listed.iter().map(Value::as_str).collect::<Option<Vec<_>>>().ok_or_else(no_list)?;
    let notary = match scheme {
        Scheme::X509 => &[SCHEME, EXPIRY][..],
        Scheme::Authority { aws: None, .. } => &[SCHEME, EXPIRY, AUTHENTIC_TIME],
        Scheme::Authority { aws: Some(_), .. } => &[
            SCHEME,
            EXPIRY,
            AUTHENTIC_TIME,
            authority::PLUGIN,
            authority::PLUGIN_VERSION,
            authority::PROFILE_VERSION,
            authority::JOB,
        ],
    };
    for (index, name) in listed.iter().enumerate() {
        if !notary.contains(name) {
            return Err(NotationParseError::UnknownCritical((*name).to_owned()));
        }
        if !headers.contains_key(*name) || listed.iter().take(index).any(|before| before == name) {
            return Err(no_list());
        }
    }
    match notary.iter().find(|name| headers.contains_key(**name) && !listed.contains(name)) {
        Some(name) => Err(NotationParseError::NotCritical(name)),
        None => Ok(()),
    }
}

/// A header that is a text.
pub(super) fn text<'a>(
    headers: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, NotationParseError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.as_str().map(Some).ok_or(NotationParseError::Header(name))
}

/// A header that is a time (RFC 3339), Unix milliseconds.
fn moment(headers: &Map<String, Value>, name: &'static str) -> Result<Option<u64>, NotationParseError> {
    let Some(text) = text(headers, name)? else { return Ok(None) };
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok();
    let millis = moment.and_then(|moment| u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok());
    millis.map(Some).ok_or(NotationParseError::Header(name))
}
