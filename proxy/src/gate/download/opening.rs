//! Which way leads to the bytes of a download: from the store, from memory, or behind somebody who is just reading them.

use std::ops::Range;

use super::{Recency, Wanted};
use crate::gate::arrivals::{Arrival, Turn};
use crate::gate::{Gate, GateError};
use crate::proof::{Admitted, Kept, Origin, Sighting, leaves_of, widen};
use crate::s3::error::S3Error;
use crate::s3::range::{RangeHeader, Resolved};
use crate::store::{GetError, Span};

/// An admitted artifact and its bytes, before memory for a leaf of it was set aside.
pub(super) struct Opened {
    pub(super) admitted: Admitted,
    pub(super) selection: Result<Resolved, S3Error>,
    /// `None`: no byte was selected.
    pub(super) origin: Option<Origin>,
    /// Others wait for what this one reads first.
    pub(super) arrival: Option<Arrival>,
}

/// What is likely to be read.
struct Likely {
    /// What the store said last.
    sighting: Sighting,
    /// `None`: nothing of it.
    leaves: Option<Range<u64>>,
}

/// Whether it is worth beginning again.
pub(super) enum TryError {
    Changed,
    Refused(GateError),
}

impl Gate {
    /// Opens what is wanted in the cheapest of the ways that lead there.
    pub(super) async fn try_get(
        &self,
        wanted: Wanted<'_>,
        range: Option<&RangeHeader>,
    ) -> Result<Opened, TryError> {
        let first = match range {
            None => Some(0),
            // From the end: which leaf that is, nobody knows yet.
            Some(range) => range.from_start().map(|wanted| leaves_of(&wanted).start),
        };
        let likely = self.likely(wanted, range);
        if let Some(opened) = self.get_kept(wanted, range, likely.as_ref()).await? {
            return Ok(opened);
        }
        let turn = match (first, likely) {
            // They do not fit: there is nothing to wait for.
            (_, Some(Likely { leaves: Some(leaves), .. })) if !self.kept().keeps(&leaves) => None,
            (Some(first), _) if self.kept().keeps(&(first..first + 1)) => {
                Some(self.arrivals.come(wanted.name, wanted.version, first))
            }
            (Some(_) | None, _) => None,
        };
        let arrival = match turn {
            None => None,
            Some(Turn::First(arrival)) => Some(arrival),
            Some(Turn::Later(before)) => {
                before.wait().await;
                let likely = self.likely(wanted, range);
                if let Some(opened) = self.get_kept(wanted, range, likely.as_ref()).await? {
                    return Ok(opened);
                }
                None
            }
        };
        let opened = self.get_stored(wanted, range).await?;
        let arrival = arrival.filter(|_| opened.is_kept(self.kept()));
        Ok(Opened { arrival, ..opened })
    }

    /// Opens what was selected from the store.
    async fn get_stored(&self, wanted: Wanted<'_>, range: Option<&RangeHeader>) -> Result<Opened, TryError> {
        let Wanted { name, version, reader, recency: _, client } = wanted;
        if self.is_sibling(name) {
            // What it is may have to be read first, and not while its body waits.
            let admitted = self.head(name, version, reader, client).await?;
            let selection = range.map_or(Ok(Resolved::Whole), |range| range.resolve(admitted.length()));
            return self.open(wanted, admitted, selection).await;
        }
        let asked = self.kept().asking(name);
        let resolve = |length| range.map_or(Ok(Resolved::Whole), |range| range.resolve(length));
        let span = match range {
            None => Some(Span::All),
            Some(range) => range.from_start().map(|wanted| Span::Bytes(widen(&wanted))),
        };
        let found = match span {
            None => None,
            Some(span) => match self.store.get(name, version, span, None).await {
                // By the sealed length it may be another range.
                Err(GetError::OutOfRange) if range.is_some() => None,
                found => Some(found?.split()),
            },
        };
        let (admitted, body) = match found {
            None => (self.head(name, version, reader, client).await?, None),
            Some((head, body)) => {
                self.admit_with(name, version, (head, asked), (reader, client), body).await?
            }
        };
        let selection = resolve(admitted.length());
        match body {
            Some(body) => Ok(Opened::new(admitted, selection, Some(Origin::Stored(body)))),
            None => self.open(wanted, admitted, selection).await,
        }
    }

