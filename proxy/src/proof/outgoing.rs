//! The body of an answer: the one type that hyper is given.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use prometheus_client::metrics::counter::Counter;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::fault::ProofError;
use super::released::Release;
use crate::s3::documents::{DECLARATION, Document};

/// How often a client that waits for a document hears that it is still being worked on.
const TICK: Duration = Duration::from_secs(10);

/// The body of an answer: nothing, a document of our own, or verified bytes. There is no other.
pub struct Outgoing(Kind);

enum Kind {
    Empty,
    Document { bytes: Option<Bytes>, _held: Option<Box<dyn Any + Send>> },
    Late(Late),
    Artifact(Artifact),
}

/// A document that is not ready yet.
struct Late {
    document: Pin<Box<dyn Future<Output = Document> + Send>>,
    tick: Interval,
    progress: Progress,
}

enum Progress {
    /// Nothing was sent.
    Begin,
    /// The beginning of the document was.
    Waiting,
    /// All of it was.
    Ended,
}

/// Is told how a body ended: its last byte was handed over, or why it never will be.
type OnEnd = Box<dyn FnOnce(Result<(), &ProofError>) + Send>;

struct Artifact {
    release: Release,
    left: u64,
    /// Counts what is handed over.
    released: Counter,
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

    /// A document of our own that is still being worked on: its first line at once, then white space now and then, which
    /// means nothing in XML and keeps client and connection awake, and in the end the rest of it.
    pub fn late(document: impl Future<Output = Document> + Send + 'static) -> Self {
        let mut tick = interval_at(Instant::now() + TICK, TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(Kind::Late(Late { document: Box::pin(document), tick, progress: Progress::Begin }))
    }

    /// Verified bytes, which `released` counts as they are handed over. `on_end` is told when the last of them was handed over, or that a later leaf turned out bad: then
    /// the connection must end in a reset, since the client was promised a whole body. A body that is dropped before
    /// its end tells nothing.
    pub fn artifact(
        release: Release,
        released: Counter,
        on_end: impl FnOnce(Result<(), &ProofError>) + Send + 'static,
    ) -> Self {
        let left = release.length();
        let mut artifact = Artifact { release, left, released, on_end: Some(Box::new(on_end)), fault: None };
        if left == 0 {
            artifact.end(Ok(()));
        }
        Self(Kind::Artifact(artifact))
    }
}

impl Late {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.progress {
            Progress::Begin => {
                self.progress = Progress::Waiting;
                Poll::Ready(Some(Bytes::from_static(DECLARATION.as_bytes())))
            }
            Progress::Waiting => match self.document.as_mut().poll(cx) {
                Poll::Ready(document) => {
                    self.progress = Progress::Ended;
                    Poll::Ready(Some(document.rest()))
                }
                Poll::Pending => self.tick.poll_tick(cx).map(|_| Some(Bytes::from_static(b" "))),
            },
            Progress::Ended => Poll::Ready(None),
        }
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
                let length = piece.0.len() as u64;
                self.released.inc_by(length);
                self.left = self.left.saturating_sub(length);
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
            Kind::Late(late) => late.poll(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Artifact(artifact) => artifact.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Document { bytes, .. } => bytes.is_none(),
            Kind::Late(late) => matches!(late.progress, Progress::Ended),
            Kind::Artifact(artifact) => artifact.left == 0 && artifact.fault.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Document { bytes, .. } => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Kind::Late(_) => SizeHint::default(),
            Kind::Artifact(artifact) => SizeHint::with_exact(artifact.left),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::s3::documents::error_document;
    use crate::s3::error::S3Error;
    use crate::s3::response::RequestId;

    #[tokio::test(start_paused = true)]
    async fn a_late_document_is_announced_kept_alive_and_whole() {
        let document = error_document(&S3Error::internal(), "/b/k", &RequestId::new(1));
        let whole = document.bytes().clone();
        let mut body = Outgoing::late(async move {
            tokio::time::sleep(TICK * 5 / 2).await;
            document
        });
        let mut frames = Vec::new();
        while let Some(frame) = body.frame().await {
            frames.push(frame.unwrap().into_data().unwrap());
        }
        let rest = frames.split_off(3);
        assert_eq!(frames, [DECLARATION, " ", " "]);
        assert_eq!([DECLARATION.as_bytes(), &rest.concat()].concat(), whole);
        assert!(body.is_end_stream());
    }
}
