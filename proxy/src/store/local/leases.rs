//! Who reads bodies of several files. Such a body is opened file by file, so that its files must stay until the last
//! reader is done, whatever happens to their names in the index meanwhile.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bodies::Bodies;
use super::id::Id;

/// Which versions and stages are being read, and what becomes garbage when they no longer are.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashMap<Id, Held>>);

/// What is known of a version that is being read.
#[derive(Default)]
struct Held {
    readers: usize,
    /// Its files, if it is gone.
    gone: Vec<Id>,
}

impl Leases {
    fn held(&self) -> MutexGuard<'_, HashMap<Id, Held>> {
        // The map is whole after every step, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes files that nothing names any more, if a reader may still want them; otherwise gives them back.
    pub(super) fn postpone(&self, version: Id, files: Vec<Id>) -> Vec<Id> {
        match self.held().get_mut(&version) {
            Some(held) => {
                held.gone.extend(files);
                Vec::new()
            }
            None => files,
        }
    }
}

/// A reader of a version or a stage. Whoever takes one and *then* finds the list of files in the index can read
/// all of them: the commit that gives them up comes later and sees the lease.
pub(super) struct Lease {
    version: Id,
    bodies: Arc<Bodies>,
}

impl Lease {
    pub(super) fn take(bodies: &Arc<Bodies>, version: Id) -> Self {
        bodies.leases.held().entry(version).or_default().readers += 1;
        Self { version, bodies: Arc::clone(bodies) }
    }

    /// The files that it keeps in place.
    pub(super) fn bodies(&self) -> &Bodies {
        &self.bodies
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut gone = Vec::new();
        if let Entry::Occupied(mut held) = self.bodies.leases.held().entry(self.version) {
            held.get_mut().readers -= 1;
            if held.get().readers == 0 {
                gone = held.remove().gone;
            }
        }
        self.bodies.remove(gone);
    }
}
