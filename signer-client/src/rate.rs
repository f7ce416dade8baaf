//! How fast bytes may come: `20MB/s`, all that read together.

use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least, bytes a second: who serves cuts off downloads that stand still.
const LEAST: u64 = 100_000;

const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// Bytes a second, at least [`LEAST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(NonZeroU64);

/// A text that is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected bytes a second, such as 20MB/s or 512KiB/s, and at least 100kB/s")]
pub struct RateError;

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let text = text.strip_suffix("/s").unwrap_or(text);
        let unit = |(name, unit): &(&str, u64)| Some((text.strip_suffix(name)?, *unit));
        let (number, unit) = UNITS.iter().find_map(unit).unwrap_or((text, 1));
        let digits = number.bytes().all(|b| b.is_ascii_digit());
        let number: u64 = number.parse().ok().filter(|_| digits).ok_or(RateError)?;
        let rate = number.checked_mul(unit).filter(|rate| *rate >= LEAST);
        rate.and_then(NonZeroU64::new).map(Self).ok_or(RateError)
    }
}

/// Says to those who take bytes how long to wait.
#[derive(Debug)]
pub struct Pacer {
    /// `None`: as fast as they come.
    rate: Option<Rate>,
    /// When what was taken so far is paid for. Locked for a sum; never while somebody waits.
    paid: Mutex<Instant>,
}

impl Pacer {
    /// For all who share it; `None`: as fast as they can.
    pub fn new(rate: Option<Rate>) -> Self {
        Self { rate, paid: Mutex::new(Instant::now()) }
    }

    /// How long to wait for so many bytes more.
    #[must_use]
    pub fn wait(&self, bytes: u64) -> Duration {
        let Some(Rate(rate)) = self.rate else { return Duration::ZERO };
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.get());
        let price = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // Time in which nobody took anything is not saved up.
        *paid = (*paid).max(now) + price;
        paid.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units() {
        for (text, bytes) in [
            ("20MB/s", Some(20_000_000)),
            ("1MiB/s", Some(1 << 20)),
            ("2GB", Some(2_000_000_000)),
            ("100kB/s", Some(100_000)),
            ("200000B", Some(200_000)),
            ("200000", Some(200_000)),
            ("99kB/s", None),
            ("0", None),
            ("", None),
            ("+200000", None),
            ("20 MB/s", None),
            ("20MB/m", None),
            ("20mb/s", None),
            ("99999999999999GB/s", None),
        ] {
            assert_eq!(text.parse().ok(), bytes.and_then(NonZeroU64::new).map(Rate), "{text}");
        }
    }

    #[test]
    fn all_wait_together() {
        let pacer = Pacer::new(Some("10MB/s".parse().unwrap()));
        let [first, second] = [(); 2].map(|()| pacer.wait(500_000));
        assert!(first <= Duration::from_millis(50));
        assert!(second > Duration::from_millis(50) && second <= Duration::from_millis(100));
        assert_eq!(Pacer::new(None).wait(u64::MAX), Duration::ZERO);
    }
}
