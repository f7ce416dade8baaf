//! An artifact's content in one pass: length, SHA-256, leaves, tree, and for uploads MD5.

use md5::{Digest as _, Md5};

use crate::blob::{BlobDigest, BlobHasher, LooksLikeDsse};
use crate::digest::{Md5Digest, Sha256Digest};
use crate::tree::{self, LEAF_SIZE, LeafHash, LeavesHasher, Misaligned, TreeRoot};

/// Hashes content as its bytes arrive, in chunks of any lengths.
///
/// Where the length is known and at most 2^20, the tree is not needed and only SHA-256 of the whole is computed.
/// Otherwise every byte is hashed twice: for the whole and for its leaf. Memory: 32 bytes for each leaf.
///
/// ```
/// use hallmark_signer::{ContentHasher, Sha256Digest};
/// let mut hasher = ContentHasher::exactly(11);
/// hasher.update(b"hello ");
/// hasher.update(b"world");
/// let content = hasher.finish()?;
/// assert_eq!((content.size(), *content.sha256()), (11, Sha256Digest::of(b"hello world")));
/// assert_eq!(content.tree(), None, "at most one leaf");
/// # Ok::<(), hallmark_signer::WrongLength>(())
/// ```
#[derive(Clone)]
pub struct ContentHasher {
    expected: Option<u64>,
    size: u64,
    whole: BlobHasher,
    /// `None`: known to be one leaf at most.
    leaves: Option<LeavesHasher>,
}

/// Content that was hashed from its first byte to its last; nothing else makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    size: u64,
    sha256: Sha256Digest,
    blob: Result<BlobDigest, LooksLikeDsse>,
    leaves: Vec<LeafHash>,
    tree: Option<TreeRoot>,
}

/// Content that is shorter or longer than was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{expected} bytes were announced, {actual} came")]
pub struct WrongLength {
    /// How many bytes were announced.
    pub expected: u64,
    /// How many came.
    pub actual: u64,
}

impl ContentHasher {
    /// For content of exactly `size` bytes.
    pub fn exactly(size: u64) -> Self {
        let leaves = (size > LEAF_SIZE).then(LeavesHasher::default);
        Self { expected: Some(size), size: 0, whole: BlobHasher::new(), leaves }
    }

    /// For content whose length is not known before its end.
    pub fn of_unknown_length() -> Self {
        Self { expected: None, size: 0, whole: BlobHasher::new(), leaves: Some(LeavesHasher::default()) }
    }

    /// Takes the next bytes. Bytes past the announced length are counted only: [`Self::finish`] reports them.
    pub fn update(&mut self, bytes: &[u8]) {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.expected.is_some_and(|expected| self.size > expected) {
            return;
        }
        self.whole.update(bytes);
        if let Some(leaves) = &mut self.leaves {
            leaves.update(bytes);
        }
    }

    /// Takes the next bytes of a part whose leaves somebody else hashes: they are [appended](Self::append) after the last of
    /// them, so that no byte is hashed twice for its leaf. Until then there is no content.
    pub fn update_without_leaves(&mut self, bytes: &[u8]) {
        self.size = self.size.saturating_add(bytes.len() as u64);
        self.whole.update(bytes);
    }

    /// Whether the next byte is the first of a leaf: if a part begins here, its own leaves are those of the content.
    pub fn is_at_leaf(&self) -> bool {
        self.size.is_multiple_of(LEAF_SIZE)
    }

    /// Appends the leaves of a part that was taken [without them](Self::update_without_leaves).
    ///
    /// # Errors
    /// The part does not begin [with a leaf](Self::is_at_leaf).
    pub fn append(&mut self, part: LeavesHasher) -> Result<(), Misaligned> {
        self.leaves.as_mut().map_or(Ok(()), |leaves| leaves.append(part))
    }

