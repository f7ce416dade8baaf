//! Versions of a key, one call at a time and many at once. Stores that keep none are asked for little.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::store::{ListVersionsRequest, VersionEntry, VersionId, VersionMarker, Versioning};

/// Has the bucket keep versions; says whether the store can.
pub(super) async fn keep(on: &Subject) -> bool {
    match on.store.set_versioning(&on.bucket, Versioning::Enabled).await {
        Ok(()) => true,
        Err(PutError::Unsupported(_)) => false,
        Err(other) => panic!("{other:?}"),
    }
}

/// What lists all.
pub(super) fn everything(on: &Subject) -> ListVersionsRequest {
    ListVersionsRequest {
        bucket: on.bucket.clone(),
        prefix: String::new(),
        delimiter: None,
        after: None,
        limit: 1000,
    }
}

/// Key and version of an entry; `None`: a rolled-up prefix.
pub(super) fn named(entry: &VersionEntry) -> (String, Option<VersionId>) {
    match entry {
        VersionEntry::Object { key, version, .. } | VersionEntry::DeleteMarker { key, version, .. } => {
            (key.as_str().to_owned(), Some(version.clone()))
        }
        VersionEntry::Prefix(prefix) => (prefix.clone(), None),
    }
}

/// Where the page that ends with `entry` ended.
pub(super) fn marker(entry: &VersionEntry) -> VersionMarker {
    let (key, version) = named(entry);
    VersionMarker { key, version }
}

/// A deletion of one version, for good.
pub(super) fn of(version: &VersionId) -> Deletion {
    Deletion { version: Some(version.clone()), ..Deletion::default() }
}

/// Deletes every version, whatever governance says.
pub(super) async fn clear(on: &Subject) {
    loop {
        let page = on.store.list_versions(everything(on)).await.expect("versions can be listed");
        let deletions: Vec<_> = page
            .entries
            .iter()
            .map(|entry| {
                let (key, version) = named(entry);
                (
                    on.object(&key),
                    Deletion { version, retentions: Retentions::BypassGovernance, ..Deletion::default() },
                )
            })
            .collect();
        let results = on.store.delete_many(&deletions).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        if !page.more {
            break;
        }
    }
}

pub(super) fn version(number: u64) -> Version {
    Version::new(
        number,
        if number.is_multiple_of(4) { 20_000 + number as usize } else { 1 + number as usize % 9 },
    )
}

pub(super) async fn a_bucket_keeps_none_at_first(on: Subject) {
    let store = &on.store;
    let versioning = store.versioning(&on.bucket).await.expect("it can be asked");
    assert_eq!(versioning, Versioning::Never);
    let committed = on.put("key", &version(1)).await;
    let page = store.list_versions(everything(&on)).await.expect("versions can be listed");
    assert!(!page.more);
    let [VersionEntry::Object { key, version: name, latest: true, size, .. }] = page.entries.as_slice()
    else {
        panic!("{page:?}");
    };
    assert_eq!((key.as_str(), name, *size), ("key", &VersionId::null(), version(1).bytes.len() as u64));
    let never = store.set_versioning(&on.bucket, Versioning::Never).await;
    assert!(matches!(never, Err(PutError::Unsupported(_))), "{never:?}");
    let missing = BucketName::parse(&format!("{}-missing", on.bucket)).expect("a good name");
    let refused =
        store.list_versions(ListVersionsRequest { bucket: missing.clone(), ..everything(&on) }).await;
    assert!(matches!(refused, Err(GetError::NoSuchBucket)), "{refused:?}");
    assert!(matches!(store.versioning(&missing).await, Err(GetError::NoSuchBucket)));
    on.delete(&["key"]).await;
    if keep(&on).await {
        assert_eq!(committed.version, None);
        assert_eq!(store.versioning(&on.bucket).await.expect("it can be asked"), Versioning::Enabled);
        let refused = store.set_versioning(&missing, Versioning::Enabled).await;
        assert!(matches!(refused, Err(PutError::NoSuchBucket)), "{refused:?}");
    }
}

pub(super) async fn writers_at_once_each_make_a_version(on: Subject) {
    if !keep(&on).await {
        return;
    }
    let writers: Vec<_> = (0..32)
        .map(|number| {
            let on = on.clone();
            tokio::spawn(async move { (number, on.put("key", &version(number)).await) })
        })
        .collect();
    let mut names = BTreeMap::new();
    for writer in writers {
        let (number, committed) = writer.await.expect("no writer fails");
        assert_eq!(names.insert(committed.version.expect("it has a name"), number), None);
    }
    let entries = on.store.list_versions(everything(&on)).await.expect("versions can be listed").entries;
    let listed: BTreeSet<_> = entries.iter().filter_map(|entry| named(entry).1).collect();
    assert_eq!(listed.iter().collect::<Vec<_>>(), names.keys().collect::<Vec<_>>());
    for (name, number) in &names {
        let found = on.store.get(&on.object("key"), Some(name), Span::All, None).await.expect("it is there");
        let found = dissect::object(found).await.expect("it can be read");
        assert!(found.bytes == version(*number).bytes, "other bytes");
    }
    clear(&on).await;
}
