//! Records of large artifacts, as the store returns them.

use std::sync::Arc;

use bytes::Bytes;
use hallmark_signer::{MAX_LINE, Pages, ParsedHeader, RecordError, RecordHeader, RecordRef, Seal, SealLine};

use super::fault::{ArtifactFault, ProofError};
use crate::store::{Span, StateArea, StateName, Store, StoreError, StoreFault};

/// How much of a record is read first: header and all leaves of artifacts up to about 1 GiB.
const FIRST_READ: u64 = 64 * 1024;

/// Where the record of `reference` stands.
pub(crate) fn name(reference: &RecordRef) -> StateName {
    StateName::new(StateArea::Records, reference.to_string())
        // A reference is 22 characters of base64url.
        .unwrap_or_else(|| unreachable!("base64url is within what state names may hold"))
}

/// What a record holds beside its pages, checked against the seal that it holds.
#[derive(Debug)]
pub(super) struct Record {
    line: SealLine,
    sum: Option<Box<str>>,
    pages: Arc<Pages>,
}

impl Record {
    /// Checks a header against its seal, which was verified.
    ///
    /// # Errors
    /// The header is not what was sealed.
    pub(super) fn verify(header: RecordHeader, seal: &Seal) -> Result<Self, ArtifactFault> {
        let (line, sum) = (header.seal_line().clone(), header.sum().map(Into::into));
        let pages = Arc::new(header.verify(seal)?);
        Ok(Self { line, sum, pages })
    }

    /// The seal line; whether it is the seal of what is asked for is to be verified each time.
    pub(super) fn seal_line(&self) -> &SealLine {
        &self.line
    }

    /// As [`RecordHeader::sum`].
    pub(super) fn sum(&self) -> Option<&str> {
        self.sum.as_deref()
    }

    /// The pages of leaf hashes: those of every artifact for which [`Self::seal_line`] holds, for they were checked against
    /// what stands in that line alone.
    pub(super) fn pages(&self) -> &Arc<Pages> {
        &self.pages
    }

    /// How much memory it takes, about, bytes.
    pub(super) fn memory(&self) -> usize {
        MAX_LINE + self.sum().map_or(0, str::len) + self.pages.memory()
    }
}

/// Whether what was read from a record is to be read once more, for it is not what was sealed: what was damaged on its way, or
/// hidden for a moment, is found whole then.
pub(super) fn again(error: &ProofError) -> bool {
    match error {
        ProofError::Artifact(fault) => {
            tracing::warn!(%fault, "a record is read again");
            true
        }
        ProofError::Read(_) => false,
    }
}

/// Reads and parses a record's header: in one read, or for artifacts of some TiB in two. With it comes what was read, from
/// the record's beginning.
pub(super) async fn header(
    store: &dyn Store,
    reference: &RecordRef,
) -> Result<(RecordHeader, Bytes), ProofError> {
    let name = name(reference);
    let rest = match parse(store, &name, FIRST_READ).await? {
        (ParsedHeader::Complete(header), bytes) => return Ok((header, bytes)),
        // At most `record::MAX_HEADER`, or it would not have been parsed.
        (ParsedHeader::NeedsMore(length), _) => length,
    };
    match parse(store, &name, rest).await? {
        (ParsedHeader::Complete(header), bytes) => Ok((header, bytes)),
        (ParsedHeader::NeedsMore(_), _) => Err(ArtifactFault::from(RecordError::Header("length")).into()),
    }
}

async fn parse(
    store: &dyn Store,
    name: &StateName,
    length: u64,
) -> Result<(ParsedHeader, Bytes), ProofError> {
    let bytes = read(store, name, Span::Bytes(0..length)).await?;
    Ok((RecordHeader::parse(&bytes).map_err(ArtifactFault::from)?, bytes))
}

/// Reads a span of a record; never more than was asked for.
pub(super) async fn read(store: &dyn Store, name: &StateName, span: Span) -> Result<Bytes, ProofError> {
    let longest = span.within(u64::MAX).map_or(0, |span| span.end - span.start);
    let found = store.state_get(name, span).await?.ok_or(ArtifactFault::RecordMissing)?.0;
    if found.len() as u64 > longest {
        return Err(StoreError::new(StoreFault::Protocol, "more of a record than was asked for").into());
    }
    Ok(found)
}
