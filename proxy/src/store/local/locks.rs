//! When a version may be deleted, and how its retention may change.

use std::time::{Duration, SystemTime};

use super::bucket_row::Rules;
use super::fields::time;
use super::id::unix_ms;
use crate::store::{
    BucketLock, DefaultRetention, LegalHold, Lock, Period, PutError, Retention, RetentionMode, Retentions,
};

/// A day, of which a year has 365: so the longest period in days is the longest in years.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What protects a version that is written at `now`, where `asked` came with it.
pub(super) fn of_new(asked: &Lock, rules: Rules, now: SystemTime) -> Result<Lock, PutError> {
    let default = match rules.lock {
        BucketLock::Off if *asked == Lock::default() => return Ok(Lock::default()),
        BucketLock::Off => return Err(PutError::NoObjectLock),
        BucketLock::On { default } => default,
    };
    let retention = match (asked.retention, default) {
        (Some(asked), _) => Some(whole(asked)),
        (None, Some(default)) => Some(begin(default, now)?),
        (None, None) => None,
    };
    Ok(Lock { retention, legal_hold: asked.legal_hold })
}

/// Whether a version with `lock` must not be deleted at `now`.
pub(super) fn protects(lock: &Lock, retentions: Retentions, now: SystemTime) -> bool {
    let held = matches!(lock.legal_hold, Some(LegalHold::On));
    held || in_force(lock, now).is_some_and(|retention| match (retention.mode, retentions) {
        (RetentionMode::Compliance, _) | (RetentionMode::Governance, Retentions::Respect) => true,
        (RetentionMode::Governance, Retentions::BypassGovernance) => false,
    })
}

/// Gives `lock` another retention, or none, at `now`.
pub(super) fn retain(
    lock: &mut Lock,
    retention: Option<Retention>,
    retentions: Retentions,
    now: SystemTime,
) -> Result<(), PutError> {
    let retention = retention.map(whole);
    if let Some(old) = in_force(lock, now) {
        let prolongs = retention.is_some_and(|new| new.mode == old.mode && new.until >= old.until);
        let allowed = match (old.mode, retentions) {
            (RetentionMode::Compliance, _) | (RetentionMode::Governance, Retentions::Respect) => prolongs,
            (RetentionMode::Governance, Retentions::BypassGovernance) => true,
        };
        if !allowed {
            return Err(PutError::Locked);
        }
    }
    lock.retention = retention;
    Ok(())
}

fn in_force(lock: &Lock, now: SystemTime) -> Option<Retention> {
    lock.retention.filter(|retention| retention.until > now)
}

fn begin(default: DefaultRetention, now: SystemTime) -> Result<Retention, PutError> {
    let days = match default.period {
        Period::Days(days) => days,
        Period::Years(years) => years.saturating_mul(365),
    };
    let until = now.checked_add(DAY.saturating_mul(days));
    let until = until.ok_or(PutError::Unsupported("a retention beyond the end of the clock"))?;
    Ok(whole(Retention { mode: default.mode, until }))
}

