//! Object lock: `ObjectLockConfiguration`, `Retention`, `LegalHold`.

use std::time::SystemTime;

use super::read::{Element, SMALL, malformed, once, parse};
use super::write::document;
use super::{Document, NAMESPACE};
use crate::s3::error::{Code, S3Error};
use crate::s3::lock::{hold_name, hold_of_name, mode_name, mode_of_name, past};
use crate::s3::times::{iso8601, parse_iso8601};
use crate::store::{DefaultRetention, LegalHold, Period, Retention, RetentionMode};

/// The longest periods.
const MAX_DAYS: u32 = 36_500;
const MAX_YEARS: u32 = 100;

/// The answer to GetObjectLockConfiguration, for a bucket that has it.
pub fn object_lock_configuration(default: Option<DefaultRetention>) -> Document {
    document("ObjectLockConfiguration", Some(NAMESPACE), |xml| {
        xml.text("ObjectLockEnabled", "Enabled");
        let Some(DefaultRetention { mode, period }) = default else { return };
        xml.element("Rule", |xml| {
            xml.element("DefaultRetention", |xml| {
                xml.text("Mode", mode_name(mode));
                match period {
                    Period::Days(days) => xml.number("Days", days.into()),
                    Period::Years(years) => xml.number("Years", years.into()),
                }
            });
        });
    })
}

/// Reads the body of PutObjectLockConfiguration: what new versions get.
///
/// # Errors
/// `MalformedXML`. `InvalidRetentionPeriod`: not 1 to 36,500 days or 1 to 100 years.
pub fn object_lock(body: &[u8]) -> Result<Option<DefaultRetention>, S3Error> {
    let (mut enabled, mut rule) = (None, None);
    for child in parse(body, &SMALL)?.named("ObjectLockConfiguration")? {
        match child.name.as_str() {
            "ObjectLockEnabled" => once(&mut enabled, child.leaf()?)?,
            "Rule" => once(&mut rule, child)?,
            _ => return Err(child.unexpected()),
        }
    }
    if enabled.as_deref() != Some("Enabled") {
        return Err(malformed("ObjectLockEnabled is Enabled"));
    }
    let Some(rule) = rule else { return Ok(None) };
    match <[Element; 1]>::try_from(rule.named("Rule")?) {
        Ok([default]) => default_retention(default).map(Some),
        Err(_) => Err(malformed("a Rule is one DefaultRetention")),
    }
}

fn default_retention(element: Element) -> Result<DefaultRetention, S3Error> {
    let (mut mode, mut days, mut years) = (None, None, None);
    for child in element.named("DefaultRetention")? {
        let place = match child.name.as_str() {
            "Mode" => &mut mode,
            "Days" => &mut days,
            "Years" => &mut years,
            _ => return Err(child.unexpected()),
        };
        once(place, child.leaf()?)?;
    }
    let period = match (days, years) {
        (Some(days), None) => Period::Days(period(&days, MAX_DAYS)?),
        (None, Some(years)) => Period::Years(period(&years, MAX_YEARS)?),
        _ => return Err(malformed("a DefaultRetention has either Days or Years")),
    };
    Ok(DefaultRetention { mode: read_mode(mode.as_deref())?, period })
}

fn period(text: &str, most: u32) -> Result<u32, S3Error> {
    let number: i64 = text.trim().parse().map_err(|_| malformed("a period is not a number"))?;
    u32::try_from(number).ok().filter(|number| (1..=most).contains(number)).ok_or_else(|| {
        let message = format!("Default retention period must be a positive integer value, at most {most}");
        S3Error::new(Code::InvalidRetentionPeriod, message)
    })
}

fn read_mode(text: Option<&str>) -> Result<RetentionMode, S3Error> {
    text.and_then(mode_of_name).ok_or_else(|| malformed("Mode is GOVERNANCE or COMPLIANCE"))
}

/// The answer to GetObjectRetention.
pub fn retention_document(retention: Retention) -> Document {
    document("Retention", Some(NAMESPACE), |xml| {
        xml.text("Mode", mode_name(retention.mode));
        xml.text("RetainUntilDate", &iso8601(retention.until));
    })
}

/// Reads the body of PutObjectRetention; `None`: the retention is to be lifted.
///
/// # Errors
/// `MalformedXML`. `InvalidArgument`: it would be over.
pub fn retention(body: &[u8], now: SystemTime) -> Result<Option<Retention>, S3Error> {
    let (mut mode, mut until) = (None, None);
    for child in parse(body, &SMALL)?.named("Retention")? {
        let place = match child.name.as_str() {
            "Mode" => &mut mode,
            "RetainUntilDate" => &mut until,
            _ => return Err(child.unexpected()),
        };
        once(place, child.leaf()?)?;
    }
    let Some(until) = until else {
        return if mode.is_none() { Ok(None) } else { Err(malformed("a Retention has no RetainUntilDate")) };
    };
    let until =
        parse_iso8601(until.trim()).ok_or_else(|| malformed("RetainUntilDate is a time in ISO 8601"))?;
    let mode = read_mode(mode.as_deref())?;
    if until <= now {
        return Err(past("RetainUntilDate"));
    }
    Ok(Some(Retention { mode, until }))
}

