//! All wiring: from a validated configuration and a store to the service that answers requests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use hallmark_config::{
    BucketName, Config, ConfigErrors, Immutable, KeptIn, RefusedSealKey, SealKeyWork, SignerName, Signs,
    Sources,
};
use hallmark_signer::{KeyError, KeyId, KeyRegister, KeyUse, KeyUseConflict, PublicKey, SealKeys};
use http::{Request, Response};
use tokio::runtime::Handle;

use crate::access::Writers;
use crate::gate::{Deployment, Gate, Trusted};
use crate::metrics::Metrics;
use crate::proof::{Kept, Outgoing};
use crate::seal_keys::{PublishedSealKeys, SealKeyBundle};
use crate::seal_signer::{self, OpenError, OpenSealKey};
use crate::sealing::NoSealKey;
use crate::server::{self, Arriving, Background, Peer, Service};
use crate::service::{Lasting, S3Service};
use crate::sizes;
use crate::state_file;
use crate::store::{Capabilities, Metered, Patience, Store, StoreError};
use crate::trust::{Identities, TrustPolicy};

/// The service of one deployment, for the life of the process. What it answers by changes with the configuration: each
/// request is answered by the service that there is when it begins, and by no other.
pub struct App {
    current: ArcSwap<S3Service>,
    lasting: Lasting,
    seal_keys: PublishedSealKeys,
    /// The key that makes seals. Locked for moments, by whoever takes over another configuration.
    seal_key: Mutex<OpenSealKey>,
    /// What waits for a certifier, for those who are not within it.
    runtime: Handle,
    /// Where the store was told to keep buckets.
    mappings: Mappings,
}

type Mappings = BTreeMap<BucketName, KeptIn>;

/// A key in PEM has a few hundred bytes, 16 KiB with the longest text around it that anybody wants.
const MAX_KEY_FILE: u64 = 16 << 10;

/// Why the proxy cannot start with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Files that the configuration names cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The store does not answer.
    #[error("the object store cannot be used")]
    Store(#[from] StoreError),
    /// The key that certifies seal keys did not, or the store did not take its certificate.
    #[error("there is no seal key")]
    SealKey(#[from] NoSealKey),
}

/// What keys and policy of a configuration amount to.
pub(crate) struct Keys {
    pub(crate) trusted: Trusted,
    bundle: SealKeyBundle,
    seal_key: OpenSealKey,
}

/// What is wrong with the files that a configuration names: each dotted key with its message.
#[derive(Default)]
struct Problems {
    all: Vec<(String, String)>,
    /// How many of them are only that a token did not answer.
    unanswered: usize,
}

/// Why another configuration was not taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRenewed {
    /// It cannot be used.
    #[error("{0}")]
    Wrong(ConfigErrors),
    /// Nothing is wrong but that the token with the seal key did not answer; it may another time.
    #[error("{0}")]
    Unanswered(ConfigErrors),
}

/// Checks what can be checked of `config` without starting: that keys and certificates can be read and used.
///
/// # Errors
/// Everything that is wrong.
pub fn check(config: &Config) -> Result<(), ConfigErrors> {
    let mut problems = Keys::read(config, None).err().unwrap_or_default();
    problems.add_tls(config);
    problems.sizes(config);
    problems.none_or(config)
}

/// Checks that the store can keep what `config` promises of it.
///
/// # Errors
/// Every promise that it cannot keep.
pub fn check_capabilities(config: &Config, capabilities: &Capabilities) -> Result<(), ConfigErrors> {
    const IMMUTABLE: &str = "this object store ignores `If-None-Match: *`: of two uploads of one name at once, both would be \
        stored, the second over the first. Take a store that minds it (`hallmark-proxy check-store` tells), or leave it out \
        and put versions into names";
    let mut problems = Problems::default();
    for (name, bucket) in &config.buckets {
        let key = match bucket.immutable {
            Immutable::Nothing => continue,
            Immutable::Prefixes(_) => "immutable_prefixes",
            Immutable::Everything => "immutable",
        };
        if !capabilities.guards.absent {
            problems.add(&Sources::bucket_key(name, key), IMMUTABLE.to_owned());
        }
    }
    problems.none_or(config)
}

fn check_sizes(config: &Config) -> Result<(), ConfigErrors> {
    let mut problems = Problems::default();
    problems.sizes(config);
    problems.none_or(config)
}

