//! `aws-chunked`: chunks of data with a size and perhaps a signature each, then perhaps trailers.
//!
//! ```text
//! SIZE[;chunk-signature=SIGNATURE] CRLF DATA CRLF      any number of times
//! 0[;chunk-signature=SIGNATURE] CRLF
//! [x-amz-checksum-…:VALUE CRLF [x-amz-trailer-signature:SIGNATURE CRLF]]
//! CRLF
//! ```
//!
//! Nothing else is taken: no other chunk extension or trailer, nothing after the end. One tolerance: the trailer may end
//! in LF CRLF, as in AWS's documentation and from `minio-go`. A chunk may have any size; S3 demands 8 KiB.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::checksum::{ChecksumAlgorithm, DeclaredChecksum};
use super::incomplete;
use crate::s3::auth::{ChunkSigning, Chunked, Signature};
use crate::s3::error::{Code, S3Error};

/// The longest line: a chunk's header or a trailer, CRLF included.
const MAX_LINE: usize = 512;

/// The largest chunk: the largest object that S3 takes in one upload.
const MAX_CHUNK: u64 = 5 << 30;

/// Takes the data out of the framing as the bytes arrive, holding no more than a line.
#[derive(Debug)]
pub(super) struct Decoder {
    signing: Option<ChunkSigning>,
    trailer: Option<ChecksumAlgorithm>,
    /// Data still to come, where its length was declared.
    remaining: Option<u64>,
    state: State,
    line: Vec<u8>,
    digest: Sha256,
    /// Of the current chunk.
    signature: Option<Signature>,
    checksum: Option<DeclaredChecksum>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    ChunkHeader,
    Data { left: u64 },
    DataEnd,
    Trailer,
    TrailerSignature,
    LastLine,
    Done,
}

impl Decoder {
    /// A decoder for `form`, with the announced `trailer` and the declared `length` of the data.
    pub(super) fn new(
        form: Chunked,
        trailer: Option<ChecksumAlgorithm>,
        length: Option<u64>,
    ) -> Result<Self, S3Error> {
        let (signing, takes_trailer) = match form {
            Chunked::Signed(signing) => (Some(signing), false),
            Chunked::SignedTrailer(signing) => (Some(signing), true),
            Chunked::UnsignedTrailer => (None, true),
        };
        if trailer.is_some() != takes_trailer {
            let message =
                "x-amz-trailer must be given if, and only if, x-amz-content-sha256 says that there is one.";
            return Err(S3Error::new(Code::InvalidRequest, message));
        }
        Ok(Self {
            signing,
            trailer,
            remaining: length,
            state: State::ChunkHeader,
            line: Vec::new(),
            digest: Sha256::new(),
            signature: None,
            checksum: None,
        })
    }

