//! Versions, against a model that keeps them the simple way. Stores that keep none are asked for little.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::store::{ListRequest, ListVersionsRequest, VersionEntry, VersionId, VersionMarker, Versioning};

/// Has the bucket keep versions; says whether the store can.
pub(super) async fn keep(on: &Subject) -> bool {
    match on.store.set_versioning(&on.bucket, Versioning::Enabled).await {
        Ok(()) => true,
        Err(PutError::Unsupported(_)) => false,
        Err(other) => panic!("{other:?}"),
    }
}

/// What lists all.
fn everything(on: &Subject) -> ListVersionsRequest {
    ListVersionsRequest {
        bucket: on.bucket.clone(),
        prefix: String::new(),
        delimiter: None,
        after: None,
        limit: 1000,
    }
}

/// Key and version of an entry; `None`: a rolled-up prefix.
fn named(entry: &VersionEntry) -> (String, Option<VersionId>) {
    match entry {
        VersionEntry::Object { key, version, .. } | VersionEntry::DeleteMarker { key, version, .. } => {
            (key.as_str().to_owned(), Some(version.clone()))
        }
        VersionEntry::Prefix(prefix) => (prefix.clone(), None),
    }
}

/// Where the page that ends with `entry` ended.
fn marker(entry: &VersionEntry) -> VersionMarker {
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

/// A version as the model has it.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    name: VersionId,
    /// What was put; `None`: a delete marker.
    object: Option<(u64, Pin)>,
}

/// Versions by key, newest first.
#[derive(Default)]
struct Model {
    versioning: Option<Versioning>,
    keys: BTreeMap<String, Vec<Kept>>,
}

impl Model {
    fn of(&self, key: &str) -> &[Kept] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    /// The pin of the current object.
    fn current(&self, key: &str) -> Option<Pin> {
        self.of(key).first().and_then(|kept| kept.object.clone()).map(|(_, pin)| pin)
    }

    /// A new version of `key`; `named` is what the store said.
    fn advance(&mut self, key: &str, named: Option<VersionId>, object: Option<(u64, Pin)>) {
        let history = self.keys.entry(key.to_owned()).or_default();
        let name = match self.versioning.expect("it is set") {
            Versioning::Never => {
                assert_eq!(named, None);
                history.clear();
                VersionId::null()
            }
            Versioning::Enabled => {
                let name = named.expect("the new version has a name");
                assert!(!name.is_null() && history.iter().all(|kept| kept.name != name), "{name}");
                name
            }
            Versioning::Suspended => {
                assert_eq!(named, Some(VersionId::null()));
                history.retain(|kept| !kept.name.is_null());
                VersionId::null()
            }
        };
        history.insert(0, Kept { name, object });
    }

    /// All that a list of versions should say: entry, and its key and version.
    fn lines(&self) -> Vec<(String, Kept, bool)> {
        let each = self.keys.iter().flat_map(|(key, history)| {
            let with_first = history.iter().zip(std::iter::once(true).chain(std::iter::repeat(false)));
            with_first.map(|(kept, latest)| (key.clone(), kept.clone(), latest))
        });
        each.collect()
    }
}

fn version(number: u64) -> Version {
    Version::new(
        number,
        if number.is_multiple_of(4) { 20_000 + number as usize } else { 1 + number as usize % 9 },
    )
}

/// Checks everything that can be seen of `key`.
async fn agree(on: &Subject, model: &Model, key: &str) {
    let (object, history) = (on.object(key), model.of(key));
    let shown = |name: &VersionId| (model.versioning != Some(Versioning::Never)).then(|| name.clone());
    match history.first() {
        None => on.expect(key, None).await,
        Some(Kept { object: Some((number, _)), name }) => {
            on.expect(key, Some(&version(*number))).await;
            let head = on.store.head(&object, None).await.expect("it has a head");
            assert_eq!(dissect::standing(&head).version, shown(name), "{key}");
        }
        Some(Kept { object: None, name }) => {
            let (head, found) =
                (on.store.head(&object, None).await.err(), on.get(key, Span::All).await.err());
            for error in [head, found] {
                assert!(matches!(&error, Some(GetError::DeleteMarker(at)) if at == name), "{key}: {error:?}");
            }
        }
    }
    for kept in history {
        let found = on.store.get(&object, Some(&kept.name), Span::All, None).await;
        let Some((number, pin)) = &kept.object else {
            let error = found.err();
            assert!(
                matches!(&error, Some(GetError::DeleteMarker(at)) if *at == kept.name),
                "{key}: {error:?}"
            );
            continue;
        };
        let (head, body) = found.expect("the version is there").split();
        assert_eq!(dissect::standing(&head).version, shown(&kept.name));
        let (attributes, length, found) = dissect::head(head);
        let expected = version(*number);
        assert_eq!(
            (&attributes, length, &found),
            (&expected.attributes, expected.bytes.len() as u64, pin),
            "{key}"
        );
        assert!(dissect::bytes(body).await.expect("it can be read") == expected.bytes, "{key}: other bytes");
    }
}