impl App {
    /// Wires a deployment together. Its public seal keys are to be had from `seal_keys` from then on.
    ///
    /// # Errors
    /// A key cannot be used, or the store does not answer.
    pub async fn start(
        config: &Config,
        store: Arc<dyn Store>,
        metrics: &Metrics,
        seal_keys: &PublishedSealKeys,
    ) -> Result<Self, StartError> {
        // Outermost, so that an answer that is waited for no longer counts as what it is.
        let store = Metered::new(Arc::new(Patience::new(store)), metrics.clone());
        let store: Arc<dyn Store> = Arc::new(store);
        check_sizes(config)?;
        let kept = Arc::new(Kept::new(&config.cache).measured(metrics));
        let Keys { trusted, bundle, seal_key } = Keys::read_or_errors(config)?;
        let gate = gate(config, trusted, store.clone(), kept, metrics)?;
        let capabilities = Arc::new(store.probe().await?);
        check_capabilities(config, &capabilities)?;
        gate.ready_to_seal().await?;
        let lasting = Lasting { capabilities, metrics: metrics.clone(), background: Background::default() };
        let service = S3Service::new(config, gate, bundle.clone(), &lasting);
        service.gate().announce();
        seal_keys.publish(bundle);
        Ok(Self {
            current: ArcSwap::from_pointee(service),
            lasting,
            seal_keys: seal_keys.clone(),
            seal_key: Mutex::new(seal_key),
            runtime: Handle::current(),
            mappings: mappings(config),
        })
    }

    /// Answers by `config` from now on: requests that begin later, on whichever connection, see all of it; those under way
    /// see nothing of it, but that uploads are held against it right before they become visible. A token that makes seals
    /// stays open where `[seal]` names the same key in it. What `config` says of listeners, memory and store is left aside
    /// ([`Config::needs_restart`](hallmark_config::Config::needs_restart)).
    ///
    /// # Errors
    /// A key cannot be used, the store cannot keep what is promised, or a bucket is to be kept elsewhere. Nothing has changed
    /// then.
    ///
    /// Blocks for as long as keys and certifiers take; not to be called by a task.
    pub fn renew(&self, config: &Config) -> Result<(), NotRenewed> {
        self.check_mappings(config).map_err(NotRenewed::Wrong)?;
        check_capabilities(config, &self.lasting.capabilities).map_err(NotRenewed::Wrong)?;
        let held = self.seal_key.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut tls = Problems::default();
        tls.add_tls(config);
        let Keys { trusted, bundle, seal_key } = match Keys::read(config, Some(&held)) {
            Ok(keys) if tls.all.is_empty() => keys,
            Ok(_) => return Err(tls.refusal(config)),
            Err(mut problems) => {
                problems.all.append(&mut tls.all);
                return Err(problems.refusal(config));
            }
        };
        let before = self.current.load_full();
        let gate = before.gate().trusting(trusted);
        let at_once = gate.takes_over_at_once(before.gate());
        if !at_once {
            // What uploads need is there before anything changes.
            self.wait_for_seal_key(&gate).map_err(|error| {
                let problem = (seal_signer::config_key(&config.seal).to_owned(), error.to_string());
                NotRenewed::Unanswered(config.sources.errors([problem]))
            })?;
        }
        gate.share_among(sharers(config));
        let service = Arc::new(S3Service::new(config, gate, bundle.clone(), &self.lasting));
        // Before any request has it: to one that began with the newest gate, none is newer.
        service.gate().announce();
        self.current.store(Arc::clone(&service));
        *self.seal_key.lock().unwrap_or_else(PoisonError::into_inner) = seal_key;
        self.seal_keys.publish(bundle);
        if at_once && let Err(error) = self.wait_for_seal_key(service.gate()) {
            tracing::error!(%error, "there is no seal key that the configuration accepts: uploads are refused until there is");
            let _runtime = self.runtime.enter();
            service.gate().look_after_seal_keys();
        }
        Ok(())
    }

    /// Waits for the first seal key that a certifier certifies, if the keys of `gate` live shortly and there is none.
    fn wait_for_seal_key(&self, gate: &Gate) -> Result<(), NoSealKey> {
        if gate.seals_with_short_lived_keys() { self.runtime.block_on(gate.ready_to_seal()) } else { Ok(()) }
    }

    /// Refuses what would send uploads to another place than downloads come from: the store was told where buckets are.
    fn check_mappings(&self, config: &Config) -> Result<(), ConfigErrors> {
        const MOVED: &str = "where a bucket is kept cannot change while the proxy runs: nothing of this file is taken over \
            until it is restarted, or this is as it was";
        let mappings = mappings(config);
        let mut problems = Problems::default();
        let names: BTreeSet<_> = mappings.keys().chain(self.mappings.keys()).collect();
        for name in names {
            if mappings.get(name) != self.mappings.get(name) {
                problems.add(&Sources::bucket_key(name, "kept_in"), MOVED.to_owned());
            }
        }
        problems.none_or(config)
    }
}

impl Service for App {
    async fn call(self: Arc<Self>, request: Request<Arriving>, peer: Peer) -> Response<Outgoing> {
        // Not borrowed: a request may last for hours.
        let service = self.current.load_full();
        service.call(request, peer).await
    }

