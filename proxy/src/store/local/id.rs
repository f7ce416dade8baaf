//! Names of versions.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::store::{Pin, StoreError, StoreFault};

/// Names one version of one object: its pin, its inline body, and its body file. Never used twice.
///
/// 48 bits of milliseconds, then 80 random bits. The time is there for locality only: what is written together lies
/// together in the index and in one directory, so that a batch of writes touches few pages and syncs few
/// directories. A clock that jumps does no harm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id([u8; Self::LEN]);

impl Id {
    pub(super) const LEN: usize = 16;

    /// A fresh one.
    pub(super) fn new() -> Result<Self, StoreError> {
        let mut bytes = [0; Self::LEN];
        bytes[..6].copy_from_slice(&unix_ms(SystemTime::now()).to_be_bytes()[2..]);
        getrandom::fill(&mut bytes[6..])
            .map_err(|e| StoreError::new(StoreFault::Unavailable, format!("no random bytes: {e}")))?;
        Ok(Self(bytes))
    }

    pub(super) fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Reads what [`Display`](fmt::Display) writes, and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::LEN];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        // The decoder takes upper case too.
        (!text.bytes().any(|b| b.is_ascii_uppercase())).then_some(Self(bytes))
    }

    /// Which of the 256 directories holds the body file. It changes every 4 seconds and comes round in 17 minutes:
    /// files of one batch share a directory, and over time all directories grow alike.
    pub(super) fn directory(&self) -> u8 {
        // Bits 12 to 19 of the milliseconds.
        (self.0[3] << 4) | (self.0[4] >> 4)
    }

    pub(super) fn pin(&self) -> Pin {
        Pin(self.to_string())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Milliseconds since 1970; a clock before that reads as 0.
pub(super) fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_read_back() {
        let (a, b) = (Id::new().unwrap(), Id::new().unwrap());
        assert_ne!(a, b);
        assert_eq!(Id::parse(&a.to_string()), Some(a));
        for bad in ["", "00", &a.to_string().to_uppercase().replace(char::is_numeric, "A"), &format!("{a}0")]
        {
            assert_eq!(Id::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_directory_lasts_four_seconds_and_all_are_used() {
        let at = |ms: u64| {
            let mut bytes = [0; Id::LEN];
            bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
            Id(bytes).directory()
        };
        assert_eq!(at(0), at(4095));
        let used: std::collections::BTreeSet<u8> =
            (0..256).map(|n| at(1_800_000_000_000 + n * 4096)).collect();
        assert_eq!(used.len(), 256);
    }
}
