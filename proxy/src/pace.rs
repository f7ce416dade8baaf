//! How slow a client or a store may be: the same measure for what it sends and for what it takes.

use std::io;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hallmark_config::Limits;
use http_body::{Body, Frame, SizeHint};
use prometheus_client::metrics::counter::Counter;
use tokio::time::{Instant, Sleep};

use crate::s3::error::{Code, S3Error};

/// Over how much waiting a rate is averaged.
const WINDOW: Duration = Duration::from_secs(10);

/// What a store must keep up, bytes a second: less than any that is of use, and enough that nobody holds a request for ever
/// with a byte now and then.
const STORE_RATE: NonZeroU64 = NonZeroU64::MIN.saturating_add((1 << 10) - 1);

/// The limits.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Without a byte for so long, a transfer ends.
    idle: Duration,
    /// Bytes a second, averaged over `window` of waiting.
    min_rate: Option<NonZeroU64>,
    window: Duration,
}

impl Pace {
    /// The limits of the configuration.
    pub fn new(limits: &Limits) -> Self {
        Self { idle: limits.idle_timeout, min_rate: limits.min_rate, window: WINDOW }
    }

    /// Those of a store that may be silent for so long: the window is no shorter, since a pause that is permitted is not
    /// slowness.
    pub(crate) fn of_store(idle: Duration) -> Self {
        Self { idle, min_rate: Some(STORE_RATE), window: idle.max(WINDOW) }
    }

    /// How long one may be silent.
    pub(crate) fn idle(&self) -> Duration {
        self.idle
    }
}

/// What was moved of late, and how long that was waited for.
#[derive(Debug, Default)]
pub(crate) struct Window {
    waited: Duration,
    moved: u64,
}

impl Window {
    /// Bytes got through that were waited for so long.
    ///
    /// # Errors
    /// At the end of a window: they were too few.
    pub(crate) fn moved(&mut self, pace: &Pace, waited: Duration, bytes: u64) -> Result<(), TooSlow> {
        self.moved += bytes;
        self.waited += waited;
        if self.waited < pace.window {
            return Ok(());
        }
        let least = pace.min_rate.map_or(0, NonZeroU64::get).saturating_mul(self.waited.as_secs());
        let Self { moved, .. } = std::mem::take(self);
        if moved < least { Err(TooSlow) } else { Ok(()) }
    }
}

/// How long one direction of a transfer has waited for the other side, and what it got meanwhile. Time in which nothing was
/// asked of it does not count.
#[derive(Debug)]
pub(crate) struct Wait {
    pace: Pace,
    /// Since when it waits now.
    since: Option<Instant>,
    /// When that has been too long. Made at the first wait, then used again.
    deadline: Option<Pin<Box<Sleep>>>,
    window: Window,
}

impl Wait {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, since: None, deadline: None, window: Window::default() }
    }

    /// The other side is waited for. Ready when that has been too long.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<TooSlow> {
        let now = Instant::now();
        let too_long = now + self.pace.idle;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(too_long)));
        if self.since.is_none() {
            self.since = Some(now);
            deadline.as_mut().reset(too_long);
        }
        deadline.as_mut().poll(cx).map(|()| TooSlow)
    }

    /// Bytes got through.
    ///
    /// # Errors
    /// At the end of a window: they were too few.
    pub(crate) fn moved(&mut self, bytes: u64) -> Result<(), TooSlow> {
        let waited = self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.window.moved(&self.pace, waited, bytes)
    }
}

/// Too little moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooSlow;

impl From<TooSlow> for io::Error {
    fn from(_: TooSlow) -> Self {
        Self::new(io::ErrorKind::TimedOut, "the client takes too little")
    }
}

impl From<TooSlow> for S3Error {
    fn from(_: TooSlow) -> Self {
        let message =
            "Your socket connection to the server was not read from or written to within the timeout period.";
        Self::new(Code::RequestTimeout, message)
    }
}

/// The body of a request, whose sender is held to a pace.
#[derive(Debug)]
pub struct Paced<B> {
    body: B,
    wait: Wait,
    received: Counter,
}

impl<B> Paced<B> {
    /// Holds the sender of `body` to `pace`.
    pub fn new(body: B, pace: Pace) -> Self {
        Self { body, wait: Wait::new(pace), received: Counter::default() }
    }

    /// Counts the bytes that come.
    #[must_use]
    pub fn counted(self, received: Counter) -> Self {
        Self { received, ..self }
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                this.received.inc_by(bytes);
                let paced = this.wait.moved(bytes).map(|()| frame);
                Poll::Ready(Some(paced.map_err(|slow| S3Error::from(slow).into())))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => this.wait.poll(cx).map(|slow| Some(Err(S3Error::from(slow).into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_does_not_hold_a_store_s_request_for_ever() {
        let silent = Duration::from_secs(29);
        for (bytes, lasts) in [(1, false), (900, false), (32 << 10, true)] {
            let mut wait = Wait::new(Pace::of_store(Duration::from_secs(30)));
            let moved = (0..100).try_for_each(|_| {
                wait.since = Some(Instant::now() - silent);
                wait.moved(bytes)
            });
            assert_eq!(moved.is_ok(), lasts, "{bytes}");
        }
        // One pause that is permitted is not slowness.
        let mut wait = Wait::new(Pace::of_store(Duration::from_secs(30)));
        wait.since = Some(Instant::now() - silent);
        wait.moved(1).unwrap();
        for _ in 0..1000 {
            wait.moved(16 << 10).unwrap();
        }
    }
}
