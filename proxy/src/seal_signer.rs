//! The key that makes seals, wherever the configuration says it is.

use std::fmt;
use std::path::Path;

use hallmark_config::{Config, Seal, SealKey, Secret};
use hallmark_signer::signer::{AddressError, Passphrase, Secrets, Signer, SignerAddress, SignerError};
use hallmark_signer::{KeyError, PrivateKey, PublicKey};

/// A key in PEM has a few hundred bytes, 16 KiB with the longest text around it that anybody wants.
const MAX_KEY_FILE: u64 = 16 << 10;
const PIN_VARIABLE: &str = "HALLMARK_PIN";

/// The configuration's key for where the seal key is.
pub(crate) fn config_key(seal: &Seal) -> &'static str {
    match seal.key {
        SealKey::File(_) => "seal.key_file",
        SealKey::Signer(_) => "seal.signer",
    }
}

/// Goes to the seal key: reads its file, or logs in to its token. Blocks for as long as that takes.
///
/// # Errors
/// What is wrong, without a file's name where the configuration has it.
pub(crate) fn open(seal: &Seal) -> Result<Signer, String> {
    let secrets = SealSecrets(seal.passphrase.as_ref());
    match &seal.key {
        SealKey::File(path) => in_file(path, &secrets),
        SealKey::Signer(text) => {
            match text.parse().map_err(|error: AddressError| explained(&error, error.what_next()))? {
                address @ SignerAddress::Pkcs11(_) => Signer::open_here(&address, &secrets)
                    .map_err(|error| explained(&error, error.what_next())),
                SignerAddress::File(_) => Err("a key file is named by `key_file`".to_owned()),
                SignerAddress::AwsKms(_) | SignerAddress::AwsSigner(_) => {
                    Err("a seal key is in a file (`key_file`) or in a token (`pkcs11:…`)".to_owned())
                }
            }
        }
    }
}

/// The public half of the key that makes seals.
///
/// # Errors
/// What is wrong with the key.
pub fn public_key(config: &Config) -> Result<PublicKey, String> {
    open(&config.seal).map(|signer| signer.public_key().clone())
}

fn in_file(path: &Path, secrets: &SealSecrets<'_>) -> Result<Signer, String> {
    let pem = hallmark_config::read_text(path, MAX_KEY_FILE)?;
    let key = match PrivateKey::from_pem(&pem) {
        Err(KeyError::Encrypted) => {
            let passphrase = secrets.passphrase(path).map_err(|error| error.to_string())?;
            PrivateKey::from_encrypted_pem(&pem, &passphrase)
        }
        read => read,
    };
    key.map(Signer::from).map_err(|error| explained(&error, error.what_next()))
}

fn explained(error: &dyn fmt::Display, next: Option<&str>) -> String {
    next.map_or_else(|| error.to_string(), |next| format!("{error}; {next}"))
}

/// What the configuration says, and for tokens the environment.
struct SealSecrets<'a>(Option<&'a Secret>);

impl Secrets for SealSecrets<'_> {
    fn passphrase(&self, _: &Path) -> Result<Passphrase, SignerError> {
        self.configured()?.ok_or_else(|| {
            unusable("the key is encrypted: name a file with its passphrase (`passphrase_file`)")
        })
    }

    fn pin(&self, token: &str) -> Result<Passphrase, SignerError> {
        if let Some(configured) = self.configured()? {
            return Ok(configured);
        }
        let named = std::env::var(PIN_VARIABLE).map(Secret::new).ok();
        let named = named.map(|secret| Passphrase::new(secret.expose())).transpose();
        named.map_err(|error| unusable(&format!("{PIN_VARIABLE}: {error}")))?.ok_or_else(|| {
            unusable(&format!(
                "the token `{token}` wants a PIN: name a file with it (`passphrase_file`), or set {PIN_VARIABLE}"
            ))
        })
    }
}

impl SealSecrets<'_> {
    fn configured(&self) -> Result<Option<Passphrase>, SignerError> {
        let configured = self.0.map(|secret| Passphrase::new(secret.expose())).transpose();
        configured.map_err(|error| unusable(&error.to_string()))
    }
}

fn unusable(message: &str) -> SignerError {
    SignerError::Unusable { message: message.to_owned(), hint: None }
}
