//! One TCP connection: how it ends when an answer must not look complete, and how long it may stand still.

use std::io;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Over how long a client's rate is averaged.
const RATE_WINDOW: Duration = Duration::from_secs(10);

/// Asks for a connection to end in a reset.
///
/// A connection that ends in the middle of a body with a FIN (or a TLS `close_notify`) looks like success to clients
/// that do not count; a reset is an error to all of them.
#[derive(Debug, Clone, Default)]
pub struct Abort(Arc<AtomicBool>);

impl Abort {
    /// From now on the connection sends nothing more and ends in a reset.
    pub fn abort(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How slow a client may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Without a byte taken for so long, the connection ends.
    pub(super) idle: Duration,
    /// Bytes a second, averaged over [`RATE_WINDOW`], while we wait for the client.
    pub(super) min_rate: Option<NonZeroU64>,
}

/// A connection whose end and whose pace are watched. What a client *sends* too slowly is the business of whoever
/// waits for it; what it *takes* too slowly is seen only here.
pub(super) struct Connection {
    stream: TcpStream,
    abort: Abort,
    pace: Pace,
    wait: Wait,
}

/// How long writes have waited for the client, and what it took.
#[derive(Default)]
struct Wait {
    /// Since when a write waits now.
    since: Option<Instant>,
    /// When that wait has been too long. Made at the first wait, then used again.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Time spent waiting in the current window; time in which nothing was to be sent does not count.
    waited: Duration,
    /// Bytes taken in the current window.
    taken: u64,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, abort: Abort, pace: Pace) -> Self {
        Self { stream, abort, pace, wait: Wait::default() }
    }

    /// Every write goes through here: refuses when aborted, and keeps the client to its pace.
    fn watched(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.abort.is_set() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match write(Pin::new(&mut self.stream), cx) {
            Poll::Ready(Ok(written)) => {
                Poll::Ready(self.wait.took(written as u64, self.pace).map(|()| written))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(self.wait.poll(cx, self.pace));
                self.abort.abort();
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
            }
        }
    }
}

impl Wait {
    /// Ready when the present wait has been too long.
    fn poll(&mut self, cx: &mut Context<'_>, pace: Pace) -> Poll<()> {
        let now = Instant::now();
        let begins = self.since.replace(self.since.unwrap_or(now)).is_none();
        let deadline =
            self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(now + pace.idle)));
        if begins {
            deadline.as_mut().reset(now + pace.idle);
        }
        deadline.as_mut().poll(cx)
    }

    /// Notes progress; at the end of a window, an error if it was too little.
    fn took(&mut self, bytes: u64, pace: Pace) -> io::Result<()> {
        self.taken += bytes;
        let Some(since) = self.since.take() else { return Ok(()) };
        self.waited += since.elapsed();
        if self.waited < RATE_WINDOW {
            return Ok(());
        }
        let least = pace.min_rate.map_or(0, NonZeroU64::get).saturating_mul(self.waited.as_secs());
        let slow = self.taken < least;
        (self.waited, self.taken) = (Duration::ZERO, 0);
        if slow {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes too little"))
        } else {
            Ok(())
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.watched(cx, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.watched(cx, |stream, cx| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.abort.is_set() {
            // No FIN: the reset follows when the socket is dropped.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.abort.is_set() {
            // A failure means that the socket is gone already.
            let _ = self.stream.set_zero_linger();
        }
    }
}
