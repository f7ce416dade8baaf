//! UploadPart: as the body of an upload, but it goes into the stage, and a record of it beside.
//!
//! The record is written only after the store said that the part is durable. A part without a record is as if it had not
//! been sent.

use std::collections::VecDeque;
use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, select};
use hallmark_signer::{MAX_INLINE, Md5Digest, Sha256Digest};

use super::commits::Turn;
use super::marker::Marker;
use super::part::{PartContent, PartRecord};
use super::window::Feed;
use crate::gate::hash::{PartHashing, hash_part};
use crate::gate::stream::{BATCH, FeedError, STREAM_MEMORY, first_bytes, send};
use crate::gate::upload::{incomplete, internal, now_ms};
use crate::gate::{Gate, GateError, Incoming};
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::{ChecksumAlgorithm, DeclaredChecksum, Payload, PayloadEnd, Step};
use crate::store::{Body, BodyWriter, Guard, PartNumber, Pin, PutError, committed};

/// S3's largest part, bytes.
const MAX_PART: u64 = 5 << 30;

/// A part that was received and is all that was declared of it, and has its turn to be committed.
struct Received {
    sha256: Sha256Digest,
    etag: Md5Digest,
    checksum: Option<DeclaredChecksum>,
    /// Records of earlier sends: what they are about is replaced once this part is durable.
    earlier: Vec<(String, PartRecord)>,
    _turn: Turn,
}

impl Gate {
    /// Takes a part of an upload. A part that was sent before is replaced.
    ///
    /// # Errors
    /// A check failed, and nothing has changed; or the store failed.
    pub async fn upload_part<B: Incoming>(
        &self,
        marker: &Marker,
        number: PartNumber,
        payload: Payload<B>,
    ) -> Result<PartRecord, GateError> {
        let planned = marker.checksum.map(|plan| plan.algorithm);
        let mut payload = match (planned, payload.checksum_algorithm()) {
            (Some(planned), Some(declared)) if planned != declared => {
                return Err(other_checksum(planned, declared).into());
            }
            (Some(planned), _) => payload.wanting(planned),
            (None, _) => payload,
        };
        let length = payload.length().unwrap_or(MAX_INLINE);
        let window = self.multipart.windows.begin(marker.id.random(), number, length);
        match payload.length() {
            Some(length) if length > MAX_PART.min(self.limits.max_object_size) => Err(too_large().into()),
            Some(length) if length > BATCH as u64 => {
                self.stream_part(marker, number, payload, length, window).await
            }
            Some(_) | None => self.whole_part(marker, number, &mut payload, window).await,
        }
    }

    /// A small part, or one of unknown length: all of it is here before the store hears of it.
    async fn whole_part<B: Incoming>(
        &self,
        marker: &Marker,
        number: PartNumber,
        body: &mut Payload<B>,
        mut window: Feed,
    ) -> Result<PartRecord, GateError> {
        let (_held, bytes, end) = self.collect(body, &marker.client).await?;
        window.data(&bytes);
        let hashed = hash_part(bytes.clone()).await?;
        let received = self.received(marker, number, end, hashed).await?;
        let length = bytes.len() as u64;
        let body = Body::whole(bytes, received.etag.to_hex());
        let pin = committed(self.store.stage_part(&marker.stage, number, length, body)).await?;
        self.record(marker, number, length, received, pin, window).await
    }

    /// A part that goes on to the store as it comes, but for its last piece.
    async fn stream_part<B: Incoming>(
        &self,
        marker: &Marker,
        number: PartNumber,
        mut body: Payload<B>,
        length: u64,
        mut window: Feed,
    ) -> Result<PartRecord, GateError> {
        let _held = self.budget.reserve(&marker.client, STREAM_MEMORY).await?;
        let first = first_bytes(&mut body).await?;
        let (writer, store_body) = Body::channel(1);
        let put = self.store.stage_part(&marker.stage, number, length, store_body);
        let feed = self.feed_part(marker, number, body, first, writer, &mut window);
        let (put, fed) = match select(put, pin!(feed)).await {
            Either::Left((put, feed)) => (put, feed.await),
            Either::Right((fed, put)) => (committed(put).await, fed),
        };
        match fed {
            Ok(received) => self.record(marker, number, length, received, put?, window).await,
            // The store stopped listening: it says why.
            Err(FeedError::Stopped) => Err(put.err().unwrap_or(PutError::Incomplete).into()),
            Err(FeedError::Refused(error)) => Err(error),
        }
    }

