//! Names of objects: checked once, compared as raw bytes, never normalised.

use std::fmt;

pub use hallmark_config::BucketName;

/// The longest key S3 allows, bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 1024;

/// An object's key: 1 to 1024 bytes of UTF-8, no NUL, no segment `.` or `..`.
///
/// No segment may be `.` or `..` because anything between a client and the store that normalises paths would turn
/// one key into another. Otherwise keys are opaque: `a//b`, a leading `/` and any Unicode stay as they came.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(Box<str>);

/// Why a text is no [`ObjectKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No bytes at all.
    #[error("the key is empty")]
    Empty,
    /// Over [`MAX_KEY_BYTES`].
    #[error("the key is longer than 1024 bytes")]
    TooLong,
    /// A `.` or `..` segment.
    #[error("a segment of the key is `.` or `..`")]
    DotSegment,
    /// A NUL character.
    #[error("the key holds a NUL character")]
    Nul,
}

impl ObjectKey {
    /// Checks `text`.
    ///
    /// # Errors
    /// Which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() {
            Err(KeyError::Empty)
        } else if text.len() > MAX_KEY_BYTES {
            Err(KeyError::TooLong)
        } else if text.split('/').any(|segment| matches!(segment, "." | "..")) {
            Err(KeyError::DotSegment)
        } else if text.contains('\0') {
            Err(KeyError::Nul)
        } else {
            Ok(Self(text.into()))
        }
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A bucket and a key in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// The bucket as clients name it.
    pub bucket: BucketName,
    /// The key in it.
    pub key: ObjectKey,
}

/// For logs: control characters are escaped, so that no key can write lines of its own.
impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bucket, self.key.as_str().escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_opaque_but_for_what_a_path_normaliser_would_change() {
        for good in ["a", "/a", "a//b", "a/", "...", ".a/b.", "ключ", "a b+c%2F", "\u{1}"] {
            assert_eq!(ObjectKey::parse(good).map(|key| key.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(ObjectKey::parse(""), Err(KeyError::Empty));
        assert_eq!(ObjectKey::parse(&"k".repeat(1025)), Err(KeyError::TooLong));
        for dots in [".", "..", "a/../b", "./a", "a/."] {
            assert_eq!(ObjectKey::parse(dots), Err(KeyError::DotSegment));
        }
        assert_eq!(ObjectKey::parse("a\0"), Err(KeyError::Nul));
    }
}
