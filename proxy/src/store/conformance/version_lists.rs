//! Listings of versions, against a model that does it the simple way; and what versions are to other listings.

use std::collections::BTreeSet;

use super::versions::{clear, everything, keep, marker, named, of};
use super::*;
use crate::store::{ListEntry, ListRequest, ListVersionsRequest, VersionId, VersionMarker, Versioning};

/// An entry of a list with prefixes rolled up, as the model has it.
#[derive(Clone, Debug, PartialEq)]
enum Rolled {
    Version(String, VersionId),
    Up(String),
}

fn page_of(lines: &[(String, VersionId)], request: &ListVersionsRequest) -> (Vec<Rolled>, bool) {
    let mut entries: Vec<Rolled> = Vec::new();
    // Whether the version that the marker names was passed.
    let mut passed = false;
    for (key, name) in lines.iter().filter(|(key, _)| key.starts_with(&request.prefix)) {
        let rest = &key[request.prefix.len()..];
        let cut = request.delimiter.as_ref().and_then(|d| rest.find(d.as_str()).map(|at| at + d.len()));
        let entry = match cut {
            Some(cut) => Rolled::Up(key[..request.prefix.len() + cut].to_owned()),
            None => Rolled::Version(key.clone(), name.clone()),
        };
        let after = match (&request.after, &entry) {
            (None, _) => true,
            (Some(marker), Rolled::Up(up)) => up.as_bytes() > marker.key.as_bytes(),
            (Some(marker), Rolled::Version(key, _)) if *key == marker.key => passed,
            (Some(marker), Rolled::Version(key, _)) => key.as_bytes() > marker.key.as_bytes(),
        };
        passed |= request
            .after
            .as_ref()
            .is_some_and(|marker| marker.key == *key && marker.version.as_ref() == Some(name));
        if after && entries.last() != Some(&entry) {
            entries.push(entry);
        }
    }
    let more = entries.len() > request.limit;
    entries.truncate(request.limit);
    (entries, more)
}

async fn page(
    on: &Subject,
    request: &ListVersionsRequest,
    lines: &[(String, VersionId)],
) -> Option<VersionMarker> {
    let page = on.store.list_versions(request.clone()).await.expect("versions can be listed");
    let entries: Vec<_> = page
        .entries
        .iter()
        .map(|entry| match named(entry) {
            (key, Some(version)) => Rolled::Version(key, version),
            (prefix, None) => Rolled::Up(prefix),
        })
        .collect();
    assert_eq!((entries, page.more), page_of(lines, request), "{request:?} over {lines:?}");
    page.entries.last().filter(|_| page.more).map(marker)
}

pub(super) async fn pages_agree_with_a_model(on: Subject) {
    if !keep(&on).await {
        return;
    }
    let seed = seed();
    tracing::debug!(seed, "keys and versions are made of this");
    let mut random = Random(seed);
    let keys: Vec<_> = lists::random_keys(&mut random, 25).into_iter().collect();
    for key in &keys {
        for number in 0..=random.below(4) {
            match random.below(5) {
                0 => drop(
                    on.store.delete(&on.object(key), Deletion::default()).await.expect("it can be deleted"),
                ),
                1 => {
                    on.store.set_versioning(&on.bucket, Versioning::Suspended).await.expect("it can be set");
                    on.put(key, &Version::new(1, number)).await;
                    on.store.set_versioning(&on.bucket, Versioning::Enabled).await.expect("it can be set");
                }
                _ => drop(on.put(key, &Version::new(1, number)).await),
            }
        }
    }
    let all = on.store.list_versions(everything(&on)).await.expect("versions can be listed").entries;
    let lines: Vec<(String, VersionId)> = all
        .iter()
        .map(|entry| {
            let (key, version) = named(entry);
            (key, version.expect("nothing is rolled up"))
        })
        .collect();
    assert!(lines.is_sorted_by(|(a, _), (b, _)| a.as_bytes() <= b.as_bytes()));
    assert_eq!(lines.iter().map(|(key, _)| key).collect::<BTreeSet<_>>(), keys.iter().collect());
    let mut prefixes: Vec<String> = ["", "a", "a/", "b//", "ä", "zz"].map(str::to_owned).to_vec();
    prefixes.push(keys[random.below(keys.len())].clone());
    for prefix in &prefixes {
        for delimiter in [None, Some("/"), Some("//"), Some("a"), Some("\u{10FFFF}")] {
            let request = |after, limit| ListVersionsRequest {
                prefix: prefix.clone(),
                delimiter: delimiter.map(str::to_owned),
                after,
                limit,
                ..everything(&on)
            };
            for limit in [1, 2, 3, 7, 1000] {
                let mut after = None;
                loop {
                    after = page(&on, &request(after, limit), &lines).await;
                    if after.is_none() {
                        break;
                    }
                }
            }
            for _ in 0..6 {
                // From anywhere: a version, a key, something before or after one.
                let (mut key, version) = lines[random.below(lines.len())].clone();
                let version = match random.below(4) {
                    0 => {
                        let _ = key.pop();
                        None
                    }
                    1 => {
                        key.push_str(["/", "\u{1}", "\u{10FFFF}"][random.below(3)]);
                        None
                    }
                    2 => None,
                    _ => Some(version),
                };
                page(&on, &request(Some(VersionMarker { key, version }), 1 + random.below(9)), &lines).await;
            }
        }
    }
    clear(&on).await;
}

