//! Keys in tokens, reached through PKCS#11 (OASIS, version 2.40 and later): hardware modules, smart cards, SoftHSM.
//!
//! A token's library blocks, so every signature is made on a thread for such work, by at most [`MAX_SESSIONS`] at once. A
//! session that fails is thrown away, and the signature tried once more in a new one: tokens are unplugged, and modules in
//! a network restart. A PIN that was refused is never tried again, since tokens count.
//!
//! Keys that want the PIN before each single signature (`CKA_ALWAYS_AUTHENTICATE`) are not supported.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use tokio::sync::Semaphore;

use super::SignDigest;
use super::error::SignerError;
use super::file;
use super::pkcs11_uri::Pkcs11Uri;
use super::secrets::{MAX_PASSPHRASE, Passphrase, Secrets};
use crate::digest::Sha256Digest;
use crate::key::PublicKey;
use crate::signature::Signature;

/// So many signatures are made at once; the others wait.
const MAX_SESSIONS: usize = 8;
/// So long a signature may take, with the wait for a session.
const PATIENCE: Duration = Duration::from_secs(10);
/// More keys than this with one name are not looked at.
const MAX_OBJECTS: usize = 16;
/// Names the library, where the address does not.
const MODULE_VARIABLE: &str = "HALLMARK_PKCS11_MODULE";
/// `prime256v1` as CKA_EC_PARAMS has it: the DER of its object identifier.
const P256: [u8; 10] = *b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

/// A private key in a token.
pub(super) struct KeyInToken {
    token: Arc<Token>,
    public: PublicKey,
    permits: Arc<Semaphore>,
}

struct Token {
    module: Pkcs11,
    slot: Slot,
    uri: Pkcs11Uri,
    login: Login,
    /// Set once the token refused the PIN.
    refused: AtomicBool,
    /// Sessions that nobody signs in at the moment. Locked for a push or a pop.
    idle: Mutex<Vec<Opened>>,
}

enum Login {
    NotNeeded,
    /// At the token itself.
    Keypad,
    Pin(AuthPin),
}

/// A session that is logged in, and the key in it.
struct Opened {
    session: Session,
    key: ObjectHandle,
}

impl KeyInToken {
    /// Loads the library, logs in, and finds the key and its public half. Blocks.
    pub(super) fn open(uri: &Pkcs11Uri, secrets: &dyn Secrets) -> Result<Self, SignerError> {
        let module = module(uri)?;
        let slot = slot(&module, uri)?;
        let login = login(&module, slot, uri, secrets)?;
        let (refused, idle) = (AtomicBool::new(false), Mutex::default());
        let token = Token { module, slot, uri: uri.clone(), login, refused, idle };
        let opened = token.session()?;
        let public = token.public_key(&opened)?;
        token.put_back(opened);
        Ok(Self { token: Arc::new(token), public, permits: Arc::new(Semaphore::new(MAX_SESSIONS)) })
    }
}

#[async_trait]
impl SignDigest for KeyInToken {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    async fn sign_digest(&self, digest: &Sha256Digest) -> Result<Signature, SignerError> {
        let (token, permits, digest) = (Arc::clone(&self.token), Arc::clone(&self.permits), *digest);
        let signed = async move {
            let permit =
                permits.acquire_owned().await.map_err(|_| SignerError::failed("the token was closed"))?;
            let work = tokio::task::spawn_blocking(move || {
                // Given back when the token answered, whether or not somebody still waits for that.
                let _permit = permit;
                token.sign(&digest)
            });
            work.await.map_err(|_| SignerError::failed("the token's library did not survive"))?
        };
        match tokio::time::timeout(PATIENCE, signed).await {
            Ok(done) => done,
            Err(_) => Err(SignerError::failed(format!("the token did not sign within {PATIENCE:?}"))),
        }
    }
}

impl Token {
    fn sign(&self, digest: &Sha256Digest) -> Result<Signature, SignerError> {
        // Unlocked again before anything is done with it.
        let idle = self.idle().pop();
        if let Some(opened) = idle {
            match self.sign_in(opened, digest) {
                Ok(signature) => return Ok(signature),
                // Those that were opened before share its fate.
                Err(_) => self.idle().clear(),
            }
        }
        self.sign_in(self.session()?, digest)
    }

    fn sign_in(&self, opened: Opened, digest: &Sha256Digest) -> Result<Signature, SignerError> {
        let made = opened.session.sign(&Mechanism::Ecdsa, opened.key, digest.as_bytes());
        let made = made.map_err(|error| self.failed("sign", &error))?;
        let signature = <&[u8; 64]>::try_from(made.as_slice()).ok();
        let signature = signature.and_then(|bytes| Signature::from_bytes(bytes).ok());
        self.put_back(opened);
        signature.ok_or(SignerError::WrongSignature)
    }

