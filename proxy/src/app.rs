//! All wiring: from a validated configuration and a store to the service that answers requests.

mod keys;
mod problems;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use hallmark_config::{BucketName, Config, ConfigErrors, Immutable, KeptIn, Sources};
use http::{Request, Response};
use tokio::runtime::Handle;
use tokio::time::timeout;

use self::keys::IfUnanswered;
pub(crate) use self::keys::Keys;
use self::problems::Problems;
use crate::gate::{Deployment, Gate, Trusted};
use crate::metrics::Metrics;
use crate::proof::{Kept, Outgoing};
use crate::seal_keys::PublishedSealKeys;
use crate::seal_signer::{self, OpenSealKey};
use crate::sealing::NoSealKey;
use crate::server::{Arriving, Background, Peer, Service};
use crate::service::{Lasting, S3Service};
use crate::state_file;
use crate::store::{Capabilities, Metered, Patience, Store, StoreError};

/// The service of one deployment, for the life of the process. What it answers by changes with the configuration: each
/// request is answered by the service that there is when it begins, and by no other.
pub struct App {
    current: ArcSwap<S3Service>,
    lasting: Lasting,
    seal_keys: PublishedSealKeys,
    /// The key that makes seals; `None`: its certifier has not answered yet. Locked for moments, by whoever takes over
    /// another configuration.
    seal_key: Mutex<Option<OpenSealKey>>,
    /// What waits for a certifier, for those who are not within it.
    runtime: Handle,
    /// Where the store was told to keep buckets.
    mappings: Mappings,
}

type Mappings = BTreeMap<BucketName, KeptIn>;

/// So long a start waits for the first seal key that is certified; after that it is waited for while others are served.
const FIRST_KEY: Duration = Duration::from_secs(5);

/// Why the proxy cannot start with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Files that the configuration names cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The store does not answer.
    #[error("the object store cannot be used")]
    Store(#[from] StoreError),
    /// The key that certifies seal keys refuses to.
    #[error("there is no seal key")]
    SealKey(#[from] NoSealKey),
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
    OpenKeys::with(config, IfUnanswered::Refuse).map(drop)
}

/// The keys of a configuration that can be used, opened for a start.
pub struct OpenKeys(Keys);

impl OpenKeys {
    /// Checks what can be checked of `config` without a store, and keeps what was opened for that. A certifier of seal keys
    /// that does not answer may be waited for while what is sealed is served.
    ///
    /// Blocks for as long as keys and certifiers take.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn of(config: &Config) -> Result<Self, ConfigErrors> {
        Self::with(config, IfUnanswered::GoOn)
    }

    fn with(config: &Config, unanswered: IfUnanswered) -> Result<Self, ConfigErrors> {
        let (keys, mut problems) = match Keys::read(config, None, unanswered) {
            Ok(keys) => (Some(keys), Problems::default()),
            Err(problems) => (None, problems),
        };
        problems.add_tls(config);
        problems.sizes(config);
        match keys {
            Some(keys) if problems.all.is_empty() => Ok(Self(keys)),
            Some(_) | None => Err(config.sources.errors(problems.all)),
        }
    }
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

impl App {
    /// Wires a deployment together with what was opened for `config`. Its public seal keys are to be had from `seal_keys` from
    /// then on. Where there is no seal key only because somebody does not answer, it goes on being tried while it serves.
    ///
    /// # Errors
    /// The state secret or the certifier of seal keys cannot be used, or the store does not answer.
    pub async fn start(
        config: &Config,
        OpenKeys(Keys { trusted, bundle, seal_key }): OpenKeys,
        store: Arc<dyn Store>,
        metrics: &Metrics,
        seal_keys: &PublishedSealKeys,
    ) -> Result<Self, StartError> {
        // Outermost, so that an answer that is waited for no longer counts as what it is.
        let store = Metered::new(Arc::new(Patience::new(store)), metrics.clone());
        let store: Arc<dyn Store> = Arc::new(store);
        let kept = Arc::new(Kept::new(&config.cache).measured(metrics));
        let gate = gate(config, trusted, store.clone(), kept, metrics)?;
        let capabilities = Arc::new(store.probe().await?);
        check_capabilities(config, &capabilities)?;
        first_key(&gate).await?;
        let lasting = Lasting { capabilities, metrics: metrics.clone(), background: Background::default() };
        let service = S3Service::new(config, gate, bundle.clone(), &lasting);
        service.gate().announce();
        service.gate().look_after_seal_keys();
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
        self.take(config, Without::TakenOver)
    }

    /// Asks the certifier again who has not answered since the start, by the configuration that is held already. Nothing changes
    /// while it does not, so that what is remembered under that configuration stays.
    ///
    /// # Errors
    /// As those of [`renew`](Self::renew).
    pub fn ask_again(&self, config: &Config) -> Result<(), NotRenewed> {
        self.take(config, Without::LeftAsItIs)
    }

    fn take(&self, config: &Config, without: Without) -> Result<(), NotRenewed> {
        self.check_mappings(config).map_err(NotRenewed::Wrong)?;
        check_capabilities(config, &self.lasting.capabilities).map_err(NotRenewed::Wrong)?;
        let held = self.seal_key.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // What it revokes is revoked also by a process that has waited for its certifier since the start.
        let unanswered = if held.is_some() { IfUnanswered::Refuse } else { IfUnanswered::GoOn };
        let mut tls = Problems::default();
        tls.add_tls(config);
        let Keys { trusted, bundle, seal_key } = match Keys::read(config, held.as_ref(), unanswered) {
            Ok(keys) if tls.all.is_empty() => keys,
            Ok(_) => return Err(tls.refusal(config)),
            Err(mut problems) => {
                problems.all.append(&mut tls.all);
                return Err(problems.refusal(config));
            }
        };
        match without {
            Without::LeftAsItIs if held.is_none() && seal_key.is_none() => return Ok(()),
            Without::LeftAsItIs | Without::TakenOver => {}
        }
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

    /// Whether there are no seals because who certifies their keys has not answered yet: it is asked again by
    /// [`ask_again`](Self::ask_again).
    pub fn lacks_certifier(&self) -> bool {
        self.seal_key.lock().unwrap_or_else(PoisonError::into_inner).is_none()
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

/// What becomes of a configuration whose certifier still does not answer.
#[derive(Clone, Copy)]
enum Without {
    TakenOver,
    LeftAsItIs,
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

/// Has the first seal key made, where one is to be certified. Who does not answer stops uploads and not the start.
async fn first_key(gate: &Gate) -> Result<(), StartError> {
    let why = match timeout(FIRST_KEY, gate.ready_to_seal()).await {
        // That there is no answer was said when it was asked for.
        Ok(Ok(()) | Err(NoSealKey::Unanswered)) => return Ok(()),
        Ok(Err(error)) if error.may_pass() => error,
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => NoSealKey::Late,
    };
    tracing::error!(error = %why, "there is no seal key yet: uploads are refused until there is");
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::path::Path;

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
}
