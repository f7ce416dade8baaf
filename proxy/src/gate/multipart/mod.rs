//! Multipart uploads. No instance keeps anything of them: what one began any other can carry on.
//!
//! **Create** ([`Gate::create_upload`](super::Gate::create_upload)) opens a stage in the store and writes a *marker*: the
//! upload is there while that is. **Parts** ([`Gate::upload_part`](super::Gate::upload_part)) go into the stage, each
//! received, checked and hashed like an upload of its own, and beside the stage a *record* of each: an empty object
//! whose name says all of it. **Complete** ([`Gate::complete_upload`](super::Gate::complete_upload)) makes an artifact of
//! the parts that its client lists. **Abort** removes the marker first.
//!
//! Ids, markers and records bear MACs ([`StateKeys`]), and each is bound to where it belongs. What is in the store and
//! does not fit is as if it were not there.

mod commits;
mod complete;
mod create;
mod find;
mod id;
mod list_parts;
mod list_uploads;
mod marker;
pub(super) mod memory;
mod names;
mod part;
mod part_copy;
mod plan;
mod readback;
mod record;
mod references;
mod selection;
mod settle;
mod source;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod upload_part;
mod verified;
mod window;

use std::sync::Arc;

use commits::Commits;
pub use create::NewUpload;
pub use find::PartRecords;
pub use id::UploadId;
pub use list_parts::PartPage;
pub use list_uploads::{UploadEntry, UploadMarker, UploadPage};
pub use marker::Marker;
pub use part::{PartContent, PartRecord, SourceId};
pub use part_copy::{CopiedPart, PartCopy};
pub use selection::Completion;
pub use source::CopiedSource;
pub(super) use verified::CheckedParts;
pub use window::{Feed, Windows};

use tokio::sync::Semaphore;

use super::unknown::UNKNOWN_MEMORY;
use crate::proof::StateKeys;

/// What a gate needs for multipart uploads.
pub(super) struct Multipart {
    pub(super) keys: StateKeys,
    pub(super) windows: Arc<Windows>,
    commits: Commits,
    read_backs: Arc<Semaphore>,
}

/// What the windows leave to all else in any case: the quarter of it that a client may hold is an upload of any kind.
const LEAST: u64 = 4 * UNKNOWN_MEMORY;

/// Of `budget` bytes of memory, those of the in-order windows and those of all else. Windows only save time, so they get
/// what is left where there is little.
///
/// Of 384 MiB, the default, they get 96: clients send ten parts of 8 MiB at a time if they are not told otherwise, and
/// all that comes of nine of them may have to wait for the first.
pub(super) fn shares(budget: u64) -> (u64, u64) {
    let windows = (budget / 4).min(budget.saturating_sub(LEAST));
    (windows, budget - windows)
}

impl Multipart {
    pub(super) fn new(keys: StateKeys, window_bytes: u64) -> Self {
        Self {
            keys,
            windows: Windows::new(window_bytes),
            commits: Commits::default(),
            read_backs: Arc::new(Semaphore::new(verified::READ_BACKS)),
        }
    }
}
