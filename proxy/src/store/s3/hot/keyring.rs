//! The credentials for the store: found once, kept, and renewed before they expire.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::identity::Identity;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::key_file;
use crate::store::{StoreError, StoreFault};

/// Credentials that expire are renewed so long before.
const BEFORE_EXPIRY: Duration = Duration::from_secs(300);
/// Those that do not say when they expire are looked for again after so long.
const RELOAD: Duration = Duration::from_secs(900);
/// A file is looked at no more often than this.
const LOOK_AT_FILE: Duration = Duration::from_secs(1);
/// What failed is not tried again sooner; nor is what the store doubts looked up again.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// Time that the chain may take.
const FINDING: Duration = Duration::from_secs(20);

/// Where credentials come from.
#[derive(Debug)]
pub(in crate::store::s3) enum KeySource {
    /// Where AWS tools look.
    Chain(SharedCredentialsProvider),
    /// A file in AWS's form.
    File {
        /// Its name.
        path: PathBuf,
        /// Which profile in it.
        profile: String,
    },
}

/// Keeps the credentials. `held` is locked for moments only; who renews them holds `renewing`.
#[derive(Debug)]
pub(in crate::store::s3) struct Keyring {
    source: KeySource,
    held: RwLock<Option<Held>>,
    renewing: Mutex<Renewals>,
}

/// The keyring, for the SDK.
#[derive(Debug, Clone)]
pub(in crate::store::s3) struct Keys(pub(in crate::store::s3) Arc<Keyring>);

#[derive(Debug, Clone)]
struct Held {
    credentials: Credentials,
    /// The same, as the signer takes them.
    identity: Identity,
    /// From when on they are to be renewed.
    renew: Instant,
}

#[derive(Debug, Default)]
struct Renewals {
    failed: Option<(Instant, StoreError)>,
    doubted: Option<Instant>,
    seen: Option<key_file::Seen>,
}

impl Held {
    fn new(credentials: Credentials, renew: Instant) -> Self {
        Self { identity: credentials.clone().into(), credentials, renew }
    }

    fn expired(&self) -> bool {
        self.credentials.expiry().is_some_and(|expiry| expiry <= SystemTime::now())
    }
}

/// What came of doubting credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewed {
    /// There are others now.
    Changed,
    /// There are none but these.
    Same,
}

impl Keyring {
    /// Of credentials that are found when they are first asked for.
    pub(in crate::store::s3) fn new(source: KeySource) -> Self {
        Self { source, held: RwLock::new(None), renewing: Mutex::new(Renewals::default()) }
    }

    /// The credentials to sign with now.
    ///
    /// # Errors
    /// There are none, or they expired and no others are to be had.
    pub(in crate::store::s3) async fn current(self: &Arc<Self>) -> Result<Identity, StoreError> {
        self.held().await.map(|held| held.identity)
    }

    /// Looks whether there are other credentials than those that the store did not take.
    pub(super) async fn doubt(&self, refused: &Identity) -> Renewed {
        let refused = refused.data::<Credentials>();
        let other = |held: &Held| refused != Some(&held.credentials);
        let mut renewals = self.renewing.lock().await;
        if self.read().as_ref().is_some_and(other) {
            return Renewed::Changed;
        }
        if renewals.doubted.is_some_and(|at| at.elapsed() < TRY_AGAIN) {
            return Renewed::Same;
        }
        renewals.doubted = Some(Instant::now());
        renewals.seen = None;
        match self.renew(&mut renewals).await {
            Ok(held) if other(&held) => Renewed::Changed,
            Ok(_) | Err(_) => Renewed::Same,
        }
    }

    async fn held(self: &Arc<Self>) -> Result<Held, StoreError> {
        let held = self.read();
        let Some(held) = held.filter(|held| !held.expired()) else {
            let mut renewals = self.renewing.lock().await;
            // Somebody else may have been faster.
            return match self.read().filter(|held| !held.expired()) {
                Some(held) => Ok(held),
                None => self.renew(&mut renewals).await,
            };
        };
        if Instant::now() < held.renew {
            return Ok(held);
        }
        // One looks for new ones; until there are some, everybody goes on with these.
        let Ok(mut renewals) = self.renewing.try_lock() else { return Ok(held) };
        match &self.source {
            KeySource::File { .. } => Ok(self.renew(&mut renewals).await.unwrap_or(held)),
            KeySource::Chain(_) => {
                drop(renewals);
                let keyring = self.clone();
                tokio::spawn(async move {
                    if let Ok(mut renewals) = keyring.renewing.try_lock()
                        && let Err(error) = keyring.renew(&mut renewals).await
                    {
                        tracing::warn!(%error, "the credentials for the store are not renewed");
                    }
                });
                Ok(held)
            }
        }
    }

    fn read(&self) -> Option<Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, held: &Held) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held.clone());
    }

    async fn renew(&self, renewals: &mut Renewals) -> Result<Held, StoreError> {
        if let Some((_, error)) = renewals.failed.as_ref().filter(|(at, _)| at.elapsed() < TRY_AGAIN) {
            return Err(error.clone());
        }
        let found = match &self.source {
            KeySource::Chain(provider) => find(provider).await.map(|found| {
                let renew = found.expiry().map_or(RELOAD, |expiry| {
                    let left = expiry.duration_since(SystemTime::now()).unwrap_or_default();
                    left.saturating_sub(BEFORE_EXPIRY).max(TRY_AGAIN)
                });
                Held::new(found, Instant::now() + renew)
            }),
            KeySource::File { path, profile } => {
                let renew = Instant::now() + LOOK_AT_FILE;
                match (key_file::look(path), self.read()) {
                    (Ok(seen), Some(held)) if renewals.seen.as_ref() == Some(&seen) => {
                        Ok(Held { renew, ..held })
                    }
                    (Ok(seen), _) => {
                        renewals.seen = Some(seen);
                        key_file::read(path, profile).map(|found| Held::new(found, renew))
                    }
                    (Err(error), _) => Err(error),
                }
            }
        };
        match found {
            Ok(held) => {
                renewals.failed = None;
                self.write(&held);
                Ok(held)
            }
            Err(message) => {
                let error = StoreError::new(StoreFault::Unavailable, message);
                renewals.failed = Some((Instant::now(), error.clone()));
                renewals.seen = None;
                if let Some(held) = self.read() {
                    self.write(&Held { renew: Instant::now() + TRY_AGAIN, ..held });
                }
                Err(error)
            }
        }
    }
}

async fn find(provider: &SharedCredentialsProvider) -> Result<Credentials, String> {
    match timeout(FINDING, provider.provide_credentials()).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(format!("no credentials were found: {}", innermost(&error))),
        Err(_) => Err(format!("no credentials were found within {FINDING:?}")),
    }
}

/// What an error has at its root.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let held = self.0.held().await.map_err(CredentialsError::provider_error)?;
            Ok(held.credentials)
        })
    }
}
