//! Released bytes on their way into an upload.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::released::Release;
use crate::gate::GateError;
use crate::s3::error::S3Error;

/// A download as the body of an upload: what matched its digest may be stored again. It ends only when all of it was
/// released; a bad leaf breaks it off with the refusal.
pub struct Carried {
    release: Release,
    left: u64,
}

impl Release {
    /// Makes it the body of an upload.
    pub fn carry(self) -> Carried {
        Carried { left: self.length, release: self }
    }
}

impl Body for Carried {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match ready!(self.release.stream.as_mut().poll_next(context)) {
            None => Poll::Ready(None),
            Some(Ok(released)) => {
                self.left = self.left.saturating_sub(released.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(released.0))))
            }
            Some(Err(fault)) => Poll::Ready(Some(Err(Box::new(S3Error::from(GateError::from(fault)))))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
