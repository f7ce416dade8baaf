//! ECDSA on P-256, the check itself: by `p256`, or with the feature `aws-lc` by the library that rustls uses, in a fifth
//! of the time. Both say the same of every signature; a test compares them.
//!
//! What is a key and what is a signature, and in which encodings, is decided elsewhere and by `p256` alone: here come a
//! point that is on the curve, and r and s from 1 to n - 1. Low or high s makes no difference to either.

use p256::ecdsa::VerifyingKey;

pub(crate) use implementation::Verifier;

#[cfg(not(feature = "aws-lc"))]
mod implementation {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;

    use super::VerifyingKey;
    use crate::digest::Sha256Digest;
    use crate::signature::Signature;

    /// A public key, ready to verify with.
    #[derive(Clone)]
    pub(crate) struct Verifier(VerifyingKey);

    impl Verifier {
        pub(crate) fn new(key: &VerifyingKey) -> Self {
            Self(*key)
        }

        /// Whether the key made `signature` over the bytes with this digest.
        pub(crate) fn accepts(&self, digest: &Sha256Digest, signature: &Signature) -> bool {
            self.0.verify_prehash(digest.as_bytes(), signature.as_ecdsa()).is_ok()
        }
    }
}

#[cfg(feature = "aws-lc")]
mod implementation {
    use std::sync::Arc;

    use aws_lc_rs::digest::{Digest, SHA256};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};

    use super::VerifyingKey;
    use crate::digest::Sha256Digest;
    use crate::signature::Signature;

    /// A public key, ready to verify with. `None`: the library had no memory for it, and nothing verifies.
    #[derive(Clone)]
    pub(crate) struct Verifier(Option<Arc<ParsedPublicKey>>);

    impl Verifier {
        pub(crate) fn new(key: &VerifyingKey) -> Self {
            let point = key.to_sec1_point(false);
            Self(ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.as_bytes()).ok().map(Arc::new))
        }

        /// Whether the key made `signature` over the bytes with this digest.
        pub(crate) fn accepts(&self, digest: &Sha256Digest, signature: &Signature) -> bool {
            let Some(key) = &self.0 else { return false };
            let digest = Digest::import_less_safe(digest.as_bytes(), &SHA256);
            digest.is_ok_and(|digest| key.verify_digest_sig(&digest, &signature.to_bytes()).is_ok())
        }
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
    use p256::{ProjectivePoint, Scalar, SecretKey};
    use proptest::prelude::*;

    use super::*;
    use crate::digest::Sha256Digest;
    use crate::signature::Signature;

    /// What `p256` says; the other, which is asked beside it, must say the same.
    #[track_caller]
    fn judged(key: &VerifyingKey, digest: &[u8; 32], signature: &Signature) -> bool {
        let reference = key.verify_prehash(digest, signature.as_ecdsa()).is_ok();
        let asked = Verifier::new(key).accepts(&Sha256Digest::new(*digest), signature);
        assert_eq!(asked, reference, "{digest:02x?} {signature:?}");
        asked
    }

    fn key(seed: &[u8; 32]) -> Option<SigningKey> {
        SecretKey::from_slice(seed).ok().map(SigningKey::from)
    }

    fn scalar(text: &str) -> [u8; 32] {
        hex::decode(format!("{text:0>64}")).unwrap().try_into().unwrap()
    }

    /// Values at the edges of what a signature, a digest and a key can be: the order n and what is around it, and the
    /// prime p of the field, which is larger: x-coordinates from n to p - 1 are reduced when they become r.
    const EDGES: [&str; 10] = [
        "1",
        "2",
        "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8",
        "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63254f",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
        "ffffffff00000001000000000000000000000000fffffffffffffffffffffffe",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    #[test]
    fn both_agree_at_the_edges() {
        for secret in ["1", "2", EDGES[2], EDGES[5]] {
            let key = *key(&scalar(secret)).unwrap().verifying_key();
            for r in EDGES {
                for s in EDGES {
                    let bytes = [scalar(r), scalar(s)].concat().try_into().unwrap();
                    let Ok(signature) = Signature::from_bytes(&bytes) else { continue };
                    for digest in ["0"].iter().chain(&EDGES) {
                        judged(&key, &scalar(digest), &signature);
                    }
                }
            }
        }
    }

    /// A point whose x-coordinate is not below n gives an r that is: no search would find such a signature, but the key that
    /// makes any r and s a signature over a digest can be computed.
    #[test]
    fn both_accept_an_r_that_was_reduced() {
        let mut found = 0;
        for above in 0u8..32 {
            // n ends in 0x51: no carry.
            let mut x = scalar(EDGES[6]);
            x[31] += above;
            let Ok(point) = p256::PublicKey::from_sec1_bytes(&[&[2], &x[..]].concat()) else { continue };
            let [r, s, z] = [u64::from(above), 7, 5].map(Scalar::from);
            let Some(inverse) = Option::<Scalar>::from(r.invert()) else { continue };
            let key = (point.to_projective() * s - ProjectivePoint::GENERATOR * z) * inverse;
            let key = VerifyingKey::from_affine(key.to_affine()).unwrap();
            let signature = p256::ecdsa::Signature::from_scalars(r, s).unwrap();
            for signature in both(signature) {
                assert!(judged(&key, &scalar("5"), &signature), "{above}");
            }
            found += 1;
        }
        assert!(found > 5, "{found}");
    }

    #[test]
    fn both_accept_signatures_over_digests_at_the_edges() {
        for secret in ["1", EDGES[3], EDGES[4]] {
            let signer = key(&scalar(secret)).unwrap();
            for digest in ["0"].iter().chain(&EDGES) {
                let digest = scalar(digest);
                let signature: p256::ecdsa::Signature = signer.sign_prehash(&digest).unwrap();
                for signature in both(signature) {
                    assert!(judged(signer.verifying_key(), &digest, &signature));
                }
            }
        }
    }

    /// (r, s) and (r, n - s).
    fn both(signature: p256::ecdsa::Signature) -> [Signature; 2] {
        let (r, s) = signature.split_scalars();
        [signature, p256::ecdsa::Signature::from_scalars(r, -s).unwrap()].map(Signature::from_ecdsa)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn both_agree_on_good_signatures_and_on_altered_ones(
            seed: [u8; 32], other: [u8; 32], digest: [u8; 32], at in 0usize..64, bit in 0u32..8,
        ) {
            let (Some(signer), Some(other)) = (key(&seed), key(&other)) else { return Ok(()) };
            let made: p256::ecdsa::Signature = signer.sign_prehash(&digest).unwrap();
            for signature in both(made) {
                prop_assert!(judged(signer.verifying_key(), &digest, &signature));
                prop_assert!(!judged(other.verifying_key(), &digest, &signature));
                let mut changed = digest;
                changed[at % 32] ^= 1 << bit;
                prop_assert!(!judged(signer.verifying_key(), &changed, &signature));
                let mut bytes = signature.to_bytes();
                bytes[at] ^= 1 << bit;
                if let Ok(altered) = Signature::from_bytes(&bytes) {
                    prop_assert!(!judged(signer.verifying_key(), &digest, &altered));
                }
            }
        }

        #[test]
        fn both_agree_on_anything(seed: [u8; 32], digest: [u8; 32], r: [u8; 32], s: [u8; 32]) {
            let bytes = [r, s].concat().try_into().unwrap();
            if let (Some(key), Ok(signature)) = (key(&seed), Signature::from_bytes(&bytes)) {
                judged(key.verifying_key(), &digest, &signature);
            }
        }
    }
}
