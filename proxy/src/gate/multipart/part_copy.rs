//! UploadPartCopy: a part that is made of an artifact.
//!
//! The source is judged as for a download. Then there are two ways. **Carried**: its bytes are read as a download reads
//! them, leaf by leaf, and sent as the body of a part. **By reference**: where the parts look as if they were to make up
//! the whole artifact in order, as they do when a client copies a large one, only the range is recorded. If in the end
//! they do, the artifact is copied in the store and what its seal says is inherited: no byte passes through here. If
//! not, the parts are carried then.
//!
//! A part by reference has no MD5, since nobody read its bytes; its ETag is a digest of what it refers to.

use std::ops::Range;

use hallmark_signer::{Md5Digest, Seal, SealId, Sha256Digest};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use super::marker::Marker;
use super::part::{PartContent, PartRecord};
use super::source::CopiedSource;
use super::upload_part::{KnownAs, MAX_PART, SENDING};
use crate::gate::upload::internal;
use crate::gate::{Gate, GateError, Recency, Reservation, Wanted};
use crate::name::ObjectName;
use crate::proof::{Admitted, ArtifactFault, READING, Reader};
use crate::s3::auth::PayloadClaim;
use crate::s3::condition::CopyConditions;
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::Payload;
use crate::s3::range::{Part, RangeHeader};
use crate::store::{PartNumber, PutError, VersionId, aside};

/// What is held while bytes are read and sent as a part: at once, for who holds the one and waits for the other waits for
/// others that do the same.
pub(super) const CARRYING: u64 = READING + SENDING;

/// A part that is to be made of an artifact.
pub struct PartCopy {
    /// What is copied.
    pub source: ObjectName,
    /// Which version of it; `None`: the current one.
    pub version: Option<VersionId>,
    /// On what of the source it depends.
    pub conditions: CopyConditions,
    /// Which bytes of it; `None`: all.
    pub range: Option<Range<u64>>,
}

/// A part that was made of an artifact.
pub struct CopiedPart {
    /// The part.
    pub record: PartRecord,
    /// What the store calls the version that was copied.
    pub source_version: Option<VersionId>,
}

impl Gate {
    /// Makes a part of an artifact.
    ///
    /// # Errors
    /// The source must not be served, or has not these bytes; or the store failed.
    pub async fn upload_part_copy(
        &self,
        marker: &Marker,
        number: PartNumber,
        copy: &PartCopy,
    ) -> Result<CopiedPart, GateError> {
        let (from, version, client) = (&copy.source, copy.version.as_ref(), &marker.client);
        let source = self.copy_source(from, version, &copy.conditions, client).await?;
        let length = source.length();
        let range = copy.range.clone().unwrap_or(0..length);
        if range.end > length {
            return Err(outside(&range, length).into());
        }
        if range.end - range.start > MAX_PART {
            return Err(too_large().into());
        }
        let source_version = source.standing().version.clone();
        let record = if marker.checksum.is_none() && continues(number, &range, length) {
            self.refer(marker, number, &source, range).await?
        } else {
            let mut held = self.budget.reserve(&marker.client, CARRYING).await?;
            self.carry((marker, number, KnownAs::ItsMd5), &source, range, &mut held).await?
        };
        Ok(CopiedPart { record, source_version })
    }

