//! Bodies of downloads: with what goes wrong with them, counted as they leave.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream;
use hallmark_proxy::proof::ByteStream;
use hallmark_proxy::store::{StageId, StagedPart, StoreError, StoreFault};

use super::call::Mishap;
use super::content::{Content, PIECE};
use super::{MemoryStore, index, planned};

/// Where bytes come from.
pub(super) enum From {
    /// A version, as it was when it was asked for.
    Object(Content),
    /// A stage, as it is when a piece is taken: what a test does to it meanwhile shows.
    Stage {
        id: StageId,
        parts: Vec<StagedPart>,
        /// What it was when it was asked for: what was promoted meanwhile can be read on.
        begun: Vec<Content>,
    },
}

/// A body under way.
struct Reading {
    store: MemoryStore,
    from: From,
    span: Range<u64>,
    at: u64,
    mishap: Option<Mishap>,
    _open: Open,
}

/// Counts while it lives.
struct Open(Arc<AtomicUsize>);

impl MemoryStore {
    /// How many bodies are under way: neither read to the end nor given up.
    pub fn open_bodies(&self) -> usize {
        self.bodies.load(Ordering::SeqCst)
    }

    /// The bytes of `span`.
    pub(super) fn stream(&self, from: From, span: Range<u64>, mishap: Option<Mishap>) -> ByteStream {
        let open = Open::new(&self.bodies);
        let reading = Reading { store: self.clone(), from, at: span.start, span, mishap, _open: open };
        Box::pin(stream::unfold(reading, |mut reading| async move { Some((reading.next()?, reading)) }))
    }
}

impl Open {
    fn new(bodies: &Arc<AtomicUsize>) -> Self {
        bodies.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(bodies))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Reading {
    fn next(&mut self) -> Option<Result<Bytes, StoreError>> {
        self.store.do_what_is_due();
        let left = self.span.end - self.at;
        let wanted = match self.mishap {
            Some(Mishap::DripsNothing) => return Some(Ok(Bytes::new())),
            Some(Mishap::BreaksAfter(length)) => left.min(length as u64 - (self.at - self.span.start)),
            Some(Mishap::Drips) => left.min(1),
            Some(_) | None => left,
        };
        let mut piece = self.piece(wanted);
        if piece.is_empty() {
            let breaks = matches!(self.mishap.take(), Some(Mishap::BreaksAfter(_)));
            self.span.end = self.at;
            return breaks.then(|| Err(planned(StoreFault::Unavailable)));
        }
        let begin = index(self.at);
        if let Some(Mishap::Garbles(offset)) = self.mishap
            && (begin..begin + piece.len()).contains(&offset)
        {
            let mut garbled = piece.to_vec();
            garbled[offset - begin] ^= 0x10;
            piece = garbled.into();
        }
        self.at += piece.len() as u64;
        Some(Ok(piece))
    }

    /// The next bytes; none: there are no more.
    fn piece(&self, wanted: u64) -> Bytes {
        let mut contents = self.store.contents();
        let wanted = wanted.min(contents.undisturbed()).min(PIECE as u64);
        let piece = match &self.from {
            From::Object(content) => content.piece(self.at, wanted),
            From::Stage { id, parts, begun } => {
                let now = contents.staged(id, parts);
                across(now.as_deref().unwrap_or(begun), self.at, wanted)
            }
        };
        contents.left(piece.len() as u64);
        piece
    }
}

/// Bytes from `at` on of all contents one after the other, as far as the first of them goes.
fn across(contents: &[Content], mut at: u64, wanted: u64) -> Bytes {
    for content in contents {
        if at < content.length() {
            return content.piece(at, wanted);
        }
        at -= content.length();
    }
    Bytes::new()
}
