//! Removes what is left over: work in progress that nobody came back to (see `expire`), and body files that nothing
//! names, those of uploads that a crash cut off and those of versions that were replaced just before one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::LocalStore;
use super::bodies::Bodies;
use super::id::Id;
use super::index::{Index, index_error, off_thread};
use crate::store::{StoreError, StoreFault, Swept};

/// Files judged by one snapshot of the index; so their number in a directory does not bound memory.
const CHUNK: usize = 1024;

impl LocalStore {
    /// Removes stages and scratch state that are older than 8 days. Then goes once through the 256 directories of
    /// bodies, resting for `pause` after each, and removes what a crash left behind.
    pub(super) async fn sweep_all(&self, pause: Duration) -> Result<Swept, StoreError> {
        // On a disk that is full nothing can be committed, but files can still be removed.
        let expired = self.expire(SystemTime::now()).await;
        let mut total = Swept::default();
        for number in 0..=u8::MAX {
            let (index, bodies) = (Arc::clone(&self.index), Arc::clone(&self.bodies));
            let swept = off_thread(move || sweep_directory(&index, &bodies, number)).await??;
            total.removed += swept.removed;
            total.bytes += swept.bytes;
            tokio::time::sleep(pause).await;
        }
        expired.map(|expired| Swept { removed: total.removed, bytes: total.bytes, ..expired })
    }
}

fn sweep_directory(index: &Index, bodies: &Bodies, number: u8) -> Result<Swept, StoreError> {
    let path = bodies.directory(number);
    let failed =
        |e| StoreError::new(StoreFault::Unavailable, format!("{} was not swept: {e}", path.display()));
    let mut swept = Swept::default();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        // What is not named as a body is not ours to remove.
        let id = name.to_str().and_then(Id::parse).filter(|id| id.directory() == number);
        found.extend(id);
        if found.len() == CHUNK {
            remove_unnamed(index, bodies, &mut found, &mut swept)?;
        }
    }
    remove_unnamed(index, bodies, &mut found, &mut swept)?;
    Ok(swept)
}

/// The order matters. A file that was found on disk is either in the making, or a row named it, or it is garbage. It
/// stops being in the making only after the row is visible. So one that is *first* seen not to be in the making, and
/// *then* seen not to be named, is garbage, and for good: no id is used twice.
fn remove_unnamed(
    index: &Index,
    bodies: &Bodies,
    found: &mut Vec<Id>,
    swept: &mut Swept,
) -> Result<(), StoreError> {
    found.retain(|id| !bodies.is_live(id));
    let files = index.view()?.files()?;
    for id in found.drain(..) {
        if files.get(id.as_bytes()).map_err(index_error)?.is_none() {
            // While it is not known which transaction is on disk, nothing is known to be garbage.
            index.certain()?;
            let path: PathBuf = bodies.path(&id);
            let bytes = path.metadata().map_or(0, |metadata| metadata.len());
            if std::fs::remove_file(path).is_ok() {
                swept.removed += 1;
                swept.bytes += bytes;
            }
        }
    }
    Ok(())
}
