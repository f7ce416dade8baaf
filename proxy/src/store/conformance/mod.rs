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

use std::collections::BTreeSet;
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

/// Hands the names of all checks to the macro `$with`: `module: check check …; module: …;`. So a test can be made of each.
#[macro_export]
macro_rules! for_each_conformance_check {
    ($with:ident) => {
        $with! {
            objects:
                round_trips spans replaced_and_deleted many_are_deleted_at_once
                an_unfinished_body_stores_nothing a_dropped_put_stores_nothing pins buckets;
            guards: absent matches deletes one_of_many_writers_wins;
            races: readers_see_one_version nobody_waits_for_a_body deleting_a_bucket_races_with_puts;
            lists: pages_agree_with_a_model a_marker_that_is_a_rolled_up_prefix_skips_it entries_say_what_was_put;
            stages:
                round_trips spans_agree_with_a_model parts_come_at_once nobody_waits_for_a_part
                a_part_is_sent_again only_the_parts_that_are_named_count
                parts_that_are_not_there_are_refused an_unfinished_part_stores_nothing
                a_stage_is_dropped_during_a_part guards one_of_many_promotes_wins;
            copies:
                bytes_are_taken_over neither_takes_from_the_other an_object_is_copied_onto_itself
                another_source_is_refused of_an_older_version guards a_source_that_changes_meanwhile
                copies_end_with_their_stage;
            state: round_trips_and_spans areas_are_apart lists one_of_many_writers_wins;
            versions: a_bucket_keeps_none_at_first writers_at_once_each_make_a_version;
            histories: agree_with_a_model;
            version_lists:
                pages_agree_with_a_model what_is_listed_may_be_deleted_before_the_next_page
                lists_pass_delete_markers_by;
            tags: of_buckets of_versions;
            governance:
                locks_need_a_bucket_made_for_them what_is_locked_stays
                a_retention_in_compliance_mode_ends_by_itself_only new_versions_get_the_default_retention;
        }
    };
}

macro_rules! table {
    ($($module:ident: $($check:ident)*;)*) => {
        /// All checks.
        pub const CHECKS: &[Check] = &[$($(Check {
            name: concat!(stringify!($module), "::", stringify!($check)),
            run: |subject| Box::pin($module::$check(subject)),
        },)*)*];
    };
}

for_each_conformance_check!(table);

/// How strictly a store is held to the contract, beside what it says that it can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demands {
    /// To the letter.
    Full,
    /// As far as S3 lets anybody keep it. A pin may be the ETag, and so the same for versions of the same bytes; a key
    /// that the store cannot tell from another one is refused.
    OfS3,
}

/// Runs all checks in full, one after the other.
///
/// # Panics
/// A check does not hold; the message before tells why.
pub async fn run(store: Arc<dyn Store>) {
    for check in CHECKS {
        check.run(Arc::clone(&store), Demands::Full).await;
    }
}

impl Check {
    /// The one of that name (`module::check`).
    pub fn named(name: &str) -> Option<&'static Self> {
        CHECKS.iter().find(|check| check.name == name)
    }

    /// Runs this one.
    ///
    /// # Panics
    /// It does not hold.
    pub async fn run(&self, store: Arc<dyn Store>, demands: Demands) {
        let capabilities = store.probe().await.expect("the store can be probed");
        let bucket = BucketName::parse(&format!("conformance-{:016x}", seed())).expect("a good name");
        assert!(
            store.create_bucket(&bucket, NewBucket::default()).await.expect("a bucket can be made"),
            "it is new"
        );
        let subject = Subject { store: Arc::clone(&store), capabilities, demands, bucket: bucket.clone() };
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
    demands: Demands,
    bucket: BucketName,
}

impl Subject {
    /// The least that every part of an object but its last may have, bytes.
    fn least_part(&self) -> usize {
        usize::try_from(self.capabilities.min_part_bytes).expect("a part fits in memory")
    }

    /// Sizes of parts as this store takes them: those that are too small are made larger by its least.
    fn sizes_of_parts(&self, sizes: &[usize]) -> Vec<usize> {
        let least = self.least_part();
        let last = sizes.len().saturating_sub(1);
        let fitting =
            |(at, size): (usize, &usize)| if at < last && *size < least { size + least } else { *size };
        sizes.iter().enumerate().map(fitting).collect()
    }

    /// So many parts; few where they must be large.
    fn number_of_parts(&self, number: usize) -> usize {
        if self.least_part() > 1 << 20 { number.min(4) } else { number }
    }

    /// Checks that two versions have pins of their own, though their bytes may be the same.
    fn expect_another(&self, one: &Pin, other: &Pin) {
        match self.demands {
            Demands::Full => assert_ne!(one, other),
            Demands::OfS3 => {}
        }
    }

    /// Puts one object under each key. Says under which: a store may be unable to name one.
    async fn put_nameable(
        &self,
        keys: &BTreeSet<String>,
        version: impl Fn(&str) -> Version,
    ) -> BTreeSet<String> {
        let mut there = BTreeSet::new();
        for key in keys {
            match self.put_if(key, &version(key), Guard::Any).await {
                Ok(_) => drop(there.insert(key.clone())),
                Err(PutError::Unsupported(_)) if self.demands == Demands::OfS3 => {
                    self.expect(key, None).await;
                }
                Err(other) => panic!("{key}: {other:?}"),
            }
        }
        assert!(2 * there.len() > keys.len(), "a store that can name little: {there:?}");
        there
    }

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
        let mut random = Random(number << 1 | 1);
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