    /// The number of bytes taken so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What the content is.
    ///
    /// # Errors
    /// Another length than was announced, or than that of the leaves that were appended.
    pub fn finish(self) -> Result<Content, WrongLength> {
        if let Some(expected) = self.expected.filter(|expected| *expected != self.size) {
            return Err(WrongLength { expected, actual: self.size });
        }
        if let Some(actual) =
            self.leaves.as_ref().map(LeavesHasher::size).filter(|actual| *actual != self.size)
        {
            return Err(WrongLength { expected: self.size, actual });
        }
        let (sha256, blob) = self.whole.finish_any();
        let leaves = match self.leaves {
            Some(leaves) if self.size > LEAF_SIZE => leaves.finish(),
            _ => Vec::new(),
        };
        let tree = (self.size > LEAF_SIZE).then(|| tree::root(&leaves));
        Ok(Content { size: self.size, sha256, blob, leaves, tree })
    }
}

impl Content {
    /// Its length, bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of all of it.
    pub fn sha256(&self) -> &Sha256Digest {
        &self.sha256
    }

    /// The same as what a blob key signs.
    ///
    /// # Errors
    /// The content begins with `DSSEv1 `; uploads and signers refuse it.
    pub fn blob_digest(&self) -> Result<BlobDigest, LooksLikeDsse> {
        self.blob
    }

    /// The hashes of its leaves, in order; none where it is at most 2^20 bytes long.
    pub fn leaves(&self) -> &[LeafHash] {
        &self.leaves
    }

    /// The root of the tree over its leaves; `None` iff it is at most 2^20 bytes long.
    pub fn tree(&self) -> Option<&TreeRoot> {
        self.tree.as_ref()
    }
}

/// Computes MD5, for the ETag of uploads: by far the slowest of the hashes.
#[derive(Clone, Default)]
pub struct Md5Hasher(Md5);

impl Md5Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// MD5 of all bytes taken.
    pub fn finish(self) -> Md5Digest {
        Md5Digest::new(self.0.finalize().into())
    }
}

/// A [`ContentHasher`] and an [`Md5Hasher`] in one. On two threads the two take hardly more than half the time.
#[derive(Clone)]
pub struct UploadHasher {
    content: ContentHasher,
    md5: Md5Hasher,
}

impl UploadHasher {
    /// For content of exactly `size` bytes.
    pub fn exactly(size: u64) -> Self {
        Self { content: ContentHasher::exactly(size), md5: Md5Hasher::default() }
    }

    /// For content whose length is not known before its end.
    pub fn of_unknown_length() -> Self {
        Self { content: ContentHasher::of_unknown_length(), md5: Md5Hasher::default() }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.content.update(bytes);
        self.md5.update(bytes);
    }

    /// The number of bytes taken so far.
    pub fn size(&self) -> u64 {
        self.content.size()
    }

