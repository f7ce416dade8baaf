//! Receiving a body at the client's pace, but not slower than is permitted.

use std::error::Error;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hallmark_config::Limits;
use http_body::Body;

use super::budget::Reservation;
use super::{Gate, GateError};
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::{DeclaredChecksum, Payload, Step};

/// Over how much waiting a client's rate is averaged.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// A request's body as the server hands it on.
pub trait Incoming: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + Send {}

impl<B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + Send> Incoming for B {}

/// A payload and the clock that its sender is held to.
pub(super) struct Receiver<B> {
    payload: Payload<B>,
    idle: Duration,
    min_rate: u64,
    /// Time spent waiting for the client in the current window, and what it sent.
    waited: Duration,
    taken: u64,
}

impl<B> Receiver<B>
where
    B: Incoming,
{
    pub(super) fn new(payload: Payload<B>, limits: &Limits) -> Self {
        let min_rate = limits.min_rate.map_or(0, NonZeroU64::get);
        Self { payload, idle: limits.idle_timeout, min_rate, waited: Duration::ZERO, taken: 0 }
    }

    /// The decoded length that the client announced.
    pub(super) fn length(&self) -> Option<u64> {
        self.payload.length()
    }

    /// The checksum that the client announced in a header, not compared yet.
    pub(super) fn announced(&self) -> Option<&DeclaredChecksum> {
        self.payload.announced()
    }

    /// The next piece of the decoded body, or its end.
    ///
    /// # Errors
    /// The body is not what its framing and checksums say, or comes too slowly.
    pub(super) async fn next(&mut self) -> Result<Step, S3Error> {
        let began = Instant::now();
        let received =
            tokio::time::timeout(self.idle, self.payload.next()).await.map_err(|_| too_slow())??;
        self.waited += began.elapsed();
        if let Step::Data(bytes) = &received {
            self.taken += bytes.len() as u64;
        }
        if self.waited >= RATE_WINDOW {
            if self.taken < self.min_rate.saturating_mul(self.waited.as_secs()) {
                return Err(too_slow());
            }
            (self.waited, self.taken) = (Duration::ZERO, 0);
        }
        Ok(received)
    }
}

/// What a parsed document takes beside its text, as a multiple of that.
const PARSED: u64 = 4;

impl Gate {
    /// Receives a document of at most `limit` bytes, checked like every body. It has to be here, all of it, within the
    /// time that a client may be idle. The memory for it and for what is read from it is `client`'s until the
    /// reservation is dropped.
    ///
    /// # Errors
    /// The body is too long, not what was declared of it, or comes too slowly.
    pub async fn receive_document<B: Incoming>(
        &self,
        payload: Payload<B>,
        limit: usize,
        client: &str,
    ) -> Result<(Bytes, Reservation), GateError> {
        let most = payload.length().unwrap_or(u64::MAX).min(limit as u64);
        let held = self.budget.reserve(client, most * PARSED).await?;
        let received = tokio::time::timeout(self.limits.idle_timeout, payload.collect(limit)).await;
        let (document, _checked) = received.map_err(|_| too_slow())??;
        Ok((document, held))
    }
}

fn too_slow() -> S3Error {
    let message =
        "Your socket connection to the server was not read from or written to within the timeout period.";
    S3Error::new(Code::RequestTimeout, message)
}
