//! The tree over an artifact's leaves: RFC 6962, section 2.1, with SHA-256.
//!
//! A leaf is 2^20 bytes of the artifact, the last one may be shorter. A page is 1024 leaf hashes, the last one may be
//! shorter. Because a whole page is a complete subtree, the tree over the page roots has the same root as the tree
//! over the leaves, so a range can be checked against one page and the page roots.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::text::bytes_newtype;

/// The length of every leaf but the last, bytes.
pub const LEAF_SIZE: u64 = 1 << 20;

/// The number of leaf hashes in every page but the last.
pub const PAGE_LEAVES: usize = 1024;

/// What goes before a leaf's bytes, and before the two hashes of a node, so that neither can pass for the other.
const LEAF_PREFIX: [u8; 1] = [0];
const NODE_PREFIX: [u8; 1] = [1];

bytes_newtype! {
    /// The hash of a leaf: SHA-256 of `0x00` and the leaf's bytes.
    LeafHash, 32
}

bytes_newtype! {
    /// The root of the tree over all leaves of an artifact.
    TreeRoot, 32
}

bytes_newtype! {
    /// The root of the subtree over the leaves of one page.
    PageRoot, 32
}

/// Hashes one leaf as its bytes arrive.
#[derive(Clone)]
pub struct LeafHasher(Sha256);

impl LeafHasher {
    /// Begins a leaf.
    pub fn new() -> Self {
        Self(Sha256::new_with_prefix(LEAF_PREFIX))
    }

    /// Takes the next bytes of the leaf. Where a leaf ends is for the caller to know.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of the bytes taken.
    pub fn finish(self) -> LeafHash {
        LeafHash::new(self.0.finalize().into())
    }
}

impl Default for LeafHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl LeafHash {
    /// The hash of a whole leaf.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = LeafHasher::new();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// Hashes bytes leaf by leaf as they arrive, in chunks of any lengths: those of an artifact, or of a part of one by itself
/// ([`ContentHasher::append`](crate::ContentHasher::append)). Memory: 32 bytes for each leaf.
#[derive(Clone, Default)]
pub struct LeavesHasher {
    done: Vec<LeafHash>,
    current: LeafHasher,
    /// Bytes in `current`; less than [`LEAF_SIZE`] between updates.
    filled: usize,
}

impl LeavesHasher {
    const LEAF: usize = LEAF_SIZE as usize;

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(Self::LEAF - self.filled));
            self.current.update(now);
            self.filled += now.len();
            if self.filled == Self::LEAF {
                self.done.push(std::mem::take(&mut self.current).finish());
                self.filled = 0;
            }
            bytes = later;
        }
    }

    /// The number of bytes taken so far.
    pub fn size(&self) -> u64 {
        self.done.len() as u64 * LEAF_SIZE + self.filled as u64
    }

    /// The hashes of all leaves, in order; the last may be shorter. None of no bytes.
    pub fn finish(mut self) -> Vec<LeafHash> {
        if self.filled > 0 {
            self.done.push(self.current.finish());
        }
        self.done
    }

    /// The root of the tree over what was taken so far. Two such roots are the same iff the bytes are.
    pub fn root(&self) -> TreeRoot {
        root(&self.clone().finish())
    }

    /// Goes on with `next`, which hashed what comes after: it has the leaves of that, since none of ours is begun.
    pub(crate) fn append(&mut self, next: Self) -> Result<(), Misaligned> {
        if self.filled > 0 {
            return Err(Misaligned);
        }
        self.done.extend(next.done);
        (self.current, self.filled) = (next.current, next.filled);
        Ok(())
    }
}

/// Leaves that begin where none of the content does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the leaves of a part can be those of the content only where the part begins with a leaf")]
pub struct Misaligned;

/// The number of leaves of an artifact of `size` bytes. An empty artifact has one, which is empty.
pub const fn leaf_count(size: u64) -> u64 {
    if size == 0 { 1 } else { size.div_ceil(LEAF_SIZE) }
}

/// The bytes of leaf `index` in an artifact of `size` bytes; `None`: it has no such leaf.
pub fn leaf_range(size: u64, index: u64) -> Option<Range<u64>> {
    (index < leaf_count(size)).then(|| {
        let start = index * LEAF_SIZE;
        start..size.min(start.saturating_add(LEAF_SIZE))
    })
}

