//! Versions of objects, as the store and its clients name them.

use std::fmt;

/// The longest name of a version, bytes.
const MAX_VERSION_BYTES: usize = 1024;

/// What clients call a version of an object: the store's word, 1 to 1024 bytes of visible ASCII.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(Box<str>);

impl VersionId {
    /// The version that was written while its bucket kept none.
    pub fn null() -> Self {
        Self("null".into())
    }

    /// Checks `text`; `None`: it is not of the form.
    pub fn parse(text: &str) -> Option<Self> {
        let fits =
            (1..=MAX_VERSION_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// For stores that name versions by a number of bytes, 1 to 512: their hex.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        debug_assert!((1..=MAX_VERSION_BYTES / 2).contains(&bytes.len()), "no name");
        Self(hex::encode(bytes).into())
    }

    /// Whether it is the [`null`](Self::null) version.
    pub fn is_null(&self) -> bool {
        &*self.0 == "null"
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a page of a listing of versions ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionMarker {
    /// The last key, or the last rolled-up prefix.
    pub key: String,
    /// The last version of that key; `None`: all of its versions have been listed.
    pub version: Option<VersionId>,
}

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It never did.
    Never,
    /// It does.
    Enabled,
    /// It keeps those it has; what is written now replaces the `null` version.
    Suspended,
}
