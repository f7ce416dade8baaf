//! What every store must do, as checks that run over any of them. Each works in a bucket of its own, and leaves
//! nothing behind when it succeeds. A check fails by panicking.
//!
//! Compiled for tests only (feature `testing`).

mod copies;
mod governance;
mod guards;
mod histories;
mod lists;
mod objects;
mod races;
mod stages;
mod state;
mod tags;
mod version_lists;
mod versions;

use std::future::Future;
use std::pin::Pin as Pinned;
use std::sync::Arc;

use bytes::Bytes;
use hallmark_signer::SealedHeaders;

use super::{
    Attributes, Body, Capabilities, Committed, Deleted, DeletedBucket, Deletion, GetError, Guard, NewBucket,
    Pin, PutError, Retentions, Span, Store, Write,
};
use crate::name::{BucketName, ObjectKey, ObjectName};
use crate::proof::dissect::{self, Dissected};

/// One promise of the contract.
#[derive(Clone, Copy)]
pub struct Check {
    /// What it is called in failures.
    pub name: &'static str,
    run: fn(Subject) -> Pinned<Box<dyn Future<Output = ()> + Send>>,
}

macro_rules! checks {
    ($($module:ident::$check:ident),* $(,)?) => {
        /// All checks.
        pub const CHECKS: &[Check] = &[$(Check {
            name: concat!(stringify!($module), "::", stringify!($check)),
            run: |subject| Box::pin($module::$check(subject)),
        }),*];
    };
}

checks![
    objects::round_trips,
    objects::spans,
    objects::replaced_and_deleted,
    objects::many_are_deleted_at_once,
    objects::an_unfinished_body_stores_nothing,
    objects::a_dropped_put_stores_nothing,
    objects::pins,
    objects::buckets,
    guards::absent,
    guards::matches,
    guards::deletes,
    guards::one_of_many_writers_wins,
    races::readers_see_one_version,
    races::nobody_waits_for_a_body,
    races::deleting_a_bucket_races_with_puts,
    lists::pages_agree_with_a_model,
    lists::a_marker_that_is_a_rolled_up_prefix_skips_it,
    lists::entries_say_what_was_put,
    stages::round_trips,
    stages::spans_agree_with_a_model,
    stages::parts_come_at_once,
    stages::nobody_waits_for_a_part,
    stages::a_part_is_sent_again,
    stages::only_the_parts_that_are_named_count,
    stages::parts_that_are_not_there_are_refused,
    stages::an_unfinished_part_stores_nothing,
    stages::a_stage_is_dropped_during_a_part,
    stages::guards,
    stages::one_of_many_promotes_wins,
    copies::bytes_are_taken_over,
    copies::neither_takes_from_the_other,
    copies::an_object_is_copied_onto_itself,
    copies::another_source_is_refused,
    copies::of_an_older_version,
    copies::guards,
    copies::a_source_that_changes_meanwhile,
    copies::copies_end_with_their_stage,
    state::round_trips_and_spans,
    state::areas_are_apart,
    state::lists,
    state::one_of_many_writers_wins,
    versions::a_bucket_keeps_none_at_first,
    histories::agree_with_a_model,
    version_lists::pages_agree_with_a_model,
    version_lists::what_is_listed_may_be_deleted_before_the_next_page,
    version_lists::lists_pass_delete_markers_by,
    versions::writers_at_once_each_make_a_version,
    tags::of_buckets,
    tags::of_versions,
    governance::locks_need_a_bucket_made_for_them,
    governance::what_is_locked_stays,
    governance::a_retention_in_compliance_mode_ends_by_itself_only,
    governance::new_versions_get_the_default_retention,
];

/// Runs all checks, one after the other.
///
/// # Panics
/// A check does not hold; the message before tells why.
pub async fn run(store: Arc<dyn Store>) {
    for check in CHECKS {
        check.run(Arc::clone(&store)).await;
    }
}