/// The root of the tree over `leaves`. Without leaves it is SHA-256 of nothing, as in RFC 6962.
pub fn root(leaves: &[LeafHash]) -> TreeRoot {
    TreeRoot::new(subtree(leaves, LeafHash::as_bytes))
}

/// The root of each page of `leaves`.
pub fn page_roots(leaves: &[LeafHash]) -> Vec<PageRoot> {
    leaves.chunks(PAGE_LEAVES).map(|page| PageRoot::new(subtree(page, LeafHash::as_bytes))).collect()
}

/// The root of the tree over the leaves whose page roots these are: `combine(&page_roots(leaves)) == root(leaves)`.
///
/// RFC 6962 splits n > 1024 leaves at k, the largest power of two below n. k is a multiple of 1024, and k / 1024 is
/// the largest power of two below the number of pages: so the same split cuts the pages at the same place.
pub fn combine(pages: &[PageRoot]) -> TreeRoot {
    TreeRoot::new(subtree(pages, PageRoot::as_bytes))
}

/// The root over `nodes`, whose hashes `hash` shows. As deep as the logarithm of their number.
fn subtree<T>(nodes: &[T], hash: fn(&T) -> &[u8; 32]) -> [u8; 32] {
    match nodes {
        [] => Sha256::digest([]).into(),
        [node] => *hash(node),
        _ => {
            let (left, right) = nodes.split_at(nodes.len().next_power_of_two() / 2);
            let mut parent = Sha256::new_with_prefix(NODE_PREFIX);
            parent.update(subtree(left, hash));
            parent.update(subtree(right, hash));
            parent.finalize().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(count: usize) -> Vec<LeafHash> {
        (0..count as u64).map(|n| LeafHash::of(&n.to_be_bytes())).collect()
    }

    /// The inputs and roots that implementations of RFC 6962 share (certificate-transparency, `merkle_tree_test`).
    #[test]
    fn roots_are_those_of_rfc_6962() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let hashes: Vec<_> = inputs.iter().map(|input| LeafHash::of(&hex::decode(input).unwrap())).collect();
        for (count, expected) in roots.iter().enumerate() {
            assert_eq!(root(&hashes[..count]).to_hex(), *expected, "{count} leaves");
        }
    }

    #[test]
    fn a_leaf_cannot_pass_for_a_node() {
        let pair = leaves(2);
        let both = [pair[0].as_bytes().as_slice(), pair[1].as_bytes()].concat();
        assert_ne!(root(&pair).as_bytes(), LeafHash::of(&both).as_bytes());
    }

    #[test]
    fn leaves_cover_the_artifact() {
        assert_eq!(leaf_range(0, 0), Some(0..0));
        assert_eq!(leaf_range(0, 1), None);
        assert_eq!(leaf_count(LEAF_SIZE), 1);
        assert_eq!(leaf_range(LEAF_SIZE + 1, 1), Some(LEAF_SIZE..LEAF_SIZE + 1));
        assert_eq!(leaf_range(u64::MAX, leaf_count(u64::MAX) - 1).map(|range| range.end), Some(u64::MAX));
    }

    #[test]
    fn pages_combine_at_every_boundary() {
        let all = leaves(5 * PAGE_LEAVES + 1);
        for pages in 1..=5 {
            for count in [pages * PAGE_LEAVES - 1, pages * PAGE_LEAVES, pages * PAGE_LEAVES + 1] {
                assert_eq!(combine(&page_roots(&all[..count])), root(&all[..count]), "{count} leaves");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn pages_combine_to_the_root(count in 0usize..9 * PAGE_LEAVES) {
            let leaves = leaves(count);
            prop_assert_eq!(page_roots(&leaves).len(), count.div_ceil(PAGE_LEAVES));
            prop_assert_eq!(combine(&page_roots(&leaves)), root(&leaves));
        }

        #[test]
        fn a_leaf_has_one_hash_however_it_arrives(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let mut hasher = LeafHasher::new();
            hasher.update(head);
            hasher.update(tail);
            prop_assert_eq!(hasher.finish(), LeafHash::of(&bytes));
        }
    }
}