    /// A new session, logged in.
    fn session(&self) -> Result<Opened, SignerError> {
        let session =
            self.module.open_ro_session(self.slot).map_err(|error| self.failed("open a session", &error))?;
        match &self.login {
            Login::NotNeeded => {}
            Login::Keypad => self.log_in(&session, None)?,
            Login::Pin(pin) => self.log_in(&session, Some(pin))?,
        }
        let key = self.private_key(&session)?;
        Ok(Opened { session, key })
    }

    fn log_in(&self, session: &Session, pin: Option<&AuthPin>) -> Result<(), SignerError> {
        let wrong = || {
            SignerError::unusable(format!("the token `{}` refuses the PIN", self.uri.token()))
                .hint("tokens lock after a few wrong PINs: find out the right one before the next try")
        };
        if self.refused.load(Ordering::Relaxed) {
            return Err(wrong());
        }
        match session.login(UserType::User, pin) {
            // Logins are the program's, not the session's.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange | RvError::PinLocked,
                _,
            )) => {
                self.refused.store(true, Ordering::Relaxed);
                Err(wrong())
            }
            // Nobody saw the PIN.
            Err(
                error @ Error::Pkcs11(
                    RvError::DeviceError
                    | RvError::DeviceMemory
                    | RvError::DeviceRemoved
                    | RvError::HostMemory
                    | RvError::SessionClosed
                    | RvError::SessionHandleInvalid
                    | RvError::TokenNotPresent,
                    _,
                ),
            ) => Err(self.failed("log in", &error)),
            // Each token has its own words for a PIN that it does not like.
            Err(error) => Err(SignerError::unusable(self.failed("log in", &error).to_string())),
        }
    }

    fn private_key(&self, session: &Session) -> Result<ObjectHandle, SignerError> {
        let mut wanted = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
        wanted.extend(self.uri.object.iter().map(|label| Attribute::Label(label.clone().into_bytes())));
        wanted.extend(self.uri.id.iter().map(|id| Attribute::Id(id.clone())));
        let found = self.find(session, &wanted)?;
        let (key, token) = (self.uri.key(), self.uri.token());
        match found.as_slice() {
            [found] => {
                let kinds = self.attributes(session, *found, &[AttributeType::KeyType])?;
                match kinds.as_slice() {
                    [Attribute::KeyType(KeyType::EC)] => Ok(*found),
                    _ => Err(SignerError::unusable(format!(
                        "the key {key} in the token `{token}` is not one on P-256"
                    ))),
                }
            }
            [] => Err(SignerError::unusable(format!("there is no private key {key} in the token `{token}`"))
                .hint("`pkcs11-tool --module MODULE --login --list-objects` shows what is there")),
            _ => Err(SignerError::unusable(format!(
                "several private keys in the token `{token}` are meant by {key}"
            ))
            .hint("say which by `id=`, two hexadecimal digits after a `%` for each byte")),
        }
    }

    /// The public half, from the object that has the private key's id or else its label.
    fn public_key(&self, opened: &Opened) -> Result<PublicKey, SignerError> {
        let Opened { session, key } = opened;
        let mut wanted = vec![Attribute::Class(ObjectClass::PUBLIC_KEY)];
        let names = self.attributes(session, *key, &[AttributeType::Id, AttributeType::Label])?;
        let full = |name: &&Attribute| match name {
            Attribute::Id(bytes) | Attribute::Label(bytes) => !bytes.is_empty(),
            _ => false,
        };
        let id = names.iter().filter(full).find(|name| matches!(name, Attribute::Id(_)));
        wanted.extend(id.or_else(|| names.iter().find(full)).cloned());
        let name = || format!("the key {} in the token `{}`", self.uri.key(), self.uri.token());
        let found = if wanted.len() > 1 { self.find(session, &wanted)? } else { Vec::new() };
        // Some keep the point with the private key.
        let object = found.first().unwrap_or(key);
        let [mut params, mut point] = [None, None];
        for attribute in
            self.attributes(session, *object, &[AttributeType::EcParams, AttributeType::EcPoint])?
        {
            match attribute {
                Attribute::EcParams(bytes) => params = Some(bytes),
                Attribute::EcPoint(bytes) => point = Some(bytes),
                _ => {}
            }
        }
        if params.as_ref().is_some_and(|params| *params != P256) {
            return Err(SignerError::unusable(format!("{} is not on P-256", name())));
        }
        let point = point.ok_or_else(|| {
            SignerError::unusable(format!("{} has no public key beside it", name()))
                .hint("import its public key with the same id and label")
        })?;
        // An OCTET STRING around it, says the standard; not all read that.
        let point = point.strip_prefix(&[0x04, 0x41]).unwrap_or(&point);
        PublicKey::from_point(point).map_err(|error| SignerError::Key { place: name(), error })
    }

    fn find(&self, session: &Session, wanted: &[Attribute]) -> Result<Vec<ObjectHandle>, SignerError> {
        let failed = |error: Error| self.failed("look for the key", &error);
        session
            .iter_objects(wanted)
            .map_err(failed)?
            .take(MAX_OBJECTS)
            .map(|found| found.map_err(failed))
            .collect()
    }

    fn attributes(
        &self,
        session: &Session,
        object: ObjectHandle,
        wanted: &[AttributeType],
    ) -> Result<Vec<Attribute>, SignerError> {
        session.get_attributes(object, wanted).map_err(|error| self.failed("look at the key", &error))
    }

    fn put_back(&self, opened: Opened) {
        self.idle().push(opened);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Opened>> {
        // A list of sessions is whole at any time.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, doing: &str, error: &Error) -> SignerError {
        SignerError::failed(format!("cannot {doing} in the token `{}`: {error}", self.uri.token()))
    }
}