pub(super) async fn what_is_listed_may_be_deleted_before_the_next_page(on: Subject) {
    if !keep(&on).await {
        return;
    }
    for limit in [1, 2, 3, 5] {
        on.store.set_versioning(&on.bucket, Versioning::Enabled).await.expect("it can be set");
        for key in ["a", "a0", "b"] {
            for number in 0..4 {
                on.put(key, &Version::new(number, 3)).await;
            }
            on.store.delete(&on.object(key), Deletion::default()).await.expect("it can be deleted");
            on.put(key, &Version::new(9, 3)).await;
        }
        // The newest of one key is `null`, and in another key one that is not.
        on.store.set_versioning(&on.bucket, Versioning::Suspended).await.expect("it can be set");
        on.put("a0", &Version::new(10, 3)).await;
        on.put("b", &Version::new(10, 3)).await;
        on.store.set_versioning(&on.bucket, Versioning::Enabled).await.expect("it can be set");
        on.put("b", &Version::new(11, 3)).await;
        let mut request = ListVersionsRequest { limit, ..everything(&on) };
        let mut deleted = 0;
        loop {
            let page = on.store.list_versions(request.clone()).await.expect("versions can be listed");
            for entry in &page.entries {
                let (key, version) = named(entry);
                let version = version.expect("nothing is rolled up");
                on.store.delete(&on.object(&key), of(&version)).await.expect("it can be deleted");
                deleted += 1;
            }
            request.after = page.entries.last().map(marker);
            if !page.more {
                break;
            }
        }
        assert_eq!(deleted, 21, "pages of {limit}");
        let rest = on.store.list_versions(everything(&on)).await.expect("versions can be listed");
        assert_eq!(rest.entries, []);
    }
}

pub(super) async fn lists_pass_delete_markers_by(on: Subject) {
    if !keep(&on).await {
        return;
    }
    for key in ["a", "hidden/1", "hidden/2", "mixed/1", "mixed/2", "z"] {
        on.put(key, &Version::new(1, 1)).await;
    }
    for key in ["a", "hidden/1", "hidden/2", "mixed/1"] {
        on.store.delete(&on.object(key), Deletion::default()).await.expect("it can be deleted");
    }
    let request = ListRequest {
        bucket: on.bucket.clone(),
        prefix: String::new(),
        delimiter: Some("/".into()),
        after: None,
        limit: 2,
    };
    let page = on.store.list(request).await.expect("it can be listed");
    let texts: Vec<_> = page
        .entries
        .iter()
        .map(|entry| match entry {
            ListEntry::Object { key, .. } => key.as_str(),
            ListEntry::Prefix(prefix) => prefix,
        })
        .collect();
    assert_eq!((texts.as_slice(), page.more), (["mixed/", "z"].as_slice(), false));
    clear(&on).await;
}
