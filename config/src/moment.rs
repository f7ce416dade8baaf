//! Points in time, as seals and the trust policy have them.

use std::fmt;

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, as the `at` of a seal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// A TOML date and time with offset, to the millisecond.
    ///
    /// # Errors
    /// What the time must be.
    pub(crate) fn from_toml(datetime: &toml::value::Datetime) -> Result<Self, &'static str> {
        const WHOLE: &str = "must be a date and time with offset, such as 2026-12-31T23:59:59Z";
        const REAL: &str = "must be a time that there is, from 1970 on";
        let (Some(date), Some(time), Some(offset)) = (datetime.date, datetime.time, datetime.offset) else {
            return Err(WHOLE);
        };
        let offset = match offset {
            toml::value::Offset::Z => UtcOffset::UTC,
            toml::value::Offset::Custom { minutes } => {
                UtcOffset::from_whole_seconds(i32::from(minutes) * 60).map_err(|_| REAL)?
            }
        };
        let month = Month::try_from(date.month).map_err(|_| REAL)?;
        let date = Date::from_calendar_date(i32::from(date.year), month, date.day).map_err(|_| REAL)?;
        let (second, nano) = (time.second.unwrap_or_default(), time.nanosecond.unwrap_or_default());
        let time = Time::from_hms_nano(time.hour, time.minute, second, nano).map_err(|_| REAL)?;
        let nanos = date.with_time(time).assume_offset(offset).unix_timestamp_nanos();
        u64::try_from(nanos.div_euclid(1_000_000)).map(Self).map_err(|_| REAL)
    }
}

/// RFC 3339, in UTC.
impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).ok();
        match time.and_then(|time| time.format(&Rfc3339).ok()) {
            Some(text) => f.write_str(&text),
            // Beyond the year 9999.
            None => write!(f, "{} ms after 1970", self.0),
        }
    }
}

impl fmt::Debug for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_times_are_points_in_time() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-01-01T00:00:00.5Z", Some(1_767_225_600_500)),
            ("2026-01-01T02:30:00+02:30", Some(1_767_225_600_000)),
            ("2025-12-31T23:00:00-01:00", Some(1_767_225_600_000)),
            ("2026-01-01 00:00:00Z", Some(1_767_225_600_000)),
            ("2026-01-01", None),
            ("2026-01-01T00:00:00", None),
            ("00:00:00", None),
            ("1969-12-31T23:59:59.999Z", None),
        ] {
            let datetime: toml::value::Datetime = text.parse().unwrap();
            assert_eq!(UnixMs::from_toml(&datetime).ok(), ms.map(UnixMs), "{text}");
        }
        assert_eq!(UnixMs(1_767_225_600_500).to_string(), "2026-01-01T00:00:00.5Z");
        assert_eq!(UnixMs(u64::MAX).to_string(), format!("{} ms after 1970", u64::MAX));
    }
}
