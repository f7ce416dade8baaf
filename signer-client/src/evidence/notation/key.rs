//! The key of a signer's certificate, and the check of its signature. On P-256 that is [`PublicKey::verify`]; P-384 is used
//! here and nowhere else.

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};

use super::NotationError;
use super::headers::Algorithm;
use crate::digest::Sha256Digest;
use crate::key::{BadSignature, PublicKey};
use crate::signature::Signature;

/// A public key on one of the two curves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LeafKey {
    P256(PublicKey),
    /// The uncompressed point.
    P384([u8; 97]),
}

/// What stands before the point: an EC public key on secp384r1 (RFC 5480), uncompressed.
const P384_PREFIX: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";

impl LeafKey {
    /// Reads a SubjectPublicKeyInfo in the usual encoding.
    pub(super) fn from_spki(der: &[u8]) -> Option<Self> {
        if let Ok(key) = PublicKey::from_der(der) {
            return Some(Self::P256(key));
        }
        der.strip_prefix(P384_PREFIX)?.try_into().ok().map(Self::P384)
    }

    /// Checks a signature, r || s, by the algorithm that goes with the curve; `algorithm` must be it.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), NotationError> {
        match (self, algorithm) {
            (Self::P256(key), Algorithm::Es256) => {
                let signature = signature.try_into().map_err(|_| BadSignature)?;
                let signature = Signature::from_bytes(signature).map_err(|_| BadSignature)?;
                Ok(key.verify(&Sha256Digest::of(message), &signature)?)
            }
            (Self::P384(point), Algorithm::Es384) => {
                let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point);
                key.verify(message, signature).map_err(|_| BadSignature.into())
            }
            (Self::P256(_), Algorithm::Es384) | (Self::P384(_), Algorithm::Es256) => {
                Err(NotationError::Algorithm)
            }
        }
    }
}
