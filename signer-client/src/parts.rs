//! How an artifact was cut when it was uploaded in parts: the lengths of the parts, and a checksum of each.
//!
//! The lengths are written in runs of parts of the same length, `<count>x<bytes>[,<count>x<bytes>...]`, in order;
//! checksums as `<algorithm>:<base64>[,<base64>...]`, one for each part. Each has one text only. Together they are the
//! [`PartTable`]: in the record of an artifact of more than 2^23 bytes, where the seal's `parts` is the SHA-256 of
//! it; else in the user metadata [`PARTS_HEADER`](crate::PARTS_HEADER), which the seal's `hdr` covers.

mod checksums;
mod table;

use std::fmt;
use std::ops::Range;

pub use checksums::PartChecksums;
pub use table::PartTable;

use crate::seal::{MAX_NUMBER, SealedEtag};
use crate::text::from_decimal;

/// Something that is no table of parts, or another artifact's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartsError {
    /// No part at all.
    #[error("a table of parts without a part")]
    NoParts,
    /// Over [`SealedEtag::MAX_PARTS`].
    #[error("more than 10000 parts")]
    TooMany,
    /// A part of no bytes that is not the last one.
    #[error("a part that is not the last one is empty")]
    Empty,
    /// Over 2^53 - 1 bytes in all.
    #[error("the parts have more than 2^53 - 1 bytes")]
    TooLarge,
    /// A text that is not the one text of some parts.
    #[error("the lengths of the parts are not written as `<count>x<bytes>[,<count>x<bytes>...]`")]
    Syntax,
    /// A text that is not the one text of some checksums, or checksums that have none.
    #[error("the checksums of the parts are not written as `<algorithm>:<base64>[,<base64>...]`")]
    Checksums,
    /// Not one checksum for each part.
    #[error("there is not one checksum for each part")]
    ChecksumCount,
    /// Parts of another length in all, or of another number, than the sealed artifact has.
    #[error("the table of parts is not that of the sealed artifact")]
    OtherArtifact,
}

impl PartsError {
    /// The failing step, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::NoParts | Self::TooMany | Self::Empty | Self::TooLarge | Self::Syntax => "parts_syntax",
            Self::Checksums | Self::ChecksumCount => "parts_checksums",
            Self::OtherArtifact => "parts_other_artifact",
        }
    }
}

/// The lengths of an artifact's parts, in order. Parts are numbered from 1.
///
/// Invariants: 1 to 10000 parts; none is empty but possibly the last; at most 2^53 - 1 bytes in all.
///
/// ```
/// use hallmark_signer::Parts;
/// let parts = Parts::new([8, 8, 8, 3])?;
/// assert_eq!(parts.to_string(), "3x8,1x3");
/// assert_eq!((parts.count(), parts.size()), (4, 27));
/// assert_eq!((parts.range(4), parts.range(5)), (Some(24..27), None));
/// assert_eq!(Parts::parse("3x8,1x3"), Ok(parts));
/// assert!(Parts::parse("2x8,1x8,1x3").is_err(), "one text for one table");
/// assert!(Parts::new([]).is_err() && Parts::new([8, 0, 8]).is_err());
/// assert!(Parts::new([0]).is_ok());
/// # Ok::<(), hallmark_signer::PartsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Neighbours differ in length.
    runs: Vec<Run>,
    count: u16,
    size: u64,
}

/// Parts of the same length, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    count: u16,
    /// Of each, bytes.
    length: u64,
}

impl Parts {
    /// The parts with these lengths, in bytes. Takes no more than 10001 of them.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn new(lengths: impl IntoIterator<Item = u64>) -> Result<Self, PartsError> {
        Self::of_runs(lengths.into_iter().map(|length| Ok(Run { count: 1, length })))
    }

    /// Reads what `Display` writes.
    ///
    /// # Errors
    /// Another text, or an invariant that does not hold.
    pub fn parse(text: &str) -> Result<Self, PartsError> {
        let run = |text: &str| {
            let (count, length) = text.split_once('x').ok_or(PartsError::Syntax)?;
            let count = from_decimal(count, u64::MAX).filter(|count| *count > 0).ok_or(PartsError::Syntax)?;
            let length = from_decimal(length, MAX_NUMBER).ok_or(PartsError::Syntax)?;
            Ok(Run { count: u16::try_from(count).map_err(|_| PartsError::TooMany)?, length })
        };
        let parts = Self::of_runs(text.split(',').map(run))?;
        // Neighbours of the same length were joined.
        if parts.runs.len() == text.split(',').count() { Ok(parts) } else { Err(PartsError::Syntax) }
    }

    /// Joins neighbours of the same length and checks the invariants. Every run has a part at least, so that there are
    /// not more runs than parts, and the loop ends at the first part too many.
    fn of_runs(runs: impl Iterator<Item = Result<Run, PartsError>>) -> Result<Self, PartsError> {
        let mut parts = Self { runs: Vec::new(), count: 0, size: 0 };
        for run in runs {
            let Run { count, length } = run?;
            parts.count = parts
                .count
                .checked_add(count)
                .filter(|count| *count <= SealedEtag::MAX_PARTS)
                .ok_or(PartsError::TooMany)?;
            parts.size = u64::from(count)
                .checked_mul(length)
                .and_then(|bytes| parts.size.checked_add(bytes))
                .filter(|size| *size <= MAX_NUMBER)
                .ok_or(PartsError::TooLarge)?;
            match parts.runs.last_mut() {
                Some(last) if last.length == length => last.count += count,
                _ => parts.runs.push(Run { count, length }),
            }
        }
        let (last, others) = parts.runs.split_last().ok_or(PartsError::NoParts)?;
        if others.iter().any(|run| run.length == 0) || (last.length == 0 && last.count > 1) {
            return Err(PartsError::Empty);
        }
        Ok(parts)
    }

    /// The number of parts, 1 to 10000.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The length of all parts together, which is the artifact's, bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of the artifact that are part `number`, counted from 1; `None`: there is no such part. Empty for a
    /// last part of no bytes.
    pub fn range(&self, number: u16) -> Option<Range<u64>> {
        let mut before = number.checked_sub(1)?;
        let mut start = 0;
        for Run { count, length } in &self.runs {
            if before < *count {
                let start = start + u64::from(before) * length;
                return Some(start..start + length);
            }
            before -= count;
            start += u64::from(*count) * length;
        }
        None
    }

    /// Number and bytes of each part, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, Range<u64>)> {
        let lengths =
            self.runs.iter().flat_map(|run| std::iter::repeat_n(run.length, usize::from(run.count)));
        let ranges = lengths.scan(0, |end, length| {
            let start = *end;
            *end += length;
            Some(start..*end)
        });
        (1..).zip(ranges)
    }
}

