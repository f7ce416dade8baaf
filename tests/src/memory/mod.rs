//! A store in memory that keeps the contract of [`Store`](hallmark_proxy::store::Store), until a test tells it not to:
//! everything in it can be edited behind the proxy's back, and single calls can be counted, held up, and made to fail.
//!
//! - `objects` and `stages` keep the contract; `store` is the trait, `list` and `reading` what it hands out.
//! - `tamper` and `tamper_progress` edit what is stored; `plan` and `gate` say what goes wrong, and when.
//!
//! Tags of objects and buckets, and locks, are not among what it can do.

mod call;
mod content;
mod gate;
mod list;
mod objects;
mod plan;
mod reading;
mod stages;
mod store;
mod stored;
mod tamper;
mod tamper_progress;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use hallmark_proxy::name::BucketName;
use hallmark_proxy::store::{BucketInfo, Pin, PutError, StateName, StoreError, StoreFault, Versioning};

pub use call::{Call, Mishap, Which};
pub use gate::Gate;
pub use stored::StoredObject;

use objects::Slot;
use plan::Plan;
use stages::Stage;

/// The store. All of it is behind one lock, which no call holds while it waits. Clones are the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
    /// One for each body under way.
    bodies: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Contents {
    buckets: BTreeMap<String, Bucket>,
    objects: BTreeMap<(String, String), Slot>,
    stages: BTreeMap<String, Stage>,
    state: HashMap<StateName, Bytes>,
    numbers: u64,
    keeps_no_bytes: bool,
    /// `If-None-Match: *` means nothing to it, or so it says.
    minds_nothing: bool,
    plan: Plan,
}

#[derive(Debug)]
struct Bucket {
    created: SystemTime,
    owner: Option<String>,
    versioning: Versioning,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store which says that it does not mind whether something stands under the name that is written.
    pub fn minding_nothing() -> Self {
        let store = Self::new();
        store.contents().minds_nothing = true;
        store
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    /// A number that was not given before.
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn pin(&mut self) -> Pin {
        Pin(format!("pin-{}", self.number()))
    }

    fn bucket(&self, bucket: &BucketName) -> Result<&Bucket, PutError> {
        self.buckets.get(bucket.as_str()).ok_or(PutError::NoSuchBucket)
    }

    fn info(&self, bucket: &str) -> Option<BucketInfo> {
        let Bucket { created, owner, versioning: _ } = self.buckets.get(bucket)?;
        let name = BucketName::parse(bucket).expect("it was one when it was made");
        Some(BucketInfo { name, created: *created, owner: owner.clone() })
    }
}

fn planned(fault: StoreFault) -> StoreError {
    StoreError::new(fault, "planned by the test")
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("objects here fit in memory")
}
