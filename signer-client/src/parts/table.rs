//! The part table: what a seal covers of an artifact's parts, and how.

use super::{PartChecksums, Parts, PartsError};
use crate::digest::Sha256Digest;
use crate::headers::{PARTS_HEADER, SealedHeaders};
use crate::seal::{MAX_INLINE, Seal, SealedEtag};

/// The parts of an artifact and, if there are any, their checksums.
///
/// A table that was made or read is only what somebody says. The one to be believed comes from
/// [`Pages::part_table`](crate::Pages::part_table) or [`Seal::part_table`].
///
/// Invariant: there is one checksum for each part, or none at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartTable {
    parts: Parts,
    checksums: Option<PartChecksums>,
}

impl PartTable {
    /// Puts the two together.
    ///
    /// # Errors
    /// There is not one checksum for each part.
    pub fn new(parts: Parts, checksums: Option<PartChecksums>) -> Result<Self, PartsError> {
        match &checksums {
            Some(checksums) if checksums.count() != parts.count() => Err(PartsError::ChecksumCount),
            Some(_) | None => Ok(Self { parts, checksums }),
        }
    }

    /// The lengths.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The checksums.
    pub fn checksums(&self) -> Option<&PartChecksums> {
        self.checksums.as_ref()
    }

    /// The seal's `parts`: SHA-256 of the text of the parts, and if there are checksums of a newline and their text
    /// after it. No text of parts holds a newline, so no two tables have the same text.
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest::of(self.joined('\n').as_bytes())
    }

    /// The value of [`PARTS_HEADER`]: the text of the parts, and if there are checksums `;` and their text.
    pub fn to_metadata(&self) -> String {
        self.joined(';')
    }

    /// Reads what [`Self::to_metadata`] writes. Whether it is to be believed is for [`Seal::part_table`] to say.
    ///
    /// # Errors
    /// Another text.
    pub fn from_metadata(value: &str) -> Result<Self, PartsError> {
        let (parts, checksums) = match value.split_once(';') {
            Some((parts, checksums)) => (parts, Some(PartChecksums::parse(checksums)?)),
            None => (value, None),
        };
        Self::new(Parts::parse(parts)?, checksums)
    }

    /// Whether an artifact of `size` bytes with this ETag can have come in these parts.
    pub(crate) fn fits(&self, size: u64, etag: SealedEtag) -> bool {
        self.parts.size() == size && etag.parts() == Some(self.parts.count())
    }

    fn joined(&self, separator: char) -> String {
        match &self.checksums {
            Some(checksums) => format!("{}{separator}{checksums}", self.parts),
            None => self.parts.to_string(),
        }
    }
}

