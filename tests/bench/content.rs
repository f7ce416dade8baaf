//! Contents of any length that need no memory of their own: made as they are sent, and compared as they arrive.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream;
use hallmark_tests::data;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use sha2::{Digest as _, Sha256};

use crate::load::Payload;

/// Bytes sent at a time.
const PIECE: u64 = 64 << 10;

/// How far apart the contents begin in the block.
const STEP: u64 = 4099;

/// One block again and again. Its length is odd, so no two leaves of a content are the same.
#[derive(Debug, Clone)]
pub(crate) struct Block(Bytes);

/// The block again and again, begun at a place that tells contents apart.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    block: Block,
    start: u64,
    length: u64,
}

impl Block {
    pub(crate) fn make() -> Self {
        Self(data::content(2, (1 << 20) + 13).into())
    }

    /// The content of `length` bytes that `seed` stands for.
    pub(crate) fn pattern(&self, seed: u64, length: u64) -> Pattern {
        Pattern { block: self.clone(), start: seed * STEP, length }
    }

    /// Bytes from `position` of the endless repetition on; at least one, at most `most`.
    fn from(&self, position: u64, most: u64) -> Bytes {
        let length = self.0.len() as u64;
        let start = position % length;
        let end = length.min(start.saturating_add(most.min(PIECE)));
        // Both lie within the block, whose length is a usize.
        self.0.slice(start as usize..end as usize)
    }
}

impl Pattern {
    /// How many bytes it has.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// These of its bytes.
    pub(crate) fn slice(&self, range: Range<u64>) -> Self {
        let end = range.end.min(self.length);
        let start = range.start.min(end);
        Self { block: self.block.clone(), start: self.start + start, length: end - start }
    }

    /// It in parts of `length` bytes, of which the last may be shorter.
    pub(crate) fn parts(&self, length: u64) -> Vec<Self> {
        let starts = (0..self.length).step_by(usize::try_from(length).expect("a part fits in memory"));
        starts.map(|start| self.slice(start..start + length)).collect()
    }

    /// The bytes, piece by piece, to the end.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Bytes> + Send + use<> {
        let (pattern, mut position) = (self.clone(), 0);
        std::iter::from_fn(move || {
            let piece = pattern.from(position, pattern.length - position)?;
            position += piece.len() as u64;
            Some(piece)
        })
    }

    fn from(&self, position: u64, most: u64) -> Option<Bytes> {
        (most > 0).then(|| self.block.from(self.start + position, most))
    }

    pub(crate) fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        self.pieces().for_each(|piece| hasher.update(&piece));
        hex::encode(hasher.finalize())
    }

    /// The same, ready to be sent.
    pub(crate) fn payload(&self, sha256: &str) -> Payload {
        let frames = self.pieces().map(|piece| Ok(Frame::data(piece)));
        Payload {
            body: StreamBody::new(stream::iter(frames)).boxed_unsync(),
            length: self.length,
            sha256: sha256.to_owned(),
        }
    }

    /// Compares a piece that begins at `position`, and moves that on.
    pub(crate) fn check(&self, position: &mut u64, mut piece: &[u8]) {
        while !piece.is_empty() {
            let left = self.length.checked_sub(*position).expect("more came than was stored");
            let want = self.from(*position, left.min(piece.len() as u64)).expect("more came than was stored");
            let (now, later) = piece.split_at(want.len());
            assert!(want == now, "other bytes came than were stored, from byte {position} on");
            *position += now.len() as u64;
            piece = later;
        }
    }
}

/// Hashes contents, each on a thread of its own.
pub(crate) async fn digests(patterns: impl Iterator<Item = Pattern>) -> Vec<String> {
    let tasks: Vec<_> =
        patterns.map(|pattern| tokio::task::spawn_blocking(move || pattern.sha256())).collect();
    let mut sums = Vec::new();
    for task in tasks {
        sums.push(task.await.expect("hashing does not fail"));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_content() {
        let whole = Block::make().pattern(3, (5 << 20) + 7);
        let parts = whole.parts(2 << 20);
        assert_eq!(parts.iter().map(Pattern::length).collect::<Vec<_>>(), [2 << 20, 2 << 20, (1 << 20) + 7]);
        let mut position = 0;
        parts.iter().flat_map(Pattern::pieces).for_each(|piece| whole.check(&mut position, &piece));
        assert_eq!(position, whole.length());
    }
}
