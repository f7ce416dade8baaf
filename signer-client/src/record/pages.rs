//! Pages of leaf hashes, as far as they were verified.

use std::ops::Range;

use super::{RecordError, RecordHeader, check_parts};
use crate::leaves::ExpectedLeaf;
use crate::parts::PartTable;
use crate::seal::Seal;
use crate::tree::{self, LeafHash, PAGE_LEAVES, PageRoot, leaf_count, leaf_range};

/// The length of a leaf hash, bytes.
const HASH_BYTES: u64 = 32;

/// The pages of a record whose roots are those that were sealed: a proof type, made by [`RecordHeader::verify`] only.
///
/// ```
/// use hallmark_signer::{Pages, RecordError, RecordHeader, Seal};
/// fn pages(header: RecordHeader, seal: &Seal) -> Result<Pages, RecordError> {
///     header.verify(seal)
/// }
/// ```
///
/// ```compile_fail
/// use hallmark_signer::{Pages, RecordHeader};
/// fn pages(header: RecordHeader) -> Pages {
///     header.into()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    /// The length of the record's header, bytes.
    header: u64,
    /// The length of the artifact, bytes.
    size: u64,
    roots: Vec<PageRoot>,
    table: Option<PartTable>,
}

impl Pages {
    /// See [`RecordHeader::verify`].
    pub(super) fn verify(header: RecordHeader, seal: &Seal) -> Result<Self, RecordError> {
        let RecordHeader { length, line, sum: _, table, roots } = header;
        if line != *seal.line() {
            return Err(RecordError::OtherSeal);
        }
        check_parts(&line, table.as_ref())?;
        if roots.len() as u64 != leaf_count(seal.size()).div_ceil(PAGE_LEAVES as u64) {
            return Err(RecordError::PageCount);
        }
        if seal.content().tree() != Some(&tree::combine(&roots)) {
            return Err(RecordError::Root);
        }
        Ok(Self { header: length, size: seal.size(), roots, table })
    }

    /// The parts in which the artifact came, as the seal has them; `None`: it did not come in parts, or nothing is
    /// known of them.
    pub fn part_table(&self) -> Option<&PartTable> {
        self.table.as_ref()
    }

    /// How much memory it takes, about, bytes.
    pub fn memory(&self) -> usize {
        // A run of parts takes up to four times the bytes that it has in the header, everything else less than there.
        let table =
            if self.table.is_some() { 4 * usize::try_from(self.header).unwrap_or(usize::MAX) } else { 0 };
        size_of::<Self>() + self.roots.len() * size_of::<PageRoot>() + table
    }

    /// The number of pages.
    pub fn count(&self) -> u64 {
        self.roots.len() as u64
    }

    /// The page that leaf `index` of the artifact is on.
    pub fn page_of_leaf(index: u64) -> u64 {
        index / PAGE_LEAVES as u64
    }

    /// Where in the record a page is, bytes; `None`: there is no such page.
    pub fn range(&self, page: u64) -> Option<Range<u64>> {
        let leaves = self.leaves(page)?;
        Some(self.header + leaves.start * HASH_BYTES..self.header + leaves.end * HASH_BYTES)
    }

    /// Checks the bytes of a page, those of [`Self::range`].
    ///
    /// # Errors
    /// No such page, or bytes that are not what was sealed.
    pub fn page(&self, page: u64, bytes: &[u8]) -> Result<LeafPage, RecordError> {
        let leaves = self.leaves(page).ok_or(RecordError::NoSuchPage(page))?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() as u64 != leaves.end - leaves.start {
            return Err(RecordError::Page(page));
        }
        let hashes: Vec<_> = hashes.iter().copied().map(LeafHash::new).collect();
        // A page that exists has its index in `roots`; one page of hashes has one root.
        if tree::page_roots(&hashes).first() != self.roots.get(page as usize) {
            return Err(RecordError::Page(page));
        }
        Ok(LeafPage { size: self.size, first: leaves.start, hashes })
    }

    /// The leaves of a page, by their index in the artifact.
    fn leaves(&self, page: u64) -> Option<Range<u64>> {
        (page < self.count()).then(|| {
            let first = page * PAGE_LEAVES as u64;
            first..leaf_count(self.size).min(first + PAGE_LEAVES as u64)
        })
    }
}

/// A page of leaf hashes that are those that were sealed: a proof type, made by [`Pages::page`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafPage {
    size: u64,
    first: u64,
    hashes: Vec<LeafHash>,
}

impl LeafPage {
    /// How much memory it takes, bytes.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.hashes.len() * size_of::<LeafHash>()
    }

    /// The leaves whose hashes it holds, by their index in the artifact.
    pub fn leaves(&self) -> Range<u64> {
        self.first..self.first + self.hashes.len() as u64
    }

    /// Their hashes, in order: all pages together are what a copy's record is made of, under a seal of its own.
    pub fn hashes(&self) -> &[LeafHash] {
        &self.hashes
    }

    /// What leaf `index` of the artifact must be; `None`: it is not on this page.
    pub fn leaf(&self, index: u64) -> Option<ExpectedLeaf> {
        let hash = self.hashes.get(usize::try_from(index.checked_sub(self.first)?).ok()?)?;
        Some(ExpectedLeaf::of_page(leaf_range(self.size, index)?, *hash))
    }
}
