//! Checksums that clients declare: `x-amz-checksum-*`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use sha1::{Digest, Sha1};

use crate::s3::error::{Code, S3Error};
use crate::s3::operation::ChecksumKind;
use crate::s3::operation::WholeChecksum;
use crate::store::PartNumber;

/// The algorithms of S3's checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumAlgorithm {
    /// CRC-32 (ISO-HDLC).
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// A checksum of a whole body, declared by its sender: well formed, and once it comes out of
/// [`CheckedPayload`](super::CheckedPayload) also right. Or of an object that came in parts, computed from theirs
/// ([`ChecksumPlan::of_parts`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredChecksum {
    algorithm: ChecksumAlgorithm,
    kind: ChecksumKind,
    /// Padded standard base64; of a composite one `-` and the number of parts after it.
    value: Box<str>,
}

/// Computes a checksum. There is none for SHA-256, which the reader of a body computes in any case.
pub(super) enum Hasher {
    /// With the number of bytes that count.
    Crc(Box<crc_fast::Digest>, usize),
    Sha1(Sha1),
}

impl ChecksumAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The word in `x-amz-checksum-algorithm` and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header (or trailer), lower case.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The algorithm of this header, given in lower case.
    pub fn of_header(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.header() == name)
    }

    /// The algorithm of this name, whatever its case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The CRC that it is.
    pub(super) fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// Of a CRC the bytes that count, big-endian.
    pub(super) fn bytes_of(self, crc: u64) -> Vec<u8> {
        crc.to_be_bytes().into_iter().skip(8usize.saturating_sub(self.length())).collect()
    }

    /// Bytes of a checksum.
    fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

impl DeclaredChecksum {
    /// The checksum whose bytes these are; `None`: it has another length.
    pub fn of_bytes(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Option<Self> {
        let kind = ChecksumKind::FullObject;
        (bytes.len() == algorithm.length()).then(|| Self {
            algorithm,
            kind,
            value: STANDARD.encode(bytes).into(),
        })
    }

    /// The checksum over the checksums of so many parts whose bytes these are; `None`: it has another length.
    pub(super) fn composite(algorithm: ChecksumAlgorithm, bytes: &[u8], parts: usize) -> Option<Self> {
        let whole = Self::of_bytes(algorithm, bytes)?;
        let value = format!("{}-{parts}", whole.value).into();
        Some(Self { kind: ChecksumKind::Composite, value, ..whole })
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // What stands here was encoded, or could be decoded.
        let encoded = self.value.split_once('-').map_or(&*self.value, |(encoded, _parts)| encoded);
        STANDARD.decode(encoded).unwrap_or_default()
    }

    /// Reads padded standard base64 of the right length. Only one text stands for each checksum, so texts can be
    /// compared.
    pub(super) fn parse(algorithm: ChecksumAlgorithm, value: &str) -> Option<Self> {
        let bytes = STANDARD.decode(value).ok()?;
        let kind = ChecksumKind::FullObject;
        (bytes.len() == algorithm.length()).then(|| Self { algorithm, kind, value: value.into() })
    }

    /// As it is kept beside the artifact: `CRC32:FULL_OBJECT:<base64>`, `CRC32:COMPOSITE:<base64>-<parts>`.
    pub fn to_metadata(&self) -> String {
        format!("{}:{}:{}", self.algorithm.name(), self.kind(), self.value)
    }

    /// Reads what [`to_metadata`](Self::to_metadata) wrote; `None`: it did not.
    pub fn from_metadata(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once(':')?;
        let (kind, value) = rest.split_once(':')?;
        let algorithm = ChecksumAlgorithm::of_name(name)?;
        let checksum = match ChecksumKind::of_name(kind)? {
            ChecksumKind::FullObject => Self::parse(algorithm, value),
            ChecksumKind::Composite => {
                let (encoded, parts) = value.split_once('-')?;
                let parts = usize::from(PartNumber::new(parts.parse().ok()?)?.number());
                Self::composite(algorithm, &Self::parse(algorithm, encoded)?.to_bytes(), parts)
            }
        };
        // One text for each checksum.
        checksum.filter(|checksum| checksum.to_metadata() == text)
    }

    /// How it was computed.
    pub fn algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm
    }

