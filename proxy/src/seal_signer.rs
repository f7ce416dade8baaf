//! The key that makes seals, wherever the configuration says it is.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use hallmark_config::{Config, Seal, SealKey, SealKeyWork, Secret};
use hallmark_signer::signer::{AddressError, Passphrase, Secrets, Signer, SignerAddress, SignerError};
use hallmark_signer::{KeyError, PrivateKey, PublicKey, Sealer};

use crate::sealing::Sealing;

const PIN_VARIABLE: &str = "HALLMARK_PIN";

/// So long it may take to open the key.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many tries to open a key may wait for their token at once: a library that hangs cannot be interrupted.
const MAX_OPENINGS: usize = 4;

/// How many wait, in this process.
static OPENINGS: AtomicUsize = AtomicUsize::new(0);

/// One of them: counted for as long as it lives, however it ends.
struct Opening(&'static AtomicUsize);

/// Why the key that makes seals cannot be used. No message has a file's name where the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    /// Nobody answered: it may be another time.
    #[error("{0}")]
    Unanswered(String),
    /// To ask again would come to the same, and may do harm: a token locks after a few wrong PINs.
    #[error("{0}")]
    Wrong(String),
}

/// The key that makes seals, opened.
#[derive(Clone)]
pub(crate) struct OpenSealKey {
    seal: Seal,
    sealing: Sealing,
    public: PublicKey,
}

impl OpenSealKey {
    /// Goes to the key that `seal` names.
    ///
    /// # Errors
    /// What is wrong; or the token does not answer within 10 seconds.
    pub(crate) fn open(seal: &Seal) -> Result<Self, OpenError> {
        let signer = open(seal)?;
        let public = signer.public_key().clone();
        let sealing = match seal.work {
            SealKeyWork::Seals => Sealing::Key(Arc::new(Sealer::new(signer.into_seal_key()))),
            SealKeyWork::Certifies { lifetime } => {
                Sealing::Certified { certifier: Arc::new(signer.into_certifier()), lifetime }
            }
        };
        Ok(Self { seal: seal.clone(), sealing, public })
    }

    /// The same key as `seal` has it work, in the token that is open; `None`: it names another one, or other work for it. A file
    /// is read again: it may hold another key.
    pub(crate) fn renewed(&self, seal: &Seal) -> Option<Self> {
        let opened_by = |seal: &Seal| seal.passphrase.as_ref().map(|secret| secret.expose().to_owned());
        let same = match (&self.seal.key, &seal.key) {
            (SealKey::Signer(open), SealKey::Signer(named)) => {
                open == named && opened_by(&self.seal) == opened_by(seal)
            }
            (SealKey::File(_), _) | (_, SealKey::File(_)) => false,
        };
        let sealing = match (&self.sealing, seal.work) {
            (Sealing::Key(sealer), SealKeyWork::Seals) => Sealing::Key(Arc::clone(sealer)),
            (Sealing::Certified { certifier, lifetime: _ }, SealKeyWork::Certifies { lifetime }) => {
                Sealing::Certified { certifier: Arc::clone(certifier), lifetime }
            }
            (Sealing::Key(_), SealKeyWork::Certifies { .. })
            | (Sealing::Certified { .. }, SealKeyWork::Seals)
            | (Sealing::Unanswered, SealKeyWork::Seals | SealKeyWork::Certifies { .. }) => return None,
        };
        same.then(|| Self { seal: seal.clone(), sealing, public: self.public.clone() })
    }

    /// By what seals are made with it.
    pub(crate) fn sealing(&self) -> Sealing {
        self.sealing.clone()
    }

    /// Its public half.
    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.public
    }
}

/// The configuration's key for where the seal key is.
pub(crate) fn config_key(seal: &Seal) -> &'static str {
    match (&seal.key, seal.work) {
        (SealKey::File(_), SealKeyWork::Seals) => "seal.key_file",
        (SealKey::Signer(_), SealKeyWork::Seals) => "seal.signer",
        (SealKey::File(_), SealKeyWork::Certifies { .. }) => "seal.certifier_file",
        (SealKey::Signer(_), SealKeyWork::Certifies { .. }) => "seal.certifier",
    }
}

/// Goes to the seal key: reads its file, or logs in to its token. Blocks for as long as that takes, but no longer than
/// [`PATIENCE`].
///
/// # Errors
/// What is wrong.
fn open(seal: &Seal) -> Result<Signer, OpenError> {
    match seal.key {
        SealKey::File(_) => open_now(seal),
        SealKey::Signer(_) => {
            let seal = seal.clone();
            in_time(&OPENINGS, PATIENCE, move || open_now(&seal))
        }
    }
}

