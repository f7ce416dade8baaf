//! What becomes of versions, against a model that keeps them the simple way.

use std::collections::BTreeMap;

use super::versions::{clear, everything, keep, marker, named, of, version};
use super::*;
use crate::store::{ListEntry, ListRequest, ListVersionsRequest, VersionEntry, VersionId, Versioning};

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
                assert_eq!(newest, latest, "{entry:?}");
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
            ListEntry::Object { key, .. } => key.as_str(),
            ListEntry::Prefix(prefix) => panic!("{prefix}: nothing to roll up"),
        })
        .collect();
    let current: Vec<_> = model.keys.keys().filter(|key| model.current(key).is_some()).collect();
    assert_eq!(keys, current);
}

pub(super) async fn agree_with_a_model(on: Subject) {
    // Stores differ in when they name the `null` version, which the model does not know yet.
    if on.demands == Demands::OfS3 {
        return;
    }
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
    tracing::debug!(seed, "keys and versions are made of this");
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
                    Err(PutError::Unsupported(_)) if !on.capabilities.guards.matches => {}
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