/// The library. It stays loaded for as long as the program runs: its state is one for the whole process.
fn module(uri: &Pkcs11Uri) -> Result<Pkcs11, SignerError> {
    static LOADED: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());
    let named = || std::env::var_os(MODULE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = uri.module.clone().or_else(named).ok_or_else(|| {
        SignerError::unusable("the PKCS#11 URI does not say which library to load").hint(
            "add ?module-path=/usr/lib/softhsm/libsofthsm2.so, or whatever the token came with, or set HALLMARK_PKCS11_MODULE",
        )
    })?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = loaded.get(&path) {
        return Ok(module.clone());
    }
    let module = load(&path)?;
    loaded.insert(path, module.clone());
    Ok(module)
}

fn load(path: &Path) -> Result<Pkcs11, SignerError> {
    let failed = |error: Error| {
        SignerError::unusable(format!("cannot load the PKCS#11 library {}: {error}", path.display()))
            .hint("`module-path` is the file of a PKCS#11 library for this kind of machine")
    };
    let module = Pkcs11::new(path).map_err(failed)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(error) => Err(failed(error)),
    }
}

/// The slot of the only token that is meant.
fn slot(module: &Pkcs11, uri: &Pkcs11Uri) -> Result<Slot, SignerError> {
    let failed = |error: Error| SignerError::failed(format!("cannot list the tokens: {error}"));
    let (mut meant, mut labels) = (Vec::new(), Vec::new());
    for slot in module.get_slots_with_token().map_err(failed)? {
        let info = module.get_token_info(slot).map_err(failed)?;
        // Some show a free slot as a token without a name.
        if !info.token_initialized() {
            continue;
        }
        let is =
            |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is.trim_end());
        let here = is(&uri.token, info.label()) && is(&uri.serial, info.serial_number());
        if here && uri.slot.is_none_or(|wanted| wanted == slot.id()) {
            meant.push(slot);
        }
        labels.push(format!("`{}`", info.label().trim_end()));
    }
    match meant.as_slice() {
        [slot] => Ok(*slot),
        [] => Err(SignerError::unusable(format!("there is no token `{}`", uri.token())).hint(&format!(
            "tokens that are there: {}",
            if labels.is_empty() { "none".to_owned() } else { labels.join(", ") }
        ))),
        _ => Err(SignerError::unusable(format!("several tokens are meant by `{}`", uri.token()))
            .hint("say which by `token=`, `serial=` or `slot-id=`")),
    }
}

fn login(module: &Pkcs11, slot: Slot, uri: &Pkcs11Uri, secrets: &dyn Secrets) -> Result<Login, SignerError> {
    let info = module.get_token_info(slot);
    let info = info.map_err(|error| SignerError::failed(format!("cannot look at the token: {error}")))?;
    if !info.login_required() {
        return Ok(Login::NotNeeded);
    }
    if info.protected_authentication_path() {
        return Ok(Login::Keypad);
    }
    let pin = match &uri.pin_file {
        Some(path) => Passphrase::new(&file::read(path, MAX_PASSPHRASE + 2)?)
            .map_err(|_| SignerError::unusable(format!("{} has no PIN in it", path.display())))?,
        None => secrets.pin(&uri.token())?,
    };
    Ok(Login::Pin(AuthPin::from(pin.expose())))
}
