//! Times as S3 writes them. What a store says about time is not trusted: years that the formats have no room for are
//! moved to the nearest one that fits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

/// ISO 8601 with milliseconds, as in documents: `2026-01-02T03:04:05.678Z`.
pub(crate) fn iso8601(at: SystemTime) -> String {
    let since = since_1970(at);
    // Within 1970 and 9999, so `time` has the date.
    let date = i64::try_from(since.as_secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = date.to_calendar_date();
    let (hour, minute, second) = date.to_hms();
    let milliseconds = since.subsec_millis();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z", u8::from(month))
}

/// Reads ISO 8601 as S3 and its clients write it (RFC 3339, to at most nanoseconds), from 1970 to 9999; a part of a
/// millisecond counts as a whole one, so that what lasts until then does not end before it. `None`: something else.
pub(super) fn parse_iso8601(text: &str) -> Option<SystemTime> {
    let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
    let millis = u64::try_from(u128::try_from(nanos).ok()?.div_ceil(1_000_000)).ok()?;
    (millis / 1000 <= LAST).then(|| UNIX_EPOCH + Duration::from_millis(millis))
}

/// The form of HTTP headers: `Fri, 02 Jan 2026 03:04:05 GMT`.
pub(super) fn http_date(at: SystemTime) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + since_1970(at))
}

fn since_1970(at: SystemTime) -> Duration {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    if since.as_secs() > LAST { Duration::from_secs(LAST) } else { since }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-01-02T03:04:05.678Z", Some(1_767_323_045_678)),
            ("2026-01-02T03:04:05.677001Z", Some(1_767_323_045_678)),
            ("2026-01-02T04:04:05.678+01:00", Some(1_767_323_045_678)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-01-02", None),
            ("2026-01-02T03:04:05", None),
            ("2026-02-30T03:04:05Z", None),
            ("Fri, 02 Jan 2026 03:04:05 GMT", None),
            ("", None),
        ] {
            let at = millis.map(|millis| UNIX_EPOCH + Duration::from_millis(millis));
            assert_eq!(parse_iso8601(text), at, "{text}");
            if let Some(at) = at {
                assert_eq!(parse_iso8601(&iso8601(at)), Some(at));
            }
        }
    }

    #[test]
    fn times_are_written_in_both_forms() {
        let day = Duration::from_secs(86_400);
        for (at, iso, http) in [
            (UNIX_EPOCH, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (
                UNIX_EPOCH + Duration::from_millis(1_767_323_045_678),
                "2026-01-02T03:04:05.678Z",
                "Fri, 02 Jan 2026 03:04:05 GMT",
            ),
            (UNIX_EPOCH - day, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (UNIX_EPOCH + day * 4_000_000, "9999-12-31T23:59:59.000Z", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!((iso8601(at).as_str(), http_date(at).as_str()), (iso, http));
        }
    }
}
