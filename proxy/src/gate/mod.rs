//! The gate: the path of every upload and every download.
//!
//! **Upload** ([`Gate::put`]): the body is received and hashed; every declared checksum is compared; the publisher's
//! signatures are judged; the seal is made; only then may the store make the object visible. Up to 8 MiB all of that
//! happens before the store hears of it; a larger body streams to the store, its last piece held back until the
//! checks have passed and the record that holds the seal is durable.
//!
//! **Download** ([`Gate::get`], [`Gate::head`]): what the store returns is proven (seal), admitted (policy) and
//! released leaf by leaf (digest), all in [`crate::proof`].

mod adopt;
mod arrivals;
mod budget;
mod checked;
mod clock;
mod copy;
mod delete;
mod download;
mod error;
mod guard;
mod hash;
mod immutable;
pub mod multipart;
mod newest;
mod quarantine;
mod receive;
mod record;
mod rollback;
mod sibling_form;
mod sibling_worth;
mod siblings;
mod stream;
mod turns;
mod unknown;
mod upload;
mod verdict;
mod whole;

use std::sync::Arc;

use hallmark_config::{Limits, Realm};
use hallmark_signer::{Certificate, KeyHint, SealKeys};

pub use adopt::{Deed, Made, NotMade, OldContents, OldHeaders, Order, Voucher, Writing};
pub use budget::{Budget, Exhausted, Reservation};
pub use clock::Clock;
pub use copy::{Copied, Copy};
pub use download::{Download, Recency, Wanted, part_selection};
pub use error::GateError;
pub use receive::Incoming;
pub(crate) use siblings::{Seen, Subject};
pub(crate) use turns::Turns;
pub use upload::{Upload, Uploaded};

use prometheus_client::metrics::counter::Counter;

use self::arrivals::Arrivals;
use self::multipart::Multipart;
use self::newest::Newest;
use self::siblings::lookups;
use crate::access::Writers;
use crate::cache::Noting;
use crate::metrics::{Metrics, SealKeyMetrics};
use crate::proof::{Kept, Prover, StateKeys, Suspects};
use crate::sealing::{NoSealKey, Sealing, Seals, Surroundings};
use crate::store::Store;
use crate::trust::TrustPolicy;

/// What all instances of a deployment have in common, and no other has.
pub struct Deployment {
    /// Its name, part of every seal.
    pub realm: Realm,
    /// Authenticates what uploads in progress leave in the store.
    pub state: StateKeys,
}

/// What the operator trusts, as of one reading of the configuration.
pub struct Trusted {
    /// What makes seals.
    pub sealing: Sealing,
    /// Whose seals are accepted.
    pub seal_keys: SealKeys,
    /// Which publishers must have signed what.
    pub policy: TrustPolicy,
    /// Who may write, for uploads that outlast this reading.
    pub writers: Writers,
}

/// Everything that decides about one deployment's artifacts, as of one reading of the configuration: a request keeps the
/// gate that it began with. What is shared with the gates before and after it lies behind an `Arc`.
pub struct Gate {
    // Of this gate alone.
    /// How many there were before it.
    generation: u64,
    seals: Seals,
    prover: Prover,
    policy: Arc<TrustPolicy>,
    writers: Writers,
    // For the life of the process.
    store: Arc<dyn Store>,
    realm: Realm,
    suspects: Arc<Suspects>,
    arrivals: Arrivals,
    newest: Arc<Newest>,
    lookups: Arc<Turns>,
    budget: Arc<Budget>,
    limits: Limits,
    multipart: Arc<Multipart>,
    clock: Clock,
    /// Bytes of bodies that clients send.
    received: Counter,
}

/// The largest artifact that a client can make with a budget of `memory` bytes, however many clients there are.
pub fn largest_artifact(memory: u64) -> u64 {
    let (_, for_bodies) = multipart::shares(memory);
    multipart::memory::largest(for_bodies / 4)
}

