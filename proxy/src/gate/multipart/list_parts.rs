//! ListParts.

use super::find::{NAMES, NAMES_MEMORY};
use super::marker::Marker;
use super::part::PartRecord;
use crate::gate::{Gate, GateError, Reservation};
use crate::store::PartNumber;

/// A page of the parts of an upload, by number, and the memory that it takes.
#[derive(Debug)]
pub struct PartPage {
    /// The latest of each number.
    pub parts: Vec<PartRecord>,
    /// Whether there are more behind the last one.
    pub more: bool,
    /// Given back when the page is no longer needed.
    pub held: Reservation,
}

impl Gate {
    /// At most `limit` (up to 1000) parts of an upload with numbers after `after`.
    ///
    /// # Errors
    /// The store failed, or there is no memory.
    pub async fn list_parts(
        &self,
        marker: &Marker,
        after: Option<PartNumber>,
        limit: usize,
    ) -> Result<PartPage, GateError> {
        let limit = limit.min(NAMES);
        // Names of records, and then those records and the document, which take less.
        let held = self.budget.reserve(&marker.client, 2 * NAMES_MEMORY).await?;
        let mut records = self.records_after(&marker.id, after, limit).await?.into_values();
        let parts = records.by_ref().take(limit).collect();
        // S3 has no page after an empty one.
        Ok(PartPage { parts, more: limit > 0 && records.next().is_some(), held })
    }
}
