//! Passphrases and PINs, and where they come from.

use std::path::Path;

use zeroize::Zeroizing;

use super::error::SignerError;

/// The longest passphrase or PIN, bytes.
pub const MAX_PASSPHRASE: usize = 1024;

/// Opens a key: the passphrase of an encrypted file, or the PIN of a token. Wiped from memory when dropped, never shown.
///
/// ```compile_fail
/// use hallmark_signer::signer::Passphrase;
/// println!("{:?}", Passphrase::new("open sesame"));
/// ```
pub struct Passphrase(Zeroizing<String>);

/// A text that is no passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// There is nothing in it.
    #[error("the passphrase is empty")]
    Empty,
    /// More than [`MAX_PASSPHRASE`] bytes.
    #[error("the passphrase is longer than 1024 bytes")]
    TooLong,
}

impl Passphrase {
    /// Takes it as it is, but for one line's end after it.
    ///
    /// # Errors
    /// It is empty or too long.
    pub fn new(text: &str) -> Result<Self, PassphraseError> {
        let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        match line.len() {
            0 => Err(PassphraseError::Empty),
            1..=MAX_PASSPHRASE => Ok(Self(Zeroizing::new(line.to_owned()))),
            _ => Err(PassphraseError::TooLong),
        }
    }

    /// The text itself, for the one place that computes with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Knows the secrets that open keys. Asked only when one is needed.
pub trait Secrets: Sync {
    /// The passphrase of an encrypted key file.
    ///
    /// # Errors
    /// There is none.
    fn passphrase(&self, file: &Path) -> Result<Passphrase, SignerError>;

    /// The PIN of a token, whose address names no file with it.
    ///
    /// # Errors
    /// There is none.
    fn pin(&self, token: &str) -> Result<Passphrase, SignerError>;
}

/// Knows none.
#[derive(Debug, Clone, Copy)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn passphrase(&self, file: &Path) -> Result<Passphrase, SignerError> {
        Err(SignerError::unusable(format!(
            "{}: the key is encrypted, and no passphrase is known",
            file.display()
        )))
    }

    fn pin(&self, token: &str) -> Result<Passphrase, SignerError> {
        Err(SignerError::unusable(format!("the token `{token}` wants a PIN, and none is known")))
    }
}
