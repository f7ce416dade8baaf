//! The keys and the policy of a configuration, read from the files that it names.

use std::path::Path;
use std::sync::Arc;

use hallmark_config::{Config, ConfigErrors, RefusedSealKey, Seal, SealKeyWork, SignerName, Signs};
use hallmark_signer::{KeyError, KeyId, KeyRegister, KeyUse, PublicKey, SealKeys};

use super::problems::Problems;
use crate::access::Writers;
use crate::gate::Trusted;
use crate::seal_keys::SealKeyBundle;
use crate::seal_signer::{self, OpenError, OpenSealKey};
use crate::sealing::Sealing;
use crate::trust::{Identities, TrustPolicy};

const NAME_IT: &str = "with its public key in a file that `seal.trusted_certifier_files` names, the proxy starts without \
    it, and serves what is sealed";

/// What keys and policy of a configuration amount to.
pub(crate) struct Keys {
    pub(crate) trusted: Trusted,
    pub(super) bundle: SealKeyBundle,
    /// `None`: who certifies seal keys has not answered yet.
    pub(super) seal_key: Option<OpenSealKey>,
}

/// What becomes of a certifier of seal keys that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfUnanswered {
    /// Nothing is done without it.
    Refuse,
    /// What is sealed can be served in the meantime, if `trusted_certifier_files` says by whose word.
    GoOn,
}

impl Keys {
    /// Reads all keys. The same key in two uses is a problem: a signature for the one could be taken for the other. `held`:
    /// the key that makes seals now; a token is not opened again for the same one.
    pub(super) fn read(
        config: &Config,
        held: Option<&OpenSealKey>,
        unanswered: IfUnanswered,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let seal = &config.seal;
        let mut register = KeyRegister::default();
        let mut sealing = Vec::new();
        let at = seal_signer::config_key(seal);
        let held = held.and_then(|held| held.renewed(seal));
        let mut certifiers = Vec::new();
        let opened = held.map_or_else(|| OpenSealKey::open(seal), Ok);
        let active = match opened.map_err(|error| (may_be_awaited(seal, unanswered), error)) {
            Err((Awaited::Known, OpenError::Unanswered(error))) => {
                tracing::error!(
                    setting = at,
                    error,
                    "the certifier of seal keys does not answer: what is sealed is served, uploads are refused until it does"
                );
                None
            }
            Err((Awaited::Unknown, OpenError::Unanswered(error))) => {
                problems.opened(at, Err(OpenError::Unanswered(format!("{error}; {NAME_IT}"))))
            }
            opened => problems.opened(at, opened.map_err(|(_, error)| error)),
        };
        if let Some(active) = &active {
            problems.register(&mut register, active.public_key(), KeyUse::Seal, at);
            let trusted = match seal.work {
                SealKeyWork::Seals => &mut sealing,
                SealKeyWork::Certifies { .. } => &mut certifiers,
            };
            trusted.push(active.public_key().clone());
        }
        for (setting, paths, trusted) in [
            ("trusted_key_files", &seal.trusted_key_files, &mut sealing),
            ("trusted_certifier_files", &seal.trusted_certifier_files, &mut certifiers),
        ] {
            for (index, path) in paths.iter().enumerate() {
                let at = format!("seal.{setting}[{index}]");
                let Some(key) = problems.key(&at, key_file(path, PublicKey::from_pem)) else { continue };
                problems.register(&mut register, &key, KeyUse::Seal, &at);
                trusted.push(key);
            }
        }
        let mut refused = Vec::new();
        for (index, RefusedSealKey { key, reason }) in seal.refused.iter().enumerate() {
            let key = KeyId::from_hex(key).map_err(|error| error.to_string());
            let at = format!("seal.refused[{index}].key");
            let Some(key) = problems.key(&at, key) else { continue };
            if sealing.iter().chain(&certifiers).any(|trusted| trusted.id() == key) {
                problems.add(
                    &at,
                    "is a key that [seal] itself names: this refuses keys that a certifier certified; take that one out of \
                     `key_file`, `trusted_key_files`, `certifier` or `trusted_certifier_files`"
                        .to_owned(),
                );
            }
            refused.push((key, Arc::from(reason.as_str())));
        }
        let seal_keys = SealKeys::new(sealing.iter().cloned())
            .map_err(|error| problems.add("seal.trusted_key_files", error.to_string()))
            .ok()
            .map(|keys| keys.certified_by(certifiers.iter().cloned()).refusing(refused));
        let mut publishers: Vec<(SignerName, PublicKey)> = Vec::new();
        for (name, configured) in &config.keys {
            let read = PublicKey::from_pem(&configured.public_key_pem).map_err(|error| error.to_string());
            let Some(key) = problems.key(&configured.config_key, read) else { continue };
            let key_use = match configured.signs {
                Signs::Blobs => KeyUse::Blob,
                Signs::Statements => KeyUse::Dsse,
            };
            problems.register(&mut register, &key, key_use, &configured.config_key);
            // Two texts can be one key; it would count twice where two signers are asked for.
            if let Some((first, _)) = publishers.iter().find(|(_, known)| known.id() == key.id()) {
                problems.add(
                    &configured.config_key,
                    format!("is the same key as `{first}`: keep one of the two"),
                );
            }
            publishers.push((name.clone(), key));
        }
        let identities =
            Identities::read(config).map_err(|wrong| problems.all.extend(wrong)).unwrap_or_default();
        match seal_keys {
            // And so there is the active one, or its certifier has not answered.
            Some(seal_keys) if problems.all.is_empty() => {
                let policy = TrustPolicy::new(config, publishers).with_identities(identities);
                let known = active.as_ref().map(OpenSealKey::public_key);
                let bundle = SealKeyBundle::new(known, sealing.iter().chain(&certifiers));
                let sealing = active.as_ref().map_or(Sealing::Unanswered, OpenSealKey::sealing);
                let writers = Writers::new(config);
                let trusted = Trusted { sealing, seal_keys, policy, writers };
                Ok(Self { trusted, bundle, seal_key: active })
            }
            Some(_) | None => Err(problems),
        }
    }

    pub(crate) fn read_or_errors(config: &Config) -> Result<Self, ConfigErrors> {
        Self::read(config, None, IfUnanswered::Refuse).map_err(|problems| config.sources.errors(problems.all))
    }
}

/// Whether a start may wait for the certifier of seal keys while it serves.
enum Awaited {
    /// By whose word is known without it.
    Known,
    /// It would serve nothing, and refuse what is good.
    Unknown,
    /// No.
    Never,
}

fn may_be_awaited(seal: &Seal, unanswered: IfUnanswered) -> Awaited {
    match (seal.work, unanswered) {
        (SealKeyWork::Seals, _) | (_, IfUnanswered::Refuse) => Awaited::Never,
        (SealKeyWork::Certifies { .. }, IfUnanswered::GoOn) if seal.trusted_certifier_files.is_empty() => {
            Awaited::Unknown
        }
        (SealKeyWork::Certifies { .. }, IfUnanswered::GoOn) => Awaited::Known,
    }
}

fn key_file<K>(path: &Path, parse: impl FnOnce(&str) -> Result<K, KeyError>) -> Result<K, String> {
    let text = hallmark_config::read_key_file(path)?;
    parse(&text).map_err(|error| error.to_string())
}
