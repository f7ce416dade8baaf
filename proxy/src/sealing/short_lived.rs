//! Keys that make seals for a while. Each is made in this process and never leaves it; a certifier signs that it is a seal
//! key for so long, and the certificate is in the store before the key makes its first seal. A process that dies takes its
//! key along; what it sealed is verified by the certificate.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use hallmark_config::LONGEST_SEAL_KEY_LIFETIME;
use hallmark_signer::signer::{Signer, SignerError};
use hallmark_signer::{Certificate, Certifier, KeyError, Lifetime, PrivateKey, Sealer};
use tokio::time::{interval, timeout};

use super::Surroundings;
use crate::proof::{Prover, write_certificate};
use crate::store::PutError;

/// A key is certified from so long before it is made, so that a clock that is put back a little stops no uploads.
const BEFORE: Duration = Duration::from_mins(5);
const _: () = assert!(
    LONGEST_SEAL_KEY_LIFETIME.as_millis() + BEFORE.as_millis() == Lifetime::LONGEST as u128,
    "what may be configured is what may be certified"
);
/// So long the certifier and the store may take together to make one.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether it is time.
const EVERY: Duration = Duration::from_secs(15);
/// The longest wait after a try that failed; less where the key of today ends sooner.
const LONGEST_WAIT: Duration = Duration::from_mins(15);

/// See the [module](self).
pub(super) struct ShortLived {
    /// Always the same key, but perhaps opened anew.
    certifier: ArcSwap<Certifier>,
    /// Of the next key, milliseconds.
    lifetime: AtomicU64,
    around: Surroundings,
    current: ArcSwapOption<ShortLivedKey>,
    /// Held by whoever makes a key, for at most [`PATIENCE`].
    making: tokio::sync::Mutex<Making>,
    /// Whether a task looks after it.
    watched: AtomicBool,
    /// Locked for moments.
    post: Mutex<Post>,
}

/// How far it is with the next key.
#[derive(Default)]
struct Making {
    /// When to try again after a failure, milliseconds since 1970.
    try_at: u64,
    /// A key that is certified, and whose certificate nobody knows to be in the store.
    certified: Option<Arc<ShortLivedKey>>,
}

/// What such keys are to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Post {
    /// Their configuration may still be refused.
    Candidate,
    /// Its seals are theirs.
    InCharge,
    /// Another configuration's are in their place: what began with them still has the key that there is.
    Retired,
}

/// A key, and who says that it is one.
pub(super) struct ShortLivedKey {
    sealer: Sealer<Signer>,
    certificate: Arc<Certificate>,
    /// For how long it was to be, milliseconds.
    lifetime: u64,
    /// When the next one is to be made, milliseconds since 1970.
    renew_at: u64,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum NoSealKey {
    /// The system has no random numbers.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certifier did not sign.
    #[error("the certifier of seal keys did not sign: {0}")]
    Certifier(#[from] SignerError),
    /// Without its certificate nobody accepts what the key seals.
    #[error("the certificate of a seal key could not be stored: {0:?}")]
    Store(PutError),
    /// Both together took too long.
    #[error("a seal key was not certified, and its certificate stored, in time")]
    Late,
    /// Nobody knows the certifier's key yet.
    #[error("the certifier of seal keys has not answered yet")]
    Unanswered,
    /// What it would seal would be refused.
    #[error("the configuration does not accept the keys of its own certifier")]
    NotAccepted,
}

impl NoSealKey {
    /// Whether it may be otherwise when it is tried again, and nobody has to do anything for that.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Certifier(error) => error.may_pass(),
            // Of a store that has just answered.
            Self::Store(_) | Self::Late | Self::Unanswered => true,
            Self::Key(_) | Self::NotAccepted => false,
        }
    }
}

impl ShortLivedKey {
    pub(super) fn sealer(&self) -> &Sealer<Signer> {
        &self.sealer
    }

    /// Whether it is to be followed by another one. The clock may have been put back.
    fn is_due(&self, now: u64) -> bool {
        self.renew_at <= now || now < self.certificate.lifetime().not_before()
    }
}

