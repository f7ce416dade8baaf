//! Receiving what clients send.

use std::error::Error;

use bytes::Bytes;
use http_body::Body;

use super::budget::{Exhausted, Reservation};
use super::{Gate, GateError};
use crate::pace::{Pace, Paced};
use crate::s3::payload::Payload;

/// A request's body as the server hands it on.
pub trait Incoming: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + Send {}

impl<B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + Send> Incoming for B {}

/// What a parsed document takes beside its text, as a multiple of that.
const PARSED: u64 = 4;

impl Gate {
    /// Holds the sender of `body` to the pace that the configuration asks for, and counts what comes.
    pub fn paced<B>(&self, body: B) -> Paced<B> {
        Paced::new(body, Pace::new(&self.limits)).counted(self.received.clone())
    }

    /// Sets memory aside for `client`, until the reservation is dropped.
    ///
    /// # Errors
    /// There is none within 5 seconds.
    pub async fn reserve(&self, client: &str, bytes: u64) -> Result<Reservation, Exhausted> {
        self.budget.reserve(client, bytes).await
    }

    /// Receives a document of at most `limit` bytes, checked like every body. The memory for it and for what is read from it is `client`'s until the
    /// reservation is dropped.
    ///
    /// # Errors
    /// The body is too long, or not what was declared of it.
    pub async fn receive_document<B: Incoming>(
        &self,
        payload: Payload<B>,
        limit: usize,
        client: &str,
    ) -> Result<(Bytes, Reservation), GateError> {
        let most = payload.length().unwrap_or(u64::MAX).min(limit as u64);
        let held = self.budget.reserve(client, most * PARSED).await?;
        let (document, _checked) = payload.collect(limit).await?;
        Ok((document, held))
    }
}
