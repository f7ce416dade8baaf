//! Space on the disk.
//!
//! An index that runs out of space in the middle of a transaction can neither be written nor read until it is opened
//! anew. So uploads are refused while there is still room to go on reading, and to delete.

use std::path::PathBuf;

use crate::store::{StoreError, StoreFault};

/// Bytes that uploads leave free.
const FOR_DELETING: u64 = 128 << 20;

/// Bytes that every transaction finds free: what the largest one writes, several times over.
const FOR_COMMITTING: u64 = 32 << 20;

/// Says how much is free, bytes.
pub(super) struct Room(Box<dyn Fn() -> u64 + Send + Sync>);

impl Room {
    /// On the disk that holds `directory`.
    pub(super) fn on_disk_of(directory: PathBuf) -> Self {
        Self::measured_by(move || {
            // Where it cannot be known nothing is refused: the disk itself will refuse.
            rustix::fs::statvfs(&directory)
                .map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
        })
    }

    pub(super) fn measured_by(free: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Box::new(free))
    }

    /// Whether an upload of `length` bytes may begin.
    pub(super) fn for_upload(&self, length: u64) -> Result<(), StoreError> {
        self.at_least(length.saturating_add(FOR_DELETING))
    }

    /// Whether a transaction may begin.
    pub(super) fn for_commit(&self) -> Result<(), StoreError> {
        self.at_least(FOR_COMMITTING)
    }

    fn at_least(&self, wanted: u64) -> Result<(), StoreError> {
        let free = (self.0)();
        if free < wanted {
            let message = format!("the disk is nearly full: {free} bytes are free, {wanted} are wanted");
            return Err(StoreError::new(StoreFault::Unavailable, message));
        }
        Ok(())
    }
}
