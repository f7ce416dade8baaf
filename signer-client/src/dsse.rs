//! DSSE envelopes (Dead Simple Signing Envelope 1.0).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::evidence::check_json;
use crate::key::PublicKey;
use crate::publisher::{MAX_SIGNATURES, TooManyKeys, verified_by};
use crate::signature::Signature;
use crate::verdicts::{Signed, Verdicts};

/// The longest envelope that is read, bytes of JSON.
pub const MAX_ENVELOPE: usize = 64 * 1024;

/// The type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// The pre-authentication encoding: what is signed.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// A payload with its signatures. Nothing about it is checked but its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// How to read the payload; signed.
    pub payload_type: String,
    /// What is signed.
    pub payload: Vec<u8>,
    /// Signatures over both.
    pub signatures: Vec<EnvelopeSignature>,
}

/// A signature in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// A hint which key made it; not signed.
    pub keyid: Option<String>,
    /// The signature's bytes. Ours are DER.
    pub sig: Vec<u8>,
}

/// A document that is no envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Over [`MAX_ENVELOPE`].
    #[error("the envelope is longer than 65536 bytes")]
    TooLong,
    /// Not JSON, or not the fields of an envelope.
    #[error("not a DSSE envelope: {0}")]
    Json(String),
    /// Neither standard nor URL-safe base64.
    #[error("`{0}` of the envelope is not base64")]
    Base64(&'static str),
    /// None, or more than [`MAX_SIGNATURES`].
    #[error("the envelope holds {0} signatures; 1 to 8 are accepted")]
    Signatures(usize),
}

#[derive(Serialize, Deserialize)]
struct EnvelopeJson {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<SignatureJson>,
}

#[derive(Serialize, Deserialize)]
struct SignatureJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

impl Envelope {
    /// Reads the JSON form. Base64 may be standard or URL-safe, as DSSE asks of verifiers; fields that DSSE does not
    /// know are ignored, as it asks too; a key that stands twice in an object is refused.
    ///
    /// # Errors
    /// Too long, ambiguous, not an envelope, no signature, or too many.
    pub fn parse(json: &[u8]) -> Result<Self, EnvelopeError> {
        if json.len() > MAX_ENVELOPE {
            return Err(EnvelopeError::TooLong);
        }
        check_json(json).map_err(|error| EnvelopeError::Json(error.to_string()))?;
        let json: EnvelopeJson =
            serde_json::from_slice(json).map_err(|error| EnvelopeError::Json(error.to_string()))?;
        if !(1..=MAX_SIGNATURES).contains(&json.signatures.len()) {
            return Err(EnvelopeError::Signatures(json.signatures.len()));
        }
        let signature = |signature: SignatureJson| {
            let sig = decode(&signature.sig).ok_or(EnvelopeError::Base64("sig"))?;
            Ok(EnvelopeSignature { keyid: signature.keyid.filter(|keyid| !keyid.is_empty()), sig })
        };
        Ok(Self {
            payload_type: json.payload_type,
            payload: decode(&json.payload).ok_or(EnvelopeError::Base64("payload"))?,
            signatures: json.signatures.into_iter().map(signature).collect::<Result<_, _>>()?,
        })
    }

    /// The JSON form: one line, standard base64.
    pub fn to_json(&self) -> String {
        let json = EnvelopeJson {
            payload_type: self.payload_type.clone(),
            payload: STANDARD.encode(&self.payload),
            signatures: self
                .signatures
                .iter()
                .map(|signature| SignatureJson {
                    keyid: signature.keyid.clone(),
                    sig: STANDARD.encode(&signature.sig),
                })
                .collect(),
        };
        serde_json::to_string(&json).expect("structs of strings have a JSON form")
    }

    /// The names of those candidates whose key signed this envelope; each key counts once. Key ids in the envelope decide
    /// nothing. DSSE leaves the encoding of signatures to those who sign: DER is read, as tools make it, and r || s, as the
    /// specification's example has it.
    ///
    /// # Errors
    /// More than 16 candidates.
    pub fn verified_by<'k, N>(
        &self,
        candidates: impl IntoIterator<Item = (N, &'k PublicKey)>,
        verdicts: &dyn Verdicts,
    ) -> Result<Vec<N>, TooManyKeys> {
        let signatures: Vec<_> =
            self.signatures.iter().filter_map(|signature| decode_signature(&signature.sig)).collect();
        let pae = pae(&self.payload_type, &self.payload);
        verified_by(Signed::Pae(&pae), &signatures, candidates, verdicts)
    }
}

/// DER, or r || s. A signature in DER that has 64 bytes is one in DER.
fn decode_signature(sig: &[u8]) -> Option<Signature> {
    let raw = || sig.try_into().ok().and_then(|bytes| Signature::from_bytes(bytes).ok());
    Signature::from_der(sig).ok().or_else(raw)
}

