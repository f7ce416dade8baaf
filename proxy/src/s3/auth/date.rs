//! When a request was signed, and for how long that counts.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::field::single;
use crate::s3::error::{Code, S3Error};

/// How far a client's clock may be from ours, either way.
pub(super) const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

/// The longest life of a presigned URL: a week.
pub(super) const MAX_EXPIRES: u64 = 7 * 24 * 60 * 60;

const BASIC: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
const EXTENDED: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// A time in the form that is signed: `yyyyMMdd'T'HHmmss'Z'`.
#[derive(Debug, Clone)]
pub(super) struct Timestamp {
    text: String,
    at: OffsetDateTime,
}

impl Timestamp {
    /// Reads `yyyyMMdd'T'HHmmss'Z'`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // The parser of `time` would take a sign before the year.
        if text.len() != 16 || !text.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let at = PrimitiveDateTime::parse(text, BASIC).ok()?.assume_utc();
        Some(Self { text: text.to_owned(), at })
    }

    /// The time of a request with an `Authorization` header: `x-amz-date`, or else `Date` (RFC 9110, IMF-fixdate).
    pub(super) fn of_request(headers: &HeaderMap) -> Result<Self, S3Error> {
        let given = match single(headers, "x-amz-date")? {
            Some(text) => Self::parse(text),
            None => single(headers, "date")?.and_then(Self::parse_http),
        };
        given.ok_or_else(|| {
            let message = "AWS authentication requires a valid Date or x-amz-date header";
            S3Error::new(Code::AccessDenied, message)
        })
    }

    /// Some clients write the zone in numbers, as mail does.
    fn parse_http(text: &str) -> Option<Self> {
        let in_numbers = text.strip_suffix(" -0000").or_else(|| text.strip_suffix(" +0000"));
        let written = in_numbers.map(|time| format!("{time} GMT"));
        let text = written.as_deref().unwrap_or(text);
        let at = httpdate::parse_http_date(text).ok()?;
        if httpdate::fmt_http_date(at) != text {
            return None;
        }
        let at = OffsetDateTime::from(at);
        Some(Self { text: at.format(BASIC).ok()?, at })
    }

    /// `yyyyMMdd'T'HHmmss'Z'`.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// `yyyyMMdd`.
    pub(super) fn day(&self) -> &str {
        // Every constructor makes sixteen ASCII characters; `get` only so that nothing here can panic.
        self.text.get(..8).unwrap_or_default()
    }

    /// Refuses a request whose signature is not of now.
    pub(super) fn check_skew(&self, now: SystemTime) -> Result<(), S3Error> {
        let now = OffsetDateTime::from(now);
        if (now - self.at).unsigned_abs() <= MAX_SKEW {
            return Ok(());
        }
        let message = "The difference between the request time and the current time is too large.";
        Err(S3Error::new(Code::RequestTimeTooSkewed, message)
            .with("RequestTime", self.as_str())
            .with("ServerTime", extended(now))
            .with("MaxAllowedSkewMilliseconds", MAX_SKEW.as_millis().to_string()))
    }

    /// Refuses a presigned URL that is not good yet, or no more.
    pub(super) fn check_expiry(&self, expires: Duration, now: SystemTime) -> Result<(), S3Error> {
        let now = OffsetDateTime::from(now);
        let until = self.at.saturating_add(time::Duration::try_from(expires).unwrap_or_default());
        let refusal = if self.at - now > MAX_SKEW {
            "Request is not valid yet"
        } else if now > until {
            "Request has expired"
        } else {
            return Ok(());
        };
        Err(S3Error::new(Code::AccessDenied, refusal)
            .with("X-Amz-Expires", expires.as_secs().to_string())
            .with("Expires", extended(until))
            .with("ServerTime", extended(now)))
    }
}

fn extended(at: OffsetDateTime) -> String {
    // Formatting fails for years past 9999 only, and a detail of an error message is not worth another error.
    at.format(EXTENDED).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_basic_form_is_a_timestamp() {
        assert_eq!(Timestamp::parse("20130524T000000Z").unwrap().day(), "20130524");
        for bad in [
            "",
            "20130524T000000",
            "20130524T000000z",
            "20130524t000000Z",
            "20130524 000000Z",
            "2013-05-24T00:00:00Z",
            "20131324T000000Z",
            "20130230T000000Z",
            "20130524T240000Z",
            "20130524T006000Z",
            "+2013524T000000Z",
            "-0130524T000000Z",
            "+01305240T00000Z",
            "20130524T000000é",
            "2013052\u{0664}T00000Z",
        ] {
            assert!(Timestamp::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn of_the_http_dates_only_the_current_form_is_taken() {
        let stamp = Timestamp::parse_http("Fri, 24 May 2013 00:00:01 GMT").unwrap();
        assert_eq!(stamp.as_str(), "20130524T000001Z");
        for bad in ["Friday, 24-May-13 00:00:00 GMT", "Fri May 24 00:00:00 2013", "20130524T000000Z"] {
            assert!(Timestamp::parse_http(bad).is_none(), "{bad}");
        }
    }
}
