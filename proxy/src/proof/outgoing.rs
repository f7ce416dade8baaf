//! The body of an answer: the one type that hyper is given.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::fault::ProofError;
use super::released::Release;
use crate::s3::documents::Document;

/// The body of an answer: nothing, a document of our own, or verified bytes. There is no other.
pub struct Outgoing(Kind);

enum Kind {
    Empty,
    Document(Option<Bytes>),
    Artifact { release: Release, left: u64, on_fault: Box<dyn FnOnce(&ProofError) + Send>, failed: bool },
}

impl Outgoing {
    /// No body.
    pub fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A document that we made.
    pub fn document(document: Document) -> Self {
        Self(Kind::Document(Some(document.into_bytes())))
    }

    /// Verified bytes. `on_fault` is called when a later leaf turns out bad: it must make the connection end in a
    /// reset, since the client was promised a whole body.
    pub fn artifact(release: Release, on_fault: impl FnOnce(&ProofError) + Send + 'static) -> Self {
        let left = release.length();
        Self(Kind::Artifact { release, left, on_fault: Box::new(on_fault), failed: false })
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = ProofError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ProofError>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Document(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Artifact { release, left, on_fault, failed } => {
                if *failed {
                    return Poll::Ready(None);
                }
                match ready!(release.stream.as_mut().poll_next(cx)) {
                    Some(Ok(piece)) => {
                        *left = left.saturating_sub(piece.0.len() as u64);
                        Poll::Ready(Some(Ok(Frame::data(piece.0))))
                    }
                    Some(Err(error)) => {
                        *failed = true;
                        std::mem::replace(on_fault, Box::new(|_| ()))(&error);
                        Poll::Ready(Some(Err(error)))
                    }
                    None => Poll::Ready(None),
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Document(bytes) => bytes.is_none(),
            Kind::Artifact { left, failed, .. } => *left == 0 && !failed,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Document(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Artifact { left, .. } => SizeHint::with_exact(*left),
        }
    }
}
