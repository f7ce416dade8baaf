//! Writing the record of a part, in its turn.

use bytes::Bytes;
use hallmark_signer::Md5Digest;

use super::commits::Turn;
use super::marker::Marker;
use super::part::{PartContent, PartRecord};
use crate::gate::clock::now_ms;
use crate::gate::upload::internal;
use crate::gate::{Gate, GateError};
use crate::store::{Guard, PartNumber};

/// The right to replace a part: nobody else on this instance does so meanwhile.
pub(in crate::gate) struct Replacing {
    number: PartNumber,
    /// Records of earlier sends: what they are about is replaced once this one is durable.
    earlier: Vec<(String, PartRecord)>,
    _turn: Turn,
}

impl Gate {
    /// Waits until a part may be replaced. To be called **before** its new bytes become durable: the records that are there
    /// now are then known to be older.
    ///
    /// # Errors
    /// Somebody else holds the part for too long, or the store failed.
    pub(in crate::gate) async fn replacing(
        &self,
        marker: &Marker,
        number: PartNumber,
    ) -> Result<Replacing, GateError> {
        let turn = self.multipart.commits.turn(marker.id.random(), number).await?;
        let earlier = self.records_of(&marker.id, number).await?;
        Ok(Replacing { number, earlier, _turn: turn })
    }

    /// Writes the record of a part whose `length` bytes are durable, and removes those that it replaces.
    ///
    /// # Errors
    /// The store failed: the part counts as not sent.
    pub(in crate::gate) async fn record_part(
        &self,
        marker: &Marker,
        replacing: Replacing,
        length: u64,
        etag: Md5Digest,
        content: PartContent,
    ) -> Result<PartRecord, GateError> {
        let Replacing { number, earlier, _turn } = replacing;
        // Clocks of instances differ: this one is later than those that it replaces, whatever they say.
        let after = earlier.iter().map(|(_, record)| record.at.saturating_add(1)).max();
        let at = now_ms().max(after.unwrap_or_default());
        let record = PartRecord { number, length, etag, at, content };
        let Some(name) = record.name(&self.multipart.keys, &marker.id) else {
            tracing::error!(upload = ?marker.id, "the store's name for a part does not fit its record");
            return Err(internal());
        };
        self.store.state_put(&name, Bytes::new(), Guard::Any).await?;
        self.drop_names(earlier.into_iter().map(|(name, _)| name).collect()).await;
        Ok(record)
    }
}
