//! How fast bytes may come: `20MB/s`, all downloads together.

use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The least, bytes a second: the endpoint cuts off downloads that stand still.
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
pub(crate) struct Rate(NonZeroU64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected bytes a second, such as 20MB/s or 512KiB/s, and at least 100kB/s")]
pub(crate) struct RateError;

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

/// Makes those who take bytes wait for their turn.
pub(crate) struct Pacer {
    /// `None`: as fast as they come.
    rate: Option<Rate>,
    /// When what was taken so far is paid for. Locked for a sum; never while somebody waits.
    paid: Mutex<Instant>,
}

impl Pacer {
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Self { rate, paid: Mutex::new(Instant::now()) }
    }

    /// Waits until so many bytes more may be taken.
    pub(crate) async fn take(&self, bytes: u64) {
        let Some(Rate(rate)) = self.rate else { return };
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.get());
        let price = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            // Time in which nobody took anything is not saved up.
            *paid = (*paid).max(Instant::now()) + price;
            *paid
        };
        tokio::time::sleep_until(until).await;
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

    #[tokio::test]
    async fn all_wait_together() {
        let pacer = Pacer::new(Some("10MB/s".parse().unwrap()));
        let begun = Instant::now();
        tokio::join!(pacer.take(500_000), pacer.take(500_000));
        assert!(begun.elapsed() >= Duration::from_millis(100));
        Pacer::new(None).take(u64::MAX).await;
    }
}
