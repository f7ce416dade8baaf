//! Retention and legal holds as clients send them.

use std::time::SystemTime;

use http::HeaderMap;

use super::auth::single;
use super::error::{Code, S3Error};
use super::times::parse_iso8601;
use crate::store::{LegalHold, Lock, Retention, RetentionMode, Retentions};

const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
const HOLD: &str = "x-amz-object-lock-legal-hold";
const BYPASS: &str = "x-amz-bypass-governance-retention";

/// The word for a mode, in headers and documents.
pub(super) fn mode_name(mode: RetentionMode) -> &'static str {
    match mode {
        RetentionMode::Governance => "GOVERNANCE",
        RetentionMode::Compliance => "COMPLIANCE",
    }
}

/// The mode of this name.
pub(super) fn mode_of_name(name: &str) -> Option<RetentionMode> {
    [RetentionMode::Governance, RetentionMode::Compliance].into_iter().find(|mode| mode_name(*mode) == name)
}

/// The word for a legal hold, in headers and documents.
pub(super) fn hold_name(hold: LegalHold) -> &'static str {
    match hold {
        LegalHold::On => "ON",
        LegalHold::Off => "OFF",
    }
}

/// The legal hold of this name.
pub(super) fn hold_of_name(name: &str) -> Option<LegalHold> {
    [LegalHold::On, LegalHold::Off].into_iter().find(|hold| hold_name(*hold) == name)
}

/// Reads `x-amz-object-lock-*`: what is to protect the object that the request makes.
///
/// # Errors
/// `InvalidArgument`: a value that S3 does not know, a mode without a date or a date without a mode, a date that is
/// past.
pub fn of_headers(headers: &HeaderMap, now: SystemTime) -> Result<Lock, S3Error> {
    let retention = match (single(headers, MODE)?, single(headers, UNTIL)?) {
        (None, None) => None,
        (Some(mode), Some(until)) => Some(Retention {
            mode: mode_of_name(mode).ok_or_else(|| invalid(MODE, "Unknown wormMode directive."))?,
            until: parse_iso8601(until)
                .ok_or_else(|| invalid(UNTIL, "The retain until date must be provided in ISO 8601 format"))?,
        }),
        (mode, _) => {
            let message = format!("{UNTIL} and {MODE} must both be supplied");
            return Err(invalid(if mode.is_none() { MODE } else { UNTIL }, message));
        }
    };
    if retention.is_some_and(|retention| retention.until <= now) {
        return Err(past(UNTIL));
    }
    let hold =
        |name| hold_of_name(name).ok_or_else(|| invalid(HOLD, "Legal Hold must be either of 'ON' or 'OFF'"));
    Ok(Lock { retention, legal_hold: single(headers, HOLD)?.map(hold).transpose()? })
}

/// Reads `x-amz-bypass-governance-retention`, which the router has checked. Whether the client may is another question.
pub(super) fn retentions(headers: &HeaderMap) -> Result<Retentions, S3Error> {
    Ok(match single(headers, BYPASS)? {
        Some("true") => Retentions::BypassGovernance,
        Some(_) | None => Retentions::Respect,
    })
}

/// The refusal of a retention that would be over.
pub(super) fn past(argument: &'static str) -> S3Error {
    invalid(argument, "The retain until date must be in the future!")
}

fn invalid(argument: &'static str, message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::new(Code::InvalidArgument, message).with("ArgumentName", argument)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::{HeaderName, HeaderValue};

    use super::*;

    fn check(headers: &[(&'static str, &str)], expected: &Result<Lock, Code>) {
        let map: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        // A day in 2026.
        let now = UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        assert_eq!(&of_headers(&map, now).map_err(|error| error.code), expected, "{headers:?}");
    }

    #[test]
    fn locks_are_whole_or_refused() {
        let until = UNIX_EPOCH + Duration::from_secs(1_893_456_000);
        let retention = |mode| Some(Retention { mode, until });
        check(&[], &Ok(Lock::default()));
        check(
            &[(MODE, "GOVERNANCE"), (UNTIL, "2030-01-01T00:00:00Z"), (HOLD, "ON")],
            &Ok(Lock { retention: retention(RetentionMode::Governance), legal_hold: Some(LegalHold::On) }),
        );
        check(
            &[(MODE, "COMPLIANCE"), (UNTIL, "2030-01-01T00:00:00.000Z")],
            &Ok(Lock { retention: retention(RetentionMode::Compliance), legal_hold: None }),
        );
        check(&[(HOLD, "OFF")], &Ok(Lock { retention: None, legal_hold: Some(LegalHold::Off) }));
        for refused in [
            &[(MODE, "GOVERNANCE")][..],
            &[(UNTIL, "2030-01-01T00:00:00Z")],
            &[(MODE, "governance"), (UNTIL, "2030-01-01T00:00:00Z")],
            &[(MODE, "GOVERNANCE"), (UNTIL, "tomorrow")],
            &[(MODE, "GOVERNANCE"), (UNTIL, "2020-01-01T00:00:00Z")],
            &[(HOLD, "on")],
            &[(HOLD, "")],
        ] {
            check(refused, &Err(Code::InvalidArgument));
        }
    }
}