/// The runs: `<count>x<bytes>[,<count>x<bytes>...]`.
impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Run { count, length }) in self.runs.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{count}x{length}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tables_that_cannot_be_are_refused() {
        for (lengths, expected) in [
            (vec![], PartsError::NoParts),
            (vec![1; 10_001], PartsError::TooMany),
            (vec![0; 2], PartsError::Empty),
            (vec![5, 0, 5], PartsError::Empty),
            (vec![0, 5], PartsError::Empty),
            (vec![MAX_NUMBER, 1], PartsError::TooLarge),
            (vec![u64::MAX], PartsError::TooLarge),
            (vec![1, u64::MAX], PartsError::TooLarge),
        ] {
            assert_eq!(Parts::new(lengths), Err(expected));
        }
        for lengths in [vec![0], vec![5, 0], vec![1; 10_000], vec![MAX_NUMBER], vec![5, 5, 5]] {
            let parts = Parts::new(lengths.clone()).unwrap();
            assert_eq!((parts.count() as usize, parts.size()), (lengths.len(), lengths.iter().sum()));
        }
    }

    #[test]
    fn it_stops_at_the_first_part_too_many() {
        assert_eq!(Parts::new(std::iter::repeat(1)), Err(PartsError::TooMany));
    }

    #[test]
    fn a_table_has_one_text() {
        for text in ["1x0", "2x8", "9999x8,1x8388608", "1x1,1x2,1x1", "1x5,1x0", "10000x1"] {
            assert_eq!(Parts::parse(text).map(|parts| parts.to_string()).as_deref(), Ok(text));
        }
        for (text, expected) in [
            ("", PartsError::Syntax),
            ("1", PartsError::Syntax),
            ("x", PartsError::Syntax),
            ("1x", PartsError::Syntax),
            ("x1", PartsError::Syntax),
            ("0x1", PartsError::Syntax),
            ("0x0", PartsError::Syntax),
            ("01x1", PartsError::Syntax),
            ("1x01", PartsError::Syntax),
            ("1X1", PartsError::Syntax),
            ("+1x1", PartsError::Syntax),
            ("1x-1", PartsError::Syntax),
            ("1x1x1", PartsError::Syntax),
            ("1x1,", PartsError::Syntax),
            (",1x1", PartsError::Syntax),
            ("1x1, 1x2", PartsError::Syntax),
            ("1x1\n", PartsError::Syntax),
            ("1x8,1x8", PartsError::Syntax),
            ("1x8,1x9,2x9", PartsError::Syntax),
            ("1x9007199254740992", PartsError::Syntax),
            ("2x9007199254740991", PartsError::TooLarge),
            ("10001x1", PartsError::TooMany),
            ("65537x1", PartsError::TooMany),
            ("18446744073709551617x1", PartsError::Syntax),
            ("9999x1,2x2", PartsError::TooMany),
            ("2x0", PartsError::Empty),
            ("1x0,1x1", PartsError::Empty),
        ] {
            assert_eq!(Parts::parse(text), Err(expected), "{text}");
        }
    }

    /// Lengths with repetitions, so that there are runs.
    fn lengths() -> impl Strategy<Value = Vec<u64>> {
        let length = prop_oneof![Just(8 << 20), Just(5 << 20), 1..1u64 << 30];
        let runs = prop::collection::vec((length, 1..5usize), 1..20);
        (runs, any::<bool>()).prop_map(|(runs, empty)| {
            let last = empty.then_some(0);
            runs.into_iter().flat_map(|(length, count)| vec![length; count]).chain(last).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn parts_are_where_their_lengths_put_them(lengths in lengths()) {
            let parts = Parts::new(lengths.iter().copied()).unwrap();
            let mut end = 0;
            let ranges: Vec<_> = lengths.iter().map(|length| {
                end += length;
                end - length..end
            }).collect();
            prop_assert_eq!(parts.size(), end);
            prop_assert_eq!(usize::from(parts.count()), lengths.len());
            prop_assert!(parts.iter().map(|(_, range)| range).eq(ranges.iter().cloned()));
            for (number, range) in parts.iter() {
                prop_assert_eq!(parts.range(number), Some(range));
            }
            prop_assert_eq!(parts.range(0), None);
            prop_assert_eq!(parts.range(parts.count() + 1), None);
            prop_assert_eq!(parts.range(u16::MAX), None);
            prop_assert_eq!(Parts::parse(&parts.to_string()), Ok(parts));
        }

        #[test]
        fn what_is_read_is_written_the_same(text in prop_oneof!["([0-9]{1,3}x[0-9]{1,3},?){1,4}", ".*"]) {
            if let Ok(parts) = Parts::parse(&text) {
                prop_assert_eq!(parts.to_string(), text);
            }
        }
    }
}
