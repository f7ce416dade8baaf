//! Sizes and durations as operators write them: an integer and a unit, `256 MiB`, `30s`.

use std::time::Duration;

use crate::nearest::suggestion;

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;
pub(crate) const TIB: u64 = 1 << 40;

/// A family of units with a common base, smallest first.
type Units = [(&'static str, u64)];

const BYTES: &Units = &[("B", 1), ("KiB", 1 << 10), ("MiB", MIB), ("GiB", GIB), ("TiB", TIB)];
const MILLISECONDS: &Units = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// A size in bytes. Powers of two only: `MB` would mean one thing to one reader and another to the next.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    amount(text, BYTES, "a size is a whole number with a unit, such as \"256 MiB\"")
}

/// A duration, to the millisecond.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    amount(text, MILLISECONDS, "a duration is a whole number with a unit, such as \"30s\"")
        .map(Duration::from_millis)
}

/// `bytes` in the largest unit that leaves no remainder.
pub(crate) fn show_size(bytes: u64) -> String {
    show(bytes, BYTES)
}

/// `duration` in the largest unit that leaves no remainder.
pub(crate) fn show_duration(duration: Duration) -> String {
    show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), MILLISECONDS)
}

/// Strict: no sign, no leading zero, no fraction, at most one space before the unit; `0` alone needs none.
fn amount(text: &str, units: &Units, form: &str) -> Result<u64, String> {
    let (digits, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return Err(form.to_owned());
    }
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let factor = match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if text == "0" => 0,
        None if unit.is_empty() => return Err(form.to_owned()),
        None => {
            return Err(format!("unknown unit; {}", suggestion(unit, units.iter().map(|(name, _)| *name))));
        }
    };
    let number: Option<u64> = digits.parse().ok();
    number.and_then(|number| number.checked_mul(factor)).ok_or_else(|| "far too large".to_owned())
}

fn show(amount: u64, units: &Units) -> String {
    let (name, factor) = units
        .iter()
        .rev()
        .find(|(_, factor)| amount >= *factor && amount.is_multiple_of(*factor))
        .unwrap_or(&units[0]);
    format!("{} {name}", amount / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("0 B", 0),
            ("1B", 1),
            ("1 KiB", 1024),
            ("256 MiB", 268_435_456),
            ("3GiB", 3 * GIB),
            ("5 TiB", 5 * TIB),
            ("18446744073709551615 B", u64::MAX),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for bad in
            ["", " 1 B", "1", "1  B", "1 B ", "+1 B", "-1 B", "01 B", "1.5 MiB", "1_000 B", "B", "0x10 B"]
        {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert_eq!(size("1 MB").unwrap_err(), "unknown unit; known: `B`, `KiB`, `MiB`, `GiB`, `TiB`");
        assert_eq!(size("18446744073709551616 B").unwrap_err(), "far too large");
        assert_eq!(size("99999999999 TiB").unwrap_err(), "far too large");
    }

    #[test]
    fn durations() {
        for (text, millis) in [("0", 0), ("250ms", 250), ("10s", 10_000), ("2 m", 120_000), ("1h", 3_600_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "10", "1m30s", "1 d", "1.5s", "-1s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(duration("10 sec").unwrap_err(), "unknown unit; known: `ms`, `s`, `m`, `h`");
    }

    #[test]
    fn amounts_are_shown_in_the_unit_that_fits() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1536 B"), (5 * TIB, "5 TiB")]
        {
            assert_eq!(show_size(bytes), text);
        }
        assert_eq!(show_duration(Duration::from_secs(300)), "5 m");
        assert_eq!(show_duration(Duration::from_millis(1500)), "1500 ms");
    }
}
