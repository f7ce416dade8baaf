//! Those whose signatures may count, and when.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_config::{Config, IdentityKind, SignerName, Signs, UnixMs, Validity};
use hallmark_signer::PublicKey;

use super::findings::Standing;

/// A key or an identity of the configuration.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) kind: SignerKind,
    validity: Validity,
}

/// By what a signer is known.
#[derive(Debug)]
pub(super) enum SignerKind {
    /// A key that signs the bytes of artifacts.
    Blob(PublicKey),
    /// A key that signs statements.
    Statement(PublicKey),
    /// A certificate of a Sigstore authority, which signs bytes or statements. Whoever brings the evidence has checked it.
    Sigstore,
    /// A Notation certificate, which signs bytes; the same.
    Notation,
}

impl Signer {
    /// All signers of `config`: its identities, and its keys as far as they are among `keys`.
    pub(super) fn all(
        config: &Config,
        keys: impl IntoIterator<Item = (SignerName, PublicKey)>,
    ) -> BTreeMap<SignerName, Self> {
        let mut seen = BTreeSet::new();
        let keys = keys.into_iter().filter_map(|(name, key)| {
            // A key under two names would count twice; under its second one it signs nothing.
            if !seen.insert(key.id()) {
                return None;
            }
            let configured = config.keys.get(&name)?;
            let kind = match configured.signs {
                Signs::Blobs => SignerKind::Blob(key),
                Signs::Statements => SignerKind::Statement(key),
            };
            Some((name, Self { kind, validity: configured.validity.clone() }))
        });
        let identities = config.identities.iter().map(|(name, identity)| {
            let kind = match identity.kind {
                IdentityKind::Sigstore { .. } => SignerKind::Sigstore,
                IdentityKind::Notation { .. } => SignerKind::Notation,
            };
            (name.clone(), Self { kind, validity: identity.validity.clone() })
        });
        keys.chain(identities).collect()
    }

    /// Whether a signature counts that was made at all of `times`. Revocation is said first: it is the graver reason.
    pub(super) fn standing(&self, times: &[UnixMs]) -> Standing {
        let Validity { not_before, not_after, revoked } = &self.validity;
        let revoked = revoked
            .as_ref()
            .filter(|revoked| revoked.at.is_none_or(|since| times.iter().any(|time| *time >= since)));
        let early = |time: &UnixMs| not_before.is_some_and(|from| *time < from);
        let late = |time: &UnixMs| not_after.is_some_and(|until| *time >= until);
        if let Some(revoked) = revoked {
            Standing::Revoked(revoked.reason.as_str().into())
        } else if times.iter().any(early) {
            Standing::TooEarly
        } else if times.iter().any(late) {
            Standing::TooLate
        } else {
            Standing::Counts
        }
    }

    /// Whether nothing counts that it signs from now on.
    pub(super) fn is_revoked(&self) -> bool {
        self.validity.revoked.is_some()
    }
}
