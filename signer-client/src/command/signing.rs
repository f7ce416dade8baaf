//! The signer that the command line names, and the secrets that open it.

use std::io;
use std::path::Path;

use hallmark_signer::BlobKey;
use hallmark_signer::signer::{MAX_PASSPHRASE, Passphrase, Secrets, Signer, SignerAddress, SignerError};
use zeroize::Zeroizing;

use crate::command::args::SignerArgs;
use crate::command::failure::Failure;
use crate::command::keys;

const PASSPHRASE_VARIABLE: &str = "HALLMARK_KEY_PASSPHRASE";
const PIN_VARIABLE: &str = "HALLMARK_PIN";

/// The key that signs blobs; `None` if none is given.
pub(crate) async fn blob_key(args: &SignerArgs) -> Result<Option<BlobKey<Signer>>, Failure> {
    match address(args) {
        Some(address) => Ok(Some(at(&address, args).await?.into_blob_key())),
        None => Ok(None),
    }
}

/// The signer, which has no use yet; the command line must not allow none.
pub(crate) async fn open(args: &SignerArgs) -> Result<Signer, Failure> {
    at(&address(args).ok_or_else(|| Failure::usage("no signer is given"))?, args).await
}

async fn at(address: &SignerAddress, args: &SignerArgs) -> Result<Signer, Failure> {
    let secrets = Asked { passphrase_file: args.passphrase_file.as_deref() };
    Signer::open(address, &secrets).await.map_err(|error| failure(&error))
}

/// Where the key is.
pub(crate) fn address(args: &SignerArgs) -> Option<SignerAddress> {
    args.signer.clone().or_else(|| args.key.clone().map(SignerAddress::File))
}

/// The failure of a signer, for people.
pub(crate) fn failure(error: &SignerError) -> Failure {
    const NO_KEY: &str = "give the secret key, NAME.key of `hallmark keygen NAME`";
    let failure = match error {
        SignerError::Key { .. } | SignerError::Unusable { .. } | SignerError::NotBuiltIn { .. } => {
            Failure::usage(error.to_string())
        }
        SignerError::Failed { .. } => Failure::failed(error.to_string()),
        SignerError::WrongSignature => Failure::refused("BadSignature", error.to_string()),
    };
    match (error.what_next(), error) {
        (Some(next), _) => failure.hint(next),
        (None, SignerError::Key { .. }) => failure.hint(NO_KEY),
        (None, _) => failure,
    }
}

/// A passphrase for a key that is made now; typed twice, if it is typed.
pub(crate) fn new_passphrase(file: Option<&Path>) -> Result<Passphrase, Failure> {
    if let Some(known) = known(file, PASSPHRASE_VARIABLE).map_err(|error| failure(&error))? {
        return Ok(known);
    }
    let ask = |prompt: &str| typed(prompt, PASSPHRASE_VARIABLE).map_err(|error| failure(&error));
    let passphrase = ask("Passphrase for the new key: ")?;
    if ask("The same again: ")?.expose() != passphrase.expose() {
        return Err(Failure::usage("the two passphrases differ"));
    }
    Ok(passphrase)
}

/// Knows the secrets of files and environment variables, and asks for the others.
struct Asked<'a> {
    passphrase_file: Option<&'a Path>,
}

impl Secrets for Asked<'_> {
    fn passphrase(&self, file: &Path) -> Result<Passphrase, SignerError> {
        match known(self.passphrase_file, PASSPHRASE_VARIABLE)? {
            Some(known) => Ok(known),
            None => typed(&format!("Passphrase of {}: ", file.display()), PASSPHRASE_VARIABLE),
        }
    }

    fn pin(&self, token: &str) -> Result<Passphrase, SignerError> {
        match known(None, PIN_VARIABLE)? {
            Some(known) => Ok(known),
            None => typed(&format!("PIN of the token `{token}`: "), PIN_VARIABLE),
        }
    }
}

/// The secret in a file or else in an environment variable, if there is one.
fn known(file: Option<&Path>, variable: &str) -> Result<Option<Passphrase>, SignerError> {
    let unusable = |place: String, error: &dyn std::fmt::Display| SignerError::Unusable {
        message: format!("{place}: {error}"),
        hint: None,
    };
    if let Some(path) = file {
        let text = keys::text(path, MAX_PASSPHRASE as u64 + 2)
            .map_err(|failure| SignerError::Unusable { message: failure.message, hint: failure.hint })?;
        return Passphrase::new(&text)
            .map(Some)
            .map_err(|error| unusable(path.display().to_string(), &error));
    }
    match std::env::var(variable).map(Zeroizing::new) {
        Ok(text) => Passphrase::new(&text).map(Some).map_err(|error| unusable(variable.to_owned(), &error)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(unusable(variable.to_owned(), &"not a text in UTF-8")),
    }
}

/// Asks at the terminal, where it is not shown.
fn typed(prompt: &str, variable: &str) -> Result<Passphrase, SignerError> {
    let nobody = |error: io::Error| SignerError::Unusable {
        message: format!("{prompt}there is no terminal to ask at ({error})"),
        hint: Some(format!("set {variable}")),
    };
    let text = rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(nobody)?;
    Passphrase::new(&text).map_err(|error| SignerError::Unusable { message: error.to_string(), hint: None })
}
