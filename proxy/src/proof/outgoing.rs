//! The body of an answer: the one type that hyper is given.

use std::any::Any;
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
    Document { bytes: Option<Bytes>, _held: Option<Box<dyn Any + Send>> },
    Artifact(Artifact),
}

/// Is told how a body ended: its last byte was handed over, or why it never will be.
type OnEnd = Box<dyn FnOnce(Result<(), &ProofError>) + Send>;

struct Artifact {
    release: Release,
    left: u64,
    on_end: Option<OnEnd>,
    /// Why the body ends here, until that was said.
    fault: Option<ProofError>,
}

impl Outgoing {
    /// No body.
    pub fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A document that we made.
    pub fn document(document: Document) -> Self {
        Self(Kind::Document { bytes: Some(document.into_bytes()), _held: None })
    }

    /// A document that we made, and what is to be kept until it is sent: the memory that was set aside for it.
    pub fn document_holding(document: Document, held: impl Send + 'static) -> Self {
        Self(Kind::Document { bytes: Some(document.into_bytes()), _held: Some(Box::new(held)) })
    }

    /// Verified bytes. `on_end` is told when the last of them was handed over, or that a later leaf turned out bad: then
    /// the connection must end in a reset, since the client was promised a whole body. A body that is dropped before
    /// its end tells nothing.
    pub fn artifact(release: Release, on_end: impl FnOnce(Result<(), &ProofError>) + Send + 'static) -> Self {
        let left = release.length();
        let mut artifact = Artifact { release, left, on_end: Some(Box::new(on_end)), fault: None };
        if left == 0 {
            artifact.end(Ok(()));
        }
        Self(Kind::Artifact(artifact))
    }
}

impl Artifact {
    fn end(&mut self, how: Result<(), &ProofError>) {
        if let Some(on_end) = self.on_end.take() {
            on_end(how);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ProofError>>> {
        if let Some(fault) = self.fault.take() {
            self.end(Err(&fault));
            return Poll::Ready(Some(Err(fault)));
        }
        if self.on_end.is_none() {
            return Poll::Ready(None);
        }
        match ready!(self.release.stream.as_mut().poll_next(cx)) {
            Some(Ok(piece)) => {
                self.left = self.left.saturating_sub(piece.0.len() as u64);
                if self.left == 0 {
                    self.end(Ok(()));
                }
                Poll::Ready(Some(Ok(Frame::data(piece.0))))
            }
            Some(Err(fault)) => {
                // The next poll says it. Until then the server writes out what was verified and handed over before,
                // which the end of the connection would discard: who resumes gets that much further.
                self.fault = Some(fault);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(None),
        }
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
            Kind::Document { bytes, .. } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Artifact(artifact) => artifact.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Document { bytes, .. } => bytes.is_none(),
            Kind::Artifact(artifact) => artifact.left == 0 && artifact.fault.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Document { bytes, .. } => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Artifact(artifact) => SizeHint::with_exact(artifact.left),
        }
    }
}
