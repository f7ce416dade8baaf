//! Checksums in documents: `ChecksumCRC32` and its like.

use super::write::Xml;
use crate::s3::operation::{ChecksumKind, WholeChecksum};
use crate::s3::payload::ChecksumAlgorithm;

/// The element that holds a checksum of this algorithm.
pub(super) fn element(algorithm: ChecksumAlgorithm) -> &'static str {
    match algorithm {
        ChecksumAlgorithm::Crc32 => "ChecksumCRC32",
        ChecksumAlgorithm::Crc32c => "ChecksumCRC32C",
        ChecksumAlgorithm::Crc64Nvme => "ChecksumCRC64NVME",
        ChecksumAlgorithm::Sha1 => "ChecksumSHA1",
        ChecksumAlgorithm::Sha256 => "ChecksumSHA256",
    }
}

/// The algorithm of the checksum that an element of this name holds.
pub(super) fn of_element(name: &str) -> Option<ChecksumAlgorithm> {
    ChecksumAlgorithm::ALL.into_iter().find(|algorithm| element(*algorithm) == name)
}

/// A checksum.
pub(super) fn checksum_element(xml: &mut Xml, checksum: &WholeChecksum) {
    xml.text(element(checksum.algorithm), &checksum.value);
}

/// A checksum and what it was computed over.
pub(super) fn whole_checksum(xml: &mut Xml, checksum: &WholeChecksum, kind: ChecksumKind) {
    checksum_element(xml, checksum);
    xml.text("ChecksumType", kind.name());
}