impl ShortLived {
    pub(super) fn new(certifier: Arc<Certifier>, lifetime: Duration, around: Surroundings) -> Self {
        Self::lasting(certifier, millis(lifetime), around)
    }

    pub(super) fn moved(&self, around: Surroundings) -> Self {
        Self::lasting(self.certifier.load_full(), self.lifetime(), around)
    }

    fn lasting(certifier: Arc<Certifier>, lifetime: u64, around: Surroundings) -> Self {
        let (current, making, watched) = Default::default();
        let (lifetime, post) = (AtomicU64::new(lifetime), Mutex::new(Post::Candidate));
        Self { certifier: ArcSwap::new(certifier), lifetime, around, current, making, watched, post }
    }

    /// From now on the seals of the process are by these keys.
    pub(super) fn take_over(&self) {
        *self.post() = Post::InCharge;
        self.show();
    }

    /// The seals of the process are not by these keys any more.
    pub(super) fn retire(&self) {
        *self.post() = Post::Retired;
    }

    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what there is, if that is what the process has.
    fn show(&self) {
        // Held, so that whoever takes over has the last word.
        let post = self.post();
        match *post {
            Post::Candidate | Post::Retired => {}
            Post::InCharge => {
                let now = self.around.clock.now();
                let current = self.current.load();
                match current.as_ref().map(|key| key.certificate.lifetime()) {
                    Some(lifetime) if lifetime.covers(now) => self.around.metrics.ends(lifetime.not_after()),
                    Some(_) | None => self.around.metrics.none(),
                }
            }
        }
    }

    /// Whether these are the keys that `certifier` certifies: then it is asked from now on, as it was opened last, and for so
    /// long.
    pub(super) fn go_on_with(&self, certifier: &Arc<Certifier>, lifetime: Duration) -> bool {
        let same = self.certifier.load().public_key() == certifier.public_key();
        if same {
            self.certifier.store(Arc::clone(certifier));
            self.lifetime.store(millis(lifetime), Ordering::Relaxed);
        }
        same
    }

    fn lifetime(&self) -> u64 {
        self.lifetime.load(Ordering::Relaxed)
    }

    /// The key that seals at this time, if there is one and it is trusted by the configuration of today.
    pub(super) fn key_for(&self, at: u64, prover: &Prover) -> Option<Arc<ShortLivedKey>> {
        let key = self.current.load_full()?;
        let fits = key.certificate.lifetime().covers(at) && prover.accepts(&key.certificate).is_ok();
        fits.then_some(key)
    }

    pub(super) async fn ready(self: &Arc<Self>, prover: &Prover) -> Result<(), NoSealKey> {
        let refused = |key: &Arc<ShortLivedKey>| prover.accepts(&key.certificate).is_err();
        if self.key_for(self.around.clock.now(), prover).is_none() {
            // Waited for: somebody else may just make one.
            let mut making = self.making.lock().await;
            if self.key_for(self.around.clock.now(), prover).is_none() {
                // A key that is not accepted makes no seal any more, and another one is due: not one that was in this process's
                // memory beside a key that is refused.
                let with_it = self.current.load().as_ref().is_some_and(refused);
                making.certified.take_if(|key| with_it || refused(key));
                self.current.store(None);
                self.show();
                self.make(&mut making).await?;
            }
            if self.key_for(self.around.clock.now(), prover).is_none() {
                return Err(NoSealKey::NotAccepted);
            }
        }
        if let Ok(mut making) = self.making.try_lock() {
            making.certified.take_if(|key| refused(key));
        }
        self.look_after();
        Ok(())
    }

    /// Sees to it that there goes on being a key, or that there is one at last.
    pub(super) fn look_after(self: &Arc<Self>) {
        if !self.watched.swap(true, Ordering::Relaxed) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
    }