    /// Padded standard base64; of a composite one `-` and the number of parts after it.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// S3's checksum type: over the whole body, or over the checksums of parts.
    pub fn kind(&self) -> &'static str {
        self.kind.name()
    }

    /// As documents say it.
    pub fn to_whole(&self) -> (WholeChecksum, ChecksumKind) {
        (WholeChecksum { algorithm: self.algorithm, value: self.value.clone() }, self.kind)
    }

    /// Compares it with the checksum `computed` of the body.
    pub(super) fn check(&self, computed: &[u8]) -> Result<(), S3Error> {
        if STANDARD.encode(computed) == *self.value {
            return Ok(());
        }
        let name = self.algorithm.name();
        let message = format!("The {name} you specified did not match the calculated checksum.");
        Err(S3Error::new(Code::BadDigest, message))
    }
}

impl Hasher {
    /// Computes `algorithm`, unless that is SHA-256.
    pub(super) fn new(algorithm: ChecksumAlgorithm) -> Option<Self> {
        let crc = |crc| Self::Crc(Box::new(crc_fast::Digest::new(crc)), algorithm.length());
        match algorithm {
            ChecksumAlgorithm::Crc32 => Some(crc(CrcAlgorithm::Crc32IsoHdlc)),
            ChecksumAlgorithm::Crc32c => Some(crc(CrcAlgorithm::Crc32Iscsi)),
            ChecksumAlgorithm::Crc64Nvme => Some(crc(CrcAlgorithm::Crc64Nvme)),
            ChecksumAlgorithm::Sha1 => Some(Self::Sha1(Sha1::new())),
            ChecksumAlgorithm::Sha256 => None,
        }
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        match self {
            Self::Crc(digest, _) => digest.update(data),
            Self::Sha1(digest) => digest.update(data),
        }
    }

    /// The checksum, big-endian.
    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            // The last four or all eight bytes of the number.
            Self::Crc(digest, length) => digest.finalize().to_be_bytes()[8 - length..].to_vec(),
            Self::Sha1(digest) => digest.finalize().to_vec(),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crc(..) => "Crc",
            Self::Sha1(_) => "Sha1",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the CRC catalogue, and of FIPS 180: of `123456789`.
    #[test]
    fn checksums_have_their_published_values() {
        for (algorithm, value) in [
            (ChecksumAlgorithm::Crc32, "y/Q5Jg=="),
            (ChecksumAlgorithm::Crc32c, "4waSgw=="),
            (ChecksumAlgorithm::Crc64Nvme, "rosUhgp5mIg="),
            (ChecksumAlgorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
        ] {
            let mut hasher = Hasher::new(algorithm).unwrap();
            hasher.update(b"1234");
            hasher.update(b"56789");
            let declared = DeclaredChecksum::parse(algorithm, value).unwrap();
            declared.check(&hasher.finish()).unwrap();
            assert_eq!(ChecksumAlgorithm::of_header(algorithm.header()), Some(algorithm));
            assert_eq!(ChecksumAlgorithm::of_name(&algorithm.name().to_lowercase()), Some(algorithm));
        }
    }

    #[test]
    fn a_checksum_has_one_spelling() {
        for bad in ["", "y/Q5Jg", "y/Q5Jg=", "y/Q5Jh==", "y_Q5Jg==", "y/Q5Jg== ", "y/Q5", "rosUhgp5mIg="] {
            assert_eq!(DeclaredChecksum::parse(ChecksumAlgorithm::Crc32, bad), None, "{bad}");
        }
    }
}
