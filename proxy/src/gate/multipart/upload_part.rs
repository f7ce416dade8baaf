//! UploadPart: as the body of an upload, but it goes into the stage, and a record of it beside.
//!
//! The record is written only after the store said that the part is durable. A part without a record is as if it had not
//! been sent.

use std::collections::VecDeque;
use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, select};
use hallmark_signer::{LeavesHasher, MAX_INLINE, Md5Digest, tree};

use super::marker::Marker;
use super::part::{PartContent, PartRecord};
use super::record::Replacing;
use super::window::Feed;
use crate::gate::hash::{PartHashes, PartHashing};
use crate::gate::stream::{BATCH, FeedError, STREAM_MEMORY, first_bytes, send};
use crate::gate::upload::{incomplete, internal};
use crate::gate::{Gate, GateError, Incoming, Reservation};
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::{ChecksumAlgorithm, DeclaredChecksum, Payload, PayloadEnd, Step};
use crate::store::{Body, BodyWriter, PartNumber, Pin, PutError, committed};

/// S3's largest part, bytes.
pub(super) const MAX_PART: u64 = 5 << 30;

/// For each leaf of a part: its hash, in a vector that doubles.
const LEAF_MEMORY: u64 = 64;

/// What taking in any part holds at most.
pub(super) const SENDING: u64 = STREAM_MEMORY + tree::leaf_count(MAX_PART) * LEAF_MEMORY;

/// A part that was received and is all that was declared of it, and has its turn to be committed.
struct Received {
    leaves: LeavesHasher,
    md5: Md5Digest,
    checksum: Option<DeclaredChecksum>,
    replacing: Replacing,
}

/// The ETag under which a client knows a part.
#[derive(Debug, Clone, Copy)]
pub(super) enum KnownAs {
    /// The MD5 of its bytes.
    ItsMd5,
    /// What it was told before anybody had read the bytes.
    Etag(Md5Digest),
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
        let length = payload.length();
        if length.is_some_and(|length| length > MAX_PART.min(self.limits.max_object_size)) {
            return Err(too_large().into());
        }
        let held = self.budget.reserve(&marker.client, part_memory(length)).await?;
        self.upload_part_as(marker, number, payload, KnownAs::ItsMd5, held).await
    }

    /// The same for a part that its client may know under another ETag, by who has set [memory](part_memory) aside.
    pub(super) async fn upload_part_as<B: Incoming>(
        &self,
        marker: &Marker,
        number: PartNumber,
        payload: Payload<B>,
        known_as: KnownAs,
        held: Reservation,
    ) -> Result<PartRecord, GateError> {
        let planned = marker.checksum.map(|plan| plan.algorithm);
        let mut payload = match (planned, payload.checksum_algorithm()) {
            (Some(planned), Some(declared)) if planned != declared => {
                return Err(other_checksum(planned, declared).into());
            }
            (Some(planned), _) => payload.wanting(planned),
            (None, _) => payload,
        };
        match payload.length() {
            Some(length) if length > MAX_PART.min(self.limits.max_object_size) => Err(too_large().into()),
            Some(length) if length > BATCH as u64 => {
                let _held = held;
                self.stream_part(marker, number, payload, length, known_as).await
            }
            Some(_) | None => self.whole_part(marker, number, &mut payload, known_as, held).await,
        }
    }

    /// A small part, or one of unknown length: all of it is here before the store hears of it.
    async fn whole_part<B: Incoming>(
        &self,
        marker: &Marker,
        number: PartNumber,
        body: &mut Payload<B>,
        known_as: KnownAs,
        held: Reservation,
    ) -> Result<PartRecord, GateError> {
        let hashing = PartHashing::of(body);
        let (_held, bytes, end) = self.collect(body, held).await?;
        let length = bytes.len() as u64;
        let mut window = self.multipart.windows.begin(marker.id.random(), number, length);
        window.data(&bytes);
        let hashed = hashing.update([bytes.clone()]).await?.finish().await?;
        let received = self.received(marker, number, end, hashed).await?;
        let body = Body::whole(bytes, received.md5.to_hex());
        let pin = committed(self.store.stage_part(&marker.stage, number, length, body)).await?;
        self.staged(marker, length, received, known_as, pin, window).await
    }

    /// A part that goes on to the store as it comes, but for its last piece.
    async fn stream_part<B: Incoming>(
        &self,
        marker: &Marker,
        number: PartNumber,
        mut body: Payload<B>,
        length: u64,
        known_as: KnownAs,
    ) -> Result<PartRecord, GateError> {
        let first = first_bytes(&mut body).await?;
        let mut window = self.multipart.windows.begin(marker.id.random(), number, length);
        let (writer, store_body) = Body::channel(1);
        let put = self.store.stage_part(&marker.stage, number, length, store_body);
        let feed = self.feed_part(marker, number, body, first, writer, &mut window);
        let (put, fed) = match select(put, pin!(feed)).await {
            Either::Left((put, feed)) => (put, feed.await),
            Either::Right((fed, put)) => (committed(put).await, fed),
        };
        match fed {
            Ok(received) => self.staged(marker, length, received, known_as, put?, window).await,
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
        let mut hashing = PartHashing::of(&body);
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
                        window.keep_pace().await;
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
        writer.commit(received.md5.to_hex()).await?;
        Ok(received)
    }

    /// Records a part that is durable.
    async fn staged(
        &self,
        marker: &Marker,
        length: u64,
        received: Received,
        known_as: KnownAs,
        pin: Pin,
        window: Feed,
    ) -> Result<PartRecord, GateError> {
        let Received { leaves, md5, checksum, replacing } = received;
        let etag = match known_as {
            KnownAs::ItsMd5 => md5,
            KnownAs::Etag(etag) => etag,
        };
        let content = PartContent::Staged { tree: leaves.root(), checksum, pin };
        let record = self.record_part(marker, replacing, length, etag, content).await?;
        window.commit(leaves);
        Ok(record)
    }

    /// Compares what was declared of the part with what came, and waits for its turn to be committed.
    async fn received(
        &self,
        marker: &Marker,
        number: PartNumber,
        end: PayloadEnd,
        PartHashes { leaves, sha256, md5 }: PartHashes,
    ) -> Result<Received, GateError> {
        let checked = end.check_part(sha256.as_ref(), md5.as_bytes())?;
        let checksum = match marker.checksum {
            // What was asked for was computed.
            Some(_) => Some(checked.wanted().cloned().ok_or_else(internal)?),
            None => checked.checksum().cloned(),
        };
        let replacing = self.replacing(marker, number).await?;
        Ok(Received { leaves, md5, checksum, replacing })
    }
}

/// What taking in a part of this length holds at most.
pub(super) fn part_memory(length: Option<u64>) -> u64 {
    match length {
        Some(length) if length > BATCH as u64 => STREAM_MEMORY + tree::leaf_count(length) * LEAF_MEMORY,
        Some(length) => length,
        None => MAX_INLINE,
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
