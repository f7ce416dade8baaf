//! Finds out what this store can do, by trying.

use super::{S3Store, unbuilt};
use crate::store::{Capabilities, Guards, StoreError};

/// What this store can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {}

impl Findings {
    /// What follows for whoever uses the store.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            guards: Guards { absent: false, matches: false, deletes: false },
            max_key_bytes: 1024,
            min_part_bytes: 5 << 20,
            promotes_once: false,
            governance: true,
        }
    }
}

impl S3Store {
    /// Tries out what the store can do, once; later calls are answered from memory.
    ///
    /// # Errors
    /// It cannot be reached, or lacks what nothing works without.
    pub async fn examine(&self) -> Result<&Findings, StoreError> {
        self.found.get().ok_or_else(|| unbuilt("probe"))
    }
}
