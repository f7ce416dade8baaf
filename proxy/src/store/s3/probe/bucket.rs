//! The state bucket: there, or made.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};

use super::lab::{Lab, Said, said};
use crate::store::s3::cold::error::Failure;
use crate::store::s3::cold::reason::Reason;
use crate::store::{StoreError, StoreFault};

/// Sees to it that the bucket is there.
pub(super) async fn ensure(lab: &Lab) -> Result<(), StoreError> {
    let bucket = &lab.bucket;
    let look = lab.sdk.head_bucket().bucket(bucket);
    match said(lab.ask("look for the state bucket", look.send()).await)? {
        Said::Done(_) => Ok(()),
        Said::Refused(Reason::Missing | Reason::NoSuchBucket) => create(lab).await,
        Said::Refused(Reason::Denied) => {
            Err(unusable(bucket, "the credentials may not use it, or are wrong"))
        }
        Said::Refused(reason) => Err(unusable(bucket, &format!("the store refuses it ({reason:?})"))),
    }
}

async fn create(lab: &Lab) -> Result<(), StoreError> {
    let bucket = &lab.bucket;
    let plain = lab.sdk.create_bucket().bucket(bucket);
    let created = match lab.ask("create the state bucket", plain.send()).await {
        Ok(_) => Ok(()),
        // Others start at the same time, too.
        Err(failure) if failure.reason() == Some(Reason::BucketOwned) => Ok(()),
        Err(failure) => in_region(lab, failure).await,
    };
    match created {
        Ok(()) => {
            tracing::info!(bucket, "made the state bucket");
            Ok(())
        }
        Err(failure) => {
            let why = StoreError::from(failure);
            Err(unusable(bucket, &format!("it is not there, and cannot be made: {}", why.message)))
        }
    }
}

/// AWS wants to be told the region again, except for one that must not be named.
async fn in_region(lab: &Lab, refusal: Failure) -> Result<(), Failure> {
    let (Some(Reason::Refused), Some(region)) = (refusal.reason(), lab.sdk.config().region()) else {
        return Err(refusal);
    };
    let place = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(region.as_ref()))
        .build();
    let create = lab.sdk.create_bucket().bucket(&lab.bucket).create_bucket_configuration(place);
    match lab.ask("create the state bucket", create.send()).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.reason() == Some(Reason::BucketOwned) => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn unusable(bucket: &str, why: &str) -> StoreError {
    StoreError::new(StoreFault::Unavailable, format!("the state bucket `{bucket}` cannot be used: {why}"))
}
