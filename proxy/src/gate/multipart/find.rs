//! Finding uploads and what is recorded of their parts.

use std::collections::BTreeMap;
use std::ops::Deref;

use futures_util::{StreamExt as _, stream};

use super::id::UploadId;
use super::marker::{MAX_BYTES, Marker};
use super::memory::RECORD;
use super::names;
use super::part::PartRecord;
use crate::gate::{Gate, GateError, Reservation};
use crate::name::ObjectName;
use crate::store::{MAX_PARTS, PartNumber, Span, StateArea, StateName, StoreError, StoreFault};

/// Names that are asked for at once.
pub(super) const NAMES: usize = 1000;

/// An upload has no more pages of names of records. Each part has one record, and a second one while it is sent
/// again; what else is there was put there by somebody else.
const MAX_PAGES: usize = 40;

/// What the names of one page take, bytes.
pub(super) const NAMES_MEMORY: u64 = 512 * 1024;

/// What looking for the records of all parts takes, bytes.
pub(super) const RECORDS_MEMORY: u64 = NAMES_MEMORY + RECORD * MAX_PARTS as u64;

/// Deletions that are under way at once.
const DELETIONS: usize = 32;

/// The records of an upload's parts, each number's latest, and the memory that they take.
#[derive(Debug)]
pub struct PartRecords {
    records: BTreeMap<PartNumber, PartRecord>,
    _held: Reservation,
}

impl Deref for PartRecords {
    type Target = BTreeMap<PartNumber, PartRecord>;

    fn deref(&self) -> &Self::Target {
        &self.records
    }
}

impl Gate {
    /// The upload with this id, of this client to this object.
    ///
    /// # Errors
    /// `NoSuchUpload`: there is none, or the id is for another object or client; or the store failed.
    pub async fn find_upload(
        &self,
        object: &ObjectName,
        id: &str,
        client: &str,
    ) -> Result<Marker, GateError> {
        let keys = &self.multipart.keys;
        let id = UploadId::verify(id, keys, object, client).ok_or_else(GateError::no_such_upload)?;
        if let Some(marker) = self.read_marker(object, &id, client).await? {
            return Ok(marker);
        }
        // What was damaged on its way, or hidden for a moment, is found whole then.
        let marker = self.read_marker(object, &id, client).await?;
        marker.ok_or_else(GateError::no_such_upload)
    }

    /// The marker of an upload; `None`: there is none, or it is not what was written.
    async fn read_marker(
        &self,
        object: &ObjectName,
        id: &UploadId,
        client: &str,
    ) -> Result<Option<Marker>, GateError> {
        let name = names::marker(object, client, id);
        let stored = self.store.state_get(&name, Span::Bytes(0..MAX_BYTES)).await?;
        let Some(stored) = stored else { return Ok(None) };
        let marker = Marker::decode(stored, &self.multipart.keys, id, object, client);
        if marker.is_none() {
            tracing::error!(upload = ?id, %object, "the marker of an upload is not what was written");
        }
        Ok(marker)
    }

    /// What is recorded of the parts of an upload. Records that were moved or changed are none.
    ///
    /// # Errors
    /// The store failed, or there is no memory.
    pub async fn part_records(&self, marker: &Marker) -> Result<PartRecords, GateError> {
        let mut held = self.budget.reserve(&marker.client, RECORDS_MEMORY).await?;
        let records = self.records_after(&marker.id, None, usize::from(MAX_PARTS)).await?;
        held.shrink(RECORD * records.len() as u64);
        Ok(PartRecords { records, _held: held })
    }

    /// What is recorded of the parts after number `after`: of all of them, or of the first `enough` at least.
    pub(super) async fn records_after(
        &self,
        id: &UploadId,
        after: Option<PartNumber>,
        enough: usize,
    ) -> Result<BTreeMap<PartNumber, PartRecord>, GateError> {
        let mut pages = Names {
            prefix: names::parts(id),
            after: after.map(|after| format!("{}{}", names::part(id, after), names::LAST)),
            pages: 0,
        };
        let mut records = BTreeMap::new();
        // Of the last number seen there may be another record on the next page.
        while records.len() <= enough
            && let Some(page) = pages.next(self).await?
        {
            for name in page {
                self.read_record(&name, id).into_iter().for_each(|record| latest(&mut records, record));
            }
        }
        Ok(records)
    }

    /// All records of one part: the names, and what they say.
    pub(super) async fn records_of(
        &self,
        id: &UploadId,
        number: PartNumber,
    ) -> Result<Vec<(String, PartRecord)>, GateError> {
        let prefix = names::part(id, number);
        // Sent so often at once that there are more, the others stay until the upload is over.
        let names = self.store.state_list(StateArea::Scratch, &prefix, None, NAMES).await?;
        let read = |name: String| self.read_record(&name, id).map(|record| (name, record));
        Ok(names.into_iter().filter_map(read).filter(|(_, record)| record.number == number).collect())
    }

    /// Removes the records of an upload that is over, what its parts were copied from, and what it was about to become.
    /// What cannot be removed is garbage that expires.
    pub(super) async fn drop_records(&self, id: &UploadId) {
        for prefix in [names::parts(id), names::sources(id), names::plan(id).name().to_owned()] {
            let mut names = Names { prefix, after: None, pages: 0 };
            loop {
                match names.next(self).await {
                    Ok(Some(page)) => self.drop_names(page).await,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(upload = ?id, %error, "records of an upload that is over stay behind");
                        break;
                    }
                }
            }
        }
    }

    /// Removes objects of the scratch area, as far as that can be done now.
    pub(super) async fn drop_names(&self, names: Vec<String>) {
        let names = names.into_iter().filter_map(|name| StateName::new(StateArea::Scratch, name));
        stream::iter(names)
            .for_each_concurrent(DELETIONS, |name| async move {
                if let Err(error) = self.store.state_delete(&name).await {
                    tracing::warn!(%error, "a record stays behind");
                }
            })
            .await;
    }

    fn read_record(&self, name: &str, id: &UploadId) -> Option<PartRecord> {
        let record = PartRecord::parse(name, &self.multipart.keys, id);
        if record.is_none() {
            tracing::warn!(upload = ?id, name, "a record of a part is not what was written");
        }
        record
    }
}

/// Keeps the later one of two records of a number; of two of the same time, the one whose name sorts later, as whoever reads
/// them in order does.
fn latest(records: &mut BTreeMap<PartNumber, PartRecord>, record: PartRecord) {
    let earlier = records.get(&record.number).is_some_and(|known| record.at < known.at);
    if !earlier {
        records.insert(record.number, record);
    }
}

/// The names of state objects that begin with a prefix, page by page.
struct Names {
    prefix: String,
    after: Option<String>,
    pages: usize,
}

impl Names {
    /// The next page; `None`: that was all.
    async fn next(&mut self, gate: &Gate) -> Result<Option<Vec<String>>, GateError> {
        let after = self.after.as_deref();
        let mut page = gate.store.state_list(StateArea::Scratch, &self.prefix, after, NAMES).await?;
        let Some(last) = page.last() else { return Ok(None) };
        // What a store says is in order may not be; that it comes to an end must not depend on it.
        if self.pages == MAX_PAGES || page.len() > NAMES || Some(last.as_str()) <= after {
            let message = "the names of an upload's records have no end";
            return Err(StoreError::new(StoreFault::Protocol, message).into());
        }
        self.pages += 1;
        self.after = Some(last.clone());
        // What else there is must not be touched.
        page.retain(|name| name.starts_with(&self.prefix));
        Ok(Some(page))
    }
}