impl Gate {
    /// A gate before `store`. The budget is shared evenly by `clients` clients, a quarter each at most.
    pub fn new(
        store: Arc<dyn Store>,
        Deployment { realm, state }: Deployment,
        Trusted { sealing, seal_keys, policy, writers }: Trusted,
        kept: Arc<Kept>,
        mut limits: Limits,
        clients: usize,
    ) -> Self {
        limits.max_object_size = limits.max_object_size.min(largest_artifact(limits.memory_budget));
        let (for_windows, for_bodies) = multipart::shares(limits.memory_budget);
        let budget = Arc::new(Budget::new(for_bodies, clients));
        let multipart = Arc::new(Multipart::new(state, for_windows));
        let (suspects, arrivals) = Default::default();
        let store: Arc<dyn Store> = Arc::new(Noting::new(store, Arc::clone(kept.changes())));
        let clock = Clock::default();
        let around = Surroundings {
            store: Arc::clone(&store),
            kept: Arc::clone(&kept),
            realm: realm.clone(),
            clock: clock.clone(),
            metrics: SealKeyMetrics::default(),
        };
        let prover = Prover::new(realm.clone(), seal_keys, kept);
        Self {
            generation: 0,
            seals: Seals::new(sealing, around),
            prover,
            policy: Arc::new(policy),
            writers,
            store,
            realm,
            suspects,
            arrivals,
            newest: Arc::default(),
            lookups: Arc::new(lookups()),
            budget,
            limits,
            multipart,
            clock,
            received: Counter::default(),
        }
    }

    /// The gate that comes after this one: it trusts otherwise, and shares all else with it.
    #[must_use]
    pub fn trusting(&self, Trusted { sealing, seal_keys, policy, writers }: Trusted) -> Self {
        Self {
            generation: self.generation.saturating_add(1),
            seals: self.seals.followed_by(sealing),
            prover: Prover::new(self.realm.clone(), seal_keys, Arc::clone(self.kept())),
            policy: Arc::new(policy),
            writers,
            store: Arc::clone(&self.store),
            realm: self.realm.clone(),
            suspects: Arc::clone(&self.suspects),
            arrivals: self.arrivals.clone(),
            newest: Arc::clone(&self.newest),
            lookups: Arc::clone(&self.lookups),
            budget: Arc::clone(&self.budget),
            limits: self.limits.clone(),
            multipart: Arc::clone(&self.multipart),
            clock: self.clock.clone(),
            received: self.received.clone(),
        }
    }

    /// From now on so many clients share the memory.
    pub fn share_among(&self, clients: usize) {
        self.budget.share_among(clients);
    }

    /// Counts for `metrics`.
    #[must_use]
    pub fn measured(self, metrics: &Metrics) -> Self {
        self.budget.measure(metrics);
        self.multipart.windows.measure(metrics);
        let seals = self.seals.moved(|around| around.metrics = metrics.seal_keys());
        Self { received: metrics.received(), seals, ..self }
    }

    /// Seals by another clock than the system's.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        let seals = self.seals.moved(|around| around.clock = clock.clone());
        Self { clock, seals, ..self }
    }

    /// Whether its seals are made by keys that live shortly.
    pub(crate) fn seals_with_short_lived_keys(&self) -> bool {
        self.seals.are_by_short_lived_keys()
    }

    /// Whether it must not wait for a seal key that is to be certified first: it goes on with the very keys of `before`, or
    /// there are none yet, or it revokes something that `before` trusts, which nobody who keeps a certifier or the store from
    /// answering may put off.
    pub(crate) fn takes_over_at_once(&self, before: &Self) -> bool {
        self.seals.go_on(&before.seals)
            || before.seals.are_unanswered()
            || !self.prover.trusts_all_of(&before.prover)
    }

    /// Goes on trying where there is no seal key, on the runtime that this is called on.
    pub(crate) fn look_after_seal_keys(&self) {
        self.seals.look_after();
    }

    /// Sees to it that seals can be made, from now on for as long as this gate is there: has a key certified, where keys
    /// live shortly and there is none that this gate accepts.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn ready_to_seal(&self) -> Result<(), NoSealKey> {
        self.seals.ready(&self.prover).await
    }

    /// The certificate of a seal key that is accepted for it.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn certificate(&self, key: KeyHint) -> Result<Option<Arc<Certificate>>, GateError> {
        Ok(self.prover.accepted_certificate(&*self.store, key).await?)
    }

    /// The same, if it is at hand.
    pub(crate) fn known_certificate(&self, key: KeyHint) -> Option<Arc<Certificate>> {
        self.prover.known_certificate(key)
    }

    /// By what it judges.
    pub(crate) fn policy(&self) -> &TrustPolicy {
        &self.policy
    }

    /// What is kept in memory.
    pub fn kept(&self) -> &Arc<Kept> {
        self.prover.kept()
    }

    /// The store behind the gate, for what needs no check: names of keys and buckets, deletions.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}
