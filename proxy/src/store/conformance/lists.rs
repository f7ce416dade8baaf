//! Listings, against a model that does it the simple way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::*;
use crate::store::{ListEntry, ListRequest};

/// A key, or a rolled-up prefix, as text.
fn text(entry: &ListEntry) -> (bool, String) {
    match entry {
        ListEntry::Object { key, .. } => (false, key.as_str().to_owned()),
        ListEntry::Prefix(prefix) => (true, prefix.clone()),
    }
}

/// What a page should hold, found by looking at every key.
fn model(keys: &BTreeSet<String>, request: &ListRequest) -> (Vec<(bool, String)>, bool) {
    let mut entries = BTreeMap::new();
    for key in keys.iter().filter(|key| key.starts_with(&request.prefix)) {
        let rest = &key[request.prefix.len()..];
        let cut = request.delimiter.as_ref().and_then(|d| rest.find(d.as_str()).map(|at| at + d.len()));
        let entry = cut.map_or(key.clone(), |cut| key[..request.prefix.len() + cut].to_owned());
        if request.after.as_ref().is_none_or(|after| entry.as_bytes() > after.as_bytes()) {
            // A key that equals a prefix ends with the delimiter, and so is rolled up itself: no clash.
            entries.insert(entry, cut.is_some());
        }
    }
    let more = entries.len() > request.limit;
    (entries.into_iter().take(request.limit).map(|(entry, up)| (up, entry)).collect(), more)
}

async fn page(on: &Subject, request: &ListRequest, keys: &BTreeSet<String>) -> Vec<(bool, String)> {
    let page = on.store.list(request.clone()).await.expect("it can be listed");
    let entries: Vec<_> = page.entries.iter().map(text).collect();
    let (expected, more) = model(keys, request);
    assert_eq!((&entries, page.more), (&expected, more), "{request:?} over {keys:?}");
    entries
}

/// Keys of few characters, so that they share beginnings; some of more bytes than one, some that sort before `/`.
pub(super) fn random_keys(random: &mut Random, count: usize) -> BTreeSet<String> {
    const PARTS: [&str; 12] = ["a", "b", "aa", "/", "/", "//", "-", "ä", "\u{FFFF}", "\u{10FFFF}", " ", "%"];
    let mut keys = BTreeSet::new();
    while keys.len() < count {
        let key: String = (0..=random.below(6)).map(|_| PARTS[random.below(PARTS.len())]).collect();
        keys.insert(key);
    }
    keys
}

pub(super) async fn pages_agree_with_a_model(on: Subject) {
    let seed = seed();
    let mut random = Random(seed);
    let keys = random_keys(&mut random, 45);
    let keys = on.put_nameable(&keys, |key| Version::new(1, key.len())).await;
    // A neighbour whose name begins alike must not be seen.
    let neighbour = BucketName::parse(&format!("{}-n", on.bucket)).expect("a good name");
    let neighbour = Subject { bucket: neighbour, ..on.clone() };
    on.store.create_bucket(&neighbour.bucket, NewBucket::default()).await.expect("a bucket can be made");
    neighbour.put("a", &Version::new(1, 1)).await;

    let (all, bucket) = (keys.iter().cloned().collect::<Vec<_>>(), on.bucket.clone());
    let mut prefixes: Vec<String> = ["", "a", "a/", "b//", "ä", "zz"].map(str::to_owned).to_vec();
    prefixes.push(all[random.below(all.len())].clone());
    for prefix in &prefixes {
        for delimiter in [None, Some("/"), Some("//"), Some("a"), Some("\u{10FFFF}")] {
            let request = |after: Option<String>, limit| ListRequest {
                bucket: bucket.clone(),
                prefix: prefix.clone(),
                delimiter: delimiter.map(str::to_owned),
                after,
                limit,
            };
            for limit in [1, 2, 3, 5, 8, 44, 45, 46, 1000] {
                // Page after page, as a client goes.
                let mut after = None;
                loop {
                    let entries = page(&on, &request(after, limit), &keys).await;
                    match entries.last() {
                        Some((_, last)) if entries.len() == limit => after = Some(last.clone()),
                        _ => break,
                    }
                }
            }
            for _ in 0..6 {
                // From anywhere: a key, a beginning of one, something after one.
                let mut after = all[random.below(all.len())].clone();
                match random.below(3) {
                    0 => {}
                    1 => drop(after.pop()),
                    _ => after.push_str(["/", "\u{1}", "\u{10FFFF}"][random.below(3)]),
                }
                page(&on, &request(Some(after), 1 + random.below(9)), &keys).await;
            }
        }
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    on.delete(&all).await;
    neighbour.delete(&["a"]).await;
    on.store.delete_bucket(&neighbour.bucket).await.expect("it can be deleted");
}

pub(super) async fn a_marker_that_is_a_rolled_up_prefix_skips_it(on: Subject) {
    let keys = BTreeSet::from(["a", "b/1", "b/2", "b0", "c/1"].map(str::to_owned));
    for key in &keys {
        on.put(key, &Version::new(1, 1)).await;
    }
    for (after, expected) in [
        ("b/", vec!["b0", "c/"]),
        ("b/1", vec!["b0", "c/"]),
        ("b", vec!["b/", "b0", "c/"]),
        ("c/", vec![]),
        ("c", vec!["c/"]),
    ] {
        let request = ListRequest {
            bucket: on.bucket.clone(),
            prefix: String::new(),
            delimiter: Some("/".into()),
            after: Some(after.into()),
            limit: 10,
        };
        let entries = page(&on, &request, &keys).await;
        assert_eq!(
            entries.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
            expected,
            "after {after}"
        );
    }
    on.delete(&["a", "b/1", "b/2", "b0", "c/1"]).await;
}

pub(super) async fn entries_say_what_was_put(on: Subject) {
    let begun = SystemTime::now();
    for (key, size) in [("empty", 0), ("large", 40_000), ("small", 9)] {
        on.put(key, &Version::new(size as u64, size)).await;
    }
    let request = ListRequest {
        bucket: on.bucket.clone(),
        prefix: String::new(),
        delimiter: None,
        after: None,
        limit: 1000,
    };
    let page = on.store.list(request.clone()).await.expect("it can be listed");
    let mut expected = [("empty", 0), ("large", 40_000), ("small", 9)].into_iter();
    for entry in page.entries {
        let ListEntry::Object { key, size, modified, .. } = entry else { panic!("nothing to roll up") };
        assert_eq!(Some((key.as_str(), size)), expected.next());
        // Another machine's clock may be off, and may count whole seconds.
        let off = modified.duration_since(begun).unwrap_or_else(|e| e.duration());
        assert!(off < Duration::from_secs(900), "{off:?}");
    }
    assert_eq!(expected.next(), None);
    on.delete(&["empty", "large", "small"]).await;

    let bucket = BucketName::parse(&format!("{}-missing", on.bucket)).expect("a good name");
    let missing = on.store.list(ListRequest { bucket, ..request }).await;
    assert!(matches!(missing, Err(GetError::NoSuchBucket)), "{missing:?}");
}
