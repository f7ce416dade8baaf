//! Records of large artifacts, as the store returns them.

use hallmark_signer::{ParsedHeader, RecordHeader, RecordRef};

use super::fault::{ArtifactFault, ProofError};
use crate::store::{Span, StateArea, StateName, Store};

/// How much of a record is read first: header and all leaves of artifacts up to about 1 GiB.
const FIRST_READ: u64 = 64 * 1024;

/// Where the record of `reference` stands.
pub(crate) fn name(reference: &RecordRef) -> StateName {
    StateName::new(StateArea::Records, reference.to_string())
        // A reference is 22 characters of base64url.
        .unwrap_or_else(|| unreachable!("base64url is within what state names may hold"))
}

/// Reads and parses a record's header.
pub(super) async fn header(store: &dyn Store, reference: &RecordRef) -> Result<RecordHeader, ProofError> {
    let name = name(reference);
    let mut want = FIRST_READ;
    loop {
        let found = store.state_get(&name, Span::Bytes(0..want)).await?;
        let bytes = found.ok_or(ArtifactFault::RecordMissing)?.0;
        match RecordHeader::parse(&bytes).map_err(ArtifactFault::from)? {
            ParsedHeader::Complete(header) => return Ok(header),
            // Asked for once more at most: a header that is longer than it says is damaged.
            ParsedHeader::NeedsMore(length) if length > want => want = length,
            ParsedHeader::NeedsMore(_) => return Err(ArtifactFault::RecordMissing.into()),
        }
    }
}
