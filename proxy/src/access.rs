//! Who may do what. Decided before a byte of a body is taken.

use std::collections::BTreeMap;

use hallmark_config::{Bucket, BucketName, BucketScope, Client, Config, Grant, Permission, Permissions};

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
        anybody || grants(identity).iter().any(|grant| permits(grant, permission, bucket, prefix))
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

/// Who may write, as of one reading of the configuration: for uploads that outlast the one by which they began.
#[derive(Debug, Default)]
pub struct Writers(BTreeMap<String, Client>);

impl Writers {
    /// The clients of `config`.
    pub fn new(config: &Config) -> Self {
        Self(config.clients.iter().map(|client| (client.name.as_str().to_owned(), client.clone())).collect())
    }

    /// That a client that was known `before` is still known, by the same key, and still has `permission` for `key`. (Nobody
    /// writes anonymously.)
    ///
    /// # Errors
    /// `AccessDenied`.
    pub fn require_still(
        &self,
        before: &Self,
        client: &str,
        permission: Permission,
        (bucket, key): (&BucketName, &str),
    ) -> Result<(), S3Error> {
        let same = |then: &Client, now: &Client| {
            then.access_key == now.access_key && then.secret.expose() == now.secret.expose()
        };
        let now = self.0.get(client).filter(|now| before.0.get(client).is_some_and(|then| same(then, now)));
        let grants = now.map_or(&[][..], |now| &now.grants);
        if grants.iter().any(|grant| permits(grant, permission, bucket, key)) {
            return Ok(());
        }
        let message = format!(
            "{client} may not do this any more: the configuration was changed while the request was under way."
        );
        Err(S3Error::new(Code::AccessDenied, message))
    }
}

fn permits(grant: &Grant, permission: Permission, bucket: &BucketName, prefix: &str) -> bool {
    reaches(&grant.bucket, bucket)
        && prefix.starts_with(grant.prefix.as_str())
        && grant.permissions.contains(permission)
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
