//! The body of an upload: taken out of the client's framing, and held against everything the client declared of it.
//!
//! [`Payload::new`] reads what the headers declare (`declared`) and refuses what is wrong in itself before a byte is
//! read. [`Payload::next`] then hands out the data, without `aws-chunked` (`chunked`), as it arrives: data goes out
//! **before** its chunk's signature, the checksum and the length are known to be right, so whoever passes it on holds
//! back a tail until [`Step::End`]. That brings a [`PayloadEnd`], whose only exit is [`PayloadEnd::check`] with the
//! digests that the reader computed of the data anyway; the [`CheckedPayload`] it gives is the proof that every
//! declared length, signature, digest and checksum was compared.
//!
//! Checksums are computed in place, on the piece in hand: the slowest of them takes about a millisecond per MiB.
//! That the bytes on the wire are as many as `Content-Length` says is the HTTP parser's business; here it counts only
//! where it is the length of the data.

mod checksum;
mod chunked;
mod coalesce;
mod combined;
mod declared;
mod encoding;
mod proof;

#[cfg(test)]
mod tests;

use std::error::Error;

use bytes::{Bytes, BytesMut};
use hallmark_signer::Sha256Digest;
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;
use md5::Md5;
use sha2::{Digest, Sha256};

use super::auth::PayloadClaim;
use super::error::{Code, S3Error};
use checksum::Hasher;
use chunked::Decoder;
use coalesce::Coalescer;
use declared::{Checksum, Declared};

pub use crate::s3::operation::{ChecksumKind, ChecksumPlan};
pub use checksum::{ChecksumAlgorithm, DeclaredChecksum};
pub use proof::{CheckedPart, CheckedPayload, PayloadEnd};

/// A body being read. See the [module](self).
#[derive(Debug)]
pub struct Payload<B> {
    body: B,
    /// Of what `body` gave, the part that was not looked at yet.
    input: Bytes,
    framing: Framing,
    length: Option<u64>,
    received: u64,
    /// How the sender computed its checksum; of `hasher`, unless it is SHA-256.
    declared: Option<ChecksumAlgorithm>,
    hasher: Option<Hasher>,
    /// Of a checksum that the sender did not declare.
    wanted_hasher: Option<Hasher>,
    output: Coalescer,
    end: End,
    progress: Progress,
}

/// What a read gives.
#[derive(Debug)]
pub enum Step {
    /// Data of the body, never empty; not to be acted on before [`Step::End`].
    Data(Bytes),
    /// There is no more, and all that could be checked without the digests of the whole has been.
    End(PayloadEnd),
}

#[derive(Debug)]
enum Framing {
    Plain,
    Chunked(Box<Decoder>),
}

/// What [`PayloadEnd`] will be made of.
#[derive(Debug, Clone, Default)]
struct End {
    content_sha256: Option<Sha256Digest>,
    content_md5: Option<[u8; 16]>,
    checksum: Option<DeclaredChecksum>,
    wanted: Wanted,
}

/// A checksum that is computed whatever the sender declared.
#[derive(Debug, Clone, Default)]
enum Wanted {
    /// None is.
    #[default]
    Nothing,
    /// By this algorithm, still to be computed.
    By(ChecksumAlgorithm),
    /// It has been.
    Computed(DeclaredChecksum),
}

#[derive(Debug)]
enum Progress {
    Reading,
    /// The body has ended and was checked; some data may wait to be handed out.
    Checked,
    /// Every further read says so again.
    Failed(S3Error),
}