    fn background(&self) -> &Background {
        &self.lasting.background
    }
}

fn mappings(config: &Config) -> Mappings {
    let kept_in = config.buckets.iter().filter_map(|(name, bucket)| Some((name, bucket.kept_in.as_ref()?)));
    kept_in.map(|(name, kept_in)| (name.clone(), kept_in.clone())).collect()
}

/// Between how many the memory is shared: anonymous readers count as one more client.
fn sharers(config: &Config) -> usize {
    config.clients.len() + 1
}

/// A gate before a store of a test's, with caches of its own, which nobody measures.
///
/// # Errors
/// A key or the state secret cannot be used.
#[cfg(any(test, feature = "testing"))]
pub fn gate_before(config: &Config, store: Arc<dyn Store>) -> Result<Gate, ConfigErrors> {
    gate_keeping(config, store, Arc::new(Kept::new(&config.cache)))
}

/// The same with caches that were filled, perhaps under another configuration.
///
/// # Errors
/// A key or the state secret cannot be used.
#[cfg(any(test, feature = "testing"))]
pub fn gate_keeping(config: &Config, store: Arc<dyn Store>, kept: Arc<Kept>) -> Result<Gate, ConfigErrors> {
    gate(config, Keys::read_or_errors(config)?.trusted, store, kept, &Metrics::new())
}

/// The gate of a command that works on what is in a store, beside the proxy or in its place.
///
/// # Errors
/// A key cannot be used, or the store does not answer.
pub(crate) async fn gate_for(config: &Config, store: Arc<dyn Store>) -> Result<Gate, StartError> {
    let store: Arc<dyn Store> = Arc::new(Patience::new(store));
    let trusted = Keys::read_or_errors(config)?.trusted;
    store.probe().await?;
    let kept = Arc::new(Kept::new(&config.cache));
    Ok(gate(config, trusted, store, kept, &Metrics::new())?)
}

/// The gate before `store`. What is in `kept` may have been found good under another configuration.
///
/// # Errors
/// The state secret cannot be used.
fn gate(
    config: &Config,
    trusted: Trusted,
    store: Arc<dyn Store>,
    kept: Arc<Kept>,
    metrics: &Metrics,
) -> Result<Gate, ConfigErrors> {
    // Last of the files: nothing is made for a configuration that cannot work.
    let state = state_file::keys(config).map_err(|problem| config.sources.errors([problem]))?;
    let deployment = Deployment { realm: config.realm.clone(), state };
    let gate = Gate::new(store, deployment, trusted, kept, config.limits.clone(), sharers(config));
    Ok(gate.measured(metrics))
}

impl Keys {
    /// Reads all keys. The same key in two uses is a problem: a signature for the one could be taken for the other. `held`:
    /// the key that makes seals now; a token is not opened again for the same one.
    fn read(config: &Config, held: Option<&OpenSealKey>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let seal = &config.seal;
        let mut register = KeyRegister::default();
        let mut sealing = Vec::new();
        let at = seal_signer::config_key(seal);
        let held = held.and_then(|held| held.renewed(seal));
        let mut certifiers = Vec::new();
        let active = problems.opened(at, held.map_or_else(|| OpenSealKey::open(seal), Ok));
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
        match (active, seal_keys) {
            (Some(active), Some(seal_keys)) if problems.all.is_empty() => {
                let policy = TrustPolicy::new(config, publishers).with_identities(identities);
                let bundle = SealKeyBundle::new(active.public_key(), sealing.iter().chain(&certifiers));
                let (sealing, writers) = (active.sealing(), Writers::new(config));
                let trusted = Trusted { sealing, seal_keys, policy, writers };
                Ok(Self { trusted, bundle, seal_key: active })
            }
            _ => Err(problems),
        }
    }

    pub(crate) fn read_or_errors(config: &Config) -> Result<Self, ConfigErrors> {
        Self::read(config, None).map_err(|problems| config.sources.errors(problems.all))
    }
}

impl Problems {
    /// What cannot be with the memory that there is.
    fn sizes(&mut self, config: &Config) {
        if let Err(message) = sizes::check(&config.limits) {
            self.add("limits.max_object_size", message);
        }
    }

    fn none_or(self, config: &Config) -> Result<(), ConfigErrors> {
        if self.all.is_empty() { Ok(()) } else { Err(config.sources.errors(self.all)) }
    }

    fn add(&mut self, key: &str, message: String) {
        self.all.push((key.to_owned(), message));
    }

    /// What there is of them, and whether it is worth asking again. At least one.
    fn refusal(self, config: &Config) -> NotRenewed {
        let Self { all, unanswered } = self;
        let alone = unanswered > 0 && unanswered == all.len();
        let errors = config.sources.errors(all);
        if alone { NotRenewed::Unanswered(errors) } else { NotRenewed::Wrong(errors) }
    }

