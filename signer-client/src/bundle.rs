//! Several public keys in one PEM text, as a deployment gives out those of its seals.

use crate::key::{KeyError, PublicKey};

/// At most so many keys are read.
pub const MAX_BUNDLE_KEYS: usize = 64;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

impl PublicKey {
    /// Reads a PEM text with one or more blocks `PUBLIC KEY`, in their order; text around them is ignored.
    ///
    /// # Errors
    /// No such block or more than [`MAX_BUNDLE_KEYS`], one that does not end, or one that [`from_pem`](Self::from_pem)
    /// refuses.
    pub fn all_from_pem(pem: &str) -> Result<Vec<Self>, KeyError> {
        const NONE: KeyError = KeyError::Pem { label: "PUBLIC KEY" };
        let mut keys = Vec::new();
        let mut rest = pem;
        while let Some((_, block)) = rest.split_once(BEGIN) {
            let (inside, after) = block.split_once(END).ok_or(NONE)?;
            keys.push(Self::from_pem(&format!("{BEGIN}{inside}{END}"))?);
            if keys.len() > MAX_BUNDLE_KEYS {
                return Err(NONE);
            }
            rest = after;
        }
        if keys.is_empty() { Err(NONE) } else { Ok(keys) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PrivateKey;

    #[test]
    fn all_keys_are_read_or_none() {
        let keys = [(); 2].map(|()| PrivateKey::generate().unwrap().into_seal_key().public_key().clone());
        let [one, two] = keys.each_ref().map(PublicKey::to_pem);
        assert_eq!(PublicKey::all_from_pem(&one), Ok(keys[..1].to_vec()));
        assert_eq!(PublicKey::all_from_pem(&format!("first\n{one}then\n{two}end")), Ok(keys.to_vec()));
        let (beginning, _) = two.split_at(40);
        for bad in ["", "no key", &format!("{one}{beginning}"), &format!("{one}{BEGIN}AAAA{END}")] {
            assert!(PublicKey::all_from_pem(bad).is_err(), "{bad}");
        }
        assert!(PublicKey::all_from_pem(&one.repeat(MAX_BUNDLE_KEYS)).is_ok());
        assert!(PublicKey::all_from_pem(&one.repeat(MAX_BUNDLE_KEYS + 1)).is_err());
    }
}