/// The answer to GetObjectLegalHold.
pub fn legal_hold_document(hold: LegalHold) -> Document {
    document("LegalHold", Some(NAMESPACE), |xml| xml.text("Status", hold_name(hold)))
}

/// Reads the body of PutObjectLegalHold.
///
/// # Errors
/// `MalformedXML`.
pub fn legal_hold(body: &[u8]) -> Result<LegalHold, S3Error> {
    let mut status = None;
    for child in parse(body, &SMALL)?.named("LegalHold")? {
        match child.name.as_str() {
            "Status" => once(&mut status, child.leaf()?)?,
            _ => return Err(child.unexpected()),
        }
    }
    status.as_deref().and_then(hold_of_name).ok_or_else(|| malformed("Status is ON or OFF"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn configuration(enabled: &str, rule: &str) -> Result<Option<DefaultRetention>, Code> {
        let body = format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>{enabled}</ObjectLockEnabled>{rule}\
             </ObjectLockConfiguration>"
        );
        object_lock(body.as_bytes()).map_err(|error| error.code)
    }

    #[test]
    fn a_default_is_read_strictly() {
        let rule = |inner: &str| format!("<Rule><DefaultRetention>{inner}</DefaultRetention></Rule>");
        let days = DefaultRetention { mode: RetentionMode::Governance, period: Period::Days(1) };
        assert_eq!(configuration("Enabled", ""), Ok(None));
        assert_eq!(configuration("Enabled", &rule("<Mode>GOVERNANCE</Mode><Days>1</Days>")), Ok(Some(days)));
        for (inner, code) in [
            ("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>", Code::MalformedXML),
            ("<Mode>GOVERNANCE</Mode>", Code::MalformedXML),
            ("<Days>1</Days>", Code::MalformedXML),
            ("<Mode>governance</Mode><Years>1</Years>", Code::MalformedXML),
            ("<Mode>GOVERNANCE</Mode><Days>x</Days>", Code::MalformedXML),
            ("<Mode>GOVERNANCE</Mode><Days>1</Days><Days>1</Days>", Code::MalformedXML),
            ("<Mode>GOVERNANCE</Mode><Days>0</Days>", Code::InvalidRetentionPeriod),
            ("<Mode>GOVERNANCE</Mode><Years>-1</Years>", Code::InvalidRetentionPeriod),
            ("<Mode>GOVERNANCE</Mode><Years>101</Years>", Code::InvalidRetentionPeriod),
            ("<Mode>GOVERNANCE</Mode><Days>36501</Days>", Code::InvalidRetentionPeriod),
        ] {
            assert_eq!(configuration("Enabled", &rule(inner)), Err(code), "{inner}");
        }
        for refused in ["<Rule/>", "<Rule><Other/></Rule>", "<Other/>", "<Rule>x</Rule>"] {
            assert_eq!(configuration("Enabled", refused), Err(Code::MalformedXML), "{refused}");
        }
        assert_eq!(configuration("Disabled", ""), Err(Code::MalformedXML));
        assert!(object_lock(b"<ObjectLockConfiguration/>").is_err());
    }

    #[test]
    fn a_retention_is_read_strictly() {
        let now = UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        let read = |inner: &str| {
            retention(format!("<Retention>{inner}</Retention>").as_bytes(), now).map_err(|error| error.code)
        };
        let (mode, until) =
            ("<Mode>COMPLIANCE</Mode>", "<RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>");
        let expected = Retention {
            mode: RetentionMode::Compliance,
            until: UNIX_EPOCH + Duration::from_secs(1_893_456_000),
        };
        assert_eq!(read(&format!("{mode}{until}")), Ok(Some(expected)));
        assert_eq!(retention(retention_document(expected).bytes(), now), Ok(Some(expected)));
        assert_eq!(read(""), Ok(None));
        for refused in [mode, until, "<Mode>abc</Mode>", "<Other/>", "x"] {
            assert_eq!(read(refused), Err(Code::MalformedXML), "{refused}");
        }
        let at = |date: &str| read(&format!("{mode}<RetainUntilDate>{date}</RetainUntilDate>"));
        assert_eq!(at("2020-01-01T00:00:00Z"), Err(Code::InvalidArgument));
        assert_eq!(at("tomorrow"), Err(Code::MalformedXML));
        assert_eq!(read(&format!("<Mode>governance</Mode>{until}")), Err(Code::MalformedXML));
    }

    #[test]
    fn what_is_written_is_read() {
        for hold in [LegalHold::On, LegalHold::Off] {
            assert_eq!(legal_hold(legal_hold_document(hold).bytes()), Ok(hold));
        }
        for period in [Period::Days(36_500), Period::Years(100)] {
            let default = Some(DefaultRetention { mode: RetentionMode::Compliance, period });
            assert_eq!(object_lock(object_lock_configuration(default).bytes()), Ok(default));
        }
        assert_eq!(object_lock(object_lock_configuration(None).bytes()), Ok(None));
        for refused in ["<LegalHold/>", "<LegalHold><Status>on</Status></LegalHold>", "<x/>", ""] {
            assert_eq!(legal_hold(refused.as_bytes()).unwrap_err().code, Code::MalformedXML, "{refused}");
        }
    }
}