impl Seal {
    /// The part table of an artifact of at most 2^23 bytes, from the headers that the seal was verified with. `None`:
    /// it did not come in parts, or nothing is known of them, or the table is in a record (see
    /// [`Pages::part_table`](crate::Pages::part_table)).
    ///
    /// # Errors
    /// Other headers, or a table that is malformed or not the artifact's.
    pub fn part_table(&self, headers: &SealedHeaders) -> Result<Option<PartTable>, PartsError> {
        if headers.digest() != self.observed().headers {
            return Err(PartsError::OtherArtifact);
        }
        if self.size() > MAX_INLINE {
            return Ok(None);
        }
        let Some(value) = headers.get(PARTS_HEADER) else { return Ok(None) };
        let table = PartTable::from_metadata(value)?;
        if table.fits(self.size(), self.etag()) { Ok(Some(table)) } else { Err(PartsError::OtherArtifact) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seal::fixtures::Sample;
    use crate::{Md5Digest, Op};

    fn table(parts: &str, checksums: Option<&str>) -> PartTable {
        let checksums = checksums.map(|text| PartChecksums::parse(text).unwrap());
        PartTable::new(Parts::parse(parts).unwrap(), checksums).unwrap()
    }

    #[test]
    fn one_digest_covers_parts_and_checksums() {
        let bare = table("1x5242880,1x7", None);
        let summed = table("1x5242880,1x7", Some("CRC32:AAAAAA==,y/Q5Jg=="));
        assert_eq!(bare.digest(), Sha256Digest::of(b"1x5242880,1x7"));
        assert_eq!(summed.digest(), Sha256Digest::of(b"1x5242880,1x7\nCRC32:AAAAAA==,y/Q5Jg=="));
        assert_eq!(bare.to_metadata(), "1x5242880,1x7");
        assert_eq!(summed.to_metadata(), "1x5242880,1x7;CRC32:AAAAAA==,y/Q5Jg==");
    }

    #[test]
    fn there_is_one_checksum_for_each_part() {
        for (checksums, expected) in [
            ("CRC32:AAAA", Err(PartsError::ChecksumCount)),
            ("CRC32:AAAA,AAAA", Ok(())),
            ("CRC32:AAAA,AAAA,AAAA", Err(PartsError::ChecksumCount)),
        ] {
            let read = PartTable::from_metadata(&format!("2x8;{checksums}"));
            assert_eq!(read.map(|_| ()), expected, "{checksums}");
        }
    }

    #[test]
    fn metadata_in_another_form_is_refused() {
        for (value, expected) in [
            ("", PartsError::Syntax),
            ("2x8;", PartsError::Checksums),
            (";CRC32:AAAA", PartsError::Syntax),
            ("2x8;;CRC32:AAAA,AAAA", PartsError::Checksums),
            ("2x8;CRC32:AAAA,AAAA;", PartsError::Checksums),
            ("2x8\nCRC32:AAAA,AAAA", PartsError::Syntax),
            ("2x8; CRC32:AAAA,AAAA", PartsError::Checksums),
            ("CRC32:AAAA,AAAA;2x8", PartsError::Checksums),
            ("1x8,1x8", PartsError::Syntax),
        ] {
            assert_eq!(PartTable::from_metadata(value), Err(expected), "{value}");
        }
    }

    /// A sealed artifact of 77 bytes that came in two parts, with this value among its headers.
    fn sealed(value: &str) -> (Seal, SealedHeaders) {
        let mut headers = SealedHeaders::default();
        headers.insert("content-type", "text/plain").unwrap();
        headers.insert(PARTS_HEADER, value).unwrap();
        let mut sample = Sample::of_size(77);
        sample.headers = headers.digest();
        sample.claims.op = Op::Mpu;
        sample.claims.etag = SealedEtag::of_parts([Md5Digest::of(b"a"), Md5Digest::of(b"b")]).unwrap();
        (sample.verified(), headers)
    }

    #[test]
    fn a_small_artifact_has_its_table_among_its_headers() {
        let (seal, headers) = sealed("1x70,1x7;CRC32:AAAAAA==,y/Q5Jg==");
        let expected = table("1x70,1x7", Some("CRC32:AAAAAA==,y/Q5Jg=="));
        assert_eq!(seal.part_table(&headers), Ok(Some(expected)));
        for (value, expected) in [
            ("1x70,1x8", PartsError::OtherArtifact),
            ("1x77", PartsError::OtherArtifact),
            ("1x70,1x6,1x1", PartsError::OtherArtifact),
            ("70", PartsError::Syntax),
        ] {
            let (seal, headers) = sealed(value);
            assert_eq!(seal.part_table(&headers), Err(expected), "{value}");
        }
    }

    #[test]
    fn headers_that_were_not_sealed_say_nothing_of_parts() {
        let (seal, _) = sealed("1x70,1x7");
        let (_, other) = sealed("1x7,1x70");
        assert_eq!(seal.part_table(&other), Err(PartsError::OtherArtifact));
        assert_eq!(seal.part_table(&SealedHeaders::default()), Err(PartsError::OtherArtifact));
    }

    #[test]
    fn an_artifact_of_one_upload_has_no_table() {
        let mut headers = SealedHeaders::default();
        let mut sample = Sample::of_size(77);
        sample.headers = headers.digest();
        assert_eq!(sample.verified().part_table(&headers), Ok(None));
        headers.insert(PARTS_HEADER, "1x77").unwrap();
        sample.headers = headers.digest();
        assert_eq!(sample.verified().part_table(&headers), Err(PartsError::OtherArtifact));
    }

    proptest! {
        #[test]
        fn metadata_comes_back_and_is_a_header(
            lengths in prop::collection::vec(1..1u64 << 40, 1..20),
            checksum in prop::option::of("[A-Za-z0-9+/=]{8}"),
        ) {
            let checksums = checksum.map(|checksum| {
                PartChecksums::new("CRC32", vec![checksum; lengths.len()]).unwrap()
            });
            let table = PartTable::new(Parts::new(lengths).unwrap(), checksums).unwrap();
            let value = table.to_metadata();
            prop_assert!(SealedHeaders::default().insert(PARTS_HEADER, &value).is_ok());
            prop_assert_eq!(PartTable::from_metadata(&value), Ok(table));
        }

        #[test]
        fn what_is_read_is_written_the_same(value in prop_oneof!["[12]x[0-9](;[A-Z]:[a-z](,[a-z])?)?", ".*"]) {
            if let Ok(table) = PartTable::from_metadata(&value) {
                prop_assert_eq!(table.to_metadata(), value);
            }
        }
    }
}
