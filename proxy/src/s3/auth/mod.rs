//! Who sent a request: Signature Version 4, in the `Authorization` header or in the query, and nothing else.
//!
//! The rules are stricter than S3's where S3 lets something into a request that no signature covers: every `x-amz-*`
//! header must be signed, nothing that decides may be given twice, and there are no session tokens, no Signature
//! Version 2 and no other algorithm. What the signature is checked over is what [`crate::s3::uri`] hands to routing.
//!
//! A request goes through `mechanism` (which kind it is), `presented` (its fields, parsed and in scope), `date`
//! (not stale), `canonical` (what was signed) and `clients` (whose key). Only then is there an [`Authenticated`].

mod canonical;
mod chunk;
mod claim;
mod clients;
mod credential;
mod date;
mod field;
mod mechanism;
mod policy;
mod presented;
mod signature;
mod signed_headers;

#[cfg(test)]
mod test_signer;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use hallmark_config::Client;
use http::request::Parts;

use super::error::{Code, S3Error};
use super::uri::{self, Query, RawPath};
use canonical::Request;
use clients::Clients;
use mechanism::Mechanism;
use presented::Presented;

pub use chunk::ChunkSigning;
pub use claim::{Chunked, PayloadClaim};
pub use policy::PolicySignature;

pub(crate) use canonical::collapse;
pub(crate) use field::single;
pub(crate) use signature::Signature;
#[cfg(test)]
pub(crate) use test_signer::TestSigner;

/// Checks who sent requests. Shared by all connections; the only state is a signing key per client and day.
#[derive(Debug)]
pub struct Authenticator {
    clients: Clients,
    region: String,
}

/// A request whose sender is known, or known to be anonymous. Only [`Authenticator::authenticate`] makes it.
#[derive(Debug)]
#[must_use]
pub struct Authenticated {
    identity: Identity,
    payload: PayloadClaim,
}

/// Who sent a request.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Nobody in particular: the request bears no signature at all.
    Anonymous,
    /// Somebody who holds this client's secret.
    Client {
        /// Whose secret.
        client: Arc<Client>,
        /// Through a presigned URL, which the client may have handed to anybody.
        presigned: bool,
    },
}

impl Authenticator {
    /// For requests by `clients`, signed for `region`. Access keys are distinct (the configuration sees to that).
    pub fn new(clients: impl IntoIterator<Item = Client>, region: String) -> Self {
        Self { clients: Clients::new(clients), region }
    }

    /// Who sent the request with this head, and what it says of its body.
    ///
    /// # Errors
    /// S3's own codes: `InvalidURI`, `InvalidArgument` and `InvalidRequest` for heads that are ambiguous or ask for
    /// another mechanism; `AuthorizationHeaderMalformed` and `AuthorizationQueryParametersError` for signatures that
    /// are not well formed or for another service or region; `AccessDenied` for unsigned headers and expired URLs;
    /// `RequestTimeTooSkewed`, `InvalidToken`, `InvalidAccessKeyId`, `SignatureDoesNotMatch`.
    pub fn authenticate(&self, parts: &Parts, now: SystemTime) -> Result<Authenticated, S3Error> {
        let path = RawPath::parse(&parts.uri)?;
        let query = Query::parse(&parts.uri)?;
        let host = uri::host(parts)?;
        let presented = match mechanism::of(parts, &query)? {
            Mechanism::Anonymous => {
                let payload = claim::of_anonymous(&parts.headers)?;
                return Ok(Authenticated { identity: Identity::Anonymous, payload });
            }
            Mechanism::Header(text) => Presented::in_header(text, &parts.headers, &self.region, now)?,
            Mechanism::Presigned => Presented::in_query(&query, &parts.headers, &self.region, now)?,
        };
        let request = Request {
            method: &parts.method,
            path: &path,
            query: &query,
            headers: &parts.headers,
            host,
            signed_headers: &presented.signed_headers,
            payload: &presented.payload,
        };
        let canonical = request.canonical();
        let to_sign = canonical::string_to_sign(&presented.timestamp, &presented.scope, &canonical);
        // An unknown client's request is computed through as well, so that time does not tell which keys exist.
        let (client, key) = self.clients.signing_key(&presented.access_key, &presented.scope);
        let matches = key.sign(to_sign.as_bytes()).matches(&presented.signature);
        let Some(client) = client else {
            return Err(unknown_key(presented.access_key));
        };
        if !matches {
            return Err(mismatch(presented, to_sign, &canonical));
        }
        let payload = presented.claim(key)?;
        let presigned = presented.presigned;
        Ok(Authenticated { identity: Identity::Client { client, presigned }, payload })
    }
}

impl Authenticated {
    /// Who sent the request.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the request says of its body.
    pub fn payload(&self) -> &PayloadClaim {
        &self.payload
    }

    /// Both, for a handler that reads the body.
    pub fn into_parts(self) -> (Identity, PayloadClaim) {
        (self.identity, self.payload)
    }
}

impl Identity {
    /// As it stands in seals (`by=`): the client's name, the name and `~url` for a presigned URL, or `-`.
    pub fn by(&self) -> String {
        match self {
            Self::Anonymous => "-".to_owned(),
            Self::Client { client, presigned: false } => client.name.to_string(),
            Self::Client { client, presigned: true } => format!("{}~url", client.name),
        }
    }

    /// The client, unless the request is anonymous.
    pub fn client(&self) -> Option<&Arc<Client>> {
        match self {
            Self::Anonymous => None,
            Self::Client { client, .. } => Some(client),
        }
    }
}

fn unknown_key(access_key: String) -> S3Error {
    let message = "The AWS Access Key Id you provided does not exist in our records.";
    S3Error::new(Code::InvalidAccessKeyId, message).with("AWSAccessKeyId", access_key)
}

/// Shows what we computed with, which is all the client's own words, so that authors of clients find the difference.
fn mismatch(presented: Presented, to_sign: String, canonical: &[u8]) -> S3Error {
    let message = "The request signature we calculated does not match the signature you provided. Check your key \
                   and signing method.";
    S3Error::new(Code::SignatureDoesNotMatch, message)
        .with("AWSAccessKeyId", presented.access_key)
        .with("StringToSign", to_sign)
        .with("SignatureProvided", presented.signature.to_string())
        .with("CanonicalRequest", String::from_utf8_lossy(canonical))
}