/// Standard or URL-safe base64, padded or not, with nothing of the four mixed.
fn decode(text: &str) -> Option<Vec<u8>> {
    [STANDARD, URL_SAFE, STANDARD_NO_PAD, URL_SAFE_NO_PAD].iter().find_map(|engine| engine.decode(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256Digest;
    use crate::key::PrivateKey;
    use crate::verdicts::NoVerdicts;

    /// The example of the DSSE specification (protocol, "Test Vectors"): P-256, raw r || s; the point in hexadecimal.
    const EXAMPLE: &str = r#"{"payload": "aGVsbG8gd29ybGQ=",
 "payloadType": "http://example.com/HelloWorld",
 "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}"#;
    const EXAMPLE_SPKI: &str = "3059301306072a8648ce3d020106082a8648ce3d03010703420004\
        67cd390f77aa359cb08c2235f652270493a9ed832b0abcc01f70954c0390d238\
        0c782bd54e269125a44f4433aff1432ce94e12bca73aa67ac80cea12608ddf74";

    #[test]
    fn the_specifications_example_verifies() {
        let key = PublicKey::from_der(&hex::decode(EXAMPLE_SPKI).unwrap()).unwrap();
        let mut envelope = Envelope::parse(EXAMPLE.as_bytes()).unwrap();
        let pae = pae(&envelope.payload_type, &envelope.payload);
        assert_eq!(pae, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        let signature =
            Signature::from_bytes(&envelope.signatures[0].sig.clone().try_into().unwrap()).unwrap();
        assert_eq!(key.verify(&Sha256Digest::of(&pae), &signature), Ok(()));

        for sig in [signature.to_bytes().to_vec(), signature.to_der()] {
            envelope.signatures[0].sig = sig;
            assert_eq!(envelope.verified_by([((), &key)], &NoVerdicts), Ok(vec![()]));
        }
        envelope.payload_type.push('x');
        assert_eq!(envelope.verified_by([((), &key)], &NoVerdicts), Ok(vec![]));
    }

    #[test]
    fn key_ids_decide_nothing() {
        let ours = PublicKey::from_der(&hex::decode(EXAMPLE_SPKI).unwrap()).unwrap();
        let other = PrivateKey::generate().unwrap().into_blob_key();
        let mut envelope = Envelope::parse(EXAMPLE.as_bytes()).unwrap();
        let raw = envelope.signatures[0].sig.clone().try_into().unwrap();
        envelope.signatures[0].sig = Signature::from_bytes(&raw).unwrap().to_der();
        envelope.signatures[0].keyid = Some(other.public_key().id().to_hex());
        envelope.signatures.push(envelope.signatures[0].clone());
        let candidates = [("other", other.public_key()), ("ours", &ours), ("ours again", &ours)];
        assert_eq!(envelope.verified_by(candidates, &NoVerdicts), Ok(vec!["ours"]));
    }

    #[test]
    fn both_alphabets_are_read_and_one_is_written() {
        let envelope = Envelope {
            payload_type: IN_TOTO.to_owned(),
            payload: vec![0xfb, 0xff, 0xfe, 0],
            signatures: vec![EnvelopeSignature { keyid: Some("a\"b".to_owned()), sig: vec![0xff; 5] }],
        };
        let json = envelope.to_json();
        assert!(json.contains(r#""payload":"+//+AA==""#), "{json}");
        assert_eq!(Envelope::parse(json.as_bytes()).as_ref(), Ok(&envelope));
        for other in [json.replace("+//+AA==", "-__-AA=="), json.replace("+//+AA==", "-__-AA")] {
            assert_eq!(Envelope::parse(other.as_bytes()).as_ref(), Ok(&envelope));
        }
        for bad in ["+__+AA==", "+//+AB==", "+//+AA==\n", "+//+AA=", "é"] {
            let json = json.replace("+//+AA==", bad);
            assert!(Envelope::parse(json.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_envelope_is_refused() {
        let signature = r#"{"sig":"AA=="}"#;
        let envelope = |signatures: &[&str]| {
            format!(r#"{{"payloadType":"t","payload":"","signatures":[{}]}}"#, signatures.join(","))
        };
        assert!(Envelope::parse(envelope(&[signature; 8]).as_bytes()).is_ok());
        for (json, expected) in [
            (envelope(&[]), "0 signatures"),
            (envelope(&[signature; 9]), "9 signatures"),
            (envelope(&["{}"]), "missing field `sig`"),
            (envelope(&[signature]) + " {}", "trailing"),
            (envelope(&[signature]).replace("payloadType", "payload"), "duplicate field"),
            (envelope(&[signature]) + &" ".repeat(MAX_ENVELOPE), "longer"),
            ("[]".to_owned(), "not a DSSE envelope"),
        ] {
            let error = Envelope::parse(json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
