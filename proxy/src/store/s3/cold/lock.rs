//! Object lock: what protects versions. The store judges what may be changed; the answers are its word.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_s3::types::{
    DefaultRetention as SdkDefault, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockLegalHold,
    ObjectLockLegalHoldStatus, ObjectLockRetention, ObjectLockRetentionMode, ObjectLockRule,
};
use aws_smithy_types::DateTime;

use super::super::S3Store;
use super::super::places::Place;
use super::error::Failure;
use super::reason::Reason;
use super::text::{self, Odd};
use super::wire::{ContentMd5, once};
use crate::name::{BucketName, ObjectName};
use crate::store::{
    BucketLock, DefaultRetention, GetError, LegalHold, Period, PutError, Retention, RetentionMode,
    Retentions, VersionId,
};

/// What stores without it are said not to support.
const OBJECT_LOCK: &str = "object lock";

impl S3Store {
    pub(in crate::store::s3) async fn bucket_lock(
        &self,
        bucket: &BucketName,
    ) -> Result<BucketLock, GetError> {
        let kept = self.places.bucket(bucket).ok_or(GetError::NoSuchBucket)?.bucket;
        let answer = self.sdk.get_object_lock_configuration().bucket(kept.as_str()).send().await;
        match answer.map_err(|e| Failure::of("GetObjectLockConfiguration", &e)) {
            Ok(answer) => bucket_lock(answer.object_lock_configuration.as_ref())
                .map_err(|odd| Failure::malformed("GetObjectLockConfiguration", odd.0).into()),
            Err(failure) => match failure.reason() {
                Some(Reason::NoLock) => Ok(BucketLock::Off),
                Some(Reason::NotImplemented) => {
                    self.require_store_bucket(&kept).await.map(|()| BucketLock::Off)
                }
                _ => Err(failure.into()),
            },
        }
    }

    pub(in crate::store::s3) async fn set_bucket_lock(
        &self,
        bucket: &BucketName,
        default: Option<DefaultRetention>,
    ) -> Result<(), PutError> {
        let kept = self.places.bucket(bucket).ok_or(PutError::NoSuchBucket)?.bucket;
        let rule =
            default.map(|default| ObjectLockRule::builder().default_retention(of_default(default)).build());
        let configuration = ObjectLockConfiguration::builder()
            .object_lock_enabled(ObjectLockEnabled::Enabled)
            .set_rule(rule)
            .build();
        let call = self
            .sdk
            .put_object_lock_configuration()
            .bucket(kept.as_str())
            .object_lock_configuration(configuration);
        let set = call.customize().config_override(once()).interceptor(ContentMd5).send().await;
        set.map(drop).map_err(|e| {
            let failure = Failure::of("PutObjectLockConfiguration", &e);
            match failure.reason() {
                // It keeps no versions; on Ceph's gateway also: it was not made with object lock.
                Some(Reason::BucketState) => PutError::NoObjectLock,
                _ => failure.optional(OBJECT_LOCK),
            }
        })
    }

    pub(in crate::store::s3) async fn set_object_retention(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        retention: Option<Retention>,
        retentions: Retentions,
    ) -> Result<(), PutError> {
        let place = self.place(object)?;
        if !self.findings().object_lock {
            return Err(PutError::Unsupported(OBJECT_LOCK));
        }
        let bypass = match retentions {
            Retentions::Respect => None,
            Retentions::BypassGovernance => Some(true),
        };
        let lifted = retention.is_none();
        let call = self
            .sdk
            .put_object_retention()
            .bucket(place.bucket.as_str())
            .key(&place.key)
            .set_version_id(version.map(|version| version.as_str().to_owned()))
            .set_bypass_governance_retention(bypass)
            .retention(of_retention(retention));
        let set = call.customize().config_override(once()).interceptor(ContentMd5).send().await;
        match set.map_err(|e| Failure::of("PutObjectRetention", &e)) {
            Ok(_) => Ok(()),
            // Ceph's gateway of version 16 has no way to say that.
            Err(failure) if lifted && failure.is("MalformedXML") => {
                self.unliftable(&place, version, retentions).await
            }
            Err(failure) => Err(self.unlockable(&place, version, failure).await),
        }
    }

    /// What comes of lifting a retention where that cannot be said.
    async fn unliftable(
        &self,
        place: &Place,
        version: Option<&VersionId>,
        retentions: Retentions,
    ) -> Result<(), PutError> {
        const CALL: &str = "GetObjectRetention";
        let call = self.sdk.get_object_retention().bucket(place.bucket.as_str()).key(&place.key);
        let answer = call.set_version_id(version.map(|version| version.as_str().to_owned())).send().await;
        let said = match answer.map_err(|e| Failure::of(CALL, &e)) {
            Ok(answer) => answer.retention,
            Err(failure) if failure.reason() == Some(Reason::NoLock) => None,
            Err(failure) => return Err(self.unlockable(place, version, failure).await),
        };
        let Some(said) = said else { return Ok(()) };
        let until = text::time(said.retain_until_date()).map_err(|odd| Failure::malformed(CALL, odd.0))?;
        match (said.mode(), retentions) {
            (_, _) if until <= SystemTime::now() => Ok(()),
            (Some(ObjectLockRetentionMode::Governance), Retentions::BypassGovernance) => {
                Err(PutError::Unsupported("lifting a retention"))
            }
            (_, _) => Err(PutError::Locked),
        }
    }

