//! Reads body files.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream;
use rustix::fs::OFlags;
use tokio::task::{JoinHandle, spawn_blocking};

use super::row::Stub;
use crate::proof::ByteStream;
use crate::store::{StoreError, StoreFault};

/// Bytes read at a time. While one chunk is being used the next is read, so a download holds two.
const CHUNK: u64 = 256 << 10;

/// How often a read follows a name whose versions are replaced between looking up the row and opening the file.
pub(super) const ATTEMPTS: usize = 8;

/// `EIO` of POSIX: the disk cannot give the bytes back. The standard library has no name for it.
const EIO: i32 = 5;

/// What is left to be read of a body file.
pub(super) struct Rest {
    file: File,
    left: u64,
}

impl Rest {
    /// Opens a file at the start of `span`. Blocks.
    pub(super) fn open(path: PathBuf, stub: &Stub, span: &Range<u64>) -> io::Result<Self> {
        // Nothing but a plain file of our own: a link would lead elsewhere, and a pipe would never answer.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a plain file"));
        }
        if found.len() != stub.size {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its length is not what its row says"));
        }
        file.seek(SeekFrom::Start(span.start))?;
        Ok(Self { file, left: span.end - span.start })
    }

    /// Reads the next chunk, and all of it. Blocks.
    fn chunk(self) -> io::Result<(Bytes, Option<Self>)> {
        self.read(CHUNK)
    }

    /// Reads everything that is left. Blocks.
    pub(super) fn all(self) -> io::Result<Bytes> {
        self.read(u64::MAX).map(|(bytes, _)| bytes)
    }

    fn read(mut self, most: u64) -> io::Result<(Bytes, Option<Self>)> {
        let length = self.left.min(most);
        let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(io::Error::other)?);
        (&self.file).take(length).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= length;
        Ok((bytes.into(), (self.left > 0).then_some(self)))
    }

    /// Opens and reads the first chunk in one go. Blocks.
    pub(super) fn open_and_read(
        path: PathBuf,
        stub: &Stub,
        span: &Range<u64>,
    ) -> io::Result<(Bytes, Option<Self>)> {
        Self::open(path, stub, span)?.chunk()
    }
}

/// Where a download stands.
enum At {
    Read(Bytes, Option<Rest>),
    Reading(JoinHandle<io::Result<(Bytes, Option<Rest>)>>),
}

/// `first`, and then the rest, one chunk read ahead.
pub(super) fn chunks(first: Bytes, rest: Option<Rest>) -> ByteStream {
    Box::pin(stream::try_unfold(Some(At::Read(first, rest)), |at| async {
        let (chunk, rest) = match at {
            None => return Ok(None),
            Some(At::Read(first, rest)) => (first, rest),
            Some(At::Reading(task)) => {
                task.await.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(|e| unread(&e))?
            }
        };
        // A file that nobody reads on is not read ahead: the next read begins when this chunk is asked for.
        let next = rest.map(|rest| At::Reading(spawn_blocking(move || rest.chunk())));
        Ok((!chunk.is_empty()).then_some((chunk, next)))
    }))
}

/// Bytes that are all here.
pub(super) fn whole(bytes: Bytes) -> ByteStream {
    chunks(bytes, None)
}

/// What it means that a body that a row names cannot be read.
pub(super) fn unread(error: &io::Error) -> StoreError {
    let gone = matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::IsADirectory
    );
    // The rest may pass, as too many open files does.
    let fault =
        if gone || error.raw_os_error() == Some(EIO) { StoreFault::Corrupt } else { StoreFault::Unavailable };
    StoreError::new(fault, format!("a body was not read: {error}"))
}
