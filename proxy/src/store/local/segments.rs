//! Bodies that lie in several files, one after the other: the objects that were put together of parts.
//!
//! The list of a body's files is kept in pages, each under the body's id and the offset at which the page ends. So a
//! read finds the page that holds its first byte by one seek, however long the list.

use std::ops::Range;

use redb::ReadableTable;

use super::committer::Tables;
use super::id::Id;
use super::index::{View, index_error};
use super::row::Stub;
use crate::store::{StoreError, StoreFault};

/// Segments of a page: what fits into one page of the index.
const PAGE: usize = 160;

/// Id of the body, and the offset in it at which the page ends (big-endian, so that pages stand in order).
pub(super) type PageKey = [u8; Id::LEN + 8];

/// A file that is a piece of a body. In a list of segments none is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) file: Id,
    /// Bytes of the file.
    pub(super) length: u64,
}

impl Segment {
    /// Length of what [`encode`](Self::encode) makes, bytes.
    pub(super) const LEN: usize = Id::LEN + 8;

    pub(super) fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let (file, length) = out.split_at_mut(Id::LEN);
        file.copy_from_slice(self.file.as_bytes());
        length.copy_from_slice(&self.length.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8; Self::LEN]) -> Self {
        let (mut file, mut length) = ([0; Id::LEN], [0; 8]);
        let (first, second) = bytes.split_at(Id::LEN);
        file.copy_from_slice(first);
        length.copy_from_slice(second);
        Self { file: Id::from_bytes(file), length: u64::from_le_bytes(length) }
    }
}

/// What a read wants of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) segment: Segment,
    /// Bytes of the file, not of the body.
    pub(super) span: Range<u64>,
}

impl Extent {
    /// What `span` wants of the segment that begins at `start`; `None`: nothing.
    pub(super) fn of(segment: Segment, start: u64, span: &Range<u64>) -> Option<Self> {
        let from = span.start.saturating_sub(start);
        let to = span.end.saturating_sub(start).min(segment.length);
        (from < to).then_some(Self { segment, span: from..to })
    }
}

fn page_key(body: Id, end: u64) -> PageKey {
    let mut key = [0; Id::LEN + 8];
    let (id, offset) = key.split_at_mut(Id::LEN);
    id.copy_from_slice(body.as_bytes());
    offset.copy_from_slice(&end.to_be_bytes());
    key
}

/// Where the page of that key ends.
fn page_end(key: &PageKey) -> u64 {
    key.last_chunk().map_or(0, |end| u64::from_be_bytes(*end))
}

/// The first and the last key that pages of a body can have that hold the byte at `from`, or one after it.
fn pages_from(body: Id, from: u64) -> (PageKey, PageKey) {
    (page_key(body, from.saturating_add(1)), page_key(body, u64::MAX))
}

/// A page: where it begins, and what lies there. Together with its key it says where it ends twice over.
fn encode_page(start: u64, segments: &[Segment]) -> Vec<u8> {
    let mut page = start.to_le_bytes().to_vec();
    page.extend(segments.iter().flat_map(Segment::encode));
    page
}

/// `None`: no page that ends there was ever written like this.
fn decode_page(page: &[u8], end: u64) -> Option<(u64, Vec<Segment>)> {
    let (start, entries) = page.split_first_chunk()?;
    let start = u64::from_le_bytes(*start);
    let (entries, rest) = entries.as_chunks::<{ Segment::LEN }>();
    let segments: Vec<Segment> = entries.iter().map(Segment::decode).collect();
    let sum = segments.iter().try_fold(start, |sum, segment| sum.checked_add(segment.length))?;
    let whole = rest.is_empty() && !segments.is_empty() && segments.iter().all(|s| s.length > 0);
    (whole && sum == end).then_some((start, segments))
}

impl Tables<'_> {
    /// Keeps the list of a body's files. Empty ones need not be kept.
    pub(super) fn keep_segments(&mut self, body: Id, list: &[Segment]) -> Result<(), redb::Error> {
        let mut start = 0_u64;
        for page in list.chunks(PAGE) {
            let end = page.iter().fold(start, |end, segment| end.saturating_add(segment.length));
            self.segments.insert(&page_key(body, end), encode_page(start, page).as_slice())?;
            start = end;
        }
        Ok(())
    }

    /// Gives up the list of a body's files, and says which they were.
    pub(super) fn drop_segments(&mut self, body: Id) -> Result<Vec<Id>, redb::Error> {
        let mut files = Vec::new();
        let (first, last) = pages_from(body, 0);
        for page in self.segments.range::<&PageKey>(&first..=&last)? {
            let (key, page) = page?;
            match decode_page(page.value(), page_end(key.value())) {
                Some((_, segments)) => files.extend(segments.iter().map(|segment| segment.file)),
                None => tracing::warn!(%body, "a damaged list of segments is being deleted; its files stay"),
            }
        }
        self.segments.retain_in::<&PageKey, _>(&first..=&last, |_, _| false)?;
        Ok(files)
    }
}

