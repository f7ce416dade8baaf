//! Uploads of more than 8 MiB: the body goes on to the store as it comes, but for its last piece.

use std::collections::VecDeque;
use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, select};
use hallmark_signer::{CHECKSUM_HEADER, Hallmark, RecordRef, tree};

use super::guard::refused;
use super::hash::Hashing;
use super::quarantine::Ground;
use super::receive::Incoming;
use super::record::Contents;
use super::sibling_worth::Weight;
use super::upload::{Sealed, Upload, Uploaded, declare, incomplete, no_randomness};
use super::{Gate, GateError};
use crate::s3::error::S3Error;
use crate::s3::payload::{DeclaredChecksum, Payload, Step};
use crate::store::{Attributes, Body, BodyWriter, PutError, StoreStopped, committed};
use crate::trust::Form;

/// A body must have begun to arrive, by so many bytes, before the store is troubled with it.
const FIRST_BYTES: usize = 64 * 1024;

/// Pieces are hashed and sent on in batches of this size.
pub(super) const BATCH: usize = 512 * 1024;

/// What a streamed upload holds at most: the batch that arrives, the one that is hashed and sent, and what the store
/// has not written yet.
pub(super) const STREAM_MEMORY: u64 = 5 * 512 * 1024;

/// For each leaf: its hash, and the same again in the record.
const LEAF_MEMORY: u64 = 64;

impl Gate {
    /// The body, the record that holds the seal, and then the body's last piece, which makes the object visible.
    pub(super) async fn put_streamed<B>(
        &self,
        mut upload: Upload,
        mut body: Payload<B>,
        length: u64,
        client: &str,
    ) -> Result<Uploaded, GateError>
    where
        B: Incoming,
    {
        let _held =
            self.budget.reserve(client, STREAM_MEMORY + tree::leaf_count(length) * LEAF_MEMORY).await?;
        if let Some(sum) = body.announced() {
            declare(&mut upload.headers, sum)?;
        }
        let ground = self.ground(&upload.name, &upload.condition, &upload.by, &Weight::Unknown).await?;
        let first = first_bytes(&mut body).await?;
        let reference = RecordRef::random().map_err(no_randomness)?;
        let attributes = Attributes {
            headers: upload.headers.clone(),
            hallmark: Some(Hallmark::Record(reference).to_string()),
        };
        let (writer, store_body) = Body::channel(1);
        let put =
            self.store.put(&upload.name, upload.write(attributes, ground.guard.clone()), length, store_body);
        let feed = self.feed(&upload, body, first, (length, &ground), &reference, writer);
        let (put, fed) = match select(put, pin!(feed)).await {
            Either::Left((put, feed)) => (put, feed.await),
            Either::Right((fed, put)) => (committed(put).await, fed),
        };
        match fed {
            Ok(sealed) => {
                let version = self.settle_recorded(&upload, &sealed.line, &reference, put).await?;
                Ok(sealed.uploaded(version))
            }
            // The store stopped listening before it was told that this is all, so it can have stored nothing; it says why.
            Err(FeedError::Stopped) => {
                let error = put.err().unwrap_or(PutError::Incomplete);
                if !matches!(error, PutError::Unknown(_)) {
                    self.forget_record(&reference).await;
                }
                Err(refused(&upload.condition, error))
            }
            // The store was never given the last piece.
            Err(FeedError::Refused(error)) => {
                self.forget_record(&reference).await;
                Err(error)
            }
        }
    }

    /// Receives, hashes and hands on; checks; writes the record; and then lets the last piece go.
    async fn feed<B>(
        &self,
        upload: &Upload,
        mut body: Payload<B>,
        mut batch: VecDeque<Bytes>,
        (length, ground): (u64, &Ground),
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
        // The store has the object's headers already: a checksum that came after the body stands in the record.
        let mut headers = upload.headers.clone();
        let sum = checked.checksum().filter(|_| headers.get(CHECKSUM_HEADER).is_none());
        if let Some(sum) = sum {
            declare(&mut headers, sum)?;
        }
        let sum = sum.map(DeclaredChecksum::to_metadata);
        let sealed = self.seal(upload, &headers, &hashed, &checked, (Form::Any, ground)).await?;
        let contents = Contents { leaves: hashed.0.leaves(), sum: sum.as_deref(), parts: None };
        self.write_record(&upload.name, reference, &sealed.line, contents).await?;
        self.confirm_sealed(upload, &headers, &sealed, (Form::Any, ground)).await?;
        writer.data(last).await?;
        writer.commit(sealed.etag.to_string()).await?;
        Ok(sealed)
    }
}

/// Waits for the beginning of a body, which is longer than that.
pub(super) async fn first_bytes<B: Incoming>(body: &mut Payload<B>) -> Result<VecDeque<Bytes>, S3Error> {
    let mut first = VecDeque::new();
    let mut waiting = 0;
    while waiting < FIRST_BYTES {
        match body.next().await? {
            Step::Data(piece) => {
                waiting += piece.len();
                first.push_back(piece);
            }
            // The payload has checked its length.
            Step::End(_) => return Err(incomplete()),
        }
    }
    Ok(first)
}

/// Why a body did not reach its end.
pub(super) enum FeedError {
    /// The store stopped taking it.
    Stopped,
    /// A check failed.
    Refused(GateError),
}

impl From<StoreStopped> for FeedError {
    fn from(_: StoreStopped) -> Self {
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
    let (hasher, sent) = tokio::join!(hasher.update(batch.clone()), send(batch, writer));
    sent?;
    Ok(hasher?)
}

/// Hands a batch over.
pub(super) async fn send(batch: VecDeque<Bytes>, writer: &BodyWriter) -> Result<(), StoreStopped> {
    for piece in batch {
        writer.data(piece).await?;
    }
    Ok(())
}
