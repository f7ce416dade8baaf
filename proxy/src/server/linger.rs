//! The end of a connection whose client is still sending.
//!
//! A socket that is closed while bytes wait in it ends in a reset, and a reset overtakes the answer: a client that is told
//! early that its upload is refused would see a broken pipe, and never why. So the answer is followed by a FIN, and what
//! still comes is thrown away for a while, until the client has had time to read.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Sleep;

/// So long a client has to read its answer: it holds one of `limits.max_connections` meanwhile.
const TIME: Duration = Duration::from_secs(5);
/// So much is thrown away: more than the parts of those clients that send all of one before they read.
const BYTES: u64 = 256 << 20;
/// What is read at once, bytes.
const BUFFER: usize = 16 << 10;

/// Whether the client of a connection may be sending a body that nobody reads. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    fn set(&self, unread: bool) {
        self.0.store(unread, Ordering::Release);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The body of a request, of which its connection knows whether all of it was read.
#[derive(Debug)]
pub struct Arriving {
    body: Incoming,
    unread: Unread,
}

impl Arriving {
    /// The body of the request that a connection is at now.
    pub(super) fn new(body: Incoming, unread: Unread) -> Self {
        unread.set(!body.is_end_stream());
        Self { body, unread }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.unread.set(false);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How much longer a connection is read from that was shut down for writing.
pub(super) struct Linger {
    /// Bytes.
    left: u64,
    /// Made when it begins.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Linger {
    pub(super) fn new() -> Self {
        Self { left: BYTES, deadline: None }
    }

    /// Throws away what comes. Ready when the client is done, or has had its time.
    pub(super) fn poll(&mut self, stream: &mut (impl AsyncRead + Unpin), cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(TIME)));
        if deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut space = [MaybeUninit::uninit(); BUFFER];
        while self.left > 0 {
            let mut buffer = ReadBuf::uninit(&mut space);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    self.left = self.left.saturating_sub(buffer.filled().len() as u64);
                }
                // The client is done, or gone.
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_client() {
        let (mut client, mut server) = tokio::io::duplex(1 << 10);
        let sending = tokio::spawn(async move { client.write_all(&[0; 100 << 10]).await });
        let mut linger = Linger::new();
        let began = tokio::time::Instant::now();
        poll_fn(|cx| linger.poll(&mut server, cx)).await;
        sending.await.unwrap().unwrap();
        assert_eq!((linger.left, began.elapsed()), (BYTES - (100 << 10), Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_nothing_or_never_ends_is_left() {
        let (mut client, mut server) = tokio::io::duplex(1 << 10);
        let mut linger = Linger::new();
        let began = tokio::time::Instant::now();
        poll_fn(|cx| linger.poll(&mut server, cx)).await;
        assert_eq!((linger.left, began.elapsed()), (BYTES, TIME));

        let sending = tokio::spawn(async move { while client.write_all(&[0; 1 << 10]).await.is_ok() {} });
        let mut linger = Linger::new();
        poll_fn(|cx| linger.poll(&mut server, cx)).await;
        assert_eq!(linger.left, 0);
        drop(server);
        sending.await.unwrap();
    }
}
