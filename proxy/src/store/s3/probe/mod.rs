//! Finds out what this store can do, by trying.

mod findings;

pub use findings::Findings;
#[allow(unused_imports, reason = "read by those who write")]
pub(super) use findings::{Checksums, IfMatch, Keys, Metadata, Parts, SourcePin, Writes};

use super::{S3Store, unbuilt};
use crate::store::StoreError;

impl S3Store {
    /// Tries out what the store can do, once; later calls are answered from memory.
    ///
    /// # Errors
    /// It cannot be reached, or lacks what nothing works without.
    pub async fn examine(&self) -> Result<&Findings, StoreError> {
        self.found.get().ok_or_else(|| unbuilt("probe"))
    }

    /// What is known of the store: nothing good, before it was examined.
    pub(super) fn findings(&self) -> &Findings {
        self.found.get().unwrap_or(&Findings::CAREFUL)
    }
}
