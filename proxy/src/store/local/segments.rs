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

/// `None`: no page that was ever written looks like this.
fn decode_page(page: &[u8]) -> Option<Vec<Segment>> {
    let (entries, rest) = page.as_chunks::<{ Segment::LEN }>();
    let segments: Vec<Segment> = entries.iter().map(Segment::decode).collect();
    let whole = rest.is_empty() && !segments.is_empty() && segments.iter().all(|s| s.length > 0);
    whole.then_some(segments)
}

impl Tables<'_> {
    /// Keeps the list of a body's files. Empty ones need not be kept.
    pub(super) fn keep_segments(&mut self, body: Id, list: &[Segment]) -> Result<(), redb::Error> {
        let mut end = 0_u64;
        for page in list.chunks(PAGE) {
            end = page.iter().fold(end, |end, segment| end.saturating_add(segment.length));
            let entries: Vec<u8> = page.iter().flat_map(Segment::encode).collect();
            self.segments.insert(&page_key(body, end), entries.as_slice())?;
        }
        Ok(())
    }

    /// Gives up the list of a body's files, and says which they were.
    pub(super) fn drop_segments(&mut self, body: Id) -> Result<Vec<Id>, redb::Error> {
        let mut files = Vec::new();
        let (first, last) = pages_from(body, 0);
        for page in self.segments.range::<&PageKey>(&first..=&last)? {
            match decode_page(page?.1.value()) {
                Some(segments) => files.extend(segments.iter().map(|segment| segment.file)),
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
            let (end, page) = (page_end(key.value()), decode_page(page.value()).ok_or_else(damaged)?);
            let length = page.iter().try_fold(0_u64, |sum, segment| sum.checked_add(segment.length));
            let start = length.and_then(|length| end.checked_sub(length)).ok_or_else(damaged)?;
            // Pages join without a gap, the first holds the first byte, and none reaches past the body's end.
            if at.map_or(start > span.start, |at| start != at) || end > stub.size {
                return Err(damaged());
            }
            let mut begins = start;
            for segment in page {
                extents.extend(Extent::of(segment, begins, span));
                // Cannot overflow: the sum was made above.
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
