//! Sigstore bundles (protobuf-specs, `sigstore_bundle.proto`), versions 0.1 to 0.3: a signature with what verifies it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dsse::{Envelope, EnvelopeError};
use crate::evidence::bundle_json::{BundleJson, Material};
use crate::evidence::json::{self, JsonError};
use crate::signature::Signature;

const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
];

/// A bundle that is well formed; by nobody knows whom.
///
/// What it says of itself decides nothing: its hint which key made the signature is not looked at, nor is the digest that
/// it names as that of the artifact.
#[derive(Debug, Clone)]
pub enum Bundle {
    /// Signed with a key that the verifier has: a signature over the artifact's bytes. Entries of logs in it are not
    /// looked at: who trusts a key needs no log to say that it signed.
    Signature(Signature),
    /// Signed with a key that the verifier has: an envelope with exactly one signature.
    Envelope(Envelope),
    /// Signed with a key that a certificate in it names.
    Certificate(CertificateBundle),
}

/// A bundle with a certificate. With the feature `identities`, a [`SigstoreTrust`](crate::evidence::SigstoreTrust) says
/// whether it holds.
#[derive(Debug, Clone)]
pub struct CertificateBundle {
    #[cfg(feature = "identities")]
    pub(super) parsed: Box<sigstore_verify::types::Bundle>,
}

/// A file that is no Sigstore bundle of a kind that is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not JSON, ambiguous, or not the fields of a bundle.
    #[error("not a Sigstore bundle: {0}")]
    Json(#[from] JsonError),
    /// Another version.
    #[error("`{0}` is not the media type of Sigstore bundles of version 0.1, 0.2 or 0.3")]
    MediaType(String),
    /// Not exactly one of `messageSignature` and `dsseEnvelope`.
    #[error("the bundle does not hold exactly one of a message signature and a DSSE envelope")]
    Content,
    /// Not exactly one of key and certificates.
    #[error(
        "the bundle does not name exactly one of a public key, a certificate and a chain of certificates"
    )]
    Material,
    /// Not base64 of a DER-encoded P-256 signature.
    #[error("the signature is not the base64 of a DER-encoded ECDSA P-256 signature")]
    Signature,
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// An envelope with other than one signature.
    #[error("the envelope holds {0} signatures; in a bundle it holds one")]
    Signatures(usize),
    /// More of something than is verified for one signature.
    #[error("the bundle holds more {0} than a signature needs (4 log entries, 4 timestamps, 8 certificates)")]
    Excess(&'static str),
    /// The fields that come with certificates are not what they should be.
    #[error("not a Sigstore bundle: {0}")]
    Certificate(String),
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// Not a bundle of a version that is known, ambiguous, or with other than one signature.
    pub fn parse(file: &[u8]) -> Result<Self, BundleError> {
        let json: BundleJson = json::parse(file)?;
        if !MEDIA_TYPES.contains(&json.media_type.as_str()) {
            return Err(BundleError::MediaType(json.media_type));
        }
        if let Some(what) = json.verification_material.excess() {
            return Err(BundleError::Excess(what));
        }
        let Material { public_key, certificate, x509_certificate_chain, .. } = json.verification_material;
        let envelope = json.dsse_envelope.map(|envelope| one_signature(&envelope)).transpose()?;
        match (public_key, certificate, x509_certificate_chain) {
            (Some(_), None, None) => match (json.message_signature, envelope) {
                (Some(message), None) => signature(&message.signature).map(Self::Signature),
                (None, Some(envelope)) => Ok(Self::Envelope(envelope)),
                (None, None) | (Some(_), Some(_)) => Err(BundleError::Content),
            },
            (None, Some(_), None) | (None, None, Some(_)) => {
                if json.message_signature.is_some() == envelope.is_some() {
                    return Err(BundleError::Content);
                }
                CertificateBundle::parse(file).map(Self::Certificate)
            }
            _ => Err(BundleError::Material),
        }
    }
}

fn signature(base64: &str) -> Result<Signature, BundleError> {
    let der = STANDARD.decode(base64).map_err(|_| BundleError::Signature)?;
    Signature::from_der(&der).map_err(|_| BundleError::Signature)
}