    /// Makes the next key if it is time to and the seals of the process are by these. A failure is told; the key of today stays
    /// until its end.
    pub(super) async fn renew_if_due(&self) {
        if *self.post() != Post::InCharge {
            return;
        }
        let mut making = self.making.lock().await;
        let now = self.around.clock.now();
        let due = self.current.load().as_ref().is_none_or(|key| key.is_due(now));
        // A clock that was put back must not make anybody wait for hours.
        let waiting = now < making.try_at && making.try_at - now <= millis(LONGEST_WAIT);
        if due
            && !waiting
            && let Err(error) = self.make(&mut making).await
        {
            let seconds_left = self.left(now) / 1000;
            tracing::warn!(
                %error,
                seconds_left,
                "the next seal key could not be made; uploads are refused when the one of today has ended"
            );
        }
        // Also where nothing was made: a key may have ended.
        self.show();
    }

    /// For how long there still is a key, milliseconds.
    fn left(&self, now: u64) -> u64 {
        let current = self.current.load();
        current.as_ref().map_or(0, |key| key.certificate.lifetime().not_after().saturating_sub(now))
    }

    /// Makes a key and has it certified; from then on it makes the seals. A failure is counted, and the time for the next try
    /// set.
    async fn make(&self, making: &mut Making) -> Result<(), NoSealKey> {
        let now = self.around.clock.now();
        let made = timeout(PATIENCE, self.certified(now, making)).await.unwrap_or(Err(NoSealKey::Late));
        let key = made.inspect_err(|_| {
            // Where there is none, at the next look.
            let wait = (self.left(now) / 16).min(millis(LONGEST_WAIT));
            making.try_at = now.saturating_add(wait);
            self.around.metrics.failed();
        })?;
        *making = Making::default();
        self.around.kept.certificates().keep(&key.certificate);
        self.around.metrics.made();
        tracing::info!(
            key = %key.certificate.hint(),
            certifier = %key.certificate.certifier().hint(),
            hours = key.lifetime / 3_600_000,
            "this instance makes seals with a new key"
        );
        self.current.store(Some(key));
        self.show();
        Ok(())
    }

    /// A key whose certificate is in the store. What the certifier has signed is not signed again because the store did not
    /// take it.
    async fn certified(&self, now: u64, making: &mut Making) -> Result<Arc<ShortLivedKey>, NoSealKey> {
        making.certified.take_if(|key| key.lifetime != self.lifetime() || key.is_due(now));
        let key = match &making.certified {
            Some(key) => Arc::clone(key),
            None => Arc::clone(making.certified.insert(Arc::new(self.certify(now).await?))),
        };
        write_certificate(&*self.around.store, &key.certificate).await.map_err(NoSealKey::Store)?;
        Ok(key)
    }

    /// Makes a key and has it certified.
    async fn certify(&self, now: u64) -> Result<ShortLivedKey, NoSealKey> {
        let signer = Signer::from(PrivateKey::generate()?);
        let lifetime = self.lifetime();
        let times = Lifetime::new(now.saturating_sub(millis(BEFORE)), now.saturating_add(lifetime));
        // A clock beyond the numbers of JSON, in the year 287396.
        let times = times.ok_or(NoSealKey::Late)?;
        let (certifier, realm) = (self.certifier.load_full(), self.around.realm.as_str());
        let certificate = Arc::new(certifier.certify(realm, signer.public_key(), times).await?);
        // Whoever refuses keys that may have leaked must know of it, also if it never comes to seal.
        tracing::info!(key = %signer.public_key().id(), "a seal key was certified");
        let renew_at = now.saturating_add(renew_after(lifetime)?);
        let sealer = Sealer::new(signer.into_seal_key());
        Ok(ShortLivedKey { sealer, certificate, lifetime, renew_at })
    }
}

/// After which part of its `lifetime` a key is followed by the next one, milliseconds: between a half and two thirds, so that
/// instances which were started together do not go to the certifier together, and there is time for many tries.
fn renew_after(lifetime: u64) -> Result<u64, NoSealKey> {
    let random = getrandom::u64().map_err(|_| NoSealKey::Key(KeyError::Random))?;
    Ok(lifetime / 2 + random % (lifetime / 6).max(1))
}

/// Looks after short-lived keys for as long as the process seals with them.
async fn watch(keys: Weak<ShortLived>) {
    let mut looks = interval(EVERY);
    loop {
        looks.tick().await;
        let Some(keys) = keys.upgrade() else { return };
        if *keys.post() == Post::Retired {
            return;
        }
        keys.renew_if_due().await;
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