    /// Opens what was selected without fetching it, if that is likely to be possible.
    async fn get_kept(
        &self,
        wanted: Wanted<'_>,
        range: Option<&RangeHeader>,
        likely: Option<&Likely>,
    ) -> Result<Option<Opened>, TryError> {
        let Some(Likely { sighting, leaves }) = likely else { return Ok(None) };
        let check = *sighting.seal().check_id();
        if !leaves.as_ref().is_none_or(|leaves| self.kept().has_at_hand(check, leaves)) {
            return Ok(None);
        }
        let still = match wanted.recency {
            Recency::Now => None,
            Recency::Fresh => self.still(sighting, wanted),
        };
        let admitted = match still {
            Some(admitted) => admitted,
            None => self.head(wanted.name, wanted.version, wanted.reader, wanted.client).await?,
        };
        let selection = range.map_or(Ok(Resolved::Whole), |range| range.resolve(admitted.length()));
        self.open(wanted, admitted, selection).await.map(Some)
    }

    /// Opens what was selected of an admitted artifact.
    pub(super) async fn open(
        &self,
        wanted: Wanted<'_>,
        admitted: Admitted,
        selection: Result<Resolved, S3Error>,
    ) -> Result<Opened, TryError> {
        let Wanted { name, version, reader: _, recency: _, client: _ } = wanted;
        let (span, bytes) = match &selection {
            Ok(Resolved::Whole) => (Span::All, 0..admitted.length()),
            Ok(Resolved::Part(part)) => (Span::Bytes(widen(&part.span())), part.span()),
            Err(_) => return Ok(Opened::new(admitted, selection, None)),
        };
        let origin = match admitted.at_hand(self.kept(), &bytes) {
            Some(at_hand) => Origin::AtHand(at_hand),
            None => {
                Origin::Stored(self.store.get(name, version, span, Some(admitted.pin())).await?.split().1)
            }
        };
        Ok(Opened::new(admitted, selection, Some(origin)))
    }

    /// What is likely to be read, as far as can be said without asking the store.
    fn likely(&self, wanted: Wanted<'_>, range: Option<&RangeHeader>) -> Option<Likely> {
        // What this instance has changed since is most likely another artifact by now.
        let sighting = self.kept().recall(wanted.name, wanted.version);
        let sighting = sighting.filter(|sighting| self.kept().is_unchanged(sighting))?;
        let length = sighting.length();
        let leaves = match range.map_or(Ok(Resolved::Whole), |range| range.resolve(length)) {
            Ok(Resolved::Whole) => Some(leaves_of(&(0..length))),
            Ok(Resolved::Part(part)) => Some(leaves_of(&part.span())),
            Err(_) => None,
        };
        Some(Likely { sighting, leaves })
    }
}

impl Opened {
    fn new(admitted: Admitted, selection: Result<Resolved, S3Error>, origin: Option<Origin>) -> Self {
        Self { admitted, selection, origin, arrival: None }
    }

    /// Whether others will find what this one reads.
    fn is_kept(&self, kept: &Kept) -> bool {
        let leaves = match &self.selection {
            Ok(Resolved::Whole) => leaves_of(&(0..self.admitted.length())),
            Ok(Resolved::Part(part)) => leaves_of(&part.span()),
            Err(_) => return false,
        };
        self.admitted.seal().is_some() && kept.keeps(&leaves)
    }
}

impl From<GetError> for TryError {
    fn from(error: GetError) -> Self {
        match error {
            GetError::Changed => Self::Changed,
            error => Self::Refused(error.into()),
        }
    }
}

impl From<GateError> for TryError {
    fn from(error: GateError) -> Self {
        Self::Refused(error)
    }
}
