//! The path of an upload: received, checked, judged, sealed, and only then visible.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use hallmark_signer::{
    By, Claims, Content, ContentDigests, Hallmark, MAX_INLINE, Md5Digest, Observed, Op, RecordRef,
    SIGNATURE_HEADER, SealId, SealLine, SealedEtag, SealedHeaders, record,
};

use super::budget::Reservation;
use super::hash::{Hashing, hash_whole};
use super::receive::{Incoming, Receiver};
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{Reader, record_name};
use crate::s3::condition::PutCondition;
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::{CheckedPayload, DeclaredChecksum, Payload, PayloadEnd, Step};
use crate::store::{Attributes, Body, BodyWriter, Guard, PutError, StoreError, StoreFault};

/// The user metadata that keeps the checksum which the client declared.
pub const CHECKSUM_HEADER: &str = "x-amz-meta-hallmark-sum";

/// A body must have begun to arrive, by so many bytes, before the store is troubled with it.
const FIRST_BYTES: usize = 64 * 1024;

/// Pieces are hashed and sent on in batches of this size.
const BATCH: usize = 512 * 1024;

/// What a streamed upload holds at most: the batch that arrives, the one that is hashed and sent, and what the store
/// has not written yet.
const STREAM_MEMORY: u64 = 2 * 1024 * 1024;

/// An upload that its client may make.
pub struct Upload {
    /// Under which name.
    pub name: ObjectName,
    /// Who makes it, as the seal says.
    pub by: By,
    /// Content headers and user metadata.
    pub headers: SealedHeaders,
    /// On what it depends.
    pub condition: PutCondition,
}

/// An upload that is sealed, durable and visible.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// The sealed ETag, unquoted.
    pub etag: SealedEtag,
    /// The checksum that the client declared and that was found right.
    pub checksum: Option<DeclaredChecksum>,
}

/// What all the checks on an upload have found: made by [`Gate::seal`] from a [`CheckedPayload`] alone.
struct Sealed {
    line: SealLine,
    etag: SealedEtag,
    checksum: Option<DeclaredChecksum>,
}

impl Gate {
    /// Takes an upload.
    ///
    /// # Errors
    /// A check failed, and nothing has changed; or the store failed.
    pub async fn put<B>(
        &self,
        upload: Upload,
        payload: Payload<B>,
        client: &str,
    ) -> Result<Uploaded, GateError>
    where
        B: Incoming,
    {
        let mut body = Receiver::new(payload, &self.limits);
        match body.length() {
            Some(length) if length > self.limits.max_object_size => Err(too_large().into()),
            Some(length) if length > MAX_INLINE => self.put_streamed(upload, body, length, client).await,
            _ => self.put_whole(upload, &mut body, client).await,
        }
    }

    /// At most 8 MiB: everything is here and checked before the store hears of it, in one request.
    async fn put_whole<B>(
        &self,
        mut upload: Upload,
        body: &mut Receiver<B>,
        client: &str,
    ) -> Result<Uploaded, GateError>
    where
        B: Incoming,
    {
        let (_held, bytes, end) = self.collect(body, client).await?;
        let hashed = hash_whole(bytes.clone()).await?;
        let checked = end.check(hashed.0.sha256(), hashed.1.as_bytes())?;
        if let Some(sum) = checked.checksum() {
            declare(&mut upload.headers, sum)?;
        }
        let guard = self.guard(&upload).await?;
        let sealed = self.seal(&upload, &hashed, &checked)?;
        let hallmark = sealed.line.to_string();
        let attributes = Attributes { headers: upload.headers.clone(), hallmark: Some(hallmark) };
        let etag = sealed.etag.to_string();
        let length = bytes.len() as u64;
        let put = self.store.put(&upload.name, attributes, length, Body::whole(bytes, etag), guard).await;
        self.settle(&upload, &sealed.line, put.map(drop)).await?;
        Ok(sealed.into())
    }

    /// Receives a body of at most 8 MiB. The buffer grows as bytes arrive, not as they are announced.
    async fn collect<B>(
        &self,
        body: &mut Receiver<B>,
        client: &str,
    ) -> Result<(Reservation, Bytes, PayloadEnd), GateError>
    where
        B: Incoming,
    {
        let expected = body.length();
        let mut held = self.budget.reserve(client, 1).await?;
        let mut reserved = 0;
        let mut buffer = BytesMut::new();
        loop {
            let piece = match body.next().await? {
                Step::End(end) => return Ok((held, buffer.freeze(), end)),
                Step::Data(piece) => piece,
            };
            let total = buffer.len() + piece.len();
            if total as u64 > MAX_INLINE {
                // Only a body of unknown length comes here.
                return Err(length_required().into());
            }
            if total > reserved {
                // Doubling keeps the copies few; the announced length keeps the last step exact.
                let most = expected.map_or(MAX_INLINE, |length| length.max(total as u64)) as usize;
                let wanted = (total * 2).clamp(FIRST_BYTES, MAX_INLINE as usize).min(most).max(total);
                held.grow((wanted - reserved) as u64).await?;
                buffer.reserve(wanted - buffer.len());
                reserved = wanted;
            }
            buffer.extend_from_slice(&piece);
        }
    }