    /// What the content is, and its MD5.
    ///
    /// # Errors
    /// Another length than was announced.
    pub fn finish(self) -> Result<(Content, Md5Digest), WrongLength> {
        Ok((self.content.finish()?, self.md5.finish()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: usize = LEAF_SIZE as usize;

    /// Bytes that differ from leaf to leaf.
    fn bytes(size: usize) -> Vec<u8> {
        (0..size).map(|n| (n % 251) as u8 ^ (n / MIB) as u8).collect()
    }

    fn hash(mut hasher: UploadHasher, chunks: impl Iterator<Item = Vec<u8>>) -> (Content, Md5Digest) {
        chunks.for_each(|chunk| hasher.update(&chunk));
        hasher.finish().unwrap()
    }

    #[test]
    fn the_tree_begins_past_one_leaf() {
        for size in [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 1] {
            let bytes = bytes(size);
            let (content, md5) = hash(UploadHasher::exactly(size as u64), std::iter::once(bytes.clone()));
            assert_eq!(content.size(), size as u64);
            assert_eq!(*content.sha256(), Sha256Digest::of(&bytes));
            assert_eq!(md5, Md5Digest::of(&bytes));
            let leaves: Vec<_> = bytes.chunks(MIB).map(LeafHash::of).collect();
            if size > MIB {
                assert_eq!(content.leaves(), leaves);
                assert_eq!(content.tree(), Some(&tree::root(&leaves)));
            } else {
                assert_eq!((content.leaves(), content.tree()), (&[][..], None));
            }
        }
    }

    #[test]
    fn another_length_than_announced_is_refused() {
        for (expected, actual) in
            [(0, 1), (1, 0), (5, 6), (LEAF_SIZE, LEAF_SIZE + 1), (LEAF_SIZE + 1, LEAF_SIZE)]
        {
            let mut hasher = ContentHasher::exactly(expected);
            hasher.update(&vec![7; actual as usize]);
            assert_eq!(hasher.finish(), Err(WrongLength { expected, actual }));
        }
    }

    #[test]
    fn content_that_looks_like_dsse_gives_no_blob_digest() {
        for (content, refused) in [("DSSEv1 1 a 0 ", true), ("DSSEv1", false), ("an artifact", false)] {
            let mut hasher = ContentHasher::of_unknown_length();
            content.bytes().for_each(|byte| hasher.update(&[byte]));
            let content = hasher.finish().unwrap();
            assert_eq!(content.blob_digest().is_err(), refused);
            if let Ok(blob) = content.blob_digest() {
                assert_eq!(blob.sha256(), content.sha256());
            }
        }
    }

    #[test]
    fn leaves_must_be_those_of_the_bytes() {
        let leaves = |size: usize| {
            let mut leaves = LeavesHasher::default();
            leaves.update(&bytes(size));
            leaves
        };
        let taken = || {
            let mut hasher = ContentHasher::of_unknown_length();
            hasher.update_without_leaves(&bytes(MIB));
            hasher
        };
        assert_eq!(taken().finish(), Err(WrongLength { expected: MIB as u64, actual: 0 }));
        for (size, good) in [(MIB - 1, false), (MIB, true), (MIB + 1, false)] {
            let mut hasher = taken();
            assert_eq!(hasher.append(leaves(size)), Ok(()));
            assert_eq!(hasher.finish().is_ok(), good);
        }
        let mut hasher = ContentHasher::of_unknown_length();
        hasher.update(&bytes(5));
        assert!(!hasher.is_at_leaf());
        assert_eq!(hasher.append(leaves(5)), Err(Misaligned));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn parts_with_leaves_of_their_own_give_the_same_content(
            lengths in prop::collection::vec(prop_oneof![Just(0), Just(MIB), Just(2 * MIB), 0..MIB], 1..6),
        ) {
            let bytes = bytes(lengths.iter().sum());
            let (mut joined, mut rest) = (ContentHasher::of_unknown_length(), bytes.as_slice());
            for length in lengths {
                let (part, later) = rest.split_at(length);
                if joined.is_at_leaf() {
                    let mut leaves = LeavesHasher::default();
                    leaves.update(part);
                    prop_assert_eq!(leaves.root(), tree::root(&leaves.clone().finish()));
                    joined.update_without_leaves(part);
                    joined.append(leaves).unwrap();
                } else {
                    joined.update(part);
                }
                rest = later;
            }
            let mut whole = ContentHasher::of_unknown_length();
            whole.update(&bytes);
            prop_assert_eq!(joined.finish().unwrap(), whole.finish().unwrap());
        }

        #[test]
        fn any_chunking_gives_the_same_content(
            size in prop_oneof![0..3usize, MIB - 2..MIB + 3, 0..3 * MIB],
            cuts in prop::collection::vec(1..MIB + 9, 1..9),
        ) {
            let bytes = bytes(size);
            let whole = hash(UploadHasher::exactly(size as u64), std::iter::once(bytes.clone()));
            let mut rest = bytes.as_slice();
            let mut lengths = cuts.iter().cycle();
            let chunks = std::iter::from_fn(|| {
                let (chunk, tail) = rest.split_at(rest.len().min(*lengths.next()?));
                rest = tail;
                (!chunk.is_empty()).then(|| chunk.to_vec())
            });
            prop_assert_eq!(hash(UploadHasher::of_unknown_length(), chunks), whole);
        }
    }
}
