//! All wiring: from a validated configuration and a store to the service that answers requests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallmark_config::Config;
use hallmark_signer::{
    KeyError, KeyRegister, KeyUse, KeyUseConflict, PrivateKey, PublicKey, SealKeys, Sealer, TooManySealKeys,
};

use crate::access::Access;
use crate::gate::Gate;
use crate::proof::Prover;
use crate::s3::auth::Authenticator;
use crate::service::S3Service;
use crate::store::{Patience, Store, StoreError};
use crate::trust::{BadKey, TrustPolicy};
use crate::verdicts::VerdictCache;

/// The service of one deployment.
pub type App = S3Service;

/// Why the proxy cannot start with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A key file cannot be read.
    #[error("{}: {source}", path.display())]
    KeyFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key file holds no usable key.
    #[error("{}: {source}", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// A publisher's key cannot be used.
    #[error(transparent)]
    Publisher(#[from] BadKey),
    /// One key under two uses.
    #[error(transparent)]
    Conflict(#[from] KeyUseConflict),
    /// Too many seal keys.
    #[error(transparent)]
    SealKeys(#[from] TooManySealKeys),
    /// The store does not answer.
    #[error("the object store cannot be used: {0}")]
    Store(#[from] StoreError),
}

/// What keys and policy of a configuration amount to.
struct Trusted {
    sealer: Sealer,
    seal_keys: SealKeys,
    policy: TrustPolicy,
}

/// Checks what can be checked of `config` without starting: that keys can be read and used.
///
/// # Errors
/// What is wrong.
pub fn check(config: &Config) -> Result<(), StartError> {
    Trusted::read(config).map(drop)
}

impl S3Service {
    /// Wires a deployment together.
    ///
    /// # Errors
    /// A key cannot be used, or the store does not answer.
    pub async fn start(config: &Config, store: Arc<dyn Store>) -> Result<Self, StartError> {
        let Trusted { sealer, seal_keys, policy } = Trusted::read(config)?;
        let store: Arc<dyn Store> = Arc::new(Patience::new(store));
        let capabilities = store.probe().await?;
        let prover = Prover::new(config.realm.clone(), seal_keys, Arc::new(VerdictCache::default()));
        // Anonymous readers count as one more.
        let clients = config.clients.len() + 1;
        let limits = config.limits.clone();
        let gate = Gate::new(store, config.realm.clone(), sealer, prover, policy, limits, clients);
        let authenticator = Authenticator::new(config.clients.iter().cloned(), config.server.region.clone());
        let access = Access::new(config.buckets.clone());
        Ok(Self::new(authenticator, access, gate, capabilities, &config.server))
    }
}

impl Trusted {
    /// Reads all keys. The same key in two uses is an error: a signature for the one could be taken for the other.
    fn read(config: &Config) -> Result<Self, StartError> {
        let seal = &config.seal;
        let active = key_file(&seal.key_file, PrivateKey::from_pem)?.into_seal_key();
        let mut register = KeyRegister::default();
        register.register(active.public_key(), KeyUse::Seal, "seal.key_file")?;
        let mut trusted = vec![active.public_key().clone()];
        for path in &seal.trusted_key_files {
            let key = key_file(path, PublicKey::from_pem)?;
            register.register(&key, KeyUse::Seal, "seal.trusted_key_files")?;
            trusted.push(key);
        }
        let policy = TrustPolicy::new(config)?;
        for (name, key) in policy.keys() {
            register.register(key, KeyUse::Blob, &format!("keys.{name}"))?;
        }
        let sealer = Sealer::new(active);
        Ok(Self { sealer, seal_keys: SealKeys::new(trusted)?, policy })
    }
}

fn key_file<K>(path: &Path, parse: impl FnOnce(&str) -> Result<K, KeyError>) -> Result<K, StartError> {
    let text =
        fs::read_to_string(path).map_err(|source| StartError::KeyFile { path: path.to_owned(), source })?;
    parse(&text).map_err(|source| StartError::Key { path: path.to_owned(), source })
}
