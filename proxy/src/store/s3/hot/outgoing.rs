//! Bodies of requests, as hyper takes them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
        /// Is told when the last piece was taken.
        taken: Arc<AtomicBool>,
    },
}

/// The end that a streamed body is fed by. Dropped before the last piece, it abandons the request.
#[derive(Debug)]
pub(super) struct Feeder {
    pub(super) pieces: mpsc::Sender<Bytes>,
    taken: Arc<AtomicBool>,
}

impl Feeder {
    /// Says, also later, whether the last piece was taken: before that, nobody can have all of it.
    pub(super) fn taken(&self) -> Arc<AtomicBool> {
        self.taken.clone()
    }
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
    pub(super) fn streamed(length: u64) -> (Feeder, Self) {
        let (pieces, receiver) = mpsc::channel(1);
        let taken = Arc::new(AtomicBool::new(false));
        (Feeder { pieces, taken: taken.clone() }, Self::Streamed { pieces: receiver, left: length, taken })
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
            Self::Streamed { pieces, left, taken } => pieces.poll_recv(cx).map(|piece| {
                let rest = piece.as_ref().and_then(|piece| left.checked_sub(piece.len() as u64));
                let (Some(piece), Some(rest)) = (piece, rest) else { return Some(Err(Abandoned)) };
                *left = rest;
                taken.fetch_or(rest == 0, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn the_last_piece_is_on_its_way_when_it_was_taken_and_not_before() {
        let (feeder, mut body) = Outgoing::streamed(3);
        let taken = feeder.taken();
        let is_taken = || taken.load(Ordering::Relaxed);
        feeder.pieces.send(Bytes::from_static(b"ab")).await.unwrap();
        body.frame().await.unwrap().unwrap();
        feeder.pieces.send(Bytes::from_static(b"c")).await.unwrap();
        drop(feeder);
        assert!(!is_taken(), "it waits");
        body.frame().await.unwrap().unwrap();
        assert!(is_taken());
        assert!(body.frame().await.is_none());
    }
}
