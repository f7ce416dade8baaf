//! Encrypted key files: PKCS#8 (RFC 5958, `EncryptedPrivateKeyInfo`) with PBES2 (RFC 8018), as `openssl pkcs8 -topk8`
//! makes them.

use p256::SecretKey;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding, SecretDocument};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use zeroize::Zeroizing;

use super::secrets::Passphrase;
use crate::key::{ENCRYPTED_LABEL, KeyError, PrivateKey, pem_block};

/// The most rounds of PBKDF2 that a file may ask for: a second or two. openssl's default is 2048.
const MAX_ROUNDS: u32 = 5_000_000;
/// The most memory that a file may ask for by scrypt, bytes (128 N r, RFC 7914). Ours take 16 MiB.
const MAX_SCRYPT_MEMORY: u64 = 256 << 20;
/// The most passes over that memory (p).
const MAX_SCRYPT_PASSES: u16 = 16;

impl PrivateKey {
    /// Reads a PEM text with exactly one block `ENCRYPTED PRIVATE KEY`; text around it is ignored.
    ///
    /// # Errors
    /// None or several such blocks, another passphrase, a way of encryption that is not PBES2 or asks for too much work,
    /// or not a key on P-256.
    pub fn from_encrypted_pem(pem: &str, passphrase: &Passphrase) -> Result<Self, KeyError> {
        let block = pem_block(pem, ENCRYPTED_LABEL).ok_or(KeyError::Pem { label: ENCRYPTED_LABEL })?;
        let (_, document) = SecretDocument::from_pem(block).map_err(|_| KeyError::Encryption)?;
        let encrypted =
            EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| KeyError::Encryption)?;
        check_work(&encrypted.encryption_algorithm)?;
        let key = encrypted.decrypt(passphrase.expose()).map_err(|_| KeyError::Passphrase)?;
        // With another passphrase one in 256 has a padding that looks right, and is no document.
        SecretKey::from_pkcs8_der(key.as_bytes()).map(Self::from_secret).map_err(|_| {
            match pkcs8::PrivateKeyInfoRef::try_from(key.as_bytes()) {
                Ok(_) => KeyError::Private,
                Err(_) => KeyError::Passphrase,
            }
        })
    }

    /// Its PKCS#8 document, encrypted (scrypt, AES-256-CBC), in PEM, ended by a newline. openssl reads it.
    ///
    /// # Errors
    /// The system gave no random numbers.
    pub fn to_encrypted_pem(&self, passphrase: &Passphrase) -> Result<Zeroizing<String>, KeyError> {
        self.secret()
            .to_pkcs8_encrypted_pem(passphrase.expose(), LineEnding::LF)
            .map_err(|_| KeyError::Random)
    }
}

/// Refuses what would take minutes or gigabytes before it could be found wrong.
fn check_work(scheme: &EncryptionScheme) -> Result<(), KeyError> {
    let kdf = match scheme {
        EncryptionScheme::Pbes2(parameters) => &parameters.kdf,
        _ => return Err(KeyError::Encryption),
    };
    let bearable = match kdf {
        Kdf::Pbkdf2(parameters) => parameters.iteration_count <= MAX_ROUNDS,
        Kdf::Scrypt(parameters) => {
            let memory = parameters.cost_parameter.checked_mul(128 * u64::from(parameters.block_size));
            // The library takes the logarithm of the cost before it looks at it.
            parameters.cost_parameter > 1
                && memory.is_some_and(|memory| memory <= MAX_SCRYPT_MEMORY)
                && parameters.parallelization <= MAX_SCRYPT_PASSES
        }
        _ => false,
    };
    if bearable { Ok(()) } else { Err(KeyError::Encryption) }
}
