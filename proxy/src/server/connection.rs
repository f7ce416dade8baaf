//! One TCP connection: how it ends while an artifact is on its way or the client still sends, and how slowly the other side
//! may take it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::linger::{Linger, Unread};
use crate::pace::{Pace, Wait};

/// What is on its way out of a connection; decides how it looks to the client if it ends now.
///
/// A connection that ends within a body with a FIN (or a TLS `close_notify`) looks like success to clients that do not
/// count. So while an artifact is on its way the socket is told to end in a reset, whatever ends it: a leaf that does
/// not match, a client that is too slow, the end of the process.
#[derive(Debug, Clone, Default)]
pub struct Delivery(Arc<AtomicU8>);

/// Nothing, or something short that says its own length.
const IDLE: u8 = 0;
/// An artifact.
const UNDER_WAY: u8 = 1;
/// An artifact that must not arrive.
const ABORTED: u8 = 2;

impl Delivery {
    /// An artifact is on its way.
    pub fn begin(&self) {
        // An aborted connection stays so.
        let _ = self.0.compare_exchange(IDLE, UNDER_WAY, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Its last byte was handed over.
    pub fn complete(&self) {
        let _ = self.0.compare_exchange(UNDER_WAY, IDLE, Ordering::AcqRel, Ordering::Acquire);
    }

    /// It must not arrive: from now on the connection sends nothing more and ends in a reset.
    pub fn abort(&self) {
        self.0.store(ABORTED, Ordering::Release);
    }

    fn state(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }
}

/// A connection whose end and whose pace are watched. What a client *sends* too slowly is the business of whoever
/// reads its body; what it *takes* too slowly is seen only here.
pub(super) struct Connection {
    stream: TcpStream,
    delivery: Delivery,
    wait: Wait,
    /// The socket was told to end in a reset.
    resets: bool,
    unread: Unread,
    linger: Linger,
    /// Nothing more is sent.
    finished: bool,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, delivery: Delivery, unread: Unread, pace: Pace) -> Self {
        let (wait, linger) = (Wait::new(pace), Linger::new());
        Self { stream, delivery, wait, resets: false, unread, linger, finished: false }
    }

    /// Every write goes through here: refuses when aborted, and keeps the client to its pace.
    fn watched(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match self.delivery.state() {
            ABORTED => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            UNDER_WAY => self.end_in_reset()?,
            _ => {}
        }
        match write(Pin::new(&mut self.stream), cx) {
            Poll::Ready(Ok(written)) => {
                self.wait.moved(written as u64)?;
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let slow = ready!(self.wait.poll(cx));
                Poll::Ready(Err(slow.into()))
            }
        }
    }

    fn end_in_reset(&mut self) -> io::Result<()> {
        if !self.resets {
            self.stream.set_zero_linger()?;
            self.resets = true;
        }
        Ok(())
    }

    /// Back to an ordinary end, once all that was handed over is written.
    fn end_in_fin(&mut self) -> io::Result<()> {
        if self.resets && self.delivery.state() == IDLE {
            SockRef::from(&self.stream).set_linger(None::<Duration>)?;
            self.resets = false;
        }
        Ok(())
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

    /// Comes when there is nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        Poll::Ready(self.end_in_fin())
    }

    /// Ready when the socket can be closed without taking the answer back.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.delivery.state() != IDLE {
            // No FIN: the reset follows when the socket is dropped.
            return Poll::Ready(this.end_in_reset());
        }
        if !this.finished {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.finished = true;
        }
        if this.unread.is_set() {
            ready!(this.linger.poll(&mut this.stream, cx));
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.delivery.state() != IDLE {
            // A failure means that the socket is gone already.
            let _ = self.end_in_reset();
        }
    }
}
