//! Reading leaf by leaf: a leaf is released when it matched its sealed digest, and not before.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use hallmark_signer::{
    ExpectedLeaf, LEAF_SIZE, LeafHash, LeafPage, Pages, PartTable, RecordRef, Seal, SealId,
};

use super::admitted::Admitted;
use super::fault::{ArtifactFault, ProofError};
use super::record;
use super::released::Released;
use super::suspects::Suspects;
use super::unverified::{ByteStream, UnverifiedBody};
use crate::name::ObjectName;
use crate::store::{ANSWER, GetError, Pin, Span, Store, StoreError, StoreFault, VersionId};

/// Up to so many bytes are hashed where they are; more would hold up the other tasks of the thread.
const INLINE_HASH: u64 = 64 * 1024;

/// Pieces under this size are copied together.
const SMALL_PIECE: usize = 4 * 1024;

/// The longest piece that a store may send.
pub(super) const LARGEST_PIECE: usize = LEAF_SIZE as usize;

/// Where the sealed digest of each leaf is found.
#[derive(Debug, Clone)]
pub struct Leaves(Source);

#[derive(Debug, Clone)]
enum Source {
    /// In the seal.
    Seal(Arc<Seal>),
    /// In the record, page by page.
    Record { reference: RecordRef, pages: Arc<Pages>, current: Option<Arc<LeafPage>> },
    /// There is no seal and the configuration says to serve it all the same.
    Nowhere,
}

impl Leaves {
    pub(super) fn in_seal(seal: Arc<Seal>) -> Self {
        Self(Source::Seal(seal))
    }

    pub(super) fn in_record(reference: RecordRef, pages: Pages) -> Self {
        Self(Source::Record { reference, pages: Arc::new(pages), current: None })
    }

    pub(super) fn dangerous_unchecked() -> Self {
        Self(Source::Nowhere)
    }

