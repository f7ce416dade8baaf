//! What each leaf of an artifact must be: from its seal, or page by page from its record.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hallmark_signer::{
    CheckId, ExpectedLeaf, LEAF_SIZE, LeafHash, LeafPage, Pages, PartTable, RecordRef, Seal,
};

use super::admitted::Admitted;
use super::fault::{ArtifactFault, ProofError};
use super::kept::Kept;
use super::record;
use crate::store::{Span, Store};

/// Where the sealed digest of each leaf is found.
#[derive(Debug, Clone)]
pub struct Leaves(Source);

#[derive(Debug, Clone)]
enum Source {
    /// In the seal.
    Seal(Arc<Seal>),
    /// In the record, page by page.
    Record {
        reference: RecordRef,
        /// The seal that holds for the artifact.
        check: CheckId,
        pages: Arc<Pages>,
        current: Option<Arc<LeafPage>>,
        kept: Arc<Kept>,
    },
    /// There is no seal and the configuration says to serve it all the same.
    Nowhere,
}

impl Leaves {
    pub(super) fn in_seal(seal: Arc<Seal>) -> Self {
        Self(Source::Seal(seal))
    }

    /// `beginning`: of the record, perhaps with the first page in it; empty where nothing was read.
    pub(super) fn in_record(
        kept: Arc<Kept>,
        reference: RecordRef,
        seal: &Seal,
        pages: Arc<Pages>,
        beginning: &Bytes,
    ) -> Self {
        let check = *seal.check_id();
        // A page that is not what was sealed is found out by whoever needs it.
        let first = pages.range(0).and_then(|at| {
            let at = usize::try_from(at.start).ok()?..usize::try_from(at.end).ok()?;
            pages.page(0, beginning.get(at)?).ok().map(Arc::new)
        });
        if let Some(first) = &first {
            kept.keep_page(check, 0, first);
        }
        Self(Source::Record { reference, check, pages, current: first, kept })
    }

    pub(super) fn dangerous_unchecked() -> Self {
        Self(Source::Nowhere)
    }

    /// What leaf `index` must match; reads the page of the record that holds it. `None`: anything will do.
    pub(super) async fn expected(
        &mut self,
        store: &dyn Store,
        index: u64,
    ) -> Result<Option<ExpectedLeaf>, ProofError> {
        let expected = match &mut self.0 {
            Source::Nowhere => return Ok(None),
            Source::Seal(seal) => seal.inline_leaf(index),
            Source::Record { reference, check, pages, current, kept } => {
                if current.as_ref().is_none_or(|page| !page.leaves().contains(&index)) {
                    let number = Pages::page_of_leaf(index);
                    *current = Some(page(store, kept, reference, *check, pages, number).await?);
                }
                current.as_ref().and_then(|page| page.leaf(index))
            }
        };
        Ok(Some(expected.ok_or(ArtifactFault::Digest(index))?))
    }
}

impl Leaves {
    /// The hashes of all leaves of a large artifact, each page checked against the seal; none for a small one, whose
    /// seal holds what there is. 32 bytes for each MiB of the artifact.
    async fn all(&self, store: &dyn Store) -> Result<Vec<LeafHash>, ProofError> {
        let Source::Record { reference, check, pages, kept, .. } = &self.0 else { return Ok(Vec::new()) };
        let mut hashes = Vec::new();
        for number in 0..pages.count() {
            hashes.extend_from_slice(page(store, kept, reference, *check, pages, number).await?.hashes());
        }
        Ok(hashes)
    }

    /// How much memory it takes beside the seal, about, bytes.
    pub(super) fn memory(&self) -> usize {
        match &self.0 {
            Source::Record { pages, current, .. } => {
                pages.memory() + current.as_ref().map_or(0, |page| page.memory())
            }
            Source::Seal(_) | Source::Nowhere => 0,
        }
    }

