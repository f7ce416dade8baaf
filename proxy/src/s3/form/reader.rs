//! Feeds a request's body into the splitter.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body;

use super::Malformed;
use super::splitter::{Piece, Splitter};
use crate::s3::error::{Code, S3Error};

/// A form's body, piece by piece.
#[derive(Debug)]
pub(super) struct Reader<B> {
    body: B,
    splitter: Splitter,
}

impl<B> Reader<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    pub(super) fn new(body: B, boundary: &str) -> Self {
        Self { body, splitter: Splitter::new(boundary) }
    }

    /// The next piece; `None` once the closing boundary was seen and the body has ended. Not to be called again after
    /// that or an error.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Piece>, S3Error>> {
        loop {
            if let Some(piece) = self.splitter.next()? {
                return Poll::Ready(Ok(Some(piece)));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.splitter.push(&data),
                    Err(_) => return Poll::Ready(Err(Malformed("it has trailers").into())),
                },
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
                None if self.splitter.is_closed() => return Poll::Ready(Ok(None)),
                None => return Poll::Ready(Err(cut())),
            }
        }
    }

    /// The most bytes that can still come, where the body knows.
    pub(super) fn upper(&self) -> Option<u64> {
        // A piece in memory has fewer than 2^64 bytes wherever this runs.
        self.body.size_hint().upper()?.checked_add(self.splitter.pending() as u64)
    }
}

/// A body that fails: with an error of ours (a time limit of the server's), or because the client went away.
fn broken(error: impl Into<Box<dyn Error + Send + Sync>>) -> S3Error {
    match error.into().downcast::<S3Error>() {
        Ok(error) => *error,
        Err(_) => cut(),
    }
}

fn cut() -> S3Error {
    S3Error::new(Code::IncompleteBody, "The form ended before its closing boundary")
}