/// What `work` comes to within a time. Where it takes longer it goes on, and nobody hears of it.
fn in_time<T: Send + 'static>(
    openings: &'static AtomicUsize,
    patience: Duration,
    work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    let Some(opening) = Opening::begin(openings) else {
        let message =
            "the keeper of the key (token or service) does not answer: earlier tries still wait for it";
        return Err(OpenError::Unanswered(message.to_owned()));
    };
    let (tell, told) = sync_channel(1);
    let began = thread::Builder::new().name("seal-key".to_owned()).spawn(move || {
        // Given back also if the work panics.
        let done = {
            let _opening = opening;
            work()
        };
        // Nobody may be waiting any more.
        let _ = tell.send(done);
    });
    if let Err(error) = began {
        return Err(OpenError::Unanswered(format!("no thread for opening it: {error}")));
    }
    match told.recv_timeout(patience) {
        Ok(done) => done,
        Err(RecvTimeoutError::Timeout) => Err(OpenError::Unanswered(format!(
            "the keeper of the key (token or service) did not answer within {patience:?}"
        ))),
        // Nobody knows how far it came.
        Err(RecvTimeoutError::Disconnected) => {
            Err(OpenError::Wrong("the library that reaches the key did not survive".to_owned()))
        }
    }
}

impl Opening {
    /// `None`: too many wait already.
    fn begin(openings: &'static AtomicUsize) -> Option<Self> {
        let opening = Self(openings);
        (openings.fetch_add(1, Ordering::Relaxed) < MAX_OPENINGS).then_some(opening)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl From<SignerError> for OpenError {
    fn from(error: SignerError) -> Self {
        let message = explained(&error, error.what_next());
        if error.may_pass() { Self::Unanswered(message) } else { Self::Wrong(message) }
    }
}

fn open_now(seal: &Seal) -> Result<Signer, OpenError> {
    let secrets = SealSecrets(seal.passphrase.as_ref());
    match &seal.key {
        SealKey::File(path) => in_file(path, &secrets).map_err(OpenError::Wrong),
        SealKey::Signer(text) => {
            let explain = |error: AddressError| OpenError::Wrong(explained(&error, error.what_next()));
            match text.parse().map_err(explain)? {
                address @ SignerAddress::Pkcs11(_) => Ok(Signer::open_here(&address, &secrets)?),
                SignerAddress::File(_) => {
                    let message = "a key file is named by `key_file` (or `certifier_file`)";
                    Err(OpenError::Wrong(message.to_owned()))
                }
                address @ SignerAddress::AwsKms(_) => match seal.work {
                    SealKeyWork::Certifies { .. } => in_service(&address, &secrets),
                    SealKeyWork::Seals => {
                        let message = "a key in AWS KMS would be asked for every upload: have it certify short-lived keys \
                            (`certifier` in the place of `signer`)";
                        Err(OpenError::Wrong(message.to_owned()))
                    }
                },
                SignerAddress::AwsSigner(_) => {
                    let message = "AWS Signer signs no seals: a key is in a file, in a token (`pkcs11:…`), or a certifier's \
                        in AWS KMS (`awskms:…`)";
                    Err(OpenError::Wrong(message.to_owned()))
                }
            }
        }
    }
}

/// A key with a service. This thread has nothing else to do; what is asked of the key later is asked by whoever does.
fn in_service(address: &SignerAddress, secrets: &SealSecrets<'_>) -> Result<Signer, OpenError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| OpenError::Unanswered(format!("no runtime for asking it: {error}")))?;
    Ok(runtime.block_on(Signer::open(address, secrets))?)
}

/// The public half of the key that makes seals, or certifies those that do.
///
/// # Errors
/// What is wrong with the key.
pub fn public_key(config: &Config) -> Result<PublicKey, String> {
    let opened = open(&config.seal).map(|signer| signer.public_key().clone());
    opened.map_err(|error| error.to_string())
}

fn in_file(path: &Path, secrets: &SealSecrets<'_>) -> Result<Signer, String> {
    let pem = hallmark_config::read_key_file(path)?;
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_token_that_does_not_answer_is_not_waited_for() {
        static WAITING: AtomicUsize = AtomicUsize::new(0);
        let patience = Duration::from_millis(20);
        let (release, held) = channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        let hang = || {
            let held = Arc::clone(&held);
            let wait = move || held.lock().unwrap().recv().map_err(|error| wrong(&error.to_string()));
            in_time(&WAITING, patience, wait)
        };
        for _ in 0..MAX_OPENINGS {
            let late = OpenError::Unanswered(
                "the keeper of the key (token or service) did not answer within 20ms".to_owned(),
            );
            assert_eq!(hang(), Err(late));
        }
        let more = in_time(&WAITING, patience, || Ok(())).unwrap_err();
        assert!(
            matches!(&more, OpenError::Unanswered(message) if message.contains("earlier tries")),
            "{more}"
        );
        for _ in 0..MAX_OPENINGS {
            release.send(()).unwrap();
        }
        // They end one after the other, each when it is told to.
        while WAITING.load(Ordering::Relaxed) > 0 {
            thread::yield_now();
        }
        assert_eq!(in_time(&WAITING, PATIENCE, || Ok(1)), Ok(1));
        assert_eq!(in_time::<()>(&WAITING, PATIENCE, || Err(wrong("PIN"))), Err(wrong("PIN")));
    }

    fn wrong(message: &str) -> OpenError {
        OpenError::Wrong(message.to_owned())
    }

    #[test]
    fn a_library_that_panics_leaves_room_for_the_next_try() {
        static WAITING: AtomicUsize = AtomicUsize::new(0);
        for _ in 0..=MAX_OPENINGS {
            let died = in_time::<()>(&WAITING, PATIENCE, || panic!("as a token's library may"));
            assert_eq!(died, Err(wrong("the library that reaches the key did not survive")));
        }
        assert_eq!(in_time(&WAITING, PATIENCE, || Ok(1)), Ok(1));
        assert_eq!(WAITING.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn only_who_did_not_answer_is_worth_asking_again() {
        let (message, hint) = ("said".to_owned(), None);
        let failed = SignerError::Failed { message: message.clone(), hint: hint.clone() };
        assert_eq!(OpenError::from(failed), OpenError::Unanswered(message.clone()));
        // As a refused PIN is, and a token that is not there.
        assert_eq!(OpenError::from(SignerError::Unusable { message, hint }), wrong("said"));
        let seal = |address: &str| Seal {
            key: SealKey::Signer(address.to_owned()),
            work: SealKeyWork::Seals,
            passphrase: None,
            trusted_key_files: Vec::new(),
            trusted_certifier_files: Vec::new(),
            refused: Vec::new(),
        };
        for address in ["", "pkcs12:token=a", "awskms:alias/a", "file:seal.key"] {
            let error = open(&seal(address)).err();
            assert!(matches!(&error, Some(OpenError::Wrong(_))), "{address}: {error:?}");
        }
    }

    #[test]
    fn only_the_same_key_in_a_token_stays_open() {
        let key = PrivateKey::generate().unwrap();
        let signer = Signer::from(key);
        let public = signer.public_key().clone();
        let seal = |key: SealKey, pin: Option<&str>| Seal {
            key,
            work: SealKeyWork::Seals,
            passphrase: pin.map(|pin| Secret::new(pin.to_owned())),
            trusted_key_files: Vec::new(),
            trusted_certifier_files: Vec::new(),
            refused: Vec::new(),
        };
        let token = |name: &str| SealKey::Signer(format!("pkcs11:object={name}"));
        let sealer = Arc::new(Sealer::new(signer.into_seal_key()));
        let open = |seal: Seal| OpenSealKey {
            seal,
            sealing: Sealing::Key(Arc::clone(&sealer)),
            public: public.clone(),
        };
        let held = open(seal(token("a"), Some("1")));
        let others = Seal { trusted_key_files: vec!["old.pub".into()], ..seal(token("a"), Some("1")) };
        assert!(held.renewed(&others).is_some(), "what else is trusted is not the token's business");
        assert!(held.renewed(&seal(token("b"), Some("1"))).is_none());
        assert!(held.renewed(&seal(token("a"), Some("2"))).is_none());
        let certifies = SealKeyWork::Certifies { lifetime: Duration::from_hours(1) };
        assert!(
            held.renewed(&Seal { work: certifies, ..seal(token("a"), Some("1")) }).is_none(),
            "it does something else"
        );
        let file = || seal(SealKey::File("seal.key".into()), None);
        assert!(open(file()).renewed(&file()).is_none(), "a file may hold another key by now");
    }

    #[test]
    fn a_certifier_stays_open_and_certifies_for_as_long_as_is_said_now() {
        let signer = Signer::from(PrivateKey::generate().unwrap());
        let public = signer.public_key().clone();
        let seal = |hours| Seal {
            key: SealKey::Signer("pkcs11:object=a".to_owned()),
            work: SealKeyWork::Certifies { lifetime: Duration::from_hours(hours) },
            passphrase: None,
            trusted_key_files: Vec::new(),
            trusted_certifier_files: Vec::new(),
            refused: Vec::new(),
        };
        let certifier = Arc::new(signer.into_certifier());
        let sealing =
            Sealing::Certified { certifier: Arc::clone(&certifier), lifetime: Duration::from_hours(1) };
        let held = OpenSealKey { seal: seal(1), sealing, public };
        let Sealing::Certified { certifier: same, lifetime } = held.renewed(&seal(2)).unwrap().sealing()
        else {
            panic!("it certifies")
        };
        assert!(Arc::ptr_eq(&same, &certifier));
        assert_eq!(lifetime, Duration::from_hours(2));
    }
}
