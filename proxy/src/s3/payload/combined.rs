//! The checksum of an object that came in parts, from the checksums of its parts.

use sha2::{Digest, Sha256};

use super::checksum::{ChecksumAlgorithm, DeclaredChecksum, Hasher};
use crate::s3::operation::{ChecksumKind, ChecksumPlan};

impl ChecksumPlan {
    /// The checksum of the object whose parts, in order, have these lengths in bytes and these checksums. No byte of
    /// them is needed. `None`: a part has a checksum by another algorithm.
    pub fn of_parts<'a>(
        self,
        parts: impl IntoIterator<Item = (u64, &'a DeclaredChecksum)>,
    ) -> Option<DeclaredChecksum> {
        let algorithm = self.algorithm;
        let mut parts = parts
            .into_iter()
            .map(|(length, sum)| (sum.algorithm() == algorithm).then(|| (length, sum.to_bytes())));
        match self.kind {
            ChecksumKind::Composite => {
                let sums = parts.collect::<Option<Vec<_>>>()?;
                let count = sums.len();
                let bytes = digest(algorithm, &sums.into_iter().flat_map(|(_, sum)| sum).collect::<Vec<_>>());
                DeclaredChecksum::composite(algorithm, &bytes, count)
            }
            ChecksumKind::FullObject => {
                let crc = algorithm.crc()?;
                let whole = parts.try_fold(0, |whole, part| {
                    let (length, sum) = part?;
                    Some(crc_fast::checksum_combine(crc, whole, number(&sum), length))
                })?;
                DeclaredChecksum::of_bytes(algorithm, algorithm.bytes_of(whole).as_slice())
            }
        }
    }
}

fn digest(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Vec<u8> {
    match Hasher::new(algorithm) {
        Some(mut hasher) => {
            hasher.update(bytes);
            hasher.finish()
        }
        None => Sha256::digest(bytes).to_vec(),
    }
}

/// Of a CRC, big-endian.
fn number(sum: &[u8]) -> u64 {
    sum.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checksum(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> DeclaredChecksum {
        DeclaredChecksum::of_bytes(algorithm, &digest(algorithm, bytes)).unwrap()
    }

    proptest! {
        #[test]
        fn a_full_checksum_is_that_of_the_parts_together(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..9),
        ) {
            for algorithm in ChecksumAlgorithm::ALL {
                let plan = ChecksumPlan { algorithm, kind: ChecksumKind::FullObject };
                if !plan.kind.goes_with(algorithm) {
                    continue;
                }
                let sums: Vec<_> =
                    parts.iter().map(|part| (part.len() as u64, checksum(algorithm, part))).collect();
                let whole = plan.of_parts(sums.iter().map(|(length, sum)| (*length, sum)));
                prop_assert_eq!(whole, Some(checksum(algorithm, &parts.concat())));
            }
        }
    }

    #[test]
    fn a_composite_checksum_is_one_over_those_of_the_parts() {
        for algorithm in ChecksumAlgorithm::ALL {
            let plan = ChecksumPlan { algorithm, kind: ChecksumKind::Composite };
            let (a, b) = (checksum(algorithm, b"a"), checksum(algorithm, b"bc"));
            let whole = plan.of_parts([(1, &a), (2, &b)]).unwrap();
            let over = checksum(algorithm, &[a.to_bytes(), b.to_bytes()].concat());
            assert_eq!(whole.value(), format!("{}-2", over.value()));
            assert_eq!(whole.to_metadata(), format!("{}:COMPOSITE:{}-2", algorithm.name(), over.value()));
            assert_eq!(DeclaredChecksum::from_metadata(&whole.to_metadata()), Some(whole));
        }
    }

    #[test]
    fn parts_with_another_checksum_give_none() {
        let plan = ChecksumPlan { algorithm: ChecksumAlgorithm::Crc32, kind: ChecksumKind::Composite };
        let other = checksum(ChecksumAlgorithm::Crc32c, b"a");
        assert_eq!(plan.of_parts([(1, &other)]), None);
    }

    #[test]
    fn metadata_has_one_text() {
        for text in [
            "CRC32:COMPOSITE:y/Q5Jg==",
            "CRC32:COMPOSITE:y/Q5Jg==-0",
            "CRC32:COMPOSITE:y/Q5Jg==-01",
            "CRC32:COMPOSITE:y/Q5Jg==-+1",
            "CRC32:COMPOSITE:y/Q5Jg==-10001",
            "CRC32:FULL_OBJECT:y/Q5Jg==-1",
            "crc32:FULL_OBJECT:y/Q5Jg==",
            "CRC32:OTHER:y/Q5Jg==",
        ] {
            assert_eq!(DeclaredChecksum::from_metadata(text), None, "{text}");
        }
    }
}
