//! Puts small pieces of data together.
//!
//! A piece is a slice of the buffer that it arrived in and keeps the whole of it in memory. A client that sends chunks
//! of one byte would thus make whoever holds back a megabyte of data hold a hundred. So small pieces are copied into
//! one of decent size, and only large ones are passed on as they are.

use bytes::{Bytes, BytesMut};

/// The least that goes out as it came, and what small pieces are put together to.
pub(super) const DECENT: usize = 64 * 1024;

/// Data on its way out.
#[derive(Debug, Default)]
pub(super) struct Coalescer {
    /// Less than twice [`DECENT`], before `large`.
    small: BytesMut,
    large: Option<Bytes>,
}

impl Coalescer {
    /// Adds data. The caller has popped until there was nothing.
    pub(super) fn push(&mut self, data: Bytes) {
        if data.len() >= DECENT {
            self.large = Some(data);
        } else {
            self.small.extend_from_slice(&data);
        }
    }

    /// The next piece that is ready.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        if self.small.len() >= DECENT || (self.large.is_some() && !self.small.is_empty()) {
            return self.flush();
        }
        self.large.take()
    }

    /// What is left, ready or not. The caller has popped until there was nothing.
    pub(super) fn flush(&mut self) -> Option<Bytes> {
        let small = std::mem::take(&mut self.small);
        if small.is_empty() { None } else { Some(small.freeze()) }
    }
}
