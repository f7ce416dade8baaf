//! A leaf that matched its digest, in memory of its own.

use bytes::Bytes;
use hallmark_signer::ExpectedLeaf;

/// So much is hashed and then copied at a time, while it is in the processor's cache.
const STEP: usize = 64 * 1024;

/// The bytes of a leaf that matched what was sealed: the only thing that gets into the cache of leaves.
///
/// Invariant: it holds the leaf's bytes and no others. What comes from a store may be a slice of a larger buffer, which
/// would be kept whole for it; so the bytes are copied.
#[derive(Debug, Clone)]
pub(super) struct Leaf(Bytes);

impl Leaf {
    /// Checks `pieces`, which are the leaf from its beginning to its end, and copies them together; `None`: they are not
    /// what was sealed.
    pub(super) fn check(expected: ExpectedLeaf, pieces: Vec<Bytes>) -> Option<Self> {
        let mut copy = Vec::with_capacity(pieces.iter().map(Bytes::len).sum());
        let mut check = expected.begin();
        for piece in pieces {
            for step in piece.chunks(STEP) {
                check.update(step);
                copy.extend_from_slice(step);
            }
        }
        check.finish().ok()?;
        Some(Self(copy.into()))
    }

    /// Its bytes; shares their memory.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.0
    }
}