    pub(in crate::store::s3) async fn set_object_legal_hold(
        &self,
        object: &ObjectName,
        version: Option<&VersionId>,
        hold: LegalHold,
    ) -> Result<(), PutError> {
        let place = self.place(object)?;
        if !self.findings().object_lock {
            return Err(PutError::Unsupported(OBJECT_LOCK));
        }
        let status = match hold {
            LegalHold::On => ObjectLockLegalHoldStatus::On,
            LegalHold::Off => ObjectLockLegalHoldStatus::Off,
        };
        let call = self
            .sdk
            .put_object_legal_hold()
            .bucket(place.bucket.as_str())
            .key(&place.key)
            .set_version_id(version.map(|version| version.as_str().to_owned()))
            .legal_hold(ObjectLockLegalHold::builder().status(status).build());
        let set = call.customize().config_override(once()).interceptor(ContentMd5).send().await;
        match set.map_err(|e| Failure::of("PutObjectLegalHold", &e)) {
            Ok(_) => Ok(()),
            Err(failure) => Err(self.unlockable(&place, version, failure).await),
        }
    }

    /// Why what protects a version could not be set.
    async fn unlockable(&self, place: &Place, version: Option<&VersionId>, failure: Failure) -> PutError {
        match failure.reason() {
            Some(Reason::NotImplemented) => PutError::Unsupported(OBJECT_LOCK),
            _ => self.unchangeable(place, version, failure.of_lockable()).await,
        }
    }

    /// Why something about a version could not be set: it may not be there, or be a delete marker.
    pub(super) async fn unchangeable(
        &self,
        place: &Place,
        version: Option<&VersionId>,
        failure: Failure,
    ) -> PutError {
        if !failure.is_absence() {
            return failure.into();
        }
        match self.missing(place, version).await {
            GetError::NoSuchBucket => PutError::NoSuchBucket,
            GetError::NoSuchVersion => PutError::NoSuchVersion,
            GetError::NoSuchKey | GetError::DeleteMarker(_) => PutError::NoSuchKey,
            GetError::Store(error) => PutError::NotStored(error),
            GetError::NoSuchStage | GetError::OutOfRange | GetError::Changed => failure.into(),
        }
    }
}

fn bucket_lock(said: Option<&ObjectLockConfiguration>) -> Result<BucketLock, Odd> {
    let Some(said) = said else { return Ok(BucketLock::Off) };
    match said.object_lock_enabled() {
        None => return Ok(BucketLock::Off),
        Some(ObjectLockEnabled::Enabled) => {}
        Some(_) => return Err(Odd("object lock is neither there nor not")),
    }
    let default =
        said.rule().and_then(ObjectLockRule::default_retention).map(default_retention).transpose()?;
    Ok(BucketLock::On { default })
}

fn default_retention(said: &SdkDefault) -> Result<DefaultRetention, Odd> {
    let mode = match said.mode() {
        Some(ObjectLockRetentionMode::Governance) => RetentionMode::Governance,
        Some(ObjectLockRetentionMode::Compliance) => RetentionMode::Compliance,
        _ => return Err(Odd("an unknown kind of retention")),
    };
    // Some stores say of the other one that it is 0.
    let positive =
        |count: Option<i32>| count.and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0);
    let period = match (positive(said.days()), positive(said.years())) {
        (Some(days), None) if days <= 36_500 => Period::Days(days),
        (None, Some(years)) if years <= 100 => Period::Years(years),
        (_, _) => return Err(Odd("a retention of no length")),
    };
    Ok(DefaultRetention { mode, period })
}

fn of_default(default: DefaultRetention) -> SdkDefault {
    let retention = SdkDefault::builder().mode(of_mode(default.mode));
    match default.period {
        Period::Days(days) => retention.days(i32::try_from(days).unwrap_or(i32::MAX)).build(),
        Period::Years(years) => retention.years(i32::try_from(years).unwrap_or(i32::MAX)).build(),
    }
}

/// `None` is said by an empty element.
fn of_retention(retention: Option<Retention>) -> ObjectLockRetention {
    let said = ObjectLockRetention::builder();
    match retention {
        None => said.build(),
        Some(Retention { mode, until }) => said.mode(of_mode(mode)).retain_until_date(date(until)).build(),
    }
}

fn of_mode(mode: RetentionMode) -> ObjectLockRetentionMode {
    match mode {
        RetentionMode::Governance => ObjectLockRetentionMode::Governance,
        RetentionMode::Compliance => ObjectLockRetentionMode::Compliance,
    }
}

/// To the millisecond.
fn date(time: SystemTime) -> DateTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    DateTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(days: Option<i32>, years: Option<i32>) -> Result<DefaultRetention, Odd> {
        let mode = ObjectLockRetentionMode::Compliance;
        default_retention(&SdkDefault::builder().mode(mode).set_days(days).set_years(years).build())
    }

    #[test]
    fn default_retentions_have_one_length() {
        let of = |period| Ok(DefaultRetention { mode: RetentionMode::Compliance, period });
        assert_eq!(said(Some(2), None), of(Period::Days(2)));
        assert_eq!(said(Some(0), Some(1)), of(Period::Years(1)));
        for (days, years) in
            [(None, None), (Some(1), Some(1)), (Some(-1), None), (Some(36_501), None), (None, Some(101))]
        {
            assert!(said(days, years).is_err(), "{days:?} {years:?}");
        }
        assert!(default_retention(&SdkDefault::builder().days(1).build()).is_err());
    }

    #[test]
    fn what_is_said_is_what_was_meant() {
        for period in [Period::Days(36_500), Period::Years(100), Period::Days(1)] {
            for mode in [RetentionMode::Governance, RetentionMode::Compliance] {
                let default = DefaultRetention { mode, period };
                assert_eq!(default_retention(&of_default(default)), Ok(default));
            }
        }
    }
}
