//! Bytes as they are kept, or not kept.

use bytes::Bytes;
use hallmark_proxy::store::{Body, Piece, PutError};

use super::{Contents, MemoryStore, index};

/// How many bytes come at once from a download, as from a socket.
pub(super) const PIECE: usize = 64 * 1024;

/// Bytes, or so many zeros in the place of bytes that are too many to keep.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Bytes(Bytes),
    Zeros(u64),
}

impl Content {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Zeros(length) => *length,
        }
    }

    /// At most [`PIECE`] and at most `wanted` bytes from `at` on; none: there are no more.
    pub(super) fn piece(&self, at: u64, wanted: u64) -> Bytes {
        static ZEROS: [u8; PIECE] = [0; PIECE];
        let length = index(self.length().saturating_sub(at).min(wanted).min(PIECE as u64));
        match self {
            _ if length == 0 => Bytes::new(),
            Self::Bytes(bytes) => bytes.slice(index(at)..index(at) + length),
            Self::Zeros(_) => Bytes::from_static(&ZEROS[..length]),
        }
    }

    /// One after the other. Where one was not kept, none is.
    pub(super) fn concat(all: &[Self]) -> Self {
        let mut joined = Vec::new();
        for content in all {
            match content {
                Self::Bytes(bytes) => joined.extend_from_slice(bytes),
                Self::Zeros(_) => return Self::Zeros(all.iter().map(Self::length).sum()),
            }
        }
        Self::Bytes(joined.into())
    }
}

impl MemoryStore {
    /// Takes a body of `length` bytes to its commit. The ETag that it ends with is the second.
    pub(super) async fn receive(&self, mut body: Body, length: u64) -> Result<(Content, String), PutError> {
        let keep = !self.contents().keeps_no_bytes;
        let mut bytes = Vec::new();
        let mut received = 0;
        while received <= length {
            match body.next().await {
                Some(Piece::Data(data)) => {
                    received += data.len() as u64;
                    Contents::came(&mut self.contents(), data.len() as u64);
                    if keep {
                        bytes.extend_from_slice(&data);
                    }
                }
                Some(Piece::Commit { etag }) if received == length => {
                    let content = if keep { Content::Bytes(bytes.into()) } else { Content::Zeros(length) };
                    return Ok((content, etag.into()));
                }
                Some(Piece::Commit { .. }) | None => break,
            }
        }
        Err(PutError::Incomplete)
    }
}
