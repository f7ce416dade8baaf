//! What the bytes of an artifact are checked against, leaf by leaf.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::digest::Sha256Digest;
use crate::seal::Seal;
use crate::tree::{LeafHash, LeafHasher, leaf_range};

/// What one leaf of an artifact must be: a proof type, made only from a [`Seal`] or from a page of a record that was
/// verified against one.
///
/// ```
/// use hallmark_signer::{ExpectedLeaf, LeafMismatch, Seal};
/// fn first_leaf_is(seal: &Seal, bytes: &[u8]) -> Option<Result<(), LeafMismatch>> {
///     seal.inline_leaf(0).map(|expected| expected.check(bytes))
/// }
/// ```
///
/// ```compile_fail
/// use hallmark_signer::{ExpectedLeaf, LeafHash};
/// fn believe(hash: LeafHash) -> ExpectedLeaf {
///     ExpectedLeaf::from(hash)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedLeaf {
    range: Range<u64>,
    hash: ExpectedHash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExpectedHash {
    /// The leaf is the whole artifact: SHA-256 of it.
    Whole(Sha256Digest),
    Leaf(LeafHash),
}

/// Bytes that are not those which were sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bytes {} to {} are not those that were sealed", .range.start, .range.end)]
pub struct LeafMismatch {
    /// Where in the artifact the leaf is, bytes; the end is exclusive.
    pub range: Range<u64>,
}

impl Seal {
    /// What leaf `index` must be, where the seal itself says so: artifacts of at most 2^23 bytes. `None`: there is no
    /// such leaf, or the artifact's leaf hashes are in a record (see [`RecordHeader`](crate::RecordHeader)).
    pub fn inline_leaf(&self, index: u64) -> Option<ExpectedLeaf> {
        let range = leaf_range(self.size(), index)?;
        let hash = match self.content().tree() {
            None => ExpectedHash::Whole(*self.sha256()),
            Some(_) => ExpectedHash::Leaf(*self.content().leaves().get(usize::try_from(index).ok()?)?),
        };
        Some(ExpectedLeaf { range, hash })
    }
}

impl ExpectedLeaf {
    /// For pages whose hashes were verified.
    pub(crate) fn of_page(range: Range<u64>, hash: LeafHash) -> Self {
        Self { range, hash: ExpectedHash::Leaf(hash) }
    }

    /// Where in the artifact the leaf is, bytes; the end is exclusive.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Checks the whole leaf.
    ///
    /// # Errors
    /// The bytes, or their number, are not those that were sealed.
    pub fn check(self, bytes: &[u8]) -> Result<(), LeafMismatch> {
        let mut check = self.begin();
        check.update(bytes);
        check.finish()
    }

    /// Begins to check the leaf as its bytes arrive.
    pub fn begin(self) -> LeafCheck {
        let hasher = match self.hash {
            ExpectedHash::Whole(_) => Hasher::Whole(Sha256::new()),
            ExpectedHash::Leaf(_) => Hasher::Leaf(LeafHasher::new()),
        };
        LeafCheck { expected: self, hasher }
    }
}

/// Checks a leaf as its bytes arrive. Until [`Self::finish`] said yes, none of them may go on.
pub struct LeafCheck {
    expected: ExpectedLeaf,
    hasher: Hasher,
}

enum Hasher {
    Whole(Sha256),
    Leaf(LeafHasher),
}

impl LeafCheck {
    /// Takes the next bytes of the leaf.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Whole(hasher) => hasher.update(bytes),
            Hasher::Leaf(hasher) => hasher.update(bytes),
        }
    }

    /// The verdict on all bytes taken.
    ///
    /// # Errors
    /// They, or their number, are not those that were sealed.
    pub fn finish(self) -> Result<(), LeafMismatch> {
        let actual = match self.hasher {
            Hasher::Whole(hasher) => ExpectedHash::Whole(Sha256Digest::new(hasher.finalize().into())),
            Hasher::Leaf(hasher) => ExpectedHash::Leaf(hasher.finish()),
        };
        let ExpectedLeaf { range, hash } = self.expected;
        if actual == hash { Ok(()) } else { Err(LeafMismatch { range }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::fixtures::Sample;
    use crate::tree::{LEAF_SIZE, leaf_count};

    #[test]
    fn every_leaf_is_checked_and_no_other_bytes_pass() {
        for size in [0, 1, LEAF_SIZE, LEAF_SIZE + 1, 3 * LEAF_SIZE, 8 * LEAF_SIZE] {
            let sample = Sample::of_size(size);
            let seal = sample.verified();
            for index in 0..leaf_count(size) {
                let expected = seal.inline_leaf(index).unwrap();
                let range = expected.range();
                let mut bytes = sample.bytes[range.start as usize..range.end as usize].to_vec();
                let mismatch = Err(LeafMismatch { range: range.clone() });
                assert_eq!(expected.clone().check(&bytes), Ok(()));
                bytes.push(0);
                assert_eq!(expected.clone().check(&bytes), mismatch, "extended");
                bytes.pop();
                if let Some(last) = bytes.pop() {
                    assert_eq!(expected.clone().check(&bytes), mismatch, "truncated");
                    bytes.push(last ^ 1);
                    assert_eq!(expected.check(&bytes), mismatch, "altered");
                }
            }
            assert_eq!(seal.inline_leaf(leaf_count(size)), None);
        }
    }

    #[test]
    fn leaves_in_a_record_are_not_in_the_seal() {
        let seal = Sample::of_size(8 * LEAF_SIZE + 1).verified();
        assert_eq!(seal.inline_leaf(0), None);
    }
}
