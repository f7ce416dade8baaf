//! The seal keys that are trusted.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::key::{KeyHint, KeyId, PublicKey};
use crate::seal::certificate::{Certificate, CertificateFault};
use crate::seal::verify::Seal;
use crate::verdicts::Verdicts;

/// At most so many trusted keys may share a hint, which bounds the work that a line can cause.
pub const MAX_KEYS_PER_HINT: usize = 16;

/// The keys whose seals are trusted, and the certifiers: what is sealed by a key that one of those certified is trusted too.
#[derive(Debug, Clone, Default)]
pub struct SealKeys {
    pub(super) keys: BTreeMap<KeyHint, Vec<PublicKey>>,
    pub(super) certifiers: BTreeMap<KeyId, PublicKey>,
    /// Certified keys that are not trusted all the same, and why.
    pub(super) refused: BTreeMap<KeyId, Arc<str>>,
}

/// More than [`MAX_KEYS_PER_HINT`] keys with the same hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than 16 seal keys have ids that begin with {0}")]
pub struct TooManySealKeys(pub KeyHint);

impl SealKeys {
    /// Trusts these keys; the same one may come several times.
    ///
    /// # Errors
    /// More than 16 different ones share a hint.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Result<Self, TooManySealKeys> {
        let mut by_hint = BTreeMap::<_, Vec<_>>::new();
        for key in keys {
            let hint = key.id().hint();
            let same_hint = by_hint.entry(hint).or_default();
            if !same_hint.contains(&key) {
                same_hint.push(key);
            }
            if same_hint.len() > MAX_KEYS_PER_HINT {
                return Err(TooManySealKeys(hint));
            }
        }
        Ok(Self { keys: by_hint, ..Self::default() })
    }

    /// Trusts also the keys that these certify: a certifier's own seals are not trusted for that.
    #[must_use]
    pub fn certified_by(self, certifiers: impl IntoIterator<Item = PublicKey>) -> Self {
        Self { certifiers: certifiers.into_iter().map(|key| (key.id(), key)).collect(), ..self }
    }

    /// Refuses these keys for a reason, whoever certifies them.
    #[must_use]
    pub fn refusing(self, keys: impl IntoIterator<Item = (KeyId, Arc<str>)>) -> Self {
        Self { refused: keys.into_iter().collect(), ..self }
    }

    /// Whether seals by `key` are trusted by themselves.
    pub fn trusts(&self, key: &PublicKey) -> bool {
        self.with_hint(key.id().hint()).is_some_and(|keys| keys.contains(key))
    }

    /// Whether all that `others` trust is trusted.
    pub fn trust_all_of(&self, others: &Self) -> bool {
        let keys = others.keys.values().flatten().all(|key| self.trusts(key));
        let certifiers = others.certifiers.keys().all(|certifier| self.certifiers.contains_key(certifier));
        keys && certifiers && self.refused.keys().all(|key| others.refused.contains_key(key))
    }

    /// Whether the id of a key whose seals are trusted by themselves begins like this.
    pub fn has_hint(&self, hint: KeyHint) -> bool {
        self.keys.contains_key(&hint)
    }

    /// Whether a seal that names its key like this may be by a certified one: then a certificate is to be looked for.
    pub fn may_be_certified(&self, hint: KeyHint) -> bool {
        !self.certifiers.is_empty() && !self.has_hint(hint)
    }

    /// Whether a seal that was verified is trusted by these keys as well.
    pub fn still_trust(&self, seal: &Seal, verdicts: &dyn Verdicts) -> bool {
        match seal.certificate() {
            None => self.trusts(seal.signer()),
            Some(certificate) => self.check_certificate(certificate, seal.observed().realm, verdicts).is_ok(),
        }
    }

    /// Checks that the key of a certificate is trusted in `realm`. For how long that is, the certificate says.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check_certificate(
        &self,
        certificate: &Certificate,
        realm: &str,
        verdicts: &dyn Verdicts,
    ) -> Result<(), CertificateFault> {
        let certifier = self.certifiers.get(&certificate.certifier()).ok_or(CertificateFault::Certifier)?;
        certificate.verify(certifier, verdicts).map_err(|_| CertificateFault::Signature)?;
        if certificate.realm() != realm {
            return Err(CertificateFault::Realm);
        }
        match self.refused.get(&certificate.key().id()) {
            Some(reason) => Err(CertificateFault::Refused(Arc::clone(reason))),
            None => Ok(()),
        }
    }

    /// Those whose id begins with `hint`.
    pub(super) fn with_hint(&self, hint: KeyHint) -> Option<&[PublicKey]> {
        self.keys.get(&hint).map(Vec::as_slice)
    }
}
