//! Instances over a store, and the end of either.

use std::sync::Arc;

use hallmark_proxy::store::Store;
use hallmark_proxy::store::local::LocalStore;
use hallmark_tests::instances::Instances;
use hallmark_tests::memory::{Gate, MemoryStore};
use hallmark_tests::s3::Client;
use hallmark_tests::site::Site;
use tempfile::TempDir;

use super::command::{INSTANCES, Moment, Side};

/// What instances stand on.
pub(super) enum Ground {
    Memory(Arc<MemoryStore>),
    Embedded(TempDir),
}

pub(super) struct Cluster {
    ground: Ground,
    /// `None` only for a moment: the embedded store is closed.
    store: Option<Arc<dyn Store>>,
    /// `None` only for a moment.
    instances: Option<Instances>,
    site: Arc<Site>,
}

impl Cluster {
    pub(super) fn start(site: Arc<Site>, ground: Ground) -> Self {
        let mut cluster = Self { ground, store: None, instances: None, site };
        cluster.restart_all();
        cluster
    }

    pub(super) fn client(&self, instance: usize) -> Client {
        self.instances.as_ref().unwrap().client(instance)
    }

    pub(super) fn restart(&mut self, instance: usize) {
        self.instances.as_mut().unwrap().restart(instance, self.store.as_ref().unwrap());
    }

    /// Also the store; what it was told to keep is all that stays.
    pub(super) fn restart_all(&mut self) {
        self.instances = None;
        self.store = None;
        let store: Arc<dyn Store> = match &self.ground {
            Ground::Memory(store) => Arc::clone(store) as _,
            Ground::Embedded(directory) => Arc::new(LocalStore::open(directory.path()).unwrap()),
        };
        self.instances = Some(Instances::start_at(Arc::clone(&self.site), INSTANCES, &store));
        self.store = Some(store);
    }

    /// Stands in the way of the next such call. Only the store in memory can do that.
    pub(super) fn hold(&self, moment: Moment) -> Vec<Gate> {
        let Ground::Memory(store) = &self.ground else { return Vec::new() };
        let hold = |which| match moment.side {
            Side::Before => store.hold(which),
            Side::After => store.hold_answer(which),
        };
        moment.calls().into_iter().map(hold).collect()
    }

    /// How many stages there are, where that can be seen.
    pub(super) fn stages(&self) -> Option<usize> {
        match &self.ground {
            Ground::Memory(store) => Some(store.stage_names().len()),
            Ground::Embedded(_) => None,
        }
    }
}