    /// What leaf `index` must match; reads the page of the record that holds it. `None`: anything will do.
    async fn expected(&mut self, store: &dyn Store, index: u64) -> Result<Option<ExpectedLeaf>, ProofError> {
        let expected = match &mut self.0 {
            Source::Nowhere => return Ok(None),
            Source::Seal(seal) => seal.inline_leaf(index),
            Source::Record { reference, pages, current } => {
                if current.as_ref().is_none_or(|page| !page.leaves().contains(&index)) {
                    let page = Pages::page_of_leaf(index);
                    let span = pages.range(page).ok_or(ArtifactFault::Digest(index))?;
                    let bytes = record::read(store, &record::name(reference), Span::Bytes(span)).await?;
                    *current = Some(Arc::new(pages.page(page, &bytes).map_err(ArtifactFault::from)?));
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
        let Source::Record { reference, pages, .. } = &self.0 else { return Ok(Vec::new()) };
        let name = record::name(reference);
        let mut hashes = Vec::new();
        for page in 0..pages.count() {
            let span = pages.range(page).ok_or(ArtifactFault::Digest(page))?;
            let bytes = record::read(store, &name, Span::Bytes(span)).await?;
            hashes.extend_from_slice(pages.page(page, &bytes).map_err(ArtifactFault::from)?.hashes());
        }
        Ok(hashes)
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

/// Reads a span of an admitted artifact leaf by leaf. Holds one leaf and what the store sent beyond it.
pub struct LeafReader {
    store: Arc<dyn Store>,
    suspects: Arc<Suspects>,
    seal: Option<SealId>,
    name: ObjectName,
    version: Option<VersionId>,
    pin: Pin,
    length: u64,
    leaves: Leaves,
    /// What the client gets.
    wanted: Range<u64>,
    /// The leaf that is read next.
    next: u64,
    body: ByteStream,
    /// Read from `body`, of the leaf that is read next.
    carry: Bytes,
    done: bool,
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

    /// Reads `wanted` (within the artifact) from `found`, which must begin at the first leaf of it.
    ///
    /// # Errors
    /// [`GetError::Changed`]: `found` is of another version than was admitted, or of another span.
    pub fn read(
        &self,
        store: Arc<dyn Store>,
        suspects: Arc<Suspects>,
        wanted: Range<u64>,
        found: UnverifiedBody,
    ) -> Result<LeafReader, GetError> {
        if found.pin != *self.pin() || found.span.start != widen(&wanted).start {
            return Err(GetError::Changed);
        }
        Ok(LeafReader {
            store,
            suspects,
            seal: self.seal().map(Seal::id),
            name: self.name().clone(),
            version: self.version().cloned(),
            pin: self.pin().clone(),
            length: self.length(),
            leaves: self.leaves(),
            next: wanted.start / LEAF_SIZE,
            wanted,
            body: found.stream,
            carry: Bytes::new(),
            done: false,
        })
    }
}

impl LeafReader {
    /// Bytes that the client will get.
    pub fn remaining(&self) -> u64 {
        self.wanted.end - self.wanted.start
    }

    /// The next leaf, checked and cut to what is wanted; `None` after the last.
    ///
    /// # Errors
    /// The leaf is not what was sealed, also after it was read a second time.
    pub async fn next(&mut self) -> Result<Option<VecDeque<Released>>, ProofError> {
        if self.done {
            return Ok(None);
        }
        let index = self.next;
        let start = index * LEAF_SIZE;
        let end = start.saturating_add(LEAF_SIZE).min(self.length);
        let expected = self.leaves.expected(&*self.store, index).await?;
        let pieces = match self.take(index, end - start, expected.clone()).await {
            Ok(pieces) => pieces,
            Err(first) => {
                // A transient fault of the store looks like this too, so it gets one more chance.
                tracing::warn!(object = %self.name, leaf = index, error = %first, "leaf is read once more");
                self.reopen(start).await.map_err(|_| first)?;
                self.take(index, end - start, expected)
                    .await
                    .inspect_err(|error| self.suspect(index, error))?
            }
        };
        self.next += 1;
        self.done = end >= self.wanted.end;
        Ok(Some(cut(pieces, start, &self.wanted)))
    }

    /// Remembers for a while that leaf `index` is bad, unless the store only failed to give it.
    fn suspect(&self, index: u64, error: &ProofError) {
        if let (Some(seal), ProofError::Artifact(_)) = (self.seal, error) {
            self.suspects.add(seal, index);
        }
    }

    /// Begins again at the leaf that starts at `start`.
    async fn reopen(&mut self, start: u64) -> Result<(), GetError> {
        let span = if self.length == 0 { Span::All } else { Span::Bytes(start..widen(&self.wanted).end) };
        let found = self.store.get(&self.name, self.version.as_ref(), span, Some(&self.pin)).await?.body;
        if found.pin != self.pin || found.span.start != start {
            return Err(GetError::Changed);
        }
        self.body = found.stream;
        self.carry = Bytes::new();
        Ok(())
    }

    /// The next piece that the store sends of leaf `index`.
    async fn piece(&mut self, index: u64) -> Result<Bytes, ProofError> {
        let piece = tokio::time::timeout(ANSWER, self.body.next()).await;
        let piece = piece.map_err(|_| StoreError::new(StoreFault::Timeout, "the body stands still"))?;
        match piece {
            None => Err(ArtifactFault::Truncated(index).into()),
            Some(piece) => match piece? {
                piece if (1..=LARGEST_PIECE).contains(&piece.len()) => Ok(piece),
                piece => {
                    let message = format!("a piece of {} bytes", piece.len());
                    Err(StoreError::new(StoreFault::Protocol, message).into())
                }
            },
        }
    }

    /// Takes the `length` bytes of leaf `index` from the body and checks them.
    async fn take(
        &mut self,
        index: u64,
        length: u64,
        expected: Option<ExpectedLeaf>,
    ) -> Result<Vec<Bytes>, ProofError> {
        let mut gathered = Gathered::default();
        let mut missing = length;
        while missing > 0 {
            let mut piece = std::mem::take(&mut self.carry);
            if piece.is_empty() {
                piece = self.piece(index).await?;
            }
            let take = usize::try_from(missing).unwrap_or(usize::MAX).min(piece.len());
            self.carry = piece.split_off(take);
            missing -= take as u64;
            gathered.push(piece);
        }
        let pieces = gathered.finish();
        let Some(expected) = expected else { return Ok(pieces) };
        let good = if length <= INLINE_HASH {
            matches(expected, &pieces)
        } else {
            let pieces = pieces.clone();
            // Fails only if hashing panicked or the runtime is going down: not a match either way.
            tokio::task::spawn_blocking(move || matches(expected, &pieces)).await.unwrap_or(false)
        };
        if good { Ok(pieces) } else { Err(ArtifactFault::Digest(index).into()) }
    }
}

/// The pieces of a leaf. A store that sends it byte by byte must not make it cost more than it holds, so small pieces are
/// copied together.
#[derive(Default)]
struct Gathered {
    pieces: Vec<Bytes>,
    small: BytesMut,
}

impl Gathered {
    fn push(&mut self, piece: Bytes) {
        if piece.len() < SMALL_PIECE {
            self.small.extend_from_slice(&piece);
        } else {
            self.flush();
            self.pieces.push(piece);
        }
    }

    fn flush(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(std::mem::take(&mut self.small).freeze());
        }
    }

    fn finish(mut self) -> Vec<Bytes> {
        self.flush();
        self.pieces
    }
}

fn matches(expected: ExpectedLeaf, pieces: &[Bytes]) -> bool {
    let mut check = expected.begin();
    pieces.iter().for_each(|piece| check.update(piece));
    check.finish().is_ok()
}

/// Cuts the checked pieces of a leaf, which begins at `start` of the object, to `wanted`.
fn cut(pieces: Vec<Bytes>, mut start: u64, wanted: &Range<u64>) -> VecDeque<Released> {
    let mut released = VecDeque::with_capacity(pieces.len());
    for piece in pieces {
        let end = start + piece.len() as u64;
        let (from, to) = (wanted.start.max(start), wanted.end.min(end));
        if from < to {
            // Both lie within the piece, whose length is a usize.
            released.push_back(Released(piece.slice((from - start) as usize..(to - start) as usize)));
        }
        start = end;
    }
    released
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
    fn a_leaf_is_cut_to_what_is_wanted() {
        let pieces = || vec![Bytes::from_static(b"abc"), Bytes::from_static(b"def")];
        let text = |wanted: Range<u64>| {
            cut(pieces(), 10, &wanted).iter().flat_map(|piece| piece.0.to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(text(0..99), b"abcdef");
        assert_eq!(text(12..14), b"cd");
        assert_eq!(text(13..13), b"");
        assert_eq!(text(15..99), b"f");
    }
}
