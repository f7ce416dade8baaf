//! Signature checks that are remembered, so that a hot artifact costs one check and not one for every download.

use sha2::{Digest as _, Sha256};

use crate::digest::Sha256Digest;
use crate::key::{BadSignature, PublicKey};
use crate::signature::Signature;
use crate::text::bytes_newtype;

bytes_newtype! {
    /// Names a signature check: SHA-256 over all that it depends on, the signed message, the signature and the public
    /// key. Of a seal that is everything it says and everything it is about, so no two seals that hold share one, not
    /// those of two realms, names, versions or keys that happen to have the same [`SealId`](crate::SealId).
    CheckId, 32
}

/// A cache of signature checks: that they passed, and that they failed.
///
/// Contract: `known` is true only for keys that `remember` was called with, and `known_to_fail` only for those that
/// `remember_failure` was. Forgetting is always allowed. None may block for long: they are called for every download, from
/// many tasks. Whoever can make signatures can make as many failures as they like: what is kept of these must not push out
/// what passed.
///
/// The key is SHA-256 over all that a check depends on (the signed message, the signature, the public key) and so stays
/// right whatever happens to objects, names, policies or trusted keys: it says "this key signed this", not "this is
/// trusted".
pub trait Verdicts: Sync {
    /// Whether this check is known to have passed.
    fn known(&self, key: &[u8; 32]) -> bool;

    /// Takes note that this check passed.
    fn remember(&self, key: [u8; 32]);

    /// Whether this check is known to have failed.
    fn known_to_fail(&self, _key: &[u8; 32]) -> bool {
        false
    }

    /// Takes note that this check failed.
    fn remember_failure(&self, _key: [u8; 32]) {}
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoVerdicts;

impl Verdicts for NoVerdicts {
    fn known(&self, _: &[u8; 32]) -> bool {
        false
    }

    fn remember(&self, _: [u8; 32]) {}
}

/// What was signed.
#[derive(Clone, Copy)]
pub(crate) enum Signed<'a> {
    /// A DSSE pre-authentication encoding.
    Pae(&'a [u8]),
    /// A blob with this digest.
    Blob(&'a Sha256Digest),
}

impl Signed<'_> {
    /// Checks that `key` made `signature` over this, or remembers that it did.
    pub(crate) fn verify(
        self,
        signature: &Signature,
        key: &PublicKey,
        verdicts: &dyn Verdicts,
    ) -> Result<CheckId, BadSignature> {
        let check = self.id(signature, key);
        if verdicts.known(check.as_bytes()) {
            return Ok(check);
        }
        if verdicts.known_to_fail(check.as_bytes()) {
            return Err(BadSignature);
        }
        match key.verify(&self.digest(), signature) {
            Ok(()) => verdicts.remember(*check.as_bytes()),
            Err(bad) => {
                verdicts.remember_failure(*check.as_bytes());
                return Err(bad);
            }
        }
        Ok(check)
    }

    fn digest(self) -> Sha256Digest {
        match self {
            Self::Pae(pae) => Sha256Digest::of(pae),
            Self::Blob(digest) => *digest,
        }
    }

    /// SHA-256(message || signature || SPKI). A PAE begins with `DSSEv1 ` and has its lengths in it; a blob's message is
    /// a word that no PAE begins with and the digest; signature and SPKI have fixed lengths. So no two checks share a
    /// key.
    fn id(self, signature: &Signature, key: &PublicKey) -> CheckId {
        let mut hash = Sha256::new();
        match self {
            Self::Pae(pae) => hash.update(pae),
            Self::Blob(digest) => {
                hash.update(b"hallmark-blob-v1\n");
                hash.update(digest.as_bytes());
            }
        }
        hash.update(signature.to_bytes());
        hash.update(key.to_der());
        CheckId::new(hash.finalize().into())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::blob::BlobHasher;
    use crate::key::PrivateKey;

    /// Remembers everything.
    #[derive(Default)]
    pub(crate) struct AllVerdicts(pub(crate) Mutex<HashSet<[u8; 32]>>);

    impl Verdicts for AllVerdicts {
        fn known(&self, key: &[u8; 32]) -> bool {
            self.0.lock().unwrap().contains(key)
        }

        fn remember(&self, key: [u8; 32]) {
            self.0.lock().unwrap().insert(key);
        }
    }

    /// Believes that everything failed that it was told of, and counts what it was not.
    #[derive(Default)]
    struct Failures {
        known: Mutex<HashSet<[u8; 32]>>,
        told: AtomicUsize,
    }

    impl Verdicts for Failures {
        fn known(&self, _: &[u8; 32]) -> bool {
            false
        }

        fn remember(&self, _: [u8; 32]) {}

        fn known_to_fail(&self, key: &[u8; 32]) -> bool {
            self.known.lock().unwrap().contains(key)
        }

        fn remember_failure(&self, key: [u8; 32]) {
            self.told.fetch_add(1, Ordering::Relaxed);
            self.known.lock().unwrap().insert(key);
        }
    }

    #[test]
    fn a_check_that_failed_is_not_made_again() {
        let [ours, other] = [(); 2].map(|()| PrivateKey::generate().unwrap().into_blob_key());
        let mut hasher = BlobHasher::new();
        hasher.update(b"blob");
        let signature = ours.sign(&hasher.finish().unwrap());
        let verdicts = Failures::default();
        let digest = Sha256Digest::of(b"blob");
        for _ in 0..3 {
            let by_other = Signed::Blob(&digest).verify(&signature, other.public_key(), &verdicts);
            assert_eq!(by_other, Err(BadSignature));
            assert!(Signed::Blob(&digest).verify(&signature, ours.public_key(), &verdicts).is_ok());
        }
        assert_eq!(verdicts.told.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn only_what_passed_is_remembered_and_for_that_key_and_message_only() {
        let [ours, other] = [(); 2].map(|()| PrivateKey::generate().unwrap().into_blob_key());
        let mut hasher = BlobHasher::new();
        hasher.update(b"blob");
        let blob = hasher.finish().unwrap();
        let signature = ours.sign(&blob);
        let verdicts = AllVerdicts::default();
        let check = |content: &[u8], key: &PublicKey| {
            Signed::Blob(&Sha256Digest::of(content)).verify(&signature, key, &verdicts)
        };
        for _ in 0..2 {
            assert!(check(b"blob", ours.public_key()).is_ok());
            assert_eq!(check(b"blob", other.public_key()), Err(BadSignature));
            assert_eq!(check(b"Blob", ours.public_key()), Err(BadSignature));
            assert_eq!(verdicts.0.lock().unwrap().len(), 1);
        }
    }
}
