//! What must hold between the tables, and what becomes of damages. The rest is the conformance suite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hallmark_signer::SealedHeaders;
use proptest::prelude::*;
use redb::ReadableTableMetadata as _;
use redb::backends::InMemoryBackend;

use super::super::LocalStore;
use super::super::bodies::Bodies;
use super::super::index::{self, Index};
use super::super::room::Room;
use super::*;
use crate::name::{ObjectKey, ObjectName};
use crate::proof::dissect;
use crate::store::{
    Attributes, Body, Committed, Deletion, GetError, Guard, ListRequest, ListVersionsRequest, NewBucket,
    PutError, Span, Store as _, StoreFault, VersionEntry, VersionId, VersionPage, Write,
};

const LARGE: usize = 20_000;

fn bucket() -> BucketName {
    BucketName::parse("bucket").unwrap()
}

fn object(key: &str) -> ObjectName {
    ObjectName { bucket: bucket(), key: ObjectKey::parse(key).unwrap() }
}

fn key(key: &str) -> Vec<u8> {
    index::object_key(&object(key))
}

async fn put(store: &LocalStore, key: &str, fill: u8, size: usize) -> Committed {
    let attributes = Attributes { headers: SealedHeaders::default(), hallmark: None };
    let body = Body::whole(vec![fill; size].into(), "etag");
    store.put(&object(key), Write::new(attributes, Guard::Any), size as u64, body).await.unwrap()
}

async fn get(store: &LocalStore, key: &str, version: Option<&VersionId>) -> Result<Bytes, GetError> {
    let found = store.get(&object(key), version, Span::All, None).await?;
    Ok(dissect::object(found).await?.bytes)
}

fn of(version: &VersionId) -> Deletion {
    Deletion { version: Some(version.clone()), ..Deletion::default() }
}

async fn store(path: &Path, new: NewBucket) -> LocalStore {
    let store = LocalStore::open(path).unwrap();
    store.create_bucket(&bucket(), new).await.unwrap();
    store.set_versioning(&bucket(), Versioning::Enabled).await.unwrap();
    store
}

async fn versions(store: &LocalStore) -> Result<VersionPage, GetError> {
    let request = ListVersionsRequest {
        bucket: bucket(),
        prefix: String::new(),
        delimiter: None,
        after: None,
        limit: 1000,
    };
    store.list_versions(request).await
}

/// Checks what [`history`](super) says of its tables, and that every body belongs to a row and every row has its body.
fn consistent(store: &LocalStore) {
    let view = store.index.view().unwrap();
    let (objects, past, nulls) = (view.objects().unwrap(), view.versions().unwrap(), view.nulls().unwrap());
    let mut newest: BTreeMap<Vec<u8>, Option<u64>> = BTreeMap::new();
    let (mut bodies, mut found) = (BTreeSet::new(), BTreeMap::new());
    for row in objects.range::<&[u8]>(..).unwrap() {
        let (key, row) = row.unwrap();
        let head = Head::decode_first(row.value()).unwrap();
        newest.insert(key.value().to_vec(), Some(head.rank.seq));
        bodies.insert(head.stub.id);
        if head.rank.naming == Naming::Null {
            assert!(nulls.get(key.value()).unwrap().is_none());
        }
    }
    for row in past.range::<&[u8]>(..).unwrap() {
        let (place, row) = row.unwrap();
        let (key, seq) = split(place.value()).unwrap();
        let first = newest.insert(key.to_vec(), None);
        let past = Past::decode(row.value(), Head::decode_first).unwrap();
        let (rank, is_marker) = match past {
            Past::Object(head) => {
                bodies.insert(head.stub.id);
                (head.rank, false)
            }
            Past::Marker(marker) => (marker.rank, true),
        };
        assert_eq!(rank.seq, seq);
        match first {
            None => assert!(is_marker, "an object should be in front"),
            Some(Some(current)) => assert!(current > seq, "the current object is older"),
            Some(None) => {}
        }
        if rank.naming == Naming::Null {
            assert_eq!(found.insert(key.to_vec(), seq), None, "two are null");
        }
    }
    let named: BTreeMap<_, _> = nulls
        .range::<&[u8]>(..)
        .unwrap()
        .map(|row| row.map(|(key, seq)| (key.value().to_vec(), seq.value())).unwrap())
        .collect();
    assert_eq!(named, found);
    let kept = view.files().unwrap().len().unwrap() + view.inline_bodies();
    assert_eq!(kept, bodies.len() as u64, "bodies and rows");
}

