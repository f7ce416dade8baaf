//! Who may do what. Decided before a byte of a body is taken.

use hallmark_config::{Bucket, BucketName, BucketScope, Permission};
use std::collections::BTreeMap;

use crate::s3::auth::Identity;
use crate::s3::error::{Code, S3Error};

/// What is permitted to whom, from the configuration.
#[derive(Debug)]
pub struct Access {
    buckets: BTreeMap<BucketName, Bucket>,
}

impl Access {
    /// The rules of the configured buckets. What clients may do comes with their identity.
    pub fn new(buckets: BTreeMap<BucketName, Bucket>) -> Self {
        Self { buckets }
    }

    /// Whether `identity` has `permission` for every key of `bucket` that begins with `prefix`, or for the one key
    /// `prefix`: both are the same question, since a grant reaches all keys that begin with its own prefix.
    pub fn permits(
        &self,
        identity: &Identity,
        permission: Permission,
        bucket: &BucketName,
        prefix: &str,
    ) -> bool {
        let anybody = self.buckets.get(bucket).is_some_and(|bucket| bucket.anonymous.contains(permission));
        anybody
            || identity.grants().iter().any(|grant| {
                reaches(&grant.bucket, bucket)
                    && prefix.starts_with(grant.prefix.as_str())
                    && grant.permissions.contains(permission)
            })
    }

    /// [`permits`](Self::permits), or the refusal.
    ///
    /// # Errors
    /// `AccessDenied`, which says which permission is missing where.
    pub fn require(
        &self,
        identity: &Identity,
        permission: Permission,
        bucket: &BucketName,
        prefix: &str,
    ) -> Result<(), S3Error> {
        if self.permits(identity, permission, bucket, prefix) {
            return Ok(());
        }
        let message = format!("{} lacks the permission `{}` there.", identity.who(), permission.word());
        Err(S3Error::new(Code::AccessDenied, message))
    }

    /// Whether `identity` may see that `bucket` exists: it may do something in it.
    pub fn sees(&self, identity: &Identity, bucket: &BucketName) -> bool {
        identity.grants().iter().any(|grant| reaches(&grant.bucket, bucket))
            || self.buckets.get(bucket).is_some_and(|bucket| bucket.anonymous != Default::default())
    }
}

fn reaches(scope: &BucketScope, bucket: &BucketName) -> bool {
    match scope {
        BucketScope::All => true,
        BucketScope::One(one) => one == bucket,
    }
}
