//! Records of large artifacts, as the store returns them.

use bytes::Bytes;
use hallmark_signer::{ParsedHeader, RecordError, RecordHeader, RecordRef};

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

/// Reads and parses a record's header: in one read, or for artifacts of some TiB in two.
pub(super) async fn header(store: &dyn Store, reference: &RecordRef) -> Result<RecordHeader, ProofError> {
    let name = name(reference);
    let rest = match parse(store, &name, FIRST_READ).await? {
        ParsedHeader::Complete(header) => return Ok(header),
        // At most `record::MAX_HEADER`, or it would not have been parsed.
        ParsedHeader::NeedsMore(length) => length,
    };
    match parse(store, &name, rest).await? {
        ParsedHeader::Complete(header) => Ok(header),
        ParsedHeader::NeedsMore(_) => Err(ArtifactFault::from(RecordError::Header("length")).into()),
    }
}

async fn parse(store: &dyn Store, name: &StateName, length: u64) -> Result<ParsedHeader, ProofError> {
    let bytes = read(store, name, Span::Bytes(0..length)).await?;
    Ok(RecordHeader::parse(&bytes).map_err(ArtifactFault::from)?)
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