/// As rows keep it: to the millisecond.
fn whole(retention: Retention) -> Retention {
    Retention { until: time(unix_ms(retention.until)).unwrap_or(retention.until), ..retention }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::store::Versioning;
    use BucketLock::{Off, On};
    use RetentionMode::{Compliance, Governance};
    use Retentions::{BypassGovernance, Respect};

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn until(mode: RetentionMode, seconds: u64) -> Option<Retention> {
        Some(Retention { mode, until: at(seconds) })
    }

    fn rules(lock: BucketLock) -> Rules {
        Rules { versioning: Versioning::Enabled, lock }
    }

    #[test]
    fn a_new_version_gets_what_was_asked_for_or_the_default() {
        let default = |period| On { default: Some(DefaultRetention { mode: Compliance, period }) };
        let asked = Lock { retention: until(Governance, 7), legal_hold: None };
        let nothing = Lock::default();
        let given = |asked, lock| of_new(asked, rules(lock), at(1)).unwrap();
        assert_eq!(given(&nothing, Off), nothing);
        assert_eq!(given(&nothing, On { default: None }), nothing);
        assert_eq!(given(&asked, On { default: None }), asked);
        assert_eq!(given(&asked, default(Period::Days(1))), asked);
        assert_eq!(given(&nothing, default(Period::Days(2))).retention, until(Compliance, 172_801));
        assert_eq!(given(&nothing, default(Period::Years(1))).retention, until(Compliance, 31_536_001));
        let held = Lock { retention: None, legal_hold: Some(LegalHold::On) };
        let both = Lock { retention: until(Compliance, 86_401), ..held.clone() };
        assert_eq!(given(&held, default(Period::Days(1))), both);
        for lock in [asked, held, Lock { retention: None, legal_hold: Some(LegalHold::Off) }] {
            let refused = of_new(&lock, rules(Off), at(1));
            assert!(matches!(refused, Err(PutError::NoObjectLock)), "{refused:?}");
        }
        // Nothing that is asked for ends up as less protection.
        let far = of_new(&nothing, rules(default(Period::Years(u32::MAX))), at(1)).unwrap().retention;
        assert!(far.is_some_and(|retention| retention.until > at(1 << 40)));
    }

    #[test]
    fn rows_keep_whole_milliseconds() {
        let odd = Retention { mode: Governance, until: UNIX_EPOCH + Duration::from_nanos(1_999_999) };
        let asked = Lock { retention: Some(odd), legal_hold: None };
        let kept = of_new(&asked, rules(On { default: None }), at(0)).unwrap().retention.unwrap();
        assert_eq!(kept.until, UNIX_EPOCH + Duration::from_millis(1));
        // The same again is no shortening.
        let mut lock = Lock { retention: Some(Retention { mode: Compliance, ..kept }), legal_hold: None };
        retain(&mut lock, Some(Retention { mode: Compliance, ..odd }), Respect, at(0)).unwrap();
    }

    #[test]
    fn what_protects_a_version() {
        for (retention, hold, retentions, now, expected) in [
            (None, None, Respect, 5, false),
            (None, Some(LegalHold::Off), Respect, 5, false),
            (None, Some(LegalHold::On), Respect, 5, true),
            (None, Some(LegalHold::On), BypassGovernance, 5, true),
            (until(Governance, 6), None, Respect, 5, true),
            (until(Governance, 6), None, BypassGovernance, 5, false),
            (until(Governance, 6), Some(LegalHold::On), BypassGovernance, 5, true),
            (until(Governance, 6), None, Respect, 6, false),
            (until(Compliance, 6), None, Respect, 5, true),
            (until(Compliance, 6), None, BypassGovernance, 5, true),
            (until(Compliance, 6), None, BypassGovernance, 6, false),
        ] {
            let lock = Lock { retention, legal_hold: hold };
            assert_eq!(protects(&lock, retentions, at(now)), expected, "{lock:?} at {now}, {retentions:?}");
        }
    }

    #[test]
    fn how_a_retention_may_change() {
        for (old, new, retentions, allowed) in [
            (None, until(Governance, 9), Respect, true),
            (None, until(Compliance, 9), Respect, true),
            (None, None, Respect, true),
            (until(Compliance, 9), until(Compliance, 9), Respect, true),
            (until(Compliance, 9), until(Compliance, 10), Respect, true),
            (until(Compliance, 9), until(Compliance, 8), BypassGovernance, false),
            (until(Compliance, 9), until(Governance, 10), BypassGovernance, false),
            (until(Compliance, 9), None, BypassGovernance, false),
            (until(Governance, 9), until(Governance, 10), Respect, true),
            (until(Governance, 9), until(Governance, 8), Respect, false),
            (until(Governance, 9), until(Governance, 8), BypassGovernance, true),
            (until(Governance, 9), until(Compliance, 10), Respect, false),
            (until(Governance, 9), until(Compliance, 8), BypassGovernance, true),
            (until(Governance, 9), None, Respect, false),
            (until(Governance, 9), None, BypassGovernance, true),
            // No longer in force.
            (until(Compliance, 5), None, Respect, true),
            (until(Compliance, 5), until(Governance, 9), Respect, true),
        ] {
            let mut lock = Lock { retention: old, legal_hold: Some(LegalHold::On) };
            let result = retain(&mut lock, new, retentions, at(5));
            assert_eq!(result.is_ok(), allowed, "{old:?} to {new:?}, {retentions:?}: {result:?}");
            let expected = Lock { retention: if allowed { new } else { old }, ..lock.clone() };
            assert_eq!((lock.legal_hold, &lock), (Some(LegalHold::On), &expected));
        }
    }
}
