//! Sigstore bundles with certificates, judged without a network by what a trusted root says: the certificate's chain,
//! its entry in a certificate log, the signature's entry in a transparency log, and when that was.
//!
//! All of this is done by `sigstore-verify`, Sigstore's own library. It looks at the clock for one thing: a time in the
//! future proves nothing.

use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Artifact, ArtifactDigest, HashAlgorithm, SignatureContent};
use sigstore_verify::{VerificationPolicy, Verifier};

use crate::digest::Sha256Digest;
use crate::evidence::bundle::CertificateBundle;
use crate::evidence::json::{self, JsonError};
use crate::evidence::statement::{InTotoStatement, StatementError};

/// Whom to believe: a trusted root, and who must have signed.
pub struct SigstoreTrust {
    verifier: Verifier,
    policy: VerificationPolicy,
    identity: String,
    issuer: String,
}

/// A trusted root that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigstoreTrustError {
    /// Not JSON, longer than 65536 bytes, or ambiguous.
    #[error("not a trusted root of Sigstore: {0}")]
    Json(#[from] JsonError),
    /// Not its fields, or keys and certificates that are none.
    #[error("not a trusted root of Sigstore: {0}")]
    Root(String),
    /// An identity or an issuer that is empty.
    #[error("the identity and its issuer must be said")]
    Empty,
}

impl SigstoreTrust {
    /// Believes what `trusted_root` (JSON, as `trusted_root.json` of Sigstore's TUF repository) says of the holder of
    /// `identity` (the certificate's subject alternative name: a URI or an e-mail address) who proved it to `issuer` (a
    /// URL). Both are compared exactly.
    ///
    /// # Errors
    /// Not a trusted root, or something is empty.
    pub fn new(trusted_root: &[u8], identity: &str, issuer: &str) -> Result<Self, SigstoreTrustError> {
        if identity.is_empty() || issuer.is_empty() {
            return Err(SigstoreTrustError::Empty);
        }
        json::check(trusted_root)?;
        let root = |error: String| SigstoreTrustError::Root(error);
        let text = std::str::from_utf8(trusted_root).map_err(|error| root(error.to_string()))?;
        let trusted = TrustedRoot::from_json(text).map_err(|error| root(error.to_string()))?;
        Ok(Self {
            verifier: Verifier::new(&trusted).map_err(|error| root(error.to_string()))?,
            policy: VerificationPolicy::new(identity, issuer),
            identity: identity.to_owned(),
            issuer: issuer.to_owned(),
        })
    }
}

impl std::fmt::Debug for SigstoreTrust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigstoreTrust({}, {})", self.identity, self.issuer)
    }
}

/// The proof that the identity of a [`SigstoreTrust`] signed an artifact, and when. Only [`CertificateBundle::verify`]
/// makes one.
///
/// ```
/// use hallmark_signer::evidence::SigstoreSignature;
/// fn earliest(proof: &SigstoreSignature) -> Option<u64> {
///     let copy = proof.clone();
///     copy.times().iter().copied().min()
/// }
/// ```
///
/// ```compile_fail
/// use hallmark_signer::evidence::SigstoreSignature;
/// fn earlier(proof: &SigstoreSignature) -> SigstoreSignature {
///     let copy = proof.clone();
///     SigstoreSignature { times: vec![1], ..copy }
/// }
/// ```
///
/// ```compile_fail
/// use hallmark_signer::evidence::SigstoreSignature;
/// let proof: SigstoreSignature = Default::default();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreSignature {
    artifact: Sha256Digest,
    times: Vec<u64>,
    statement: Option<InTotoStatement>,
}

impl SigstoreSignature {
    /// The artifact that it is over, or that the statement it is over is about.
    pub fn artifact(&self) -> &Sha256Digest {
        &self.artifact
    }

    /// When it was there, as each timestamp and log says that vouches for it, Unix milliseconds; at least one. Whoever
    /// asks whether it was made in time asks it of each: one that is wrong then does no harm.
    pub fn times(&self) -> &[u64] {
        &self.times
    }

    /// The statement that was signed, from the very bytes; `None` where it is the artifact's bytes that were.
    pub fn statement(&self) -> Option<&InTotoStatement> {
        self.statement.as_ref()
    }
}

/// Why a bundle with a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigstoreError {
    /// By somebody else.
    #[error("the bundle is signed by {0}, not by the identity that is trusted")]
    Identity(String),
    /// Over something else.
    #[error("the bundle is not about this artifact: {0}")]
    Artifact(String),
    /// Certificate, log, time or signature do not hold.
    #[error("the bundle does not hold against the trusted root: {0}")]
    Unverified(String),
    /// What was signed is no statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

impl CertificateBundle {
    /// Checks that the identity of `trust` signed the artifact with this digest, or an in-toto statement about it: that
    /// the certificate chains to an authority of the trusted root, was valid at each proven time and is logged; that the
    /// signature holds, and is in a transparency log of the root.
    ///
    /// A message signature by a key on another curve than P-256 is over another digest than SHA-256, and is refused.
    ///
    /// # Errors
    /// Any of this does not hold.
    pub fn verify(
        &self,
        trust: &SigstoreTrust,
        artifact: &Sha256Digest,
    ) -> Result<SigstoreSignature, SigstoreError> {
        let unverified = |error: String| SigstoreError::Unverified(error);
        let digest = ArtifactDigest::new(HashAlgorithm::Sha2256, artifact.as_bytes().to_vec());
        let digest = digest.map_err(|error| unverified(error.to_string()))?;
        let verified = trust.verifier.verify(Artifact::from_digest(digest), &self.parsed, &trust.policy);
        let verified = verified.map_err(|error| match error {
            sigstore_verify::Error::IdentityMismatch { actual, .. } => {
                SigstoreError::Identity(actual.map_or("nobody".to_owned(), |actual| format!("`{actual}`")))
            }
            sigstore_verify::Error::IssuerMismatch { actual, .. } => SigstoreError::Identity(format!(
                "somebody known to {}",
                actual.map_or("nobody".to_owned(), |actual| format!("`{actual}`"))
            )),
            sigstore_verify::Error::ArtifactMismatch(error) => SigstoreError::Artifact(error),
            error => unverified(error.to_string()),
        })?;
        // The library says what it checked; what was skipped proves nothing.
        let identity = verified.identity().map(sigstore_verify::SubjectAltName::as_str);
        if identity != Some(&trust.identity) || verified.issuer() != Some(&trust.issuer) {
            return Err(SigstoreError::Identity("somebody else".to_owned()));
        }
        if !(verified.certificate_verified() && verified.sct_verified() && verified.tlog_verified()) {
            return Err(unverified("something was not checked".to_owned()));
        }
        let times = verified.verified_timestamps().iter().map(|time| u64::try_from(time.as_millisecond()));
        let times: Vec<_> =
            times.collect::<Result<_, _>>().map_err(|_| unverified("signed before 1970".to_owned()))?;
        if times.is_empty() {
            return Err(unverified("nothing proves when it was signed".to_owned()));
        }
        let statement = match &self.parsed.content {
            SignatureContent::MessageSignature(_) => None,
            SignatureContent::DsseEnvelope(envelope) => {
                let statement = InTotoStatement::parse(envelope.payload.as_bytes())?;
                if !statement.is_about(artifact) {
                    return Err(SigstoreError::Artifact("no subject of the statement is".to_owned()));
                }
                Some(statement)
            }
            _ => return Err(unverified("unknown content".to_owned())),
        };
        Ok(SigstoreSignature { artifact: *artifact, times, statement })
    }
}
