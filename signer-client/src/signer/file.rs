//! Keys in files.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::SignerError;
use super::secrets::Secrets;
use crate::key::{KeyError, PrivateKey};

/// The longest key file that is read, bytes: certificates and comments may stand around the key.
const MAX_KEY_FILE: usize = 64 << 10;

/// Reads the key in a file; if it is encrypted, with its passphrase.
pub(super) fn open(path: &Path, secrets: &dyn Secrets) -> Result<PrivateKey, SignerError> {
    let pem = read(path, MAX_KEY_FILE)?;
    let key = match PrivateKey::from_pem(&pem) {
        Err(KeyError::Encrypted) => PrivateKey::from_encrypted_pem(&pem, &secrets.passphrase(path)?),
        read => read,
    };
    key.map_err(|error| SignerError::Key { place: path.display().to_string(), error })
}

/// The text in a file of at most `limit` bytes that may hold a secret.
pub(super) fn read(path: &Path, limit: usize) -> Result<Zeroizing<String>, SignerError> {
    let failed = |error| SignerError::failed(format!("cannot read {}: {error}", path.display()));
    // All the room at once: a buffer that grows leaves copies behind which nobody wipes.
    let mut text = Zeroizing::new(String::with_capacity(limit + 1));
    let file = File::open(path).map_err(failed)?;
    file.take(limit as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() > limit {
        return Err(SignerError::unusable(format!("{} is longer than {limit} bytes", path.display())));
    }
    Ok(text)
}