/// Checks that lists say what the model says.
async fn listed(on: &Subject, model: &Model, limit: usize) {
    let mut request = ListVersionsRequest { limit, ..everything(on) };
    let mut entries = Vec::new();
    loop {
        let page = on.store.list_versions(request.clone()).await.expect("versions can be listed");
        assert!(page.entries.len() <= limit && (!page.more || page.entries.len() == limit));
        request.after = page.entries.last().map(marker);
        entries.extend(page.entries);
        if !page.more {
            break;
        }
    }
    let lines = model.lines();
    assert_eq!(entries.len(), lines.len(), "{entries:?} but {lines:?}");
    for (entry, (key, kept, latest)) in entries.iter().zip(&lines) {
        assert_eq!(named(entry), (key.clone(), Some(kept.name.clone())));
        match (entry, &kept.object) {
            (VersionEntry::Object { latest: newest, size, .. }, Some((number, _))) => {
                assert_eq!((newest, *size), (latest, version(*number).bytes.len() as u64), "{entry:?}");
            }
            (VersionEntry::DeleteMarker { latest: newest, .. }, None) => {
                assert_eq!(newest, latest, "{entry:?}")
            }
            _ => panic!("{entry:?} instead of {kept:?}"),
        }
    }
    let request = ListRequest {
        bucket: on.bucket.clone(),
        prefix: String::new(),
        delimiter: None,
        after: None,
        limit: 1000,
    };
    let page = on.store.list(request).await.expect("it can be listed");
    let keys: Vec<_> = page
        .entries
        .iter()
        .map(|entry| match entry {
            crate::store::ListEntry::Object { key, .. } => key.as_str(),
            crate::store::ListEntry::Prefix(prefix) => panic!("{prefix}: nothing to roll up"),
        })
        .collect();
    let current: Vec<_> = model.keys.keys().filter(|key| model.current(key).is_some()).collect();
    assert_eq!(keys, current);
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

pub(super) async fn histories_agree_with_a_model(on: Subject) {
    if !keep(&on).await {
        return;
    }
    // From the beginning: in a bucket that never kept any.
    let bucket = BucketName::parse(&format!("{}-m", on.bucket)).expect("a good name");
    let on = Subject { bucket, ..on };
    on.store.create_bucket(&on.bucket, NewBucket::default()).await.expect("a bucket can be made");
    let seed = seed();
    let mut random = Random(seed);
    let mut model = Model { versioning: Some(Versioning::Never), ..Model::default() };
    let mut gone: Vec<(String, VersionId)> = Vec::new();
    println!("seed {seed}");
    for step in 0..260_u64 {
        let key = ["a", "a/", "b"][random.below(3)];
        let object = on.object(key);
        match random.below(if step < 20 { 8 } else { 12 }) {
            0..=3 => {
                let committed = on.put(key, &version(step)).await;
                model.advance(key, committed.version, Some((step, committed.pin)));
            }
            4 => {
                let guard = match random.below(3) {
                    0 => Guard::Absent,
                    1 => Guard::Matches(model.current(key).unwrap_or(Pin("none".into()))),
                    _ => Guard::Matches(Pin("another".into())),
                };
                let holds = match &guard {
                    Guard::Any => true,
                    Guard::Absent => model.current(key).is_none(),
                    Guard::Matches(pin) => model.current(key).as_ref() == Some(pin),
                };
                match on.put_if(key, &version(step), guard).await {
                    Ok(committed) if holds => {
                        model.advance(key, committed.version, Some((step, committed.pin)));
                    }
                    Err(PutError::GuardFailed) if !holds => {}
                    Err(PutError::Unsupported(_)) if !on.capabilities.guards => {}
                    other => panic!("{other:?}"),
                }
            }
            5 | 6 => {
                let deleted = on.store.delete(&object, Deletion::default()).await.expect("it can be deleted");
                if model.versioning == Some(Versioning::Never) {
                    assert_eq!(deleted, Deleted::default());
                    model.keys.remove(key);
                } else {
                    assert!(deleted.delete_marker);
                    model.advance(key, deleted.version, None);
                }
            }
            7 | 8 => {
                let history = model.of(key);
                let Some(kept) = (!history.is_empty()).then(|| history[random.below(history.len())].clone())
                else {
                    continue;
                };
                let deleted = on.store.delete(&object, of(&kept.name)).await.expect("it can be deleted");
                if model.versioning != Some(Versioning::Never) {
                    let expected =
                        Deleted { version: Some(kept.name.clone()), delete_marker: kept.object.is_none() };
                    assert_eq!(deleted, expected);
                }
                let history = model.keys.get_mut(key).expect("it has one");
                history.retain(|other| other.name != kept.name);
                if history.is_empty() {
                    model.keys.remove(key);
                }
                gone.push((key.to_owned(), kept.name));
            }
            9 if !gone.is_empty() => {
                // What is gone is gone, and deleted already.
                let (key, name) = &gone[random.below(gone.len())];
                if !model.of(key).iter().any(|kept| kept.name == *name) {
                    on.store.delete(&on.object(key), of(name)).await.expect("it is deleted already");
                    let head = on.store.head(&on.object(key), Some(name)).await.err();
                    assert!(matches!(head, Some(GetError::NoSuchVersion)), "{key}: {head:?}");
                }
            }
            _ => {
                let versioning = [Versioning::Enabled, Versioning::Suspended][random.below(2)];
                on.store.set_versioning(&on.bucket, versioning).await.expect("it can be set");
                model.versioning = Some(versioning);
            }
        }
        agree(&on, &model, key).await;
        if step % 5 == 0 {
            listed(&on, &model, 1 + random.below(9)).await;
        }
    }
    listed(&on, &model, 1000).await;
    if !model.keys.is_empty() {
        let refused = on.store.delete_bucket(&on.bucket).await.expect("it can be asked");
        assert_eq!(refused, DeletedBucket::NotEmpty);
    }
    clear(&on).await;
    assert_eq!(on.store.delete_bucket(&on.bucket).await.expect("it can be asked"), DeletedBucket::Deleted);
}

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
    println!("seed {seed}");
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
            crate::store::ListEntry::Object { key, .. } => key.as_str(),
            crate::store::ListEntry::Prefix(prefix) => prefix,
        })
        .collect();
    assert_eq!((texts.as_slice(), page.more), (["mixed/", "z"].as_slice(), false));
    clear(&on).await;
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