    /// The part table that stands in the record, under the seal.
    fn part_table(&self) -> Option<&PartTable> {
        match &self.0 {
            Source::Record { pages, .. } => pages.part_table(),
            Source::Seal(_) | Source::Nowhere => None,
        }
    }
}

/// The leaves that hold `wanted`: what has to be read of an object of `length` bytes to check those bytes.
pub(crate) fn widen(wanted: &Range<u64>) -> Range<u64> {
    let start = wanted.start / LEAF_SIZE * LEAF_SIZE;
    start..wanted.end.div_ceil(LEAF_SIZE).saturating_mul(LEAF_SIZE)
}

/// Reads one page of a record.
async fn read_page(
    store: &dyn Store,
    reference: &RecordRef,
    pages: &Pages,
    number: u64,
    span: Range<u64>,
) -> Result<LeafPage, ProofError> {
    let bytes = record::read(store, &record::name(reference), Span::Bytes(span)).await?;
    Ok(pages.page(number, &bytes).map_err(ArtifactFault::from)?)
}

/// One page of a record, kept or read.
async fn page(
    store: &dyn Store,
    kept: &Kept,
    reference: &RecordRef,
    check: CheckId,
    pages: &Pages,
    number: u64,
) -> Result<Arc<LeafPage>, ProofError> {
    if let Some(page) = kept.page(check, number) {
        return Ok(page);
    }
    let span = pages.range(number).ok_or(ArtifactFault::Digest(number))?;
    let read = match read_page(store, reference, pages, number, span.clone()).await {
        Err(error) if record::again(&error) => read_page(store, reference, pages, number, span).await,
        read => read,
    };
    let page = Arc::new(read?);
    kept.keep_page(check, number, &page);
    Ok(page)
}

impl Admitted {
    /// The hashes of all leaves of an artifact of more than 8 MiB, for the record of a copy of it.
    ///
    /// # Errors
    /// The record is not what was sealed, or cannot be read.
    pub async fn leaf_hashes(&self, store: &dyn Store) -> Result<Vec<LeafHash>, ProofError> {
        self.leaves().all(store).await
    }

    /// The parts that the artifact came in, as they were sealed. `None`: in one upload, or nothing is known of them.
    ///
    /// # Errors
    /// A small artifact's table is malformed or another's.
    pub fn part_table(&self) -> Result<Option<PartTable>, ProofError> {
        let Some(seal) = self.seal() else { return Ok(None) };
        match self.leaves().part_table() {
            Some(table) => Ok(Some(table.clone())),
            None => Ok(seal.part_table(self.headers()).map_err(ArtifactFault::from)?),
        }
    }
}

/// The numbers of the leaves that hold `wanted`; an empty artifact has one.
pub(crate) fn leaves_of(wanted: &Range<u64>) -> Range<u64> {
    let first = wanted.start / LEAF_SIZE;
    first..wanted.end.div_ceil(LEAF_SIZE).max(first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p1_a_range_is_widened_to_leaves() {
        assert_eq!(widen(&(0..1)), 0..LEAF_SIZE);
        assert_eq!(widen(&(LEAF_SIZE - 1..LEAF_SIZE + 1)), 0..2 * LEAF_SIZE);
        assert_eq!(widen(&(LEAF_SIZE..2 * LEAF_SIZE)), LEAF_SIZE..2 * LEAF_SIZE);
        assert_eq!(widen(&(0..0)), 0..0);
        assert_eq!(widen(&(5..u64::MAX)).start, 0);
    }

    #[test]
    fn a_span_has_one_leaf_at_least() {
        assert_eq!(leaves_of(&(0..0)), 0..1);
        assert_eq!(leaves_of(&(0..LEAF_SIZE)), 0..1);
        assert_eq!(leaves_of(&(LEAF_SIZE - 1..LEAF_SIZE + 1)), 0..2);
        assert_eq!(leaves_of(&(LEAF_SIZE..LEAF_SIZE + 1)), 1..2);
    }
}
