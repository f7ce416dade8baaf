//! What publishers leave beside an artifact to say that it is theirs: files in formats that others defined, by nobody
//! knows whom until their signatures are checked.
//!
//! | file | reader | what it becomes when it verifies |
//! |---|---|---|
//! | `<key>.sig`, of cosign and openssl | [`parse_detached`] | a [`Signature`](crate::Signature), for [`PublisherSignatures`](crate::PublisherSignatures) |
//! | `<key>.sigstore.json`, Sigstore bundle | [`Bundle::parse`] | the same, or an [`Envelope`](crate::Envelope), or with a certificate a [`SigstoreSignature`] |
//! | `<key>.intoto.jsonl`, in-toto attestations | [`parse_attestations`] | [`Envelope`](crate::Envelope)s, and by [`verified_statement`](crate::Envelope::verified_statement) a [`VerifiedStatement`] |
//! | `<key>.jws.sig`, Notation | [`NotationEnvelope::parse`] | a [`NotationSignature`] |
//!
//! All of it is pure: bytes in, values out; no clock, no network. Every reader takes at most [`MAX_FILE`] bytes, takes
//! the whole file or refuses it, and refuses JSON with a key that stands twice in an object.

mod attestation;
mod bundle;
mod bundle_json;
mod detached;
mod json;
mod new_bundle;
#[cfg(feature = "identities")]
mod notation;
mod provenance;
#[cfg(feature = "identities")]
mod sigstore;
mod statement;
mod verified;

pub use attestation::{AttestationError, MAX_ATTESTATION_SIGNATURES, MAX_ATTESTATIONS, parse_attestations};
pub use bundle::{Bundle, BundleError, CertificateBundle};
pub use detached::{DetachedError, parse_detached};
pub(crate) use json::check as check_json;
pub use json::{JsonError, MAX_DEPTH, MAX_FILE};
pub use new_bundle::new_bundle;
#[cfg(feature = "identities")]
pub use notation::{
    AnchorsError, ChainError, MAX_CHAIN, Moments, NotationEnvelope, NotationError, NotationIdentity,
    NotationIdentityError, NotationParseError, NotationSignature, NotationTrust, Revocable, SigningProfile,
    TrustedSubject,
};
pub use provenance::{Provenance, Requirement, SLSA_PROVENANCE, Unmet};
#[cfg(feature = "identities")]
pub use sigstore::{SigstoreError, SigstoreSignature, SigstoreTrust, SigstoreTrustError};
pub use statement::{
    APPROVAL, Approval, InTotoStatement, MAX_SUBJECTS, NewStatement, NewStatementError, STATEMENT_TYPE,
    StatementError, Subject,
};
pub use verified::{VerifiedStatement, VerifyError};
