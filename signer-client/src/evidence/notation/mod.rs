//! Notation signatures (notaryproject/specifications): JWS of version 1 over a descriptor of the artifact, with the chain of
//! the signer's certificate. AWS Signer makes such ones, too.
//!
//! What the specification leaves open, and where it is narrowed here:
//! - **Algorithms**: ES256 and ES384, each with the curve of its name. RSA is refused.
//! - **Digest**: the descriptor must name the artifact by SHA-256, since that is what seals cover; a descriptor with
//!   `sha384:…` (as `notation blob sign` makes it for P-384 keys) is refused, whatever the artifact is. The hash of the
//!   signature's algorithm has nothing to do with it: ES384 over a `sha256:…` descriptor is what AWS Signer makes.
//! - **Schemes**: who is known by a subject signs with `notary.x509`; who is known by a signing profile with
//!   `notary.x509.signingAuthority`. So nobody says "an authority vouches for my time" but those authorities that are the
//!   anchors of a signing profile.
//! - **Time**: the certificates must have been valid when the signature was there for sure: at the authority's time, or
//!   else when it was sealed. A countersignature by a timestamp authority is not looked at.
//! - **Revocation** is for others to ask about: [`NotationSignature::revocable`] is what they need.

mod authority;
mod chain;
mod envelope;
mod headers;
mod identity;
mod key;
mod revocable;
mod subject;

pub use chain::{AnchorsError, ChainError, MAX_CHAIN};
pub use envelope::{NotationEnvelope, NotationParseError};
pub use identity::{NotationIdentity, NotationIdentityError, SigningProfile};
pub use revocable::Revocable;
pub use subject::TrustedSubject;

use serde::Deserialize;

use crate::digest::Sha256Digest;
use crate::evidence::json::{self, JsonError};
use crate::key::BadSignature;
use chain::TrustAnchors;
use headers::Scheme;

/// Whom to believe: the roots of chains, and who must have signed.
#[derive(Debug, Clone)]
pub struct NotationTrust {
    anchors: TrustAnchors,
    identity: NotationIdentity,
}

impl NotationTrust {
    /// Believes that `identity` signed what a chain to one of the certificates in `anchors` (PEM, roots) says it did. For a
    /// signing profile these must be the roots of the signing authority and nobody else's: it is the authority's word which
    /// profile it signed for.
    ///
    /// # Errors
    /// None, too many, or not certificates.
    pub fn new(anchors: &[u8], identity: NotationIdentity) -> Result<Self, AnchorsError> {
        Ok(Self { anchors: TrustAnchors::from_pem(anchors)?, identity })
    }
}

/// When things are, Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    /// When the signature was there for sure: it was sealed then. Without a seal, now.
    pub seen_at: u64,
    /// Now.
    pub now: u64,
}

/// So much may the clock of a signing authority be ahead of ours, milliseconds.
const MAX_SKEW: u64 = 5 * 60 * 1000;

/// The proof that the identity of a [`NotationTrust`] signed an artifact, and when. Only [`NotationEnvelope::verify`] makes
/// one.
///
/// ```
/// use hallmark_signer::evidence::NotationSignature;
/// fn earlier(proof: &NotationSignature) -> u64 {
///     let copy = proof.clone();
///     copy.signed_at() - 1
/// }
/// ```
///
/// ```compile_fail
/// use hallmark_signer::evidence::NotationSignature;
/// fn earlier(proof: &NotationSignature) -> NotationSignature {
///     let copy = proof.clone();
///     NotationSignature { signed_at: 1, ..copy }
/// }
/// ```
///
/// ```compile_fail
/// use hallmark_signer::evidence::NotationSignature;
/// let proof: NotationSignature = Default::default();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotationSignature {
    artifact: Sha256Digest,
    signed_at: u64,
    revocable: Option<Revocable>,
}

impl NotationSignature {
    /// The artifact that it is over.
    pub fn artifact(&self) -> &Sha256Digest {
        &self.artifact
    }

    /// When it was there for sure, Unix milliseconds: what the signing authority says, or else [`Moments::seen_at`].
    pub fn signed_at(&self) -> u64 {
        self.signed_at
    }

    /// What AWS Signer may have revoked of it since; `None`: it is not by AWS Signer, or does not say by which job.
    pub fn revocable(&self) -> Option<&Revocable> {
        self.revocable.as_ref()
    }
}