impl<B> Payload<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// The body of a request with these `headers`, which are those of the request that `claim` was made for.
    ///
    /// # Errors
    /// What the headers declare is not well formed or contradicts itself: `InvalidArgument`, `InvalidDigest`,
    /// `InvalidRequest`, `MissingContentLength`.
    pub fn new(body: B, claim: PayloadClaim, headers: &HeaderMap) -> Result<Self, S3Error> {
        let declared = Declared::of_body(headers)?;
        let length = declared.length(&claim, headers)?;
        let mut end = End { content_md5: declared.content_md5, ..End::default() };
        let algorithm = declared.checksum.algorithm();
        let trailer = match declared.checksum {
            Checksum::None => None,
            Checksum::Header(checksum) => {
                end.checksum = Some(checksum);
                None
            }
            Checksum::Trailer(algorithm) => Some(algorithm),
        };
        let framing = match claim {
            PayloadClaim::Chunked(form) => Framing::Chunked(Box::new(Decoder::new(form, trailer, length)?)),
            PayloadClaim::Unsigned | PayloadClaim::Digest(_) if trailer.is_some() => {
                let message =
                    "x-amz-trailer needs a body framed as aws-chunked, as x-amz-content-sha256 would say.";
                return Err(S3Error::new(Code::InvalidRequest, message));
            }
            PayloadClaim::Unsigned => Framing::Plain,
            PayloadClaim::Digest(digest) => {
                end.content_sha256 = Some(digest);
                Framing::Plain
            }
        };
        Ok(Self {
            body,
            input: Bytes::new(),
            framing,
            length,
            received: 0,
            declared: algorithm,
            hasher: algorithm.and_then(Hasher::new),
            wanted_hasher: None,
            output: Coalescer::default(),
            end,
            progress: Progress::Reading,
        })
    }

    /// Bytes of data, where the client declared it. The data is never longer, and the end comes only if it is not
    /// shorter.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Computes the checksum by `algorithm` too, for [`CheckedPayload::wanted`], whatever the sender declares. To be called
    /// before the first [`next`](Self::next).
    #[must_use]
    pub fn wanting(mut self, algorithm: ChecksumAlgorithm) -> Self {
        self.end.wanted = Wanted::By(algorithm);
        self.wanted_hasher = (self.declared != Some(algorithm)).then(|| Hasher::new(algorithm)).flatten();
        self
    }

    /// By which algorithm the sender declares a checksum, in a header or in a trailer.
    pub fn checksum_algorithm(&self) -> Option<ChecksumAlgorithm> {
        self.declared
    }

    /// Whether something that the sender declares, or that is [wanted](Self::wanting), is the SHA-256 of the data, which the
    /// reader computes.
    pub fn needs_sha256(&self) -> bool {
        let wanted = matches!(self.end.wanted, Wanted::By(ChecksumAlgorithm::Sha256));
        self.end.content_sha256.is_some() || self.declared == Some(ChecksumAlgorithm::Sha256) || wanted
    }

    /// The checksum that a header declares: known before the body, and compared only at its end.
    pub fn announced(&self) -> Option<&DeclaredChecksum> {
        self.end.checksum.as_ref()
    }

    /// Waits for more data, or the end. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// `IncompleteBody` for a body that is shorter or longer than declared or breaks off, `InvalidRequest`,
    /// `InvalidChunkSizeError` and `MalformedTrailerError` for framing that is not well formed,
    /// `SignatureDoesNotMatch` for a chunk or trailer, `BadDigest` for a checksum. An [`S3Error`] that the body itself
    /// fails with is passed on. After an error every read fails.
    pub async fn next(&mut self) -> Result<Step, S3Error> {
        let step = self.advance().await;
        match &step {
            Err(error) => self.progress = Progress::Failed(error.clone()),
            Ok(Step::End(_)) => {
                let error = S3Error::new(Code::InternalError, "A body was read past its end.");
                self.progress = Progress::Failed(error);
            }
            Ok(Step::Data(_)) => {}
        }
        step
    }

    /// Reads a whole body of at most `limit` bytes, a document, and checks it.
    ///
    /// # Errors
    /// As [`Payload::next`] and [`PayloadEnd::check`]; `MaxMessageLengthExceeded` over the limit.
    pub async fn collect(mut self, limit: usize) -> Result<(Bytes, CheckedPayload), S3Error> {
        let too_long = || S3Error::new(Code::MaxMessageLengthExceeded, "Your request was too big.");
        let fits = |length: u64| usize::try_from(length).is_ok_and(|length| length <= limit);
        if !self.length.is_none_or(fits) {
            return Err(too_long());
        }
        let mut whole = BytesMut::new();
        loop {
            match self.next().await? {
                Step::Data(data) if data.len() <= limit - whole.len() => whole.extend_from_slice(&data),
                Step::Data(_) => return Err(too_long()),
                Step::End(end) => {
                    let sha256 = Sha256Digest::new(Sha256::digest(&whole).into());
                    let checked = end.check(&sha256, &Md5::digest(&whole).into())?;
                    return Ok((whole.freeze(), checked));
                }
            }
        }
    }

    async fn advance(&mut self) -> Result<Step, S3Error> {
        loop {
            if let Some(data) = self.output.pop() {
                return Ok(Step::Data(data));
            }
            match &self.progress {
                Progress::Failed(error) => return Err(error.clone()),
                Progress::Checked => return Ok(self.output.flush().map_or_else(|| self.end(), Step::Data)),
                Progress::Reading if !self.input.is_empty() => self.decode()?,
                Progress::Reading => match self.body.frame().await {
                    Some(Ok(frame)) => self.input = frame.into_data().map_err(|_| http_trailers())?,
                    Some(Err(error)) => return Err(broken(error)),
                    None => {
                        // All checks first, so that the last of the data stays here if one fails.
                        self.finish()?;
                        self.progress = Progress::Checked;
                    }
                },
            }
        }
    }

    /// Takes data out of `input`.
    fn decode(&mut self) -> Result<(), S3Error> {
        let data = match &mut self.framing {
            Framing::Plain => Some(std::mem::take(&mut self.input)),
            Framing::Chunked(decoder) => decoder.decode(&mut self.input)?,
        };
        let Some(data) = data else { return Ok(()) };
        // `usize` has at most 64 bits wherever this runs, and 2^64 bytes will not arrive.
        self.received = self.received.saturating_add(data.len() as u64);
        if self.length.is_some_and(|length| self.received > length) {
            return Err(incomplete());
        }
        for hasher in [&mut self.hasher, &mut self.wanted_hasher].into_iter().flatten() {
            hasher.update(&data);
        }
        self.output.push(data);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), S3Error> {
        if let Framing::Chunked(decoder) = &mut self.framing {
            let trailer = decoder.finish()?;
            self.end.checksum = self.end.checksum.take().or(trailer);
        }
        if self.length.is_some_and(|length| self.received != length) {
            return Err(incomplete());
        }
        if let (Some(hasher), Some(declared)) = (self.hasher.take(), &self.end.checksum) {
            declared.check(&hasher.finish())?;
        }
        if let (Some(hasher), Wanted::By(algorithm)) = (self.wanted_hasher.take(), &self.end.wanted)
            && let Some(computed) = DeclaredChecksum::of_bytes(*algorithm, &hasher.finish())
        {
            self.end.wanted = Wanted::Computed(computed);
        }
        Ok(())
    }

    fn end(&self) -> Step {
        Step::End(PayloadEnd::new(self.received, self.end.clone()))
    }
}

/// A body that is not as long as declared.
fn incomplete() -> S3Error {
    let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
    S3Error::new(Code::IncompleteBody, message)
}

/// A body that fails: with an error of ours (a time limit of the server's), or because the client went away.
fn broken(error: impl Into<Box<dyn Error + Send + Sync>>) -> S3Error {
    match error.into().downcast::<S3Error>() {
        Ok(error) => *error,
        Err(_) => S3Error::new(Code::IncompleteBody, "The request body terminated unexpectedly"),
    }
}

fn http_trailers() -> S3Error {
    let message =
        "Trailers of the transfer coding are not taken; x-amz-trailer announces those of aws-chunked.";
    S3Error::new(Code::MalformedTrailerError, message)
}
