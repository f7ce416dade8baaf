//! Who may do what. Decided before a byte of a body is taken.

use std::collections::BTreeMap;

use hallmark_config::{Bucket, BucketName, BucketScope, Grant, Permission, Permissions};

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

    /// How many bytes of its keys in the store a bucket takes for itself.
    pub fn prefix_bytes(&self, bucket: &BucketName) -> usize {
        let kept_in = self.buckets.get(bucket).and_then(|bucket| bucket.kept_in.as_ref());
        kept_in.map_or(0, |kept_in| kept_in.prefix.as_str().len())
    }

    /// Whether digests can be had of a bucket that nobody has uploaded there.
    pub fn shows_checksums(&self, bucket: &BucketName) -> bool {
        self.buckets.get(bucket).is_some_and(|bucket| bucket.checksums)
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
            || grants(identity).iter().any(|grant| {
                reaches(&grant.bucket, bucket)
                    && prefix.starts_with(grant.prefix.as_str())
                    && grant.permissions.contains(permission)
            })
    }

    /// Whether `identity` has `permission` for some keys of `bucket` at least.
    pub fn permits_somewhere(
        &self,
        identity: &Identity,
        permission: Permission,
        bucket: &BucketName,
    ) -> bool {
        self.buckets.get(bucket).is_some_and(|bucket| bucket.anonymous.contains(permission))
            || grants(identity)
                .iter()
                .any(|grant| reaches(&grant.bucket, bucket) && grant.permissions.contains(permission))
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
        let message = match identity.client() {
            Some(client) => format!("{} lacks the permission `{}` there.", client.name, permission.word()),
            None => "Access Denied".to_owned(),
        };
        Err(S3Error::new(Code::AccessDenied, message))
    }

    /// Whether `identity` may see that `bucket` exists: it may do something in it.
    pub fn sees(&self, identity: &Identity, bucket: &BucketName) -> bool {
        grants(identity).iter().any(|grant| reaches(&grant.bucket, bucket))
            || self.buckets.get(bucket).is_some_and(|bucket| bucket.anonymous != Permissions::default())
    }
}

fn grants(identity: &Identity) -> &[Grant] {
    identity.client().map_or(&[], |client| &client.grants)
}

fn reaches(scope: &BucketScope, bucket: &BucketName) -> bool {
    match scope {
        BucketScope::All => true,
        BucketScope::One(one) => one == bucket,
    }
}
