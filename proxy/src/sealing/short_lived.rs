//! Keys that make seals for a while. Each is made in this process and never leaves it; a certifier signs that it is a seal
//! key for so long, and the certificate is in the store before the key makes its first seal. A process that dies takes its
//! key along; what it sealed is verified by the certificate.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use hallmark_signer::signer::{Signer, SignerError};
use hallmark_signer::{Certificate, Certifier, KeyError, Lifetime, PrivateKey, Sealer};
use tokio::time::{interval, timeout};

use super::Surroundings;
use crate::proof::{Prover, write_certificate};
use crate::store::PutError;

/// A key is certified from so long before it is made, so that a clock that is put back a little stops no uploads.
const BEFORE: Duration = Duration::from_mins(5);
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
    /// Held by whoever makes a key, for at most [`PATIENCE`]; when to try again after a failure, milliseconds since 1970.
    making: tokio::sync::Mutex<u64>,
    /// Whether a task looks after it.
    watched: AtomicBool,
}

/// A key, and who says that it is one.
pub(super) struct ShortLivedKey {
    sealer: Sealer<Signer>,
    certificate: Arc<Certificate>,
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
    #[error("a seal key was not certified, and its certificate stored, within {PATIENCE:?}")]
    Late,
    /// What it would seal would be refused.
    #[error("the configuration does not accept the keys of its own certifier")]
    NotAccepted,
}

impl ShortLivedKey {
    pub(super) fn sealer(&self) -> &Sealer<Signer> {
        &self.sealer
    }
}

impl ShortLived {
    pub(super) fn new(certifier: Arc<Certifier>, lifetime: Duration, around: Surroundings) -> Self {
        let (current, making, watched) = Default::default();
        let lifetime = AtomicU64::new(millis(lifetime));
        Self { certifier: ArcSwap::new(certifier), lifetime, around, current, making, watched }
    }

    pub(super) fn moved(&self, change: impl FnOnce(&mut Surroundings)) -> Self {
        let mut around = self.around.clone();
        change(&mut around);
        Self::new(self.certifier.load_full(), Duration::from_millis(self.lifetime()), around)
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
        if self.key_for(self.around.clock.now(), prover).is_none() {
            // Waited for: somebody else may just make one.
            let mut try_at = self.making.lock().await;
            if self.key_for(self.around.clock.now(), prover).is_none() {
                // A key that is not accepted makes no seal any more, and another one is due.
                self.current.store(None);
                self.around.metrics.expires(0);
                *try_at = 0;
                self.make().await?;
            }
            if self.key_for(self.around.clock.now(), prover).is_none() {
                return Err(NoSealKey::NotAccepted);
            }
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

    /// Makes the next key if it is time to. A failure is told; the key of today stays until its end.
    pub(super) async fn renew_if_due(&self) {
        let mut try_at = self.making.lock().await;
        let now = self.around.clock.now();
        let current = self.current.load_full();
        let due = current.as_ref().is_none_or(|key| {
            // The clock may have been put back.
            key.renew_at <= now || now < key.certificate.lifetime().not_before()
        });
        // A clock that was put back must not make anybody wait for hours.
        let waiting = now < *try_at && *try_at - now <= millis(LONGEST_WAIT);
        if !due || waiting {
            return;
        }
        if let Err(error) = self.make().await {
            let left = current.map_or(0, |key| key.certificate.lifetime().not_after().saturating_sub(now));
            *try_at = now.saturating_add((left / 16).clamp(millis(EVERY), millis(LONGEST_WAIT)));
            self.around.metrics.failed();
            let seconds_left = left / 1000;
            tracing::warn!(
                %error,
                seconds_left,
                "the next seal key could not be made; uploads are refused when the one of today has ended"
            );
        }
    }

    /// Makes a key and has it certified; from then on it makes the seals. To be called by who holds `making`.
    async fn make(&self) -> Result<(), NoSealKey> {
        let Surroundings { store, kept, realm, clock, metrics } = &self.around;
        let certifier = self.certifier.load_full();
        let signer = Signer::from(PrivateKey::generate()?);
        let now = clock.now();
        let not_after = now.saturating_add(self.lifetime());
        let lifetime = Lifetime::new(now.saturating_sub(millis(BEFORE)), not_after);
        // A clock beyond the numbers of JSON, in the year 287396.
        let lifetime = lifetime.ok_or(NoSealKey::Late)?;
        let made = async {
            let public = signer.public_key();
            let certificate = certifier.certify(realm.as_str(), public, lifetime).await?;
            write_certificate(&**store, &certificate).await.map_err(NoSealKey::Store)?;
            Ok::<_, NoSealKey>(Arc::new(certificate))
        };
        let certificate = timeout(PATIENCE, made).await.map_err(|_| NoSealKey::Late)??;
        kept.certificates().keep(&certificate);
        let renew_at = now.saturating_add(self.renew_after()?);
        metrics.made(not_after);
        tracing::info!(
            key = %certificate.hint(),
            certifier = %certifier.public_key().id().hint(),
            hours = self.lifetime() / 3_600_000,
            "this instance makes seals with a new key"
        );
        let sealer = Sealer::new(signer.into_seal_key());
        self.current.store(Some(Arc::new(ShortLivedKey { sealer, certificate, renew_at })));
        Ok(())
    }

    /// After which part of its lifetime a key is followed by the next one, milliseconds: between a half and two thirds, so
    /// that instances which were started together do not go to the certifier together, and there is time for many tries.
    fn renew_after(&self) -> Result<u64, NoSealKey> {
        let lifetime = self.lifetime();
        let random = getrandom::u64().map_err(|_| NoSealKey::Key(KeyError::Random))?;
        Ok(lifetime / 2 + random % (lifetime / 6).max(1))
    }
}

/// Looks after short-lived keys for as long as there is somebody who seals with them.
async fn watch(keys: Weak<ShortLived>) {
    let mut looks = interval(EVERY);
    loop {
        looks.tick().await;
        let Some(keys) = keys.upgrade() else { return };
        keys.renew_if_due().await;
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
