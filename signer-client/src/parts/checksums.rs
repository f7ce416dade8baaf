//! One checksum for each part, as the uploader's client computed them.

use std::fmt;

use super::PartsError;
use crate::seal::SealedEtag;

/// The longest name of an algorithm, bytes.
const MAX_ALGORITHM: usize = 16;

/// The longest checksum in base64, bytes. SHA-256 has 44.
const MAX_VALUE: usize = 64;

/// The checksums of an artifact's parts, in order.
///
/// What an algorithm is called and how long its checksums are is the caller's to know. Invariants: the algorithm is 1
/// to 16 of `A-Z 0-9`; there are 1 to 10000 checksums, all of the same length, 1 to 64 characters of base64
/// (`A-Z a-z 0-9 + / =`).
///
/// ```
/// use hallmark_signer::PartChecksums;
/// let checksums = PartChecksums::new("CRC32", ["AAAAAA==", "y/Q5Jg=="])?;
/// assert_eq!(checksums.to_string(), "CRC32:AAAAAA==,y/Q5Jg==");
/// assert_eq!((checksums.value(2), checksums.value(3)), (Some("y/Q5Jg=="), None));
/// assert_eq!(PartChecksums::parse("CRC32:AAAAAA==,y/Q5Jg=="), Ok(checksums));
/// # Ok::<(), hallmark_signer::PartsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartChecksums {
    algorithm: Box<str>,
    /// All of them, with a comma between them: 10000 texts of their own would take twice the memory.
    values: Box<str>,
    /// The length of each, bytes.
    length: usize,
    count: u16,
}

impl PartChecksums {
    /// The checksums of all parts, in order. Takes no more than 10001 of them.
    ///
    /// # Errors
    /// An invariant that does not hold.
    pub fn new(
        algorithm: &str,
        values: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, PartsError> {
        let algorithm_ok = (1..=MAX_ALGORITHM).contains(&algorithm.len())
            && algorithm.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !algorithm_ok {
            return Err(PartsError::Checksums);
        }
        let (mut joined, mut length, mut count) = (String::new(), 0, 0u16);
        for value in values {
            let value = value.as_ref();
            if count == SealedEtag::MAX_PARTS {
                return Err(PartsError::TooMany);
            }
            if count == 0 {
                length = value.len();
            } else {
                joined.push(',');
            }
            if value.len() != length || !is_value(value) {
                return Err(PartsError::Checksums);
            }
            joined.push_str(value);
            count += 1;
        }
        if count == 0 {
            return Err(PartsError::Checksums);
        }
        Ok(Self { algorithm: algorithm.into(), values: joined.into(), length, count })
    }

    /// Reads what `Display` writes.
    ///
    /// # Errors
    /// Another text, or an invariant that does not hold.
    pub fn parse(text: &str) -> Result<Self, PartsError> {
        let (algorithm, values) = text.split_once(':').ok_or(PartsError::Checksums)?;
        Self::new(algorithm, values.split(','))
    }

    /// The algorithm's name, in capitals.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// How many there are.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The checksum of part `number`, counted from 1, in base64; `None`: there is no such part.
    pub fn value(&self, number: u16) -> Option<&str> {
        let start = usize::from(number.checked_sub(1)?) * (self.length + 1);
        self.values.get(start..start + self.length)
    }

    /// Each checksum, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.values.split(',')
    }
}

/// `<algorithm>:<base64>[,<base64>...]`.
impl fmt::Display for PartChecksums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.values)
    }
}

fn is_value(text: &str) -> bool {
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    (1..=MAX_VALUE).contains(&text.len()) && text.bytes().all(base64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn checksums_that_cannot_be_are_refused() {
        let long = format!("SHA256:{}", "A".repeat(65));
        let too_many = format!("CRC32:{}A", "A,".repeat(10_000));
        for (text, expected) in [
            ("", PartsError::Checksums),
            ("CRC32", PartsError::Checksums),
            ("CRC32:", PartsError::Checksums),
            (":AA==", PartsError::Checksums),
            ("crc32:AA==", PartsError::Checksums),
            ("CRC-32:AA==", PartsError::Checksums),
            ("CRC32CRC32CRC32CC:AA==", PartsError::Checksums),
            ("CRC32:AA==,", PartsError::Checksums),
            ("CRC32:,AA==", PartsError::Checksums),
            ("CRC32:AA==,AAAA==", PartsError::Checksums),
            ("CRC32:AA==:AA==", PartsError::Checksums),
            ("CRC32:AA==;AA==", PartsError::Checksums),
            ("CRC32:AA\n=", PartsError::Checksums),
            ("CRC32:AA =", PartsError::Checksums),
            ("CRC32:A-_=", PartsError::Checksums),
            (&long, PartsError::Checksums),
            (&too_many, PartsError::TooMany),
        ] {
            assert_eq!(PartChecksums::parse(text), Err(expected), "{text}");
        }
        let none: [&str; 0] = [];
        assert_eq!(PartChecksums::new("CRC32", none), Err(PartsError::Checksums));
        assert_eq!(PartChecksums::new("CRC32", std::iter::repeat("A")), Err(PartsError::TooMany));
    }

    #[test]
    fn the_largest_ones_are_taken() {
        let value = "A".repeat(64);
        let checksums = PartChecksums::new("SHA256SHA256SHA2", vec![&value; 10_000]).unwrap();
        assert_eq!((checksums.count(), checksums.value(10_000)), (10_000, Some(value.as_str())));
    }

    proptest! {
        #[test]
        fn each_checksum_comes_back(
            algorithm in "[A-Z0-9]{1,16}",
            values in (1..=64usize).prop_flat_map(|length| {
                let value = format!("[A-Za-z0-9+/=]{{{length}}}");
                prop::collection::vec(prop::string::string_regex(&value).unwrap(), 1..20)
            }),
        ) {
            let checksums = PartChecksums::new(&algorithm, &values).unwrap();
            prop_assert_eq!(checksums.algorithm(), algorithm);
            prop_assert_eq!(usize::from(checksums.count()), values.len());
            prop_assert!(checksums.iter().eq(&values));
            for (number, value) in (1..).zip(&values) {
                prop_assert_eq!(checksums.value(number), Some(value.as_str()));
            }
            prop_assert_eq!(checksums.value(0), None);
            prop_assert_eq!(checksums.value(checksums.count() + 1), None);
            prop_assert_eq!(checksums.value(u16::MAX), None);
            prop_assert_eq!(PartChecksums::parse(&checksums.to_string()), Ok(checksums));
        }

        #[test]
        fn what_is_read_is_written_the_same(text in prop_oneof!["[A-Z]{1,2}:([a-z]{1,2},?){1,4}", ".*"]) {
            if let Ok(checksums) = PartChecksums::parse(&text) {
                prop_assert_eq!(checksums.to_string(), text);
            }
        }
    }
}