    /// Over 8 MiB: the body goes on to the store as it comes, but for its last piece.
    async fn put_streamed<B>(
        &self,
        mut upload: Upload,
        mut body: Receiver<B>,
        length: u64,
        client: &str,
    ) -> Result<Uploaded, GateError>
    where
        B: Incoming,
    {
        let _held = self.budget.reserve(client, STREAM_MEMORY).await?;
        if let Some(sum) = body.announced() {
            declare(&mut upload.headers, sum)?;
        }
        let guard = self.guard(&upload).await?;
        let mut first = VecDeque::new();
        let mut waiting = 0;
        while waiting < FIRST_BYTES {
            match body.next().await? {
                Step::Data(piece) => {
                    waiting += piece.len();
                    first.push_back(piece);
                }
                // The payload has checked its length, which is over 8 MiB.
                Step::End(_) => return Err(incomplete().into()),
            }
        }
        let reference = RecordRef::random().map_err(no_randomness)?;
        let attributes = Attributes {
            headers: upload.headers.clone(),
            hallmark: Some(Hallmark::Record(reference).to_string()),
        };
        let (writer, store_body) = Body::channel(1);
        let put = self.store.put(&upload.name, attributes, length, store_body, guard);
        let feed = self.feed(&upload, body, first, length, &reference, writer);
        let (put, fed) = tokio::join!(put, feed);
        let sealed = match fed {
            Ok(sealed) => sealed,
            // The store stopped listening: it says why.
            Err(FeedError::Stopped) => return Err(put.err().unwrap_or(PutError::Incomplete).into()),
            Err(FeedError::Refused(error)) => return Err(error),
        };
        let settled = self.settle(&upload, &sealed.line, put.map(drop)).await;
        if settled.is_err() && !matches!(settled, Err(Settled::Unknown(_))) {
            // Nothing refers to the record. If it cannot be removed now it is garbage, not harm.
            let _ = self.store.state_delete(&record_name(&reference)).await;
        }
        settled?;
        Ok(sealed.into())
    }

    /// Receives, hashes and hands on; checks; writes the record; and then lets the last piece go.
    async fn feed<B>(
        &self,
        upload: &Upload,
        mut body: Receiver<B>,
        mut batch: VecDeque<Bytes>,
        length: u64,
        reference: &RecordRef,
        writer: BodyWriter,
    ) -> Result<Sealed, FeedError>
    where
        B: Incoming,
    {
        let mut hasher = Hashing::exactly(length);
        let mut waiting: usize = batch.iter().map(Bytes::len).sum();
        let end = loop {
            match body.next().await? {
                Step::End(end) => break end,
                Step::Data(piece) => {
                    if waiting >= BATCH {
                        // This piece follows, so the batch does not hold the last one.
                        hasher = hash_and_send(hasher, std::mem::take(&mut batch), &writer).await?;
                        waiting = 0;
                    }
                    waiting += piece.len();
                    batch.push_back(piece);
                }
            }
        };
        // All but the last piece may go: a store that has not got that one has nothing.
        let last = batch.pop_back().ok_or(FeedError::Refused(incomplete().into()))?;
        hasher = hash_and_send(hasher, batch, &writer).await?;
        let hashed = hasher.update([last.clone()]).await?.finish().await?;
        let checked = end.check(hashed.0.sha256(), hashed.1.as_bytes())?;
        let sealed = self.seal(upload, &hashed, &checked)?;
        let record = record::encode(&sealed.line, hashed.0.leaves()).map_err(|error| {
            tracing::error!(object = %upload.name, %error, "cannot make the record");
            internal()
        })?;
        self.store
            .state_put(&record_name(reference), record.into(), Guard::Absent)
            .await
            .map_err(GateError::from)?;
        writer.data(last).await?;
        writer.commit(sealed.etag.to_string()).await?;
        Ok(sealed)
    }

