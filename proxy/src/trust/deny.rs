//! What is refused whatever the rules say.

use std::collections::BTreeMap;

use hallmark_config::{Denial, Denied, SealIdText};
use hallmark_signer::{SealId, Sha256Digest};

/// Digests and seals that are denied, with the reasons.
#[derive(Debug, Default)]
pub(super) struct Denials {
    digests: BTreeMap<[u8; 32], String>,
    seals: BTreeMap<SealIdText, String>,
}

impl Denials {
    pub(super) fn new(denials: &[Denial]) -> Self {
        let mut all = Self::default();
        for Denial { what, reason } in denials {
            match what {
                Denied::Sha256(digest) => all.digests.insert(*digest, reason.clone()),
                Denied::Seal(seal) => all.seals.insert(seal.clone(), reason.clone()),
            };
        }
        all
    }

    /// Why an artifact is denied, if it is. `seal`: unless it is about to be sealed.
    pub(super) fn reason(&self, sha256: &Sha256Digest, seal: Option<SealId>) -> Option<&str> {
        let by_digest = self.digests.get(sha256.as_bytes()).map(String::as_str);
        by_digest.or_else(|| seal.and_then(|seal| self.reason_of_seal(seal)))
    }

    /// Why a seal is denied, if it is.
    pub(super) fn reason_of_seal(&self, seal: SealId) -> Option<&str> {
        if self.seals.is_empty() {
            return None;
        }
        let seal = seal.to_string();
        let denied = self.seals.iter().find(|(denied, _)| denied.as_str() == seal);
        denied.map(|(_, reason)| reason.as_str())
    }
}
