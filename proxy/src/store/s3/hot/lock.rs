//! Retention and legal hold, as headers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::headers::{Malformed, optional};
use crate::store::{LegalHold, Lock, Retention, RetentionMode};

const MODE: HeaderName = HeaderName::from_static("x-amz-object-lock-mode");
const UNTIL: HeaderName = HeaderName::from_static("x-amz-object-lock-retain-until-date");
const HOLD: HeaderName = HeaderName::from_static("x-amz-object-lock-legal-hold");

/// Adds a lock to the headers of a request that writes.
pub(in crate::store::s3) fn write_lock(headers: &mut HeaderMap, lock: &Lock) -> Result<(), Malformed> {
    if let Some(Retention { mode, until }) = lock.retention {
        let mode = match mode {
            RetentionMode::Governance => "GOVERNANCE",
            RetentionMode::Compliance => "COMPLIANCE",
        };
        headers.insert(MODE, HeaderValue::from_static(mode));
        let until = format_time(until).and_then(|until| HeaderValue::try_from(until).ok());
        headers.insert(UNTIL, until.ok_or_else(|| Malformed::new("the retention ends at no time"))?);
    }
    if let Some(hold) = lock.legal_hold {
        let hold = match hold {
            LegalHold::On => "ON",
            LegalHold::Off => "OFF",
        };
        headers.insert(HOLD, HeaderValue::from_static(hold));
    }
    Ok(())
}

/// Reads what an answer says of a version's lock.
pub(super) fn read(headers: &HeaderMap) -> Result<Lock, Malformed> {
    let retention = match (optional(headers, &MODE)?, optional(headers, &UNTIL)?) {
        (None, None) => None,
        (Some(mode), Some(until)) => {
            let mode = match mode {
                "GOVERNANCE" => RetentionMode::Governance,
                "COMPLIANCE" => RetentionMode::Compliance,
                _ => return Err(Malformed::new("the mode of the retention is unknown")),
            };
            let until =
                parse_time(until).ok_or_else(|| Malformed::new("the end of the retention is no time"))?;
            Some(Retention { mode, until })
        }
        (Some(_), None) | (None, Some(_)) => {
            return Err(Malformed::new("of the retention there is only a half"));
        }
    };
    let legal_hold = match optional(headers, &HOLD)? {
        None => None,
        Some("ON") => Some(LegalHold::On),
        Some("OFF") => Some(LegalHold::Off),
        Some(_) => return Err(Malformed::new("the legal hold is neither on nor off")),
    };
    Ok(Lock { retention, legal_hold })
}

/// ISO 8601 with milliseconds. A part of one counts as a whole: nothing ends before it was meant to.
fn format_time(at: SystemTime) -> Option<String> {
    let millis = at.duration_since(UNIX_EPOCH).ok()?.as_nanos().div_ceil(1_000_000);
    let nanos = i128::try_from(millis).ok()?.checked_mul(1_000_000)?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    let (date, hour, minute, second) = (at.date(), at.hour(), at.minute(), at.second());
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}.{:03}Z", at.millisecond()))
}

/// To the millisecond, rounded up like the above.
fn parse_time(text: &str) -> Option<SystemTime> {
    let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
    let millis = u64::try_from(u128::try_from(nanos).ok()?.div_ceil(1_000_000)).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn locks_read_back(millis in 0u64..253_402_300_799_999, compliance: bool, hold: Option<bool>) {
            let mode = if compliance { RetentionMode::Compliance } else { RetentionMode::Governance };
            let until = UNIX_EPOCH + Duration::from_millis(millis);
            let legal_hold = hold.map(|on| if on { LegalHold::On } else { LegalHold::Off });
            let lock = Lock { retention: Some(Retention { mode, until }), legal_hold };
            let mut headers = HeaderMap::new();
            write_lock(&mut headers, &lock).unwrap();
            prop_assert_eq!(read(&headers), Ok(lock));
        }
    }

    #[test]
    fn half_a_lock_is_refused() {
        let good = [(MODE, "GOVERNANCE"), (UNTIL, "2030-01-02T03:04:05.123456789Z"), (HOLD, "OFF")];
        let read_with = |changed: &HeaderName, value: Option<&'static str>| {
            let mut headers: HeaderMap =
                good.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
            headers.remove(changed);
            if let Some(value) = value {
                headers.insert(changed, HeaderValue::from_static(value));
            }
            read(&headers)
        };
        assert_eq!(read(&HeaderMap::new()), Ok(Lock::default()));
        let whole = read_with(&HOLD, None).unwrap();
        assert_eq!(format_time(whole.retention.unwrap().until).unwrap(), "2030-01-02T03:04:05.124Z");
        for (name, value) in [
            (MODE, None),
            (MODE, Some("governance")),
            (UNTIL, None),
            (UNTIL, Some("2030-01-02")),
            (UNTIL, Some("1930-01-02T03:04:05Z")),
            (HOLD, Some("on")),
        ] {
            assert!(read_with(&name, value).is_err(), "{name}: {value:?}");
        }
    }
}