#[derive(Debug, Clone)]
enum Step {
    Put(&'static str, bool),
    Hide(&'static str),
    /// The version that stands at this place in the list.
    Delete(proptest::sample::Index),
    Set(Versioning),
}

fn steps() -> impl Strategy<Value = Step> {
    let key = prop_oneof![Just("a"), Just("a\u{1}")];
    prop_oneof![
        4 => (key.clone(), any::<bool>()).prop_map(|(key, large)| Step::Put(key, large)),
        2 => key.prop_map(Step::Hide),
        5 => any::<proptest::sample::Index>().prop_map(Step::Delete),
        1 => Just(Step::Set(Versioning::Enabled)),
        1 => Just(Step::Set(Versioning::Suspended)),
    ]
}

async fn named(store: &LocalStore) -> Vec<(String, VersionId)> {
    let entries = versions(store).await.unwrap().entries;
    let named = entries.into_iter().map(|entry| match entry {
        VersionEntry::Object { key, version, .. } | VersionEntry::DeleteMarker { key, version, .. } => {
            (key.as_str().to_owned(), version)
        }
        VersionEntry::Prefix(prefix) => panic!("{prefix}: nothing to roll up"),
    });
    named.collect()
}

async fn take(store: &LocalStore, step: Step) {
    match step {
        Step::Put(key, large) => drop(put(store, key, 1, if large { LARGE } else { 1 }).await),
        Step::Hide(key) => drop(store.delete(&object(key), Deletion::default()).await.unwrap()),
        Step::Delete(at) => {
            let all = named(store).await;
            if !all.is_empty() {
                let (key, version) = &all[at.index(all.len())];
                store.delete(&object(key), of(version)).await.unwrap();
            }
        }
        Step::Set(versioning) => store.set_versioning(&bucket(), versioning).await.unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn tables_agree_whatever_is_done(steps in proptest::collection::vec(steps(), 1..60), early in any::<bool>()) {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // Not on disk: what is asked here is not whether it is durable.
            let index = Index::open(InMemoryBackend::new(), Room::measured_by(|| u64::MAX), None).unwrap();
            let bodies = Bodies::open(directory.path().join("bodies")).unwrap();
            let store = LocalStore::start(Arc::new(index), Arc::new(bodies)).unwrap();
            store.create_bucket(&bucket(), NewBucket::default()).await.unwrap();
            if early {
                put(&store, "a", 1, 1).await;
            }
            store.set_versioning(&bucket(), Versioning::Enabled).await.unwrap();
            for step in steps {
                take(&store, step).await;
                consistent(&store);
            }
            for (key, version) in named(&store).await {
                store.delete(&object(&key), of(&version)).await.unwrap();
            }
            consistent(&store);
            let view = store.index.view().unwrap();
            assert_eq!(view.nulls().unwrap().len().unwrap(), 0);
            assert_eq!(view.files().unwrap().len().unwrap() + view.inline_bodies(), 0);
        });
    }
}

#[tokio::test]
async fn versions_outlive_a_restart_and_a_sweep() {
    let directory = tempfile::tempdir().unwrap();
    let mut kept = Vec::new();
    {
        let store = store(directory.path(), NewBucket::default()).await;
        for (fill, size) in [(1, 9), (2, LARGE), (3, 9), (4, LARGE)] {
            kept.push((put(&store, "key", fill, size).await.version.unwrap(), fill, size));
        }
        store.delete(&object("key"), Deletion::default()).await.unwrap();
    }
    let store = LocalStore::open(directory.path()).unwrap();
    assert_eq!(store.sweep(Duration::ZERO).await.unwrap().removed, 0);
    assert!(matches!(get(&store, "key", None).await, Err(GetError::DeleteMarker(_))));
    for (version, fill, size) in &kept {
        assert_eq!(get(&store, "key", Some(version)).await.unwrap(), vec![*fill; *size]);
        store.delete(&object("key"), of(version)).await.unwrap();
    }
    consistent(&store);
}

#[tokio::test]
async fn a_damaged_current_row_hides_nothing_and_is_kept_behind_what_comes() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path(), NewBucket::default()).await;
    let first = put(&store, "key", 1, 9).await.version.unwrap();
    let second = put(&store, "key", 2, 9).await.version.unwrap();
    let damage = |tables: &mut Tables<'_>| {
        tables.changed();
        tables.objects.insert(key("key").as_slice(), b"damaged".as_slice())?;
        Ok(())
    };
    store.committer.submit(damage).await.unwrap();
    let corrupt = |result: Result<Bytes, GetError>| match result {
        Err(GetError::Store(error)) => assert_eq!(error.fault, StoreFault::Corrupt, "{error}"),
        other => panic!("{other:?}"),
    };
    corrupt(get(&store, "key", None).await);
    corrupt(get(&store, "key", Some(&second)).await);
    assert_eq!(get(&store, "key", Some(&first)).await.unwrap(), vec![1; 9]);
    let third = put(&store, "key", 3, 9).await.version.unwrap();
    assert_eq!(get(&store, "key", None).await.unwrap(), vec![3; 9]);
    assert_eq!(get(&store, "key", Some(&first)).await.unwrap(), vec![1; 9]);
    corrupt(get(&store, "key", Some(&second)).await);
    assert!(versions(&store).await.is_err());
    // Nothing is locked in this bucket: what cannot be read can be deleted.
    store.delete(&object("key"), of(&second)).await.unwrap();
    let left: Vec<_> = named(&store).await.into_iter().map(|(_, version)| version).collect();
    assert_eq!(left, [third, first]);
}