    /// Judges the publishers' signatures and makes the seal. Asks for the proof that every declared check passed.
    fn seal(
        &self,
        upload: &Upload,
        (content, md5): &(Content, Md5Digest),
        checked: &CheckedPayload,
    ) -> Result<Sealed, GateError> {
        if content.blob_digest().is_err() {
            let message = "The content begins like a DSSE pre-authentication encoding (`DSSEv1 `); a signature over \
                           it could be taken for one over a statement.";
            return Err(S3Error::new(Code::InvalidRequest, message).into());
        }
        let header = upload.headers.get(SIGNATURE_HEADER);
        self.policy.judge(&upload.name, content.sha256(), header, self.prover.verdicts())?;
        let etag = SealedEtag::single(*md5);
        let claims = Claims {
            id: SealId::random().map_err(no_randomness)?,
            op: Op::Put,
            at: now_ms(),
            by: upload.by.clone(),
            src: None,
            content: ContentDigests::of(content).map_err(|_| too_large())?,
            parts: None,
            etag,
        };
        let observed = Observed {
            realm: self.realm.as_str(),
            bucket: upload.name.bucket.as_str(),
            key: upload.name.key.as_str(),
            length: content.size(),
            headers: upload.headers.digest(),
        };
        let line = self.sealer.seal(claims, &observed).map_err(|error| {
            tracing::error!(object = %upload.name, %error, "cannot seal");
            internal()
        })?;
        Ok(Sealed { line, etag, checksum: checked.checksum().cloned() })
    }

    /// Turns the client's condition, which is about sealed ETags, into the store's.
    async fn guard(&self, upload: &Upload) -> Result<Guard, GateError> {
        match &upload.condition {
            PutCondition::None => Ok(Guard::Any),
            PutCondition::Absent => Ok(Guard::Absent),
            PutCondition::Matches(tag) => {
                let current = self.head(&upload.name, Reader::Inspecting).await?;
                if tag.is(&current.etag()) {
                    Ok(Guard::Matches(current.pin().clone()))
                } else {
                    Err(PutError::GuardFailed.into())
                }
            }
        }
    }

    /// Finds out what became of a `put` that the store did not answer.
    async fn settle(
        &self,
        upload: &Upload,
        line: &SealLine,
        put: Result<(), PutError>,
    ) -> Result<(), Settled> {
        let error = match put {
            Ok(()) => return Ok(()),
            Err(PutError::Unknown(error)) => error,
            Err(error) => return Err(Settled::NotStored(error.into())),
        };
        match self.head(&upload.name, Reader::Inspecting).await {
            Ok(found) if found.seal().is_some_and(|seal| seal.id() == line.id()) => Ok(()),
            _ => Err(Settled::Unknown(StoreError::new(StoreFault::Unavailable, error.message).into())),
        }
    }
}

/// How a `put` that did not succeed ended.
enum Settled {
    /// Nothing was stored.
    NotStored(GateError),
    /// Nobody knows.
    Unknown(GateError),
}

impl From<Settled> for GateError {
    fn from(settled: Settled) -> Self {
        match settled {
            Settled::NotStored(error) | Settled::Unknown(error) => error,
        }
    }
}

impl From<Sealed> for Uploaded {
    fn from(sealed: Sealed) -> Self {
        Self { etag: sealed.etag, checksum: sealed.checksum }
    }
}

/// Why a body did not reach its end.
enum FeedError {
    /// The store stopped taking it.
    Stopped,
    /// A check failed.
    Refused(GateError),
}

impl From<crate::store::StoreStopped> for FeedError {
    fn from(_: crate::store::StoreStopped) -> Self {
        Self::Stopped
    }
}

impl From<GateError> for FeedError {
    fn from(error: GateError) -> Self {
        Self::Refused(error)
    }
}

impl From<S3Error> for FeedError {
    fn from(error: S3Error) -> Self {
        Self::Refused(error.into())
    }
}

/// Sends a batch on, and has it hashed meanwhile and while the next one is received.
async fn hash_and_send(
    hasher: Hashing,
    batch: VecDeque<Bytes>,
    writer: &BodyWriter,
) -> Result<Hashing, FeedError> {
    let send = async {
        for piece in batch.clone() {
            writer.data(piece).await?;
        }
        Ok::<_, FeedError>(())
    };
    let (hasher, sent) = tokio::join!(hasher.update(batch.clone()), send);
    sent?;
    Ok(hasher?)
}

/// Keeps the declared checksum beside the artifact, under the seal.
fn declare(headers: &mut SealedHeaders, sum: &DeclaredChecksum) -> Result<(), GateError> {
    // Fails only if the name were there already, and clients' own `hallmark` metadata is dropped on arrival.
    headers.insert(CHECKSUM_HEADER, &sum.to_metadata()).map_err(|_| internal())
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn too_large() -> S3Error {
    S3Error::new(Code::EntityTooLarge, "Your proposed upload exceeds the maximum allowed object size.")
}

fn length_required() -> S3Error {
    let message =
        "An upload of more than 8 MiB must say its length (Content-Length or x-amz-decoded-content-length).";
    S3Error::new(Code::MissingContentLength, message)
}

pub(super) fn incomplete() -> S3Error {
    S3Error::new(Code::IncompleteBody, "The body ended before it was complete.")
}

fn internal() -> GateError {
    S3Error::new(Code::InternalError, "We encountered an internal error. Please try again.").into()
}

fn no_randomness(error: impl std::fmt::Display) -> GateError {
    tracing::error!(%error, "the system gives no random bytes");
    internal()
}
