//! The proof that every check on the bytes of an upload has passed: without it there is no seal.

use hallmark_signer::{Content, MAX_INLINE, Md5Digest, Op, PartTable, SealedEtag, Sha256Digest};

use super::multipart::CheckedParts;
use crate::s3::payload::{CheckedPayload, DeclaredChecksum};

/// How far a clock may lag behind that of the instance which sealed what stands there now, milliseconds: 15 minutes.
const MAX_SKEW: u64 = 15 * 60 * 1000;

/// The bytes of an upload, hashed and found to be all that was declared of them. Made from one of the two proofs
/// alone: of a body, or of parts.
pub(super) struct CheckedUpload<'a>(Kind<'a>);

enum Kind<'a> {
    Body { content: &'a Content, md5: Md5Digest, checksum: Option<&'a DeclaredChecksum> },
    Parts { parts: &'a CheckedParts, after: Option<u64> },
}

/// A time for a seal, later than that of what stands there now.
pub(super) fn later(now: u64, after: Option<u64>) -> u64 {
    let after = after.filter(|after| *after < now.saturating_add(MAX_SKEW));
    after.map_or(now, |after| now.max(after.saturating_add(1)))
}

impl<'a> CheckedUpload<'a> {
    /// What came in one body; `None`: `checked` is the proof of another one.
    pub(super) fn of_body(content: &'a Content, md5: Md5Digest, checked: &'a CheckedPayload) -> Option<Self> {
        let same = content.sha256() == checked.sha256()
            && content.size() == checked.length()
            && md5.as_bytes() == checked.md5();
        same.then(|| Self(Kind::Body { content, md5, checksum: checked.checksum() }))
    }

    /// What came in parts, to be sealed at a later time than `after`, the time of what stands there now.
    pub(super) fn of_parts(parts: &'a CheckedParts, after: Option<u64>) -> Self {
        Self(Kind::Parts { parts, after })
    }

    /// What was hashed.
    pub(super) fn content(&self) -> &'a Content {
        match &self.0 {
            Kind::Body { content, .. } => content,
            Kind::Parts { parts, .. } => parts.content(),
        }
    }

    /// How it came.
    pub(super) fn op(&self) -> Op {
        match &self.0 {
            Kind::Body { .. } => Op::Put,
            Kind::Parts { .. } => Op::Mpu,
        }
    }

    /// What the client computes of it, too.
    pub(super) fn etag(&self) -> SealedEtag {
        match &self.0 {
            Kind::Body { md5, .. } => SealedEtag::single(*md5),
            Kind::Parts { parts, .. } => parts.selection().etag(),
        }
    }

    /// The digest of the part table that its record has.
    pub(super) fn parts(&self) -> Option<Sha256Digest> {
        match &self.0 {
            Kind::Body { .. } => None,
            Kind::Parts { parts, .. } => {
                (parts.content().size() > MAX_INLINE).then(|| PartTable::digest(parts.selection().table()))
            }
        }
    }

    /// The time of the seal. Clocks of instances differ: who comes later is later, if that is a matter of minutes.
    pub(super) fn at(&self, now: u64) -> u64 {
        match &self.0 {
            Kind::Body { .. } => now,
            Kind::Parts { after, .. } => later(now, *after),
        }
    }

    /// The checksum to be kept with it.
    pub(super) fn checksum(&self) -> Option<&'a DeclaredChecksum> {
        match &self.0 {
            Kind::Body { checksum, .. } => *checksum,
            Kind::Parts { parts, .. } => parts.selection().checksum(),
        }
    }
}
