//! HMAC-SHA256 as Signature Version 4 uses it: derived keys and what they make.

use std::fmt;

use hallmark_config::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::credential::Scope;

/// A signing key: good for one client, day and region.
#[derive(Clone)]
pub(crate) struct SigningKey([u8; 32]);

impl SigningKey {
    /// Derives the key of `secret` for `scope`.
    pub(super) fn derive(secret: &Secret, scope: &Scope) -> Self {
        let first = format!("AWS4{}", secret.expose());
        let date = hmac(first.as_bytes(), scope.date().as_bytes());
        let region = hmac(&date, scope.region().as_bytes());
        let service = hmac(&region, scope.service().as_bytes());
        Self(hmac(&service, scope.terminator().as_bytes()))
    }

    /// The signature over `text`.
    pub(crate) fn sign(&self, text: &[u8]) -> Signature {
        Signature(hmac(&self.0, text))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A signature, shown as 64 lower-case hexadecimal digits. Compared only by [`Signature::matches`].
#[derive(Clone)]
pub(crate) struct Signature([u8; 32]);

impl Signature {
    /// Reads 64 lower-case hexadecimal digits.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        digest(text).map(Self)
    }

    /// Whether `other` is the same, in time that does not depend on where they differ.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads 64 lower-case hexadecimal digits; upper case would be a second spelling of the same value.
pub(super) fn digest(text: &[u8]) -> Option<[u8; 32]> {
    if text.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // HMAC is defined for keys of every length, so this constructor cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
