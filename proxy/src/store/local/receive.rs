//! Takes the body of an upload in.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::bodies::{Bodies, NewBody, Writing};
use super::id::Id;
use super::index::off_thread;
use super::row::Place;
use super::segments::Segment;
use crate::store::{Body, Piece, PutError, StoreError, StoreFault};

/// Bodies up to this size lie in the index: one sync for body and row. 16 KiB is where a file becomes the cheaper.
pub(super) const INLINE_MAX: u64 = 16 << 10;

/// Bytes gathered while others are being written; so an upload holds twice this and a piece.
const GATHER_BYTES: usize = 1 << 19;

/// Pieces gathered at most, however small: what one vectored write takes.
const GATHER_PIECES: usize = 1024;

/// A body that was received whole, durable if it is a file.
pub(super) enum Content {
    Inline(Bytes),
    File(NewBody),
    Segments {
        /// Which files, in which order.
        list: Vec<Segment>,
        /// Those of them that no row names yet; a stage names the others.
        new: Vec<NewBody>,
    },
}

impl Content {
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Inline(_) => Place::Inline,
            Self::File(_) => Place::File,
            Self::Segments { .. } => Place::Segments,
        }
    }

    /// Makes a durable body of bytes that are all here.
    pub(super) async fn of(bodies: &Arc<Bodies>, id: Id, bytes: Bytes) -> Result<Self, StoreError> {
        if bytes.len() as u64 <= INLINE_MAX {
            return Ok(Self::Inline(bytes));
        }
        let bodies = Arc::clone(bodies);
        let file = off_thread(move || Writing::begin(&bodies, id)?.write(&[bytes])?.finish()).await?;
        file.map(Self::File).map_err(|e| unwritten(&e))
    }
}

/// Receives exactly `length` bytes, and the ETag that says that they are to be kept.
pub(super) async fn receive(
    bodies: &Arc<Bodies>,
    id: Id,
    length: u64,
    body: Body,
) -> Result<(Content, Box<str>), PutError> {
    let mut source = Source { body, left: length };
    if length <= INLINE_MAX {
        let (bytes, etag) = collect(&mut source).await?;
        Ok((Content::Inline(bytes), etag))
    } else {
        let (file, etag) = spool(bodies, id, &mut source).await?;
        Ok((Content::File(file), etag))
    }
}

/// Receives exactly `length` bytes into a file, however few.
pub(super) async fn receive_file(
    bodies: &Arc<Bodies>,
    id: Id,
    length: u64,
    body: Body,
) -> Result<NewBody, PutError> {
    let (file, _) = spool(bodies, id, &mut Source { body, left: length }).await?;
    Ok(file)
}

/// A body and how much of it is to come.
struct Source {
    body: Body,
    left: u64,
}

enum Next {
    Data(Bytes),
    Complete(Box<str>),
}

impl Source {
    /// Can be dropped while it waits, without losing a piece.
    async fn next(&mut self) -> Result<Next, PutError> {
        match self.body.next().await {
            Some(Piece::Data(bytes)) => {
                self.left = self.left.checked_sub(bytes.len() as u64).ok_or(PutError::Incomplete)?;
                Ok(Next::Data(bytes))
            }
            Some(Piece::Commit { etag }) if self.left == 0 => Ok(Next::Complete(etag)),
            Some(Piece::Commit { .. }) | None => Err(PutError::Incomplete),
        }
    }
}

async fn collect(source: &mut Source) -> Result<(Bytes, Box<str>), PutError> {
    let mut all: Vec<u8> = Vec::new();
    loop {
        match source.next().await? {
            // The usual case: one piece, kept as it is.
            Next::Data(bytes) if all.is_empty() && source.left == 0 => match source.next().await? {
                Next::Complete(etag) => return Ok((bytes, etag)),
                Next::Data(_) => return Err(PutError::Incomplete),
            },
            Next::Data(bytes) => all.extend_from_slice(&bytes),
            Next::Complete(etag) => return Ok((all.into(), etag)),
        }
    }
}

type Step = JoinHandle<io::Result<Writing>>;

/// Writes to a file on the blocking threads, gathering what arrives while a write is under way: few large writes
/// when the disk is slower than the client, early ones when it is faster.
async fn spool(bodies: &Arc<Bodies>, id: Id, source: &mut Source) -> Result<(NewBody, Box<str>), PutError> {
    let bodies = Arc::clone(bodies);
    let mut step: Step = spawn_blocking(move || Writing::begin(&bodies, id));
    let mut gathered = Vec::new();
    let mut bytes = 0;
    let etag = loop {
        let room = bytes < GATHER_BYTES && gathered.len() < GATHER_PIECES;
        tokio::select! {
            // Takes what is ready before it looks whether the write is done: larger writes.
            biased;
            next = source.next(), if room => match next? {
                Next::Data(piece) => {
                    bytes += piece.len();
                    gathered.push(piece);
                }
                Next::Complete(etag) => break etag,
            },
            written = &mut step, if !gathered.is_empty() => {
                let (writing, pieces) = (done(written)?, std::mem::take(&mut gathered));
                bytes = 0;
                step = spawn_blocking(move || writing.write(&pieces));
            }
        }
    };
    let writing = done(step.await)?;
    let file = off_thread(move || writing.write(&gathered)?.finish()).await.map_err(PutError::NotStored)?;
    Ok((file.map_err(|e| PutError::NotStored(unwritten(&e)))?, etag))
}

fn done(step: Result<io::Result<Writing>, tokio::task::JoinError>) -> Result<Writing, PutError> {
    let written = step.unwrap_or_else(|e| Err(io::Error::other(e)));
    written.map_err(|e| PutError::NotStored(unwritten(&e)))
}

pub(super) fn unwritten(error: &io::Error) -> StoreError {
    StoreError::new(StoreFault::Unavailable, format!("a body was not written: {error}"))
}
