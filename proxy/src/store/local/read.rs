//! Reads body files, one or several.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream;
use rustix::fs::OFlags;
use rustix::io::Errno;
use tokio::task::{JoinHandle, spawn_blocking};

use super::LocalStore;
use super::index::{View, off_thread};
use super::leases::Lease;
use super::row::{Place, Stub};
use super::segments::Extent;
use crate::proof::ByteStream;
use crate::store::{StoreError, StoreFault};

/// Bytes read at a time. While one chunk is being used the next is read, so a download holds two.
const CHUNK: u64 = 256 << 10;

/// How often a read follows a name whose versions are replaced between looking up the row and opening the file.
pub(super) const ATTEMPTS: usize = 8;

/// Opens a body file of `length` bytes. Blocks.
pub(super) fn open_plain(path: PathBuf, length: u64) -> io::Result<File> {
    // Nothing but a plain file of our own: a link would lead elsewhere, and a pipe would never answer.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a plain file"));
    }
    if found.len() != length {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its length is not what the index says"));
    }
    Ok(file)
}

/// What is left to be read of a body.
pub(super) struct Rest {
    file: File,
    /// Of that file.
    left: u64,
    /// Of others, which are opened when their turn comes.
    then: Option<Then>,
}

/// The files that come after the one that is open.
struct Then {
    extents: std::vec::IntoIter<Extent>,
    lease: Lease,
}

impl Then {
    fn open(mut self) -> io::Result<Option<Rest>> {
        let Some(extent) = self.extents.next() else { return Ok(None) };
        let path = self.lease.bodies().path(&extent.segment.file);
        let rest = Rest::open(path, extent.segment.length, &extent.span)?;
        Ok(Some(Rest { then: Some(self), ..rest }))
    }
}

/// The first chunk, and what is left after it.
pub(super) type Opened = (Bytes, Option<Rest>);

impl LocalStore {
    /// Opens a body that is not in the index, and reads the first chunk of `span`. The inner error is `NotFound` if the
    /// body is gone: then it was replaced since its row was read, or the row is wrong.
    pub(super) async fn open_body(
        &self,
        stub: Stub,
        span: Range<u64>,
    ) -> Result<io::Result<Opened>, StoreError> {
        match stub.place {
            Place::Inline | Place::File => {
                let path = self.bodies.path(&stub.id);
                off_thread(move || Rest::open(path, stub.size, &span)?.chunk()).await
            }
            Place::Segments => {
                let lease = Lease::take(&self.bodies, stub.id);
                let list = move |view: &View| view.extents(&stub, &span);
                match self.index.look_at_leisure(list).await? {
                    Some(extents) => off_thread(move || Rest::open_extents(extents, lease)).await,
                    None => Ok(Err(io::ErrorKind::NotFound.into())),
                }
            }
        }
    }
}

impl Rest {
    /// Opens a file of `length` bytes at the start of `span`. Blocks.
    pub(super) fn open(path: PathBuf, length: u64, span: &Range<u64>) -> io::Result<Self> {
        let mut file = open_plain(path, length)?;
        file.seek(SeekFrom::Start(span.start))?;
        Ok(Self { file, left: span.end - span.start, then: None })
    }

    /// Opens the first of several files and reads the first chunk. Blocks.
    pub(super) fn open_extents(extents: Vec<Extent>, lease: Lease) -> io::Result<Opened> {
        match (Then { extents: extents.into_iter(), lease }).open()? {
            Some(rest) => rest.chunk(),
            None => Ok((Bytes::new(), None)),
        }
    }

    /// Reads the next chunk, and all of it. Blocks.
    fn chunk(self) -> io::Result<Opened> {
        self.read(CHUNK)
    }

    /// Reads everything that is left. Blocks.
    pub(super) fn all(self) -> io::Result<Bytes> {
        self.read(u64::MAX).map(|(bytes, _)| bytes)
    }

    fn read(mut self, most: u64) -> io::Result<Opened> {
        let mut bytes = Vec::new();
        loop {
            let (had, length) = (bytes.len() as u64, self.left.min(most - bytes.len() as u64));
            bytes.reserve_exact(usize::try_from(length).map_err(io::Error::other)?);
            (&self.file).take(length).read_to_end(&mut bytes)?;
            let read = bytes.len() as u64;
            if read < had + length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.left -= length;
            if self.left > 0 {
                return Ok((bytes.into(), Some(self)));
            }
            match self.then.map_or(Ok(None), Then::open)? {
                None => return Ok((bytes.into(), None)),
                Some(next) if read == most => return Ok((bytes.into(), Some(next))),
                Some(next) => self = next,
            }
        }
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
    // What the standard library has no names for: the disk cannot give the bytes back; a link stands there.
    let named = [Errno::IO, Errno::LOOP].map(|errno| Some(errno.raw_os_error()));
    // The rest may pass, as too many open files does.
    let fault = if gone || named.contains(&error.raw_os_error()) {
        StoreFault::Corrupt
    } else {
        StoreFault::Unavailable
    };
    StoreError::new(fault, format!("a body was not read: {error}"))
}
