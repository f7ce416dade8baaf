//! Fields of rows: fixed ones, and texts with 32-bit lengths; little-endian throughout.
//!
//! Every value has one encoding: reading refuses what writing would not have written.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::id::unix_ms;
use crate::store::{LegalHold, Lock, Retention, RetentionMode, StoreError, StoreFault, Tags, Versioning};

/// The part of a row that was not read yet.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    /// A text, or none: `None` in `Some`.
    pub(super) fn optional_text(&mut self) -> Option<Option<&'a str>> {
        match self.array()? {
            [0] => Some(None),
            [1] => Some(Some(self.text()?)),
            _ => None,
        }
    }

    pub(super) fn mode(&mut self) -> Option<RetentionMode> {
        match self.array()? {
            [1] => Some(RetentionMode::Governance),
            [2] => Some(RetentionMode::Compliance),
            _ => None,
        }
    }

    pub(super) fn versioning(&mut self) -> Option<Versioning> {
        match self.array()? {
            [0] => Some(Versioning::Never),
            [1] => Some(Versioning::Enabled),
            [2] => Some(Versioning::Suspended),
            _ => None,
        }
    }

    pub(super) fn lock(&mut self) -> Option<Lock> {
        let retention = match self.0.first()? {
            0 => {
                self.array::<1>()?;
                None
            }
            _ => Some(Retention { mode: self.mode()?, until: time(self.number()?)? }),
        };
        let legal_hold = match self.array()? {
            [0] => None,
            [1] => Some(LegalHold::Off),
            [2] => Some(LegalHold::On),
            _ => return None,
        };
        Some(Lock { retention, legal_hold })
    }

    pub(super) fn tags(&mut self) -> Option<Tags> {
        let count = u32::from_le_bytes(self.array()?);
        let mut tags: Vec<(String, String)> = Vec::new();
        for _ in 0..count {
            let (name, value) = (self.text()?, self.text()?);
            if tags.last().is_some_and(|(last, _)| last.as_str() >= name) {
                return None;
            }
            tags.push((name.to_owned(), value.to_owned()));
        }
        Tags::new(tags)
    }
}

/// `None`: a text of 4 GiB or more, which no request can bring.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) -> Option<()> {
    out.extend_from_slice(&u32::try_from(text.len()).ok()?.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    Some(())
}

pub(super) fn put_optional_text(out: &mut Vec<u8>, text: Option<&str>) -> Option<()> {
    out.push(u8::from(text.is_some()));
    text.map_or(Some(()), |text| put_text(out, text))
}

pub(super) fn put_mode(out: &mut Vec<u8>, mode: RetentionMode) {
    out.push(match mode {
        RetentionMode::Governance => 1,
        RetentionMode::Compliance => 2,
    });
}

pub(super) fn put_versioning(out: &mut Vec<u8>, versioning: Versioning) {
    out.push(match versioning {
        Versioning::Never => 0,
        Versioning::Enabled => 1,
        Versioning::Suspended => 2,
    });
}

pub(super) fn put_lock(out: &mut Vec<u8>, lock: &Lock) {
    match &lock.retention {
        None => out.push(0),
        Some(Retention { mode, until }) => {
            put_mode(out, *mode);
            out.extend_from_slice(&unix_ms(*until).to_le_bytes());
        }
    }
    out.push(match lock.legal_hold {
        None => 0,
        Some(LegalHold::Off) => 1,
        Some(LegalHold::On) => 2,
    });
}

pub(super) fn put_tags(out: &mut Vec<u8>, tags: &Tags) -> Option<()> {
    out.extend_from_slice(&u32::try_from(tags.len()).ok()?.to_le_bytes());
    tags.iter().try_for_each(|(name, value)| {
        put_text(out, name)?;
        put_text(out, value)
    })
}

/// The moment `ms` milliseconds after 1970 began; `None`: out of the clock's range.
pub(super) fn time(ms: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(ms))
}

pub(super) fn damaged() -> StoreError {
    StoreError::new(StoreFault::Corrupt, "a row of the index does not decode")
}
