//! Certificates of seal keys: a certifier says that a key makes seals of a deployment for a while.
//!
//! The form is a DSSE envelope in exactly one text: an in-toto statement whose subject is the key (SHA-256 of its
//! SubjectPublicKeyInfo in DER), and one signature.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::digest::Sha256Digest;
use crate::dsse::{Envelope, EnvelopeSignature, IN_TOTO, pae};
use crate::evidence::check_json;
use crate::key::{BadSignature, KeyHint, KeyId, PublicKey};
use crate::seal::MAX_NUMBER;
use crate::seal::statement::Escaped;
use crate::signature::Signature;
use crate::verdicts::{Signed, Verdicts};

/// The longest certificate that is read, bytes; with the longest realm one has fewer than half of them.
pub const MAX_CERTIFICATE: usize = 4096;

/// From when to when a key makes seals, milliseconds since 1970, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    not_before: u64,
    not_after: u64,
}

/// The certificate of a seal key: well formed, and the claim of whoever could write it. It counts where
/// [`verify_certified`](crate::verify_certified) finds that a trusted certifier signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    key: PublicKey,
    realm: Box<str>,
    lifetime: Lifetime,
    certifier: KeyId,
    /// The statement that says all of the above, for every proof by this key needs its bytes.
    payload: Box<str>,
    signature: Signature,
}

/// A text that is no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the certificate of a seal key in its one form")]
pub struct MalformedCertificate;

/// Why a certified key is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// What is in the place of its certificate is none, or another key's.
    #[error("its certificate is damaged")]
    Malformed,
    /// By nobody who is trusted to certify keys.
    #[error("its certificate is not by a trusted certifier")]
    Certifier,
    /// Not by the certifier that it names.
    #[error("the signature of its certificate does not match")]
    Signature,
    /// Of another deployment.
    #[error("its certificate is for another realm")]
    Realm,
    /// The key is refused whoever certified it.
    #[error("it is refused: {0}")]
    Refused(Arc<str>),
    /// The seal says another time.
    #[error("the seal's time is not within that for which the key was certified")]
    Lifetime,
}

impl Lifetime {
    /// A key is certified for 90 days at most, and five minutes from before it is made, milliseconds: whoever could have one
    /// signature by a certifier would otherwise have a seal key for good.
    pub const LONGEST: u64 = (90 * 24 * 60 + 5) * 60 * 1000;

    /// `None`: it would end before it begins, last for more than 90 days (and five minutes), or be beyond the numbers that
    /// every reader of JSON knows.
    pub fn new(not_before: u64, not_after: u64) -> Option<Self> {
        let long = not_after.checked_sub(not_before)?;
        (long <= Self::LONGEST && not_after <= MAX_NUMBER).then_some(Self { not_before, not_after })
    }

    /// The first millisecond.
    pub fn not_before(&self) -> u64 {
        self.not_before
    }

    /// The last millisecond.
    pub fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Whether `at` is within.
    pub fn covers(&self, at: u64) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }
}

/// What a certifier signs.
pub(super) struct KeyStatement<'a> {
    pub(super) realm: &'a str,
    pub(super) key: &'a PublicKey,
    pub(super) lifetime: Lifetime,
    pub(super) certifier: KeyId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatementJson {
    #[serde(rename = "_type")]
    _kind: String,
    #[serde(rename = "subject")]
    _subject: serde::de::IgnoredAny,
    #[serde(rename = "predicateType")]
    _predicate_type: String,
    predicate: PredicateJson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PredicateJson {
    realm: String,
    spki: String,
    not_before: u64,
    not_after: u64,
    keyid: String,
}

impl KeyStatement<'_> {
    fn payload(&self) -> String {
        format!(
            concat!(
                r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"seal-key","digest":{{"sha256":"{id}"}}}}],"#,
                r#""predicateType":"urn:hallmark:seal-key:v1","predicate":{{"realm":"{realm}","spki":"{spki}","#,
                r#""notBefore":{not_before},"notAfter":{not_after},"keyid":"{certifier}"}}}}"#,
            ),
            id = self.key.id(),
            realm = Escaped(self.realm),
            spki = STANDARD.encode(self.key.to_der()),
            not_before = self.lifetime.not_before,
            not_after = self.lifetime.not_after,
            certifier = self.certifier,
        )
    }

    pub(super) fn pae_digest(&self) -> Sha256Digest {
        Sha256Digest::of(&pae(IN_TOTO, self.payload().as_bytes()))
    }

    /// The one way to a certificate: what it says in its fields, its payload says.
    pub(super) fn signed(self, signature: Signature) -> Certificate {
        let payload = self.payload().into();
        let Self { realm, key, lifetime, certifier } = self;
        Certificate { key: key.clone(), realm: realm.into(), lifetime, certifier, payload, signature }
    }
}