    /// Reads `range` of an admitted artifact as a download does, and sends it as a part. For that, [`CARRYING`] is held.
    async fn carry(
        &self,
        (marker, number, known_as): (&Marker, PartNumber, KnownAs),
        source: &Admitted,
        range: Range<u64>,
        held: &mut Reservation,
    ) -> Result<PartRecord, GateError> {
        let (to_read, to_send) = held.lent().zip(held.lent()).ok_or_else(internal)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, (range.end - range.start).into());
        let range = Part::of(&range, source.length()).map(|part| RangeHeader::of(&part));
        let (name, version) = (source.name(), source.version());
        let (reader, recency, client) = (Reader::Trusting, Recency::Now, marker.client.as_str());
        let wanted = Wanted { name, version, reader, recency, client };
        let download = self.get_holding(wanted, range.as_ref(), to_read).await?;
        // Another version may stand there by now.
        if download.admitted().seal().map(Seal::id) != source.seal().map(Seal::id) {
            return Err(PutError::SourceChanged.into());
        }
        let body = self.release(download).await?.carry();
        let payload = Payload::new(body, PayloadClaim::Unsigned, &headers)?;
        // What is read is under way.
        aside(self.upload_part_as(marker, number, payload, known_as, to_send)).await
    }

    /// Records that the part is these bytes of the source.
    async fn refer(
        &self,
        marker: &Marker,
        number: PartNumber,
        source: &Admitted,
        range: Range<u64>,
    ) -> Result<PartRecord, GateError> {
        let seal = source.seal().ok_or(ArtifactFault::Unsealed)?.id();
        let source = CopiedSource {
            object: source.name().clone(),
            version: source.version().cloned(),
            seal,
            pin: source.pin().clone(),
            size: source.length(),
        };
        let replacing = self.replacing(marker, number).await?;
        let id = self.put_source(&marker.id, &source).await?;
        let (length, etag) = (range.end - range.start, reference_etag(&seal, &range));
        let content = PartContent::Referenced { source: id, range };
        self.record_part(marker, replacing, length, etag, content).await
    }

    /// Carries a part by reference after all, and records it as sent, under the ETag that its client knows. For that,
    /// [`CARRYING`] is held.
    ///
    /// # Errors
    /// The source is not there any more, or must not be served; or the store failed.
    pub(super) async fn carry_reference(
        &self,
        marker: &Marker,
        part: &PartRecord,
        source: &CopiedSource,
        range: Range<u64>,
        held: &mut Reservation,
    ) -> Result<PartRecord, GateError> {
        let found = self.referenced(source, &marker.client).await?;
        // In one step: the client's ETag must not be lost on the way.
        self.carry((marker, part.number, KnownAs::Etag(part.etag)), &found, range, held).await
    }

    /// The artifact that parts refer to, if it is the same as then and still served.
    ///
    /// # Errors
    /// It is not.
    pub(super) async fn referenced(
        &self,
        source: &CopiedSource,
        client: &str,
    ) -> Result<Admitted, GateError> {
        let found = self.head(&source.object, source.version.as_ref(), Reader::Trusting, client).await;
        let found = found.map_err(|error| match error {
            // It was there when the part was made.
            GateError::Client(S3Error {
                code: Code::NoSuchKey | Code::NoSuchVersion | Code::NoSuchBucket | Code::MethodNotAllowed,
                ..
            }) => PutError::SourceChanged.into(),
            error => error,
        })?;
        match found.seal() {
            Some(seal) if seal.id() == source.seal => Ok(found),
            Some(_) | None => Err(PutError::SourceChanged.into()),
        }
    }
}

/// Whether a part looks like one of those that make up an artifact of `length` bytes in order, all of one length but for
/// the last. A guess: that they do is seen when the upload is completed.
fn continues(number: PartNumber, range: &Range<u64>, length: u64) -> bool {
    let (before, size) = (u64::from(number.number() - 1), range.end - range.start);
    let is_last = range.end == length;
    let in_order =
        if before == 0 { range.start == 0 } else { range.start > 0 && range.start.is_multiple_of(before) };
    // A later part says by where it begins how long those before it are.
    let like_others = before == 0 || range.start / before == size;
    size > 0 && in_order && (is_last || like_others)
}

fn reference_etag(seal: &SealId, range: &Range<u64>) -> Md5Digest {
    let text = format!("hallmark-part-v1 {seal} {} {}", range.start, range.end);
    let digest = Sha256Digest::of(text.as_bytes());
    // A digest has more than 16 bytes.
    Md5Digest::new(digest.as_bytes().first_chunk().copied().unwrap_or_default())
}

fn outside(range: &Range<u64>, length: u64) -> S3Error {
    let message = "The x-amz-copy-source-range is not satisfiable for the copy source.";
    S3Error::new(Code::InvalidRange, message)
        .with("RangeRequested", format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
        .with("ActualObjectSize", length.to_string())
}

fn too_large() -> S3Error {
    let message =
        "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
    S3Error::new(Code::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn guess(number: u64, range: Range<u64>, length: u64) -> bool {
        continues(PartNumber::new(number).unwrap(), &range, length)
    }

    #[test]
    fn only_parts_that_may_make_up_the_whole_are_by_reference() {
        assert!(guess(1, 0..8, 20) && guess(2, 8..16, 20) && guess(3, 16..20, 20) && guess(1, 0..20, 20));
        for (number, range) in [(1, 8..16), (2, 0..8), (3, 8..16), (2, 8..12), (1, 0..0)] {
            assert!(!guess(number, range.clone(), 20), "{number} {range:?}");
        }
    }

    proptest! {
        #[test]
        fn all_parts_of_a_whole_in_order_are_by_reference(size in 1u64..100, length in 1u64..2000) {
            for number in 1..=length.div_ceil(size) {
                let start = (number - 1) * size;
                prop_assert!(guess(number, start..length.min(start + size), length));
            }
        }
    }
}
