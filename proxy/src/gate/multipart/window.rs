//! The in-order window: the hash of an upload's parts while they arrive.

use std::sync::Arc;

use bytes::Bytes;
use hallmark_signer::{ContentHasher, Sha256Digest};

use crate::store::PartNumber;

/// The windows of one instance: one for each upload that has parts on their way through it.
#[derive(Debug, Default)]
pub struct Windows {}

/// A part on its way into the window. Dropped before [`commit`](Feed::commit), it was never there.
#[derive(Debug)]
pub struct Feed {
    _windows: Arc<Windows>,
}

/// What the window knows of a list of parts: the state of the hash after the first of them.
pub(super) struct Prefix {
    /// After the first [`parts`](Self::parts) parts of the list.
    pub(super) hasher: ContentHasher,
    /// How many parts of the list are in it.
    pub(super) parts: usize,
}

impl Windows {
    /// Windows that hold at most `bytes` in all.
    pub fn new(_bytes: u64) -> Arc<Self> {
        Arc::default()
    }

    /// A part of the upload whose id has these random bytes begins to arrive.
    pub fn begin(self: &Arc<Self>, _upload: &[u8; 16], _number: PartNumber) -> Feed {
        Feed { _windows: self.clone() }
    }

    /// The upload is over.
    pub fn forget(&self, _upload: &[u8; 16]) {}

    /// The hash of as many parts of `list` as the window has seen in this order; of none, if it saw anything else.
    pub(super) async fn prefix(&self, _upload: &[u8; 16], _list: &[(PartNumber, Sha256Digest)]) -> Prefix {
        Prefix { hasher: ContentHasher::of_unknown_length(), parts: 0 }
    }
}

impl Feed {
    /// Takes the next piece. Never waits.
    pub fn data(&mut self, _piece: &Bytes) {}

    /// The part with these bytes is durable, and so is its record, which says the same SHA-256.
    pub fn commit(self, _sha256: &Sha256Digest) {}
}
