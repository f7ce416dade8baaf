//! What the store answers, with a limit to every wait and every length.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::headers::{self, Malformed};
use super::limit::Permit;
use crate::pace::{Pace, TooSlow, Wait};
use crate::store::{StoreError, StoreFault};

/// An answer of success whose body was not read yet. Dropping it closes the connection, if there is much to come.
#[derive(Debug)]
pub(in crate::store::s3) struct Answer {
    pub(in crate::store::s3) status: StatusCode,
    pub(in crate::store::s3) headers: HeaderMap,
    body: Incoming,
    stall: Duration,
    permit: Permit,
}

impl Answer {
    pub(super) fn new(response: Response<Incoming>, stall: Duration, permit: Permit) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, body, stall, permit }
    }

    /// The length of the body as it was announced.
    pub(in crate::store::s3) fn length(&self) -> Result<u64, Malformed> {
        if self.headers.contains_key(TRANSFER_ENCODING) {
            return Err(Malformed::new("the body comes without a length"));
        }
        headers::required(&self.headers, &CONTENT_LENGTH)?
            .parse()
            .map_err(|_| Malformed::new("the length is not a number"))
    }

    /// The body, which must have exactly this length.
    pub(in crate::store::s3) fn stream(self, length: u64) -> AnswerBody {
        let Self { body, stall, permit, .. } = self;
        AnswerBody { body, left: length, stall, wait: Wait::new(Pace::of_store(stall)), permit: Some(permit) }
    }

    /// The body, of at most `limit` bytes.
    pub(in crate::store::s3) async fn collect(self, limit: usize) -> Result<Bytes, StoreError> {
        let stall = self.stall;
        let mut body = self.body;
        let collected = async {
            let mut all = BytesMut::new();
            while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                let Ok(data) = frame.map_err(|error| cut(&error))?.into_data() else { continue };
                if all.len() + data.len() > limit {
                    return Err(StoreError::new(StoreFault::Protocol, "an answer is too long"));
                }
                all.extend_from_slice(&data);
            }
            Ok(all.freeze())
        };
        timeout(stall, collected).await.unwrap_or_else(|_| Err(late(stall)))
    }
}

/// The bytes of an answer, not more or fewer than announced.
pub(in crate::store::s3) struct AnswerBody {
    body: Incoming,
    left: u64,
    stall: Duration,
    wait: Wait,
    permit: Option<Permit>,
}

impl Stream for AnswerBody {
    type Item = Result<Bytes, StoreError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        // An answer that failed, or ended, is over.
        if this.permit.is_none() {
            return Poll::Ready(None);
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
                return this.wait.poll(cx).map(|TooSlow| {
                    this.permit = None;
                    Some(Err(late(this.stall)))
                });
            };
            let step = match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => continue,
                    Ok(data) if this.wait.moved(data.len() as u64).is_err() => Some(Err(slow())),
                    Ok(data) => match this.left.checked_sub(data.len() as u64) {
                        Some(left) => {
                            this.left = left;
                            return Poll::Ready(Some(Ok(data)));
                        }
                        None => Some(Err(StoreError::new(StoreFault::Protocol, "the body is too long"))),
                    },
                    // Trailers say nothing that is believed.
                    Err(_) => continue,
                },
                Some(Err(error)) => Some(Err(cut(&error))),
                None if this.left > 0 => {
                    Some(Err(StoreError::new(StoreFault::Unavailable, "the body ended early")))
                }
                None => None,
            };
            this.permit = None;
            return Poll::Ready(step);
        }
    }
}

fn cut(error: &hyper::Error) -> StoreError {
    StoreError::new(StoreFault::Unavailable, format!("the body was not read to its end: {error}"))
}

fn slow() -> StoreError {
    StoreError::new(StoreFault::Timeout, "a body came too slowly")
}

fn late(stall: Duration) -> StoreError {
    StoreError::new(StoreFault::Timeout, format!("nothing more of a body within {stall:?}"))
}
