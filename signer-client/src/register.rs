//! One key, one use: a key that signs files must not sign seals.

use std::collections::BTreeMap;
use std::fmt;

use crate::key::{KeyId, PublicKey};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyUse {
    /// Signs seals.
    Seal,
    /// Signs the bytes of artifacts.
    Blob,
    /// Signs DSSE envelopes.
    Dsse,
}

impl KeyUse {
    /// The word for it in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Blob => "blob",
            Self::Dsse => "dsse",
        }
    }
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The same key under two uses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{second}` ({second_use}) is the same key as `{first}` ({first_use}): a key has one use, make another one"
)]
pub struct KeyUseConflict {
    /// The name under which the key came first.
    pub first: String,
    /// Its use under that name.
    pub first_use: KeyUse,
    /// The name under which it came again.
    pub second: String,
    /// Its use under that name.
    pub second_use: KeyUse,
}

/// Remembers the use of every key of a configuration.
#[derive(Debug, Clone, Default)]
pub struct KeyRegister(BTreeMap<KeyId, (KeyUse, String)>);

impl KeyRegister {
    /// Takes note of a key. The same key may come again for the same use under any name.
    ///
    /// # Errors
    /// The key came before for another use.
    pub fn register(&mut self, key: &PublicKey, key_use: KeyUse, name: &str) -> Result<(), KeyUseConflict> {
        let (first_use, first) = self.0.entry(key.id()).or_insert_with(|| (key_use, name.to_owned()));
        if *first_use == key_use {
            return Ok(());
        }
        Err(KeyUseConflict {
            first: first.clone(),
            first_use: *first_use,
            second: name.to_owned(),
            second_use: key_use,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PrivateKey;

    #[test]
    fn a_key_has_one_use() {
        let [one, two] = [(); 2].map(|()| PrivateKey::generate().unwrap().into_blob_key());
        let mut register = KeyRegister::default();
        assert_eq!(register.register(one.public_key(), KeyUse::Blob, "ci"), Ok(()));
        assert_eq!(register.register(one.public_key(), KeyUse::Blob, "release"), Ok(()));
        assert_eq!(register.register(two.public_key(), KeyUse::Seal, "main"), Ok(()));
        for (key, key_use, name) in
            [(&one, KeyUse::Seal, "a"), (&one, KeyUse::Dsse, "b"), (&two, KeyUse::Blob, "c")]
        {
            let conflict = register.register(key.public_key(), key_use, name).unwrap_err();
            assert_eq!((conflict.second.as_str(), conflict.second_use), (name, key_use));
        }
    }
}
