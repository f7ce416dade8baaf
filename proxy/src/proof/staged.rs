//! Bytes of a stage: read to be hashed, and handed to nobody.

use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt as _;
use hallmark_signer::{ContentHasher, LeavesHasher, UploadHasher};

use super::cursor::LARGEST_PIECE;
use super::unverified::{ByteStream, UnverifiedBody};
use crate::store::{ANSWER, StoreError, StoreFault};

/// A span of a stage on its way into hashers.
pub(crate) struct Staged {
    stream: ByteStream,
    left: u64,
}

/// Bytes that can be hashed. Nothing else can be done with them.
pub(crate) struct HashOnly(Bytes);

impl UnverifiedBody {
    /// Reads `wanted`, to be hashed.
    ///
    /// # Errors
    /// The store gave another span.
    pub(crate) fn hash_only(self, wanted: &Range<u64>) -> Result<Staged, StoreError> {
        if self.span != *wanted {
            return Err(StoreError::new(
                StoreFault::Protocol,
                "another span of the stage than was asked for",
            ));
        }
        Ok(Staged { stream: self.stream, left: wanted.end - wanted.start })
    }
}

impl Staged {
    /// The next bytes; `None` after the last one that was wanted.
    ///
    /// # Errors
    /// The store failed, stands still, or gave fewer or more bytes.
    pub(crate) async fn next(&mut self) -> Result<Option<HashOnly>, StoreError> {
        if self.left == 0 {
            return Ok(None);
        }
        let piece = tokio::time::timeout(ANSWER, self.stream.next()).await;
        let piece = piece.map_err(|_| StoreError::new(StoreFault::Timeout, "the stage stands still"))?;
        let piece =
            piece.unwrap_or_else(|| Err(StoreError::new(StoreFault::Protocol, "the stage ended early")))?;
        let length = piece.len() as u64;
        if !(1..=LARGEST_PIECE).contains(&piece.len()) || length > self.left {
            let message = format!("a piece of {length} bytes where {} were left", self.left);
            return Err(StoreError::new(StoreFault::Protocol, message));
        }
        self.left -= length;
        Ok(Some(HashOnly(piece)))
    }
}

impl HashOnly {
    /// How many bytes.
    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Takes the first `length` bytes out, or all that there are.
    pub(crate) fn split_to(&mut self, length: u64) -> Self {
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(self.0.len());
        Self(self.0.split_to(length))
    }

    /// Another handle on the same bytes.
    pub(crate) fn share(&self) -> Self {
        Self(self.0.clone())
    }

    /// Hashes them as content.
    pub(crate) fn into_content(self, hasher: &mut ContentHasher) {
        hasher.update(&self.0);
    }

    /// Hashes them as an upload, and keeps them where that is asked for within this module.
    pub(super) fn into_upload(self, hasher: &mut UploadHasher, keep: Option<&mut Vec<u8>>) {
        hasher.update(&self.0);
        if let Some(keep) = keep {
            keep.extend_from_slice(&self.0);
        }
    }

    /// Hashes them as content whose leaves are hashed apart.
    pub(crate) fn into_content_without_leaves(self, hasher: &mut ContentHasher) {
        hasher.update_without_leaves(&self.0);
    }

    /// Hashes them for leaves of their own.
    pub(crate) fn into_leaves(self, hasher: &mut LeavesHasher) {
        hasher.update(&self.0);
    }
}
