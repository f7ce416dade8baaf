//! Bodies of requests, as hyper takes them.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// The body of a request.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// All of it is here. `None`: it is empty, or has been sent.
    Whole(Option<Bytes>),
    /// It comes piece by piece.
    Streamed {
        /// Whoever holds the other end drops it to abandon the request.
        pieces: mpsc::Receiver<Bytes>,
        /// Bytes to come.
        left: u64,
    },
}

/// The body ended before its announced length. Hyper closes the connection, and the store has nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body was abandoned")]
pub(super) struct Abandoned;

impl Outgoing {
    /// A body that is all here.
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }

    /// A body of `length` bytes, and the end to feed it by.
    pub(super) fn streamed(length: u64) -> (mpsc::Sender<Bytes>, Self) {
        let (sender, pieces) = mpsc::channel(1);
        (sender, Self::Streamed { pieces, left: length })
    }

    fn left(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Streamed { left, .. } => *left,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Abandoned;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abandoned>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streamed { left: 0, .. } => Poll::Ready(None),
            Self::Streamed { pieces, left } => pieces.poll_recv(cx).map(|piece| {
                let rest = piece.as_ref().and_then(|piece| left.checked_sub(piece.len() as u64));
                let (Some(piece), Some(rest)) = (piece, rest) else { return Some(Err(Abandoned)) };
                *left = rest;
                Some(Ok(Frame::data(piece)))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}