/// Why an envelope proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotationError {
    /// The identity is of a kind that signs with another scheme.
    #[error("the signature is of the scheme `{0}`, with which the trusted identity does not sign")]
    Scheme(&'static str),
    /// By somebody else.
    #[error("the signer is not the identity that is trusted")]
    Identity,
    /// A certificate or the chain does not hold.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The key in the certificate did not make the signature.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// Its algorithm is not that of the key in the certificate.
    #[error("the algorithm of the signature is not that of the certificate's key")]
    Algorithm,
    /// Best before some time that is over.
    #[error("the signer set an expiry, and it is over")]
    Expired,
    /// The signing authority says that it signed after the signature was there.
    #[error("the signing authority's time is later than when the signature was seen")]
    Future,
    /// What was signed is no descriptor.
    #[error("the payload is not a Notary payload: {0}")]
    Payload(#[from] JsonError),
    /// The descriptor names the artifact by another digest than SHA-256.
    #[error(
        "the artifact is named by `{0}`; only sha256 is what seals cover: sign a descriptor with a sha256 digest"
    )]
    DigestAlgorithm(String),
    /// Over another artifact.
    #[error("the signature is over another artifact")]
    Artifact,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PayloadJson {
    target_artifact: Descriptor,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Descriptor {
    #[serde(rename = "mediaType")]
    _media_type: String,
    digest: String,
    size: u64,
    #[serde(rename = "annotations", default)]
    _annotations: Option<std::collections::BTreeMap<String, String>>,
    #[serde(rename = "artifactType", default)]
    _artifact_type: Option<String>,
}

impl NotationEnvelope {
    /// Checks that the identity of `trust` signed the artifact with this digest and this size, bytes. The payload is read
    /// only when the signature over it held.
    ///
    /// # Errors
    /// Another signer or artifact, a chain that does not hold at that time, a bad signature, or expired.
    pub fn verify(
        &self,
        trust: &NotationTrust,
        artifact: &Sha256Digest,
        size: u64,
        moments: Moments,
    ) -> Result<NotationSignature, NotationError> {
        let signed_at = match (&self.headers.scheme, &trust.identity) {
            (Scheme::X509, NotationIdentity::Subject(_)) => moments.seen_at,
            (Scheme::Authority { signed_at, .. }, NotationIdentity::Profile(_)) => *signed_at,
            (scheme, _) => return Err(NotationError::Scheme(scheme.as_str())),
        };
        if signed_at > moments.seen_at.saturating_add(MAX_SKEW) {
            return Err(NotationError::Future);
        }
        let leaf = chain::verify(&self.chain, &trust.anchors, signed_at)?;
        leaf.key.verify(self.headers.algorithm, self.signing_input().as_bytes(), &self.signature)?;
        let is_trusted = match (&trust.identity, &self.headers.scheme) {
            (NotationIdentity::Subject(expected), _) => expected.is_in(&leaf.subject),
            (NotationIdentity::Profile(profile), Scheme::Authority { aws: Some(aws), .. }) => {
                profile.has_version(&aws.profile_version)
            }
            (NotationIdentity::Profile(_), Scheme::Authority { aws: None, .. } | Scheme::X509) => false,
        };
        if !is_trusted {
            return Err(NotationError::Identity);
        }
        if self.headers.expiry.is_some_and(|expiry| moments.now >= expiry) {
            return Err(NotationError::Expired);
        }
        self.is_over(artifact, size)?;
        let revocable = match &self.headers.scheme {
            Scheme::X509 | Scheme::Authority { aws: None, .. } => None,
            Scheme::Authority { signed_at, aws: Some(aws) } => Revocable::of(*signed_at, aws, &leaf.chain),
        };
        Ok(NotationSignature { artifact: *artifact, signed_at, revocable })
    }

    fn is_over(&self, artifact: &Sha256Digest, size: u64) -> Result<(), NotationError> {
        let PayloadJson { target_artifact: Descriptor { digest, size: named, .. } } =
            json::parse(&self.payload)?;
        let Some(hex) = digest.strip_prefix("sha256:") else {
            let algorithm = digest.split(':').next().unwrap_or_default();
            return Err(NotationError::DigestAlgorithm(algorithm.to_owned()));
        };
        if hex == artifact.to_hex() && named == size { Ok(()) } else { Err(NotationError::Artifact) }
    }
}