fn one_signature(json: &serde_json::Value) -> Result<Envelope, BundleError> {
    let envelope = Envelope::parse(json.to_string().as_bytes())?;
    if envelope.signatures.len() == 1 {
        Ok(envelope)
    } else {
        Err(BundleError::Signatures(envelope.signatures.len()))
    }
}

impl CertificateBundle {
    #[cfg(feature = "identities")]
    fn parse(file: &[u8]) -> Result<Self, BundleError> {
        let text = std::str::from_utf8(file).map_err(|error| BundleError::Certificate(error.to_string()))?;
        let parsed = sigstore_verify::types::Bundle::from_json(text);
        let parsed = parsed.map_err(|error| BundleError::Certificate(error.to_string()))?;
        Ok(Self { parsed: Box::new(parsed) })
    }

    #[cfg(not(feature = "identities"))]
    #[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
    fn parse(_: &[u8]) -> Result<Self, BundleError> {
        Ok(Self {})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn bundle() -> Value {
        json!({
            "mediaType": MEDIA_TYPES[3],
            "verificationMaterial": {"publicKey": {"hint": "any"}, "tlogEntries": []},
            "messageSignature": {"messageDigest": null, "signature": "MAYCAQECAQE="},
        })
    }

    fn envelope(signatures: usize) -> Value {
        json!({"payloadType": "t", "payload": "", "signatures": vec![json!({"sig": "AA=="}); signatures]})
    }

    #[test]
    fn there_is_one_content_and_one_material() {
        let with = |path: &str, name: &str, value: Value| {
            let mut bundle = bundle();
            bundle.pointer_mut(path).unwrap()[name] = value;
            Bundle::parse(bundle.to_string().as_bytes())
        };
        assert!(matches!(with("", "dsseEnvelope", Value::Null), Ok(Bundle::Signature(_))));
        for (path, name, value, expected) in [
            ("", "dsseEnvelope", envelope(1), "exactly one of a message"),
            ("", "messageSignature", Value::Null, "exactly one of a message"),
            ("", "messageSignature", json!({"signature": "MAYCAQECAQE"}), "base64"),
            ("", "messageSignature", json!({"signature": "AAAA"}), "base64"),
            ("", "messageSignature", json!({"signature": "MAYCAQECAQE=", "x": 1}), "unknown field"),
            ("", "mediaType", json!("application/vnd.dev.sigstore.bundle.v0.4+json"), "media type"),
            ("", "more", json!(1), "unknown field"),
            ("/verificationMaterial", "publicKey", Value::Null, "exactly one of a public key"),
            ("/verificationMaterial", "certificate", json!({}), "exactly one of a public key"),
            ("/verificationMaterial", "more", json!(1), "unknown field"),
            ("/verificationMaterial", "publicKey", json!({"rawBytes": ""}), "unknown field"),
            ("/verificationMaterial", "tlogEntries", json!([{"inclusionPromises": null}]), "unknown field"),
            ("/verificationMaterial", "timestampVerificationData", json!({"rfc3162": []}), "unknown field"),
            ("/verificationMaterial", "tlogEntries", json!(vec![json!({}); 5]), "more log entries"),
            (
                "/verificationMaterial",
                "timestampVerificationData",
                json!({"rfc3161Timestamps": vec![json!({}); 5]}),
                "more timestamps",
            ),
            (
                "/verificationMaterial",
                "x509CertificateChain",
                json!({"certificates": vec![json!({}); 9]}),
                "more certificates",
            ),
        ] {
            let error = with(path, name, value.clone()).unwrap_err().to_string();
            assert!(error.contains(expected), "{name} {value}: {error}");
        }
        for media_type in MEDIA_TYPES {
            assert!(with("", "mediaType", json!(media_type)).is_ok());
        }
    }

    #[test]
    fn an_envelope_has_one_signature() {
        for (signatures, good) in [(0, false), (1, true), (2, false)] {
            let mut bundle = bundle();
            bundle["messageSignature"] = Value::Null;
            bundle["dsseEnvelope"] = envelope(signatures);
            assert_eq!(Bundle::parse(bundle.to_string().as_bytes()).is_ok(), good, "{signatures}");
        }
    }
}
