//! The user metadata `hallmark`: the seal itself, or where it is.

use std::fmt;

use crate::seal::claims::MAX_INLINE;
use crate::seal::fields::RecordRef;
use crate::seal::line::{LineError, SealLine};

/// The user metadata that carries the seal.
pub const SEAL_HEADER: &str = "x-amz-meta-hallmark";

/// The value of [`SEAL_HEADER`] on an object in a store.
///
/// The size sets the form: the seal itself up to 2^23 bytes, a reference to a record above, never the other way round.
/// A line for more than 2^23 bytes is refused here, and a record with a line for less is refused by
/// [`RecordHeader`](crate::RecordHeader); that the line's size is the artifact's is checked by
/// [`verify`](crate::verify). (Towards clients the whole line is shown for large artifacts too: they read it with
/// [`SealLine::parse`].)
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is made for a download and taken apart at once")]
pub enum Hallmark {
    /// The seal.
    Line(SealLine),
    /// `v=1 ref=<22>`: the seal is in this record.
    Record(RecordRef),
}

/// A value that is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HallmarkError {
    /// Of another version than 1.
    #[error("the seal is of a version that this version of Hallmark does not know")]
    UnknownVersion,
    /// A malformed reference.
    #[error("the reference to the seal's record is not well formed")]
    Reference,
    /// A malformed seal.
    #[error(transparent)]
    Line(LineError),
    /// A seal that belongs into a record.
    #[error("the seal of an artifact of more than 2^23 bytes stands on the object, not in a record")]
    Misplaced,
}

impl HallmarkError {
    /// The failing step, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::UnknownVersion => "seal_version",
            Self::Reference => "seal_syntax",
            Self::Line(error) => error.label(),
            Self::Misplaced => "seal_misplaced",
        }
    }
}

impl Hallmark {
    /// Reads the value.
    ///
    /// # Errors
    /// An unknown version, or neither a line for at most 2^23 bytes nor a reference.
    pub fn parse(value: &str) -> Result<Self, HallmarkError> {
        if let Some(reference) = value.strip_prefix("v=1 ref=") {
            return RecordRef::parse(reference).map(Self::Record).map_err(|_| HallmarkError::Reference);
        }
        let line = SealLine::parse(value).map_err(|error| match error {
            LineError::UnknownVersion => HallmarkError::UnknownVersion,
            error => HallmarkError::Line(error),
        })?;
        if line.size() > MAX_INLINE { Err(HallmarkError::Misplaced) } else { Ok(Self::Line(line)) }
    }
}

/// The value of [`SEAL_HEADER`].
impl fmt::Display for Hallmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "{line}"),
            Self::Record(reference) => write!(f, "v=1 ref={reference}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::fixtures::Sample;

    #[test]
    fn the_size_sets_the_form() {
        let small = Sample::of_size(MAX_INLINE).seal();
        let value = small.to_string();
        assert_eq!(Hallmark::parse(&value), Ok(Hallmark::Line(small)));
        let large = Sample::of_size(MAX_INLINE + 1).seal();
        assert_eq!(Hallmark::parse(&large.to_string()), Err(HallmarkError::Misplaced));
        assert_eq!(SealLine::parse(&large.to_string()), Ok(large));
    }

    #[test]
    fn references_have_one_text() {
        let reference = Hallmark::Record(RecordRef::random().unwrap());
        assert_eq!(Hallmark::parse(&reference.to_string()), Ok(reference));
        for (value, expected) in [
            ("v=1 ref=AAAAAAAAAAAAAAAAAAAAAA ", HallmarkError::Reference),
            ("v=1 ref=AAAAAAAAAAAAAAAAAAAAAB", HallmarkError::Reference),
            ("v=1 ref=", HallmarkError::Reference),
            ("v=1  ref=AAAAAAAAAAAAAAAAAAAAAA", HallmarkError::Line(LineError::Field("id"))),
            ("v=2 ref=AAAAAAAAAAAAAAAAAAAAAA", HallmarkError::UnknownVersion),
            ("v=01", HallmarkError::UnknownVersion),
            ("", HallmarkError::Line(LineError::Field("v"))),
        ] {
            assert_eq!(Hallmark::parse(value), Err(expected), "{value}");
        }
    }
}
