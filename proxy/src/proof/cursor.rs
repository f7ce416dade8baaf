//! Taking leaves from a body as it comes from a store, one after the other.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use hallmark_signer::{ExpectedLeaf, LEAF_SIZE};

use super::fault::{ArtifactFault, ProofError};
use super::leaf::Leaf;
use super::unverified::ByteStream;
use crate::store::{ANSWER, StoreError, StoreFault};

/// Up to so many bytes are hashed where they are; more would hold up the other tasks of the thread.
const INLINE_HASH: u64 = 64 * 1024;

/// Pieces under this size are copied together.
const SMALL_PIECE: usize = 4 * 1024;

/// The longest piece that a store may send.
pub(super) const LARGEST_PIECE: usize = LEAF_SIZE as usize;

/// A body, and which leaf comes next in it. Holds what the store sent beyond the last leaf that was taken.
pub(super) struct Cursor {
    /// The leaf that comes next.
    next: u64,
    /// The length of the artifact, bytes.
    length: u64,
    stream: ByteStream,
    /// Read from `stream`, of the leaf that comes next.
    carry: Bytes,
}

impl Cursor {
    /// The body of an artifact of `length` bytes, from leaf `next` on.
    pub(super) fn new(next: u64, length: u64, stream: ByteStream) -> Self {
        Self { next, length, stream, carry: Bytes::new() }
    }

    /// The leaf that comes next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Takes the next leaf and checks it, unless there is nothing to check it against. Its pieces are as they came.
    pub(super) async fn take(&mut self, expected: Option<ExpectedLeaf>) -> Result<Vec<Bytes>, ProofError> {
        let (index, pieces, length) = self.gather().await?;
        let Some(expected) = expected else { return Ok(pieces) };
        let hashed = pieces.clone();
        match hashing(length, move || matches(expected, &hashed)).await {
            Some(true) => Ok(pieces),
            Some(false) | None => Err(ArtifactFault::Digest(index).into()),
        }
    }

    /// Takes the next leaf and checks it, to be kept.
    pub(super) async fn take_to_keep(&mut self, expected: ExpectedLeaf) -> Result<Leaf, ProofError> {
        let (index, pieces, length) = self.gather().await?;
        let leaf = hashing(length, move || Leaf::check(expected, pieces)).await.flatten();
        leaf.ok_or_else(|| ArtifactFault::Digest(index).into())
    }

    /// The bytes of the next leaf; which one it is, and how many there are.
    async fn gather(&mut self) -> Result<(u64, Vec<Bytes>, u64), ProofError> {
        let index = self.next;
        self.next += 1;
        let start = index.saturating_mul(LEAF_SIZE);
        let length = start.saturating_add(LEAF_SIZE).min(self.length).saturating_sub(start);
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
        Ok((index, gathered.finish(), length))
    }

    /// The next piece that the store sends of leaf `index`.
    async fn piece(&mut self, index: u64) -> Result<Bytes, ProofError> {
        let piece = tokio::time::timeout(ANSWER, self.stream.next()).await;
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
}

/// Hashes `length` bytes. `None`: hashing panicked or the runtime is going down, and nothing matched.
async fn hashing<T: Send + 'static>(length: u64, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if length <= INLINE_HASH { Some(work()) } else { tokio::task::spawn_blocking(work).await.ok() }
}

fn matches(expected: ExpectedLeaf, pieces: &[Bytes]) -> bool {
    let mut check = expected.begin();
    pieces.iter().for_each(|piece| check.update(piece));
    check.finish().is_ok()
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