    fn add_tls(&mut self, config: &Config) {
        if let Some(Err(error)) = config.server.tls.as_ref().map(server::check_tls) {
            self.all
                .extend(error.problems().iter().map(|(key, message)| ((*key).to_owned(), message.clone())));
        }
    }

    fn opened(&mut self, at: &str, opened: Result<OpenSealKey, OpenError>) -> Option<OpenSealKey> {
        if let Err(OpenError::Unanswered(_)) = &opened {
            self.unanswered += 1;
        }
        self.key(at, opened.map_err(|error| error.to_string()))
    }

    fn key<K>(&mut self, at: &str, read: Result<K, String>) -> Option<K> {
        read.map_err(|message| self.add(at, message)).ok()
    }

    fn register(&mut self, register: &mut KeyRegister, key: &PublicKey, key_use: KeyUse, at: &str) {
        if let Err(KeyUseConflict { first, .. }) = register.register(key, key_use, at) {
            self.add(
                at,
                format!(
                    "is also {first}: one key has one use (a signature for the one could be taken for the other)"
                ),
            );
        }
    }
}

fn key_file<K>(path: &Path, parse: impl FnOnce(&str) -> Result<K, KeyError>) -> Result<K, String> {
    let text = hallmark_config::read_text(path, MAX_KEY_FILE)?;
    parse(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Guards, Metadata};

    /// What a store can do that minds `If-None-Match`, or not.
    fn capabilities(absent: bool) -> Capabilities {
        Capabilities {
            guards: Guards { absent, ..Guards::ALL },
            max_key_bytes: 1024,
            max_put_bytes: u64::MAX,
            min_part_bytes: 1,
            leaves_parts_out: true,
            promotes_once: false,
            governance: false,
            metadata: Metadata::ALL,
        }
    }

    #[test]
    fn what_a_store_cannot_keep_is_not_promised() {
        let text = "realm = \"r\"\nseal.key_file = \"k\"\nstore.path = \"d\"\n[buckets.app]\nimmutable = true\n\
            [buckets.\"a.b\"]\nimmutable_prefixes = [\"v1/\"]\n[buckets.free]\nimmutable = false\n";
        let config = Config::parse(text, Path::new(""), "h.toml", &|_| None).unwrap();
        assert!(check_capabilities(&config, &capabilities(true)).is_ok());
        let errors = check_capabilities(&config, &capabilities(false)).unwrap_err();
        let shown = errors.to_string();
        let lines: Vec<_> = shown.lines().collect();
        let [app, dotted] = lines.as_slice() else { panic!("{shown}") };
        let why = "this object store ignores `If-None-Match: *`";
        assert!(app.starts_with(&format!("h.toml:5:13: buckets.app.immutable: {why}")), "{app}");
        assert!(
            dotted.starts_with(&format!("h.toml:7:22: buckets.\"a.b\".immutable_prefixes: {why}")),
            "{dotted}"
        );
    }

    #[test]
    fn only_a_token_that_did_not_answer_is_asked_again() {
        let text = "realm = \"r\"\nseal.key_file = \"k\"\nstore.path = \"d\"\n";
        let config = Config::parse(text, Path::new(""), "h.toml", &|_| None).unwrap();
        let refusal = |opened: OpenError, more: Option<&str>| {
            let mut problems = Problems::default();
            assert!(problems.opened("seal.signer", Err(opened)).is_none());
            if let Some(more) = more {
                problems.add(more, "wrong".to_owned());
            }
            problems.refusal(&config)
        };
        let unanswered = || OpenError::Unanswered("late".to_owned());
        assert!(matches!(refusal(unanswered(), None), NotRenewed::Unanswered(_)));
        assert!(matches!(refusal(unanswered(), Some("keys.ci.public_key")), NotRenewed::Wrong(_)));
        let refused = OpenError::Wrong("the token refuses the PIN".to_owned());
        assert!(matches!(refusal(refused, None), NotRenewed::Wrong(_)));
    }

    #[test]
    fn what_could_never_be_completed_is_not_permitted() {
        let config = |limits: &str| {
            let text =
                format!("realm = \"r\"\nseal.key_file = \"k\"\nstore.path = \"d\"\n[limits]\n{limits}\n");
            Config::parse(&text, Path::new(""), "h.toml", &|_| None).unwrap()
        };
        // The default is as much as there is memory for.
        for good in ["", "memory_budget = \"33 MiB\"", "max_object_size = \"300 GiB\""] {
            assert!(check_sizes(&config(good)).is_ok(), "{good}");
        }
        let errors = check_sizes(&config("max_object_size = \"1 TiB\"")).unwrap_err().to_string();
        assert!(
            errors.starts_with("h.toml:5:19: limits.max_object_size: an artifact of 1048576 MiB"),
            "{errors}"
        );
    }
}
