//! The seal keys that are trusted.

use std::collections::BTreeMap;

use crate::key::{KeyHint, PublicKey};

/// At most so many trusted keys may share a hint, which bounds the work that a line can cause.
pub const MAX_KEYS_PER_HINT: usize = 16;

/// The keys whose seals are trusted.
#[derive(Debug, Clone, Default)]
pub struct SealKeys(pub(super) BTreeMap<KeyHint, Vec<PublicKey>>);

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
        Ok(Self(by_hint))
    }

    /// Whether seals by `key` are trusted.
    pub fn trusts(&self, key: &PublicKey) -> bool {
        self.with_hint(key.id().hint()).is_some_and(|keys| keys.contains(key))
    }

    /// Those whose id begins with `hint`.
    pub(super) fn with_hint(&self, hint: KeyHint) -> Option<&[PublicKey]> {
        self.0.get(&hint).map(Vec::as_slice)
    }
}