    /// Takes from `input` until there is data to hand out (never empty) or nothing is left.
    pub(super) fn decode(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, S3Error> {
        while !input.is_empty() {
            match self.state {
                State::Data { left } => return self.data(left, input).map(Some),
                State::Done => return Err(self.malformed()),
                State::ChunkHeader
                | State::DataEnd
                | State::Trailer
                | State::TrailerSignature
                | State::LastLine => {
                    if self.read_line(input)? {
                        let line = std::mem::take(&mut self.line);
                        self.state = self.on_line(&line)?;
                    }
                }
            }
        }
        Ok(None)
    }

    /// The checksum of the trailer, if there was to be one. Fails if more was to come.
    pub(super) fn finish(&mut self) -> Result<Option<DeclaredChecksum>, S3Error> {
        match self.state {
            State::Done => Ok(self.checksum.take()),
            State::ChunkHeader
            | State::Data { .. }
            | State::DataEnd
            | State::Trailer
            | State::TrailerSignature
            | State::LastLine => Err(incomplete()),
        }
    }

    fn data(&mut self, left: u64, input: &mut Bytes) -> Result<Bytes, S3Error> {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let data = input.split_to(here);
        // `here` is at most `left`.
        let left = left - here as u64;
        if self.signing.is_some() {
            self.digest.update(&data);
        }
        if left == 0 {
            self.check_chunk()?;
            self.state = State::DataEnd;
        } else {
            self.state = State::Data { left };
        }
        Ok(data)
    }

    /// Adds to `line`; whether it is complete, and then without its CRLF.
    fn read_line(&mut self, input: &mut Bytes) -> Result<bool, S3Error> {
        let room = MAX_LINE - self.line.len();
        let here = input.iter().take(room).position(|&byte| byte == b'\n');
        let taken = here.map_or(room.min(input.len()), |at| at + 1);
        self.line.extend_from_slice(&input.split_to(taken));
        if self.line.ends_with(b"\r\n") {
            self.line.truncate(self.line.len() - 2);
            return Ok(true);
        }
        // A bare LF is the last character of a trailer or nothing: what follows it is looked at with the line.
        let bare = here.is_some() && !matches!(self.state, State::Trailer);
        if bare || self.line.len() >= MAX_LINE { Err(self.malformed()) } else { Ok(false) }
    }

    fn on_line(&mut self, line: &[u8]) -> Result<State, S3Error> {
        match self.state {
            State::ChunkHeader => self.on_chunk_header(line),
            State::DataEnd if line.is_empty() => Ok(State::ChunkHeader),
            State::Trailer => self.on_trailer(line.strip_suffix(b"\n").unwrap_or(line)),
            State::TrailerSignature => self.on_trailer_signature(line),
            State::LastLine if line.is_empty() => Ok(State::Done),
            State::DataEnd | State::LastLine | State::Data { .. } | State::Done => Err(self.malformed()),
        }
    }

    fn on_chunk_header(&mut self, line: &[u8]) -> Result<State, S3Error> {
        let (size, signature) = match (&self.signing, line.iter().position(|&byte| byte == b';')) {
            (Some(_), Some(at)) => {
                let signature = line[at + 1..].strip_prefix(b"chunk-signature=").and_then(Signature::parse);
                (&line[..at], Some(signature.ok_or_else(|| self.malformed())?))
            }
            (None, None) => (line, None),
            (Some(_), None) | (None, Some(_)) => return Err(self.malformed()),
        };
        let size = hexadecimal(size).ok_or_else(|| self.malformed())?;
        if size > MAX_CHUNK {
            return Err(S3Error::new(Code::InvalidChunkSizeError, "A chunk is larger than 5 GiB."));
        }
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining.checked_sub(size).ok_or_else(incomplete)?;
        }
        self.signature = signature;
        if size > 0 {
            return Ok(State::Data { left: size });
        }
        // First the signature: if it is wrong, what is missing was taken out on the way.
        self.check_chunk()?;
        if self.remaining.is_some_and(|remaining| remaining > 0) {
            return Err(incomplete());
        }
        Ok(if self.trailer.is_some() { State::Trailer } else { State::LastLine })
    }

    fn check_chunk(&mut self) -> Result<(), S3Error> {
        match (&mut self.signing, self.signature.take()) {
            (Some(signing), Some(signature)) => {
                signing.check_chunk(&self.digest.finalize_reset().into(), signature)
            }
            (None, None) => Ok(()),
            // A header is complete with a signature exactly where there is something to check it with.
            (Some(_), None) | (None, Some(_)) => Err(self.malformed()),
        }
    }

    fn on_trailer(&mut self, line: &[u8]) -> Result<State, S3Error> {
        let algorithm = self.trailer.ok_or_else(|| self.malformed())?;
        let line = std::str::from_utf8(line).map_err(|_| self.malformed())?;
        let value = line.strip_prefix(algorithm.header()).and_then(|rest| rest.strip_prefix(':'));
        let value = value.ok_or_else(|| self.malformed())?;
        let checksum = DeclaredChecksum::parse(algorithm, value).ok_or_else(|| {
            let message = format!("Value for {} trailing header is invalid.", algorithm.header());
            S3Error::new(Code::InvalidRequest, message)
        })?;
        self.checksum = Some(checksum);
        Ok(if self.signing.is_some() { State::TrailerSignature } else { State::LastLine })
    }

    fn on_trailer_signature(&mut self, line: &[u8]) -> Result<State, S3Error> {
        let signature = line.strip_prefix(b"x-amz-trailer-signature:").and_then(Signature::parse);
        let (Some(signing), Some(checksum), Some(signature)) = (&mut self.signing, &self.checksum, signature)
        else {
            return Err(self.malformed());
        };
        let trailer = format!("{}:{}\n", checksum.algorithm().header(), checksum.value());
        signing.check_trailers(trailer.as_bytes(), signature)?;
        Ok(State::LastLine)
    }

    fn malformed(&self) -> S3Error {
        let framing = |message: &'static str| S3Error::new(Code::InvalidRequest, message);
        match self.state {
            State::ChunkHeader => {
                framing("The body is not well-formed aws-chunked: in the header of a chunk.")
            }
            State::Data { .. } | State::DataEnd => {
                framing("The body is not well-formed aws-chunked: a chunk is not followed by CRLF.")
            }
            State::Done => framing("The body is not well-formed aws-chunked: data follows its end."),
            State::Trailer | State::TrailerSignature | State::LastLine => {
                let message = "The request contained trailing data that was not well-formed or did not conform to our \
                               published schema.";
                S3Error::new(Code::MalformedTrailerError, message)
            }
        }
    }
}

/// Reads 1 to 16 hexadecimal digits of either case; clients write both.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | u64::from(char::from(digit).to_digit(16)?)))
}