impl View {
    /// What `span`, which lies within the body, wants of which files. `None`: the body is gone.
    pub(super) fn extents(&self, stub: &Stub, span: &Range<u64>) -> Result<Option<Vec<Extent>>, StoreError> {
        if span.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let mut extents = Vec::new();
        let mut at = None;
        let (first, last) = pages_from(stub.id, span.start);
        for entry in self.segments()?.range::<&PageKey>(&first..=&last).map_err(index_error)? {
            let (key, page) = entry.map_err(index_error)?;
            let end = page_end(key.value());
            let (start, page) = decode_page(page.value(), end).ok_or_else(damaged)?;
            // Pages join without a gap, the first holds the first byte, and none reaches past the body's end.
            if at.map_or(start > span.start, |at| start != at) || end > stub.size {
                return Err(damaged());
            }
            let mut begins = start;
            for segment in page {
                extents.extend(Extent::of(segment, begins, span));
                // Cannot overflow: the sum was made when the page was decoded.
                begins = begins.saturating_add(segment.length);
            }
            at = Some(end);
            if end >= span.end {
                return Ok(Some(extents));
            }
        }
        match at {
            Some(_) => Err(damaged()),
            None if self.has_pages(stub.id)? => Err(damaged()),
            None => Ok(None),
        }
    }

    fn has_pages(&self, body: Id) -> Result<bool, StoreError> {
        let (first, last) = pages_from(body, 0);
        let mut pages = self.segments()?.range::<&PageKey>(&first..=&last).map_err(index_error)?;
        Ok(pages.next().transpose().map_err(index_error)?.is_some())
    }
}

fn damaged() -> StoreError {
    StoreError::new(StoreFault::Corrupt, "a list of segments is not what its row says")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_read_back_and_nothing_else_does(
            list in proptest::collection::vec((any::<[u8; 16]>(), 0..u64::MAX / 32), 0..20),
            start in 0..u64::MAX / 4, at: proptest::sample::Index, flip in 1..=255_u8, cut: bool,
        ) {
            let list: Vec<Segment> =
                list.into_iter().map(|(id, length)| Segment { file: Id::from_bytes(id), length }).collect();
            let end = start + list.iter().map(|segment| segment.length).sum::<u64>();
            let mut page = encode_page(start, &list);
            let fits = !list.is_empty() && list.iter().all(|segment| segment.length > 0);
            prop_assert_eq!(decode_page(&page, end), fits.then_some((start, list)));
            prop_assert_eq!(decode_page(&page, end + 1), None);
            let at = at.index(page.len());
            if cut { page.truncate(at) } else { page[at] ^= flip }
            // Which file it is cannot be told by the page: that is what lengths and seals are for.
            if let Some((_, list)) = decode_page(&page, end) {
                prop_assert!((8..8 + list.len() * Segment::LEN).contains(&at) && (at - 8) % Segment::LEN < Id::LEN);
            }
        }

        #[test]
        fn extents_cover_a_span(lengths in proptest::collection::vec(1..100_u64, 1..20), a: u64, b: u64) {
            let (id, total) = (Id::from_bytes([7; 16]), lengths.iter().sum::<u64>());
            let span = (a % total).min(b % total)..(a % total).max(b % total) + 1;
            let (mut start, mut next) = (0, span.start);
            for length in lengths {
                let segment = Segment { file: id, length };
                if let Some(extent) = Extent::of(segment, start, &span) {
                    prop_assert_eq!(start + extent.span.start, next);
                    prop_assert!(!extent.span.is_empty() && extent.span.end <= length);
                    next = start + extent.span.end;
                }
                start += length;
            }
            prop_assert_eq!(next, span.end);
        }
    }

    #[test]
    fn keys_stand_in_the_order_of_the_bytes() {
        let (body, other) = (Id::from_bytes([7; 16]), Id::from_bytes([8; 16]));
        let mut keys =
            [page_key(other, 0), page_key(body, u64::MAX), page_key(body, 256), page_key(body, 255)];
        keys.sort_unstable();
        assert_eq!(keys.map(|key| page_end(&key)), [255, 256, u64::MAX, 0]);
        let (first, last) = pages_from(body, 255);
        assert!(keys.map(|key| (first..=last).contains(&key)) == [false, true, true, false]);
    }
}
