//! The file of a form, as a body.

use std::error::Error;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::fields::{MAX_FIELDS_BYTES, Names};
use super::part::Part;
use super::reader::Reader;
use super::splitter::Piece;
use crate::s3::error::{Code, S3Error};

/// What may stand after the file, bytes: a submit button's field is usual.
pub const MAX_TRAILING_BYTES: usize = MAX_FIELDS_BYTES;

/// The bytes of the file, as they arrive.
///
/// Its end comes only after the form's closing boundary and the end of the request, if the file is as long as the
/// policy asks. Until then nothing may be acted on. Everything else is an error, an [`S3Error`] inside: `IncompleteBody`,
/// `MalformedPOSTRequest`, `EntityTooSmall`, `EntityTooLarge` (as soon as it is), or the body's own. After an error
/// every further read gives it again, never the end.
///
/// Fields after the file are read over and ignored, as in S3: its own example of a form has a submit button there. What
/// repeats the name of a field is refused, though, since another reader might believe the second one.
#[derive(Debug)]
pub struct FileBody<B> {
    reader: Reader<B>,
    names: Names,
    length: RangeInclusive<u64>,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// In the file, with the bytes of it so far.
    File(u64),
    /// Behind the file, with the bytes since.
    Trailing(usize),
    Ended,
    Failed(S3Error),
}

impl<B> FileBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Of a reader that has just given the head of the file, the last of `names`.
    pub(super) fn new(reader: Reader<B>, names: Names, length: RangeInclusive<u64>) -> Self {
        Self { reader, names, length, progress: Progress::File(0) }
    }

    /// Moves on by one piece: data of the file, or nothing yet.
    fn advance(&mut self, piece: Option<Piece>) -> Result<Option<Bytes>, S3Error> {
        match (&mut self.progress, piece) {
            (Progress::File(received), Some(Piece::Data(data))) => {
                *received = received.saturating_add(data.len() as u64);
                if *received > *self.length.end() {
                    return Err(too_large(*received, &self.length));
                }
                return Ok(Some(data));
            }
            (Progress::File(received), piece) => {
                if *received < *self.length.start() {
                    return Err(too_small(*received, &self.length));
                }
                self.progress = Progress::Trailing(0);
                self.trailing(piece.as_ref())?;
            }
            (Progress::Trailing(_), piece) => self.trailing(piece.as_ref())?,
            (Progress::Ended, _) => {}
            (Progress::Failed(error), _) => return Err(error.clone()),
        }
        Ok(None)
    }

    fn trailing(&mut self, piece: Option<&Piece>) -> Result<(), S3Error> {
        let bytes = match piece {
            None => {
                self.progress = Progress::Ended;
                return Ok(());
            }
            Some(Piece::Head(head)) => {
                self.names.add(&Part::parse(head)?.name)?;
                head.len()
            }
            Some(Piece::Data(data)) => data.len(),
        };
        if let Progress::Trailing(seen) = &mut self.progress {
            *seen = seen.saturating_add(bytes);
            if *seen > MAX_TRAILING_BYTES {
                return Err(super::Malformed("too much follows the file").into());
            }
        }
        Ok(())
    }
}

impl<B> Body for FileBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        loop {
            let step = match &this.progress {
                Progress::Ended => return Poll::Ready(None),
                Progress::Failed(error) => return Poll::Ready(Some(Err(error.clone().into()))),
                Progress::File(_) | Progress::Trailing(_) => ready!(this.reader.poll(cx)),
            };
            match step.and_then(|piece| this.advance(piece)) {
                Ok(Some(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(None) => {}
                Err(error) => this.progress = Progress::Failed(error),
            }
        }
    }

    /// Only an upper bound: where the file ends in the form is known when it has.
    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        if let Some(upper) = self.reader.upper() {
            hint.set_upper(upper);
        }
        hint
    }
}

fn too_large(size: u64, length: &RangeInclusive<u64>) -> S3Error {
    S3Error::new(Code::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
        .with("ProposedSize", size.to_string())
        .with("MaxSizeAllowed", length.end().to_string())
}

fn too_small(size: u64, length: &RangeInclusive<u64>) -> S3Error {
    S3Error::new(Code::EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size")
        .with("ProposedSize", size.to_string())
        .with("MinSizeAllowed", length.start().to_string())
}