#[tokio::test]
async fn a_damaged_row_is_not_deleted_where_it_may_have_been_locked() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path(), NewBucket { owner: None, object_lock: true }).await;
    let first = put(&store, "key", 1, 9).await.version.unwrap();
    put(&store, "key", 2, 9).await;
    let damage = |tables: &mut Tables<'_>| {
        tables.changed();
        tables.versions.insert(version_key(&key("key"), 1).as_slice(), b"damaged".as_slice())?;
        Ok(())
    };
    store.committer.submit(damage).await.unwrap();
    let refused = store.delete(&object("key"), of(&first)).await;
    let Err(PutError::NotStored(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(error.fault, StoreFault::Corrupt);
}

#[tokio::test]
async fn a_wrong_note_of_what_is_null_deletes_no_other_version() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path(), NewBucket::default()).await;
    let first = put(&store, "key", 1, 9).await.version.unwrap();
    put(&store, "key", 2, 9).await;
    let mistake = |tables: &mut Tables<'_>| {
        tables.changed();
        tables.nulls.insert(key("key").as_slice(), 1)?;
        Ok(())
    };
    store.committer.submit(mistake).await.unwrap();
    assert!(matches!(get(&store, "key", Some(&VersionId::null())).await, Err(GetError::NoSuchVersion)));
    store.delete(&object("key"), of(&VersionId::null())).await.unwrap();
    store.set_versioning(&bucket(), Versioning::Suspended).await.unwrap();
    put(&store, "key", 3, 9).await;
    assert_eq!(get(&store, "key", Some(&first)).await.unwrap(), vec![1; 9]);
}

#[tokio::test]
async fn a_list_does_not_read_what_is_hidden() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path(), NewBucket::default()).await;
    let hidden: Vec<_> = (0..2000).map(|n| (object(&format!("hidden/{n}")), Deletion::default())).collect();
    assert!(store.delete_many(&hidden).await.iter().all(Result::is_ok));
    put(&store, "z", 1, 1).await;
    assert_eq!(store.index.view().unwrap().objects().unwrap().len().unwrap(), 1);
    let request =
        ListRequest { bucket: bucket(), prefix: String::new(), delimiter: None, after: None, limit: 1 };
    let page = store.list(request).await.unwrap();
    assert_eq!((page.entries.len(), page.more), (1, false));
}
