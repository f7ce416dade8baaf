//! Seals, version 1: what the proxy says of an artifact, signed with the seal key.
//!
//! [`SealLine`] is what stands on an object: a claim by whoever wrote it. [`Seal`] is what remains of it after
//! [`verify`] compared it with what is observed and found the signature good. Only the second is to be believed.
//!
//! A seal key is trusted by itself, or for a while because a [`Certifier`] says so in a [`Certificate`]: then it is
//! [`verify_certified`] that makes the [`Seal`].

mod certificate;
mod certifier;
mod claims;
mod export;
mod fields;
mod keys;
mod line;
mod make;
mod reference;
mod statement;
mod verify;

pub use certificate::{Certificate, CertificateFault, Lifetime, MAX_CERTIFICATE, MalformedCertificate};
pub use certifier::Certifier;
pub use claims::{Claims, ClaimsError, ContentDigests, MAX_INLINE, MAX_NUMBER};
pub use fields::{By, Op, RandomError, RecordRef, SealId, SealedEtag};
pub use keys::{MAX_KEYS_PER_HINT, SealKeys, TooManySealKeys};
pub use line::{LineError, MAX_LINE, SealLine};
pub use make::{RemoteSealingError, Sealer, SealingError};
pub use reference::{Hallmark, HallmarkError, SEAL_HEADER};
pub use statement::{BucketError, Observed, Statement};
pub use verify::{Seal, SealError, fits, verify, verify_certified};

#[cfg(test)]
pub(crate) mod fixtures;