    /// Receives, hashes and hands on; checks; and then lets the last piece go.
    async fn feed_part<B: Incoming>(
        &self,
        marker: &Marker,
        number: PartNumber,
        mut body: Payload<B>,
        mut batch: VecDeque<Bytes>,
        writer: BodyWriter,
        window: &mut Feed,
    ) -> Result<Received, FeedError> {
        let mut hashing = PartHashing::default();
        batch.iter().for_each(|piece| window.data(piece));
        let mut waiting: usize = batch.iter().map(Bytes::len).sum();
        let end = loop {
            match body.next().await? {
                Step::End(end) => break end,
                Step::Data(piece) => {
                    if waiting >= BATCH {
                        // This piece follows, so the batch does not hold the last one.
                        let batch = std::mem::take(&mut batch);
                        let (hashed, sent) =
                            tokio::join!(hashing.update(batch.clone()), send(batch, &writer));
                        sent?;
                        hashing = hashed?;
                        waiting = 0;
                    }
                    window.data(&piece);
                    waiting += piece.len();
                    batch.push_back(piece);
                }
            }
        };
        // All but the last piece may go: a store that has not got that one has nothing.
        let last = batch.pop_back().ok_or(FeedError::Refused(incomplete().into()))?;
        let all: Vec<Bytes> = batch.iter().cloned().chain([last.clone()]).collect();
        let (hashed, sent) = tokio::join!(hashing.update(all), send(batch, &writer));
        sent?;
        let hashed = hashed?.finish().await?;
        let received = self.received(marker, number, end, hashed).await?;
        writer.data(last).await?;
        writer.commit(received.etag.to_hex()).await?;
        Ok(received)
    }

    /// Compares what was declared of the part with what came, and waits for its turn to be committed.
    async fn received(
        &self,
        marker: &Marker,
        number: PartNumber,
        end: PayloadEnd,
        (sha256, etag): (Sha256Digest, Md5Digest),
    ) -> Result<Received, GateError> {
        let checked = end.check(&sha256, etag.as_bytes())?;
        let checksum = match marker.checksum {
            // What was asked for was computed.
            Some(_) => Some(checked.wanted().cloned().ok_or_else(internal)?),
            None => checked.checksum().cloned(),
        };
        let turn = self.multipart.commits.turn(marker.id.random(), number).await?;
        // Before the part is durable: so what these records are about was, and is replaced.
        let earlier = self.records_of(&marker.id, number).await?;
        Ok(Received { sha256, etag, checksum, earlier, _turn: turn })
    }

    /// Writes the record of a part that is durable.
    async fn record(
        &self,
        marker: &Marker,
        number: PartNumber,
        length: u64,
        received: Received,
        pin: Pin,
        window: Feed,
    ) -> Result<PartRecord, GateError> {
        let Received { sha256, etag, checksum, earlier, _turn } = received;
        // Clocks of instances differ: this one is later than those that it replaces, whatever they say.
        let after = earlier.iter().map(|(_, record)| record.at.saturating_add(1)).max();
        let at = now_ms().max(after.unwrap_or_default());
        let content = PartContent::Staged { sha256, checksum, pin };
        let record = PartRecord { number, length, etag, at, content };
        let Some(name) = record.name(&self.multipart.keys, &marker.id) else {
            tracing::error!(upload = ?marker.id, "the store's name for a part does not fit its record");
            return Err(internal());
        };
        self.store.state_put(&name, Bytes::new(), Guard::Any).await?;
        window.commit(&sha256);
        self.drop_names(earlier.into_iter().map(|(name, _)| name).collect()).await;
        Ok(record)
    }
}

fn too_large() -> S3Error {
    S3Error::new(Code::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
}

fn other_checksum(planned: ChecksumAlgorithm, declared: ChecksumAlgorithm) -> S3Error {
    let name = |algorithm: ChecksumAlgorithm| algorithm.name().to_lowercase();
    let message = format!(
        "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
        name(planned),
        name(declared)
    );
    S3Error::new(Code::InvalidRequest, message)
}