impl Check {
    /// Runs this one.
    ///
    /// # Panics
    /// It does not hold.
    pub async fn run(&self, store: Arc<dyn Store>) {
        let capabilities = store.probe().await.expect("the store can be probed");
        let bucket = BucketName::parse(&format!("conformance-{:016x}", seed())).expect("a good name");
        assert!(
            store.create_bucket(&bucket, NewBucket::default()).await.expect("a bucket can be made"),
            "it is new"
        );
        let subject = Subject { store: Arc::clone(&store), capabilities, bucket: bucket.clone() };
        if let Err(e) = tokio::spawn((self.run)(subject)).await {
            panic!("the store does not keep `{}` (bucket {bucket}): {e}", self.name);
        }
        let deleted = store.delete_bucket(&bucket).await.expect("a bucket can be deleted");
        assert_eq!(deleted, DeletedBucket::Deleted, "{} left something in {bucket}", self.name);
    }
}

/// The store under test and a bucket for one check.
#[derive(Clone)]
struct Subject {
    store: Arc<dyn Store>,
    capabilities: Capabilities,
    bucket: BucketName,
}

impl Subject {
    fn object(&self, key: &str) -> ObjectName {
        ObjectName { bucket: self.bucket.clone(), key: ObjectKey::parse(key).expect("a good key") }
    }

    async fn put_if(&self, key: &str, version: &Version, guard: Guard) -> Result<Committed, PutError> {
        let length = version.bytes.len() as u64;
        let body = Body::whole(version.bytes.clone(), version.etag.as_str());
        let write = Write::new(version.attributes.clone(), guard);
        self.store.put(&self.object(key), write, length, body).await
    }

    async fn put(&self, key: &str, version: &Version) -> Committed {
        self.put_if(key, version, Guard::Any).await.expect("it can be put")
    }

    async fn get(&self, key: &str, span: Span) -> Result<Dissected, GetError> {
        let found = self.store.get(&self.object(key), None, span, None).await?;
        Ok(dissect::object(found).await?)
    }

    /// Checks that `version`, or nothing, stands under `key`, whichever way one looks.
    async fn expect(&self, key: &str, version: Option<&Version>) {
        let (head, found) = (self.store.head(&self.object(key), None).await, self.get(key, Span::All).await);
        let Some(version) = version else {
            assert!(matches!(found, Err(GetError::NoSuchKey)), "{key}: {found:?}");
            assert!(matches!(head, Err(GetError::NoSuchKey)), "{key}");
            return;
        };
        let (attributes, length, pin) = dissect::head(head.expect("it has a head"));
        let found = found.expect("it can be read");
        assert_eq!((&attributes, length, &pin), (&found.attributes, found.length, &found.pin), "{key}");
        assert_eq!(attributes, version.attributes, "{key}");
        assert_eq!(
            (length, found.span),
            (version.bytes.len() as u64, 0..version.bytes.len() as u64),
            "{key}"
        );
        assert!(found.bytes == version.bytes, "{key}: other bytes");
    }

    async fn delete(&self, keys: &[&str]) {
        for key in keys {
            self.store.delete(&self.object(key), Deletion::default()).await.expect("it can be deleted");
            self.expect(key, None).await;
        }
    }
}

/// What is put.
#[derive(Clone)]
struct Version {
    attributes: Attributes,
    bytes: Bytes,
    etag: String,
}

impl Version {
    /// `size` bytes that no other `number` has, with attributes that say which it is.
    fn new(number: u64, size: usize) -> Self {
        let mut random = Random(number | 1);
        let mut bytes = Vec::with_capacity(size + 8);
        while bytes.len() < size {
            bytes.extend_from_slice(&random.next().to_le_bytes());
        }
        bytes.truncate(size);
        let mut headers = SealedHeaders::default();
        headers.insert("content-type", "application/x-test; charset=\"a b\"").expect("a good header");
        headers.insert("x-amz-meta-number", &number.to_string()).expect("a good header");
        let hallmark = Some(format!("v=1 number={number}"));
        Self {
            attributes: Attributes { headers, hallmark },
            bytes: bytes.into(),
            etag: format!("{number:032x}"),
        }
    }

    fn number(attributes: &Attributes) -> u64 {
        attributes.headers.get("x-amz-meta-number").and_then(|n| n.parse().ok()).expect("it says its number")
    }
}

/// Numbers without a pattern, the same for the same seed (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }
}

/// A number that no other run has.
fn seed() -> u64 {
    getrandom::u64().expect("random bytes") | 1
}
