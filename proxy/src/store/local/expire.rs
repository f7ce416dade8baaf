//! Work in progress that nobody came back to: stages, and state in the scratch area.

use std::time::{Duration, SystemTime};

use super::LocalStore;
use super::committer::{Tables, standing};
use super::id::{Id, unix_ms};
use super::index::{View, area_byte, index_error};
use super::row::Stub;
use crate::store::{StateArea, StoreError, Swept};

/// How long work in progress is kept.
const KEPT: Duration = Duration::from_secs(8 * 24 * 60 * 60);

/// Entries judged by one snapshot of the index, and names of state removed by one transaction.
const BATCH: usize = 256;

impl LocalStore {
    /// Removes stages that were opened, and state in the scratch area that was written, more than 8 days before `now`.
    pub(super) async fn expire(&self, now: SystemTime) -> Result<Swept, StoreError> {
        let before = unix_ms(now.checked_sub(KEPT).unwrap_or(SystemTime::UNIX_EPOCH));
        let mut swept = Swept::default();
        let mut from = Some(Id::from_bytes([0; Id::LEN]));
        while let Some(first) = from {
            let page = self.index.look_at_leisure(move |view| old_stages(view, first, before)).await?;
            for stage in page.old {
                // One at a time: each may have thousands of parts.
                self.committer.submit(move |tables: &mut Tables<'_>| tables.drop_stage(stage)).await?;
                swept.stages += 1;
            }
            from = page.next;
        }
        let mut from = Some(vec![area_byte(StateArea::Scratch)]);
        while let Some(first) = from {
            let page = self.index.look_at_leisure(move |view| old_scratch(view, &first, before)).await?;
            if !page.old.is_empty() {
                let change = move |tables: &mut Tables<'_>| remove_scratch(tables, &page.old, before);
                swept.scratch += self.committer.submit(change).await?;
            }
            from = page.next;
        }
        Ok(swept)
    }
}

/// What is old among some entries.
struct Page<K> {
    old: Vec<K>,
    /// The first entry that was not judged.
    next: Option<K>,
}

/// The stages that were made before `before`, from `first` on.
fn old_stages(view: &View, first: Id, before: u64) -> Result<Page<Id>, StoreError> {
    let mut page = Page { old: Vec::new(), next: None };
    let stages = view.stages()?.range::<&[u8; Id::LEN]>(first.as_bytes()..).map_err(index_error)?;
    for (count, entry) in stages.enumerate() {
        let (id, row) = entry.map_err(index_error)?;
        let id = Id::from_bytes(*id.value());
        if count == BATCH {
            page.next = Some(id);
            break;
        }
        if row.value().0 < before {
            page.old.push(id);
        }
    }
    Ok(page)
}

/// The keys of scratch state that was written before `before`, from `first` on.
fn old_scratch(view: &View, first: &[u8], before: u64) -> Result<Page<Vec<u8>>, StoreError> {
    let mut page = Page { old: Vec::new(), next: None };
    for (count, entry) in view.state()?.range::<&[u8]>(first..).map_err(index_error)?.enumerate() {
        let (key, row) = entry.map_err(index_error)?;
        let key = key.value();
        if !key.starts_with(&[area_byte(StateArea::Scratch)]) {
            break;
        }
        if count == BATCH {
            page.next = Some(key.to_vec());
            break;
        }
        // What does not decode tells no age. It stays, to be seen.
        if Stub::decode(row.value()).is_ok_and(|stub| stub.modified < before) {
            page.old.push(key.to_vec());
        }
    }
    Ok(page)
}

/// Removes what is still as old; says how many.
fn remove_scratch(tables: &mut Tables<'_>, keys: &[Vec<u8>], before: u64) -> Result<u64, redb::Error> {
    let mut removed = 0;
    for key in keys {
        if let Some(stub) = standing(&tables.state, key)?.filter(|stub| stub.modified < before) {
            tables.changed();
            tables.state.remove(key.as_slice())?;
            tables.drop_body(&stub)?;
            removed += 1;
        }
    }
    Ok(removed)
}