impl Certificate {
    /// Reads a certificate. All but its one text is refused, so nobody can change a byte of one.
    ///
    /// # Errors
    /// Longer than [`MAX_CERTIFICATE`], or not a certificate in its one form.
    pub fn parse(json: &[u8]) -> Result<Self, MalformedCertificate> {
        if json.len() > MAX_CERTIFICATE {
            return Err(MalformedCertificate);
        }
        let read = Self::read(json).ok_or(MalformedCertificate)?;
        // What does not count, such as spaces, names of fields or the order in which they stand, is compared here.
        if read.to_json().as_bytes() == json { Ok(read) } else { Err(MalformedCertificate) }
    }

    fn read(json: &[u8]) -> Option<Self> {
        let Envelope { payload_type: _, payload, signatures } = Envelope::parse(json).ok()?;
        let [EnvelopeSignature { keyid: _, sig }] = signatures.as_slice() else { return None };
        let signature = Signature::from_der(sig).ok()?;
        // Of the two signatures that verify, the one which is made.
        let signature = Some(signature).filter(|signature| signature.to_low_s() == *signature)?;
        check_json(&payload).ok()?;
        let predicate = serde_json::from_slice::<StatementJson>(&payload).ok()?.predicate;
        let PredicateJson { realm, spki, not_before, not_after, keyid } = predicate;
        let said = KeyStatement {
            realm: &realm,
            key: &PublicKey::from_der(&STANDARD.decode(spki).ok()?).ok()?,
            lifetime: Lifetime::new(not_before, not_after)?,
            certifier: KeyId::from_hex(&keyid).ok()?,
        };
        Some(said.signed(signature))
    }

    /// The DSSE envelope as JSON: what [`parse`](Self::parse) reads.
    pub fn to_json(&self) -> String {
        let envelope = Envelope {
            payload_type: IN_TOTO.to_owned(),
            payload: self.payload.as_bytes().to_vec(),
            signatures: vec![EnvelopeSignature {
                keyid: Some(self.certifier.to_hex()),
                sig: self.signature.to_der(),
            }],
        };
        envelope.to_json()
    }

    /// The beginning of the certified key's id, by which seals name it.
    pub fn hint(&self) -> KeyHint {
        self.key.id().hint()
    }

    /// When the key makes seals.
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// Which certifier it names.
    pub fn certifier(&self) -> KeyId {
        self.certifier
    }

    /// How much memory it takes, about, bytes.
    pub fn memory(&self) -> usize {
        // The key is prepared for verifying, which takes some hundred bytes more.
        size_of::<Self>() + self.realm.len() + self.payload.len() + 1024
    }

    /// The key, of which nothing is known yet but that the certificate names it.
    pub(super) fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(super) fn realm(&self) -> &str {
        &self.realm
    }

    /// Whether `certifier` signed it.
    pub(super) fn verify(&self, certifier: &PublicKey, verdicts: &dyn Verdicts) -> Result<(), BadSignature> {
        let pae = pae(IN_TOTO, self.payload.as_bytes());
        Signed::Pae(&pae).verify(&self.signature, certifier, verdicts).map(|_| ())
    }
}

#[cfg(test)]
mod tests;
