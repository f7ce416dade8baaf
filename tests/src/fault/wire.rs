//! One side of a connection: heads and bodies come in, bytes go out.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;

use super::head::{Framing, Head};

/// The longest head.
const MAX_HEAD: usize = 1 << 20;
/// The longest piece of a body that goes on at once.
const MAX_PIECE: usize = 1 << 16;

/// What comes in.
pub(super) struct Incoming {
    stream: Box<dyn AsyncRead + Send + Unpin>,
    buffer: BytesMut,
}

/// What goes out.
pub(super) type Outgoing = Box<dyn AsyncWrite + Send + Unpin>;

/// Ends a connection without a word, whoever still holds its ends.
pub(super) struct Resetter(socket2::Socket);

/// A body that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    framing: Framing,
    /// Of the body, or of the chunk.
    left: u64,
    ended: bool,
}

impl Incoming {
    pub(super) fn new(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self { stream: Box::new(stream), buffer: BytesMut::new() }
    }

    /// The next head; `None`: the peer closed the connection before one began.
    pub(super) async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                return Head::parse(&head[..end]).map(Some);
            }
            // What comes of somebody who speaks TLS, or something else.
            let begin = self.buffer.first().is_some_and(|byte| !byte.is_ascii_alphabetic());
            if begin || self.buffer.len() > MAX_HEAD {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "not HTTP"));
            }
            if self.more().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(short()) };
            }
        }
    }

    /// Takes and forgets what comes, until the peer has closed the connection.
    pub(super) async fn drain(&mut self) {
        while matches!(self.more().await, Ok(1..)) {
            self.buffer.clear();
        }
    }

    async fn more(&mut self) -> io::Result<usize> {
        self.buffer.reserve(MAX_PIECE);
        self.stream.read_buf(&mut self.buffer).await
    }

    /// At most `limit` bytes.
    async fn piece(&mut self, limit: u64) -> io::Result<Bytes> {
        if self.buffer.is_empty() && self.more().await? == 0 {
            return Err(short());
        }
        let length = self.buffer.len().min(MAX_PIECE).min(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn line(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                return Ok(self.buffer.split_to(end + 2).freeze().slice(..end));
            }
            if self.more().await? == 0 {
                return Err(short());
            }
        }
    }
}

impl Body {
    pub(super) fn new(framing: Framing) -> Self {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        Self { framing, left, ended: framing == Framing::Empty }
    }

    /// The next piece, without framing.
    pub(super) async fn next(&mut self, from: &mut Incoming) -> io::Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        if self.framing == Framing::UntilClosed {
            return match from.piece(u64::MAX).await {
                Ok(piece) => Ok(Some(piece)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.end(),
                Err(error) => Err(error),
            };
        }
        if self.framing == Framing::Chunked && self.left == 0 && !self.next_chunk(from).await? {
            return self.end();
        }
        let piece = from.piece(self.left).await?;
        self.left -= piece.len() as u64;
        if self.left == 0 {
            match self.framing {
                Framing::Chunked => drop(from.line().await?),
                Framing::Empty | Framing::Length(_) | Framing::UntilClosed => self.ended = true,
            }
        }
        Ok(Some(piece))
    }

    /// All that is left.
    pub(super) async fn rest(&mut self, from: &mut Incoming) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.next(from).await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    fn end(&mut self) -> io::Result<Option<Bytes>> {
        self.ended = true;
        Ok(None)
    }

    /// `false`: the last chunk and the trailers were read.
    async fn next_chunk(&mut self, from: &mut Incoming) -> io::Result<bool> {
        let line = from.line().await?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let length =
            std::str::from_utf8(digits).ok().and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
        self.left = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a chunk"))?;
        if self.left == 0 {
            while !from.line().await?.is_empty() {}
        }
        Ok(self.left > 0)
    }
}

impl Resetter {
    /// Of a connection that is about to be taken apart.
    pub(super) fn of(stream: &TcpStream) -> io::Result<Self> {
        stream.as_fd().try_clone_to_owned().map(|socket| Self(socket.into()))
    }

    /// From now on the end of the connection is a reset.
    pub(super) fn arm(&self) {
        // The peer may have gone before.
        let _ = self.0.set_linger(Some(Duration::ZERO));
    }
}

/// Connects to the store.
pub(super) async fn connect(address: SocketAddr) -> io::Result<(Incoming, Outgoing)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (incoming, outgoing) = tokio::io::split(stream);
    Ok((Incoming::new(incoming), Box::new(outgoing)))
}

/// A piece of a body, framed; the empty piece ends it.
pub(super) fn framed(framing: Framing, piece: &[u8]) -> Vec<u8> {
    match framing {
        Framing::Chunked => [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat(),
        Framing::Empty | Framing::Length(_) | Framing::UntilClosed => piece.to_vec(),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed the connection")
}
