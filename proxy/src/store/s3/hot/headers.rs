//! Reads headers of answers. What comes twice, or is no text, is refused.

use http::{HeaderMap, HeaderName};

use crate::store::{StoreError, StoreFault};

/// An answer that makes no sense; says why, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::s3) struct Malformed(String);

impl Malformed {
    pub(in crate::store::s3) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// Why.
    pub(in crate::store::s3) fn why(&self) -> &str {
        &self.0
    }
}

impl From<Malformed> for StoreError {
    fn from(malformed: Malformed) -> Self {
        Self::new(StoreFault::Protocol, malformed.0)
    }
}

/// The one value of a header, if it is there.
pub(in crate::store::s3) fn optional<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h str>, Malformed> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Malformed::new(format!("`{name}` is there twice")));
    }
    value.to_str().map(Some).map_err(|_| Malformed::new(format!("`{name}` is not ASCII")))
}

/// The one value of a header.
pub(in crate::store::s3) fn required<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<&'h str, Malformed> {
    optional(headers, name)?.ok_or_else(|| Malformed::new(format!("there is no `{name}`")))
}
