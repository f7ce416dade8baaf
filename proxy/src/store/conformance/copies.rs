//! Copies: bytes that two objects share and that neither can take from the other.

use super::*;
use crate::store::{Deletion, Guards, PartNumber, Pin, Source, StagedPart, VersionId, Versioning};

const KIB: usize = 1 << 10;

/// Sizes of the parts that an object is made of; one alone is a plain put. On both sides of where a store may keep
/// bodies in another way.
const SHAPES: [&[usize]; 6] =
    [&[0], &[9], &[20 * KIB], &[3 << 20], &[20 * KIB, 1, 300 * KIB], &[5, 16 * KIB]];

impl Subject {
    /// Puts an object of these parts.
    async fn put_shape(&self, key: &str, number: u64, shape: &[usize]) -> (Version, Pin) {
        let shape = self.sizes_of_parts(shape);
        let version = Version::new(number, shape.iter().sum());
        if shape.len() == 1 {
            let pin = self.put(key, &version).await.pin;
            return (version, pin);
        }
        let stage = self.store.stage_open().await.expect("a stage can be opened");
        let (mut parts, mut rest) = (Vec::new(), version.bytes.clone());
        for (n, size) in (1..).zip(shape) {
            let (number, length) = (PartNumber::new(n).expect("a good number"), size as u64);
            let body = Body::whole(rest.split_to(size), "etag");
            let pin = self.store.stage_part(&stage, number, length, body).await.expect("it can be stored");
            parts.push(StagedPart { number, length, pin });
        }
        self.store.stage_close(&stage, &parts).await.expect("it can be closed");
        let write = Write::new(version.attributes.clone(), Guard::Any);
        let made = self.store.promote(&stage, &parts, &self.object(key), write, &version.etag).await;
        (version, made.expect("it can be promoted").pin)
    }

    /// What clients call the current version.
    async fn version_of(&self, key: &str) -> VersionId {
        let head = self.store.head(&self.object(key), None).await.expect("it is there");
        dissect::standing(&head).version.clone().expect("it has a name")
    }

    /// Copies with attributes of its own.
    async fn copy(
        &self,
        from: &str,
        pin: &Pin,
        to: &str,
        like: &Version,
        guard: Guard,
    ) -> Result<Committed, PutError> {
        let source =
            Source { object: self.object(from), version: None, pin: pin.clone(), while_staged: None };
        let write = Write::new(like.attributes.clone(), guard);
        self.store.copy(&source, &self.object(to), write, &like.etag).await
    }
}

pub(super) async fn bytes_are_taken_over(on: Subject) {
    for (number, shape) in (1..).zip(SHAPES) {
        let (version, pin) = on.put_shape("source", number, shape).await;
        let copied = Version { bytes: version.bytes.clone(), ..Version::new(100 + number, 0) };
        // New, and in place of what another size left there.
        let made = on.copy("source", &pin, "copy", &copied, Guard::Any).await.expect("it can be copied");
        on.expect_another(&made.pin, &pin);
        on.expect("copy", Some(&copied)).await;
        on.expect("source", Some(&version)).await;
        assert_eq!(on.get("copy", Span::All).await.expect("it is there").pin, made.pin);
        let end = copied.bytes.len() as u64;
        if end > 2 {
            let found = on.get("copy", Span::Bytes(end / 2..end - 1)).await.expect("it can be read");
            let (start, stop) = (copied.bytes.len() / 2, copied.bytes.len() - 1);
            assert!(found.bytes == copied.bytes.slice(start..stop), "other bytes");
        }
        // A copy of the copy.
        on.copy("copy", &made.pin, "second", &copied, Guard::Any).await.expect("it can be copied");
        on.expect("second", Some(&copied)).await;
    }
    on.delete(&["source", "copy", "second"]).await;
}

pub(super) async fn neither_takes_from_the_other(on: Subject) {
    for (number, shape) in (1..).zip(SHAPES) {
        for (first, second) in [("source", "copy"), ("copy", "source")] {
            let (version, pin) = on.put_shape("source", number, shape).await;
            let copied = Version { bytes: version.bytes.clone(), ..Version::new(100 + number, 0) };
            on.copy("source", &pin, "copy", &copied, Guard::Any).await.expect("it can be copied");
            let stays = if second == "copy" { &copied } else { &version };
            on.put(first, &Version::new(50, 40 * KIB)).await;
            on.expect(second, Some(stays)).await;
            on.delete(&[first]).await;
            on.expect(second, Some(stays)).await;
            on.delete(&[second]).await;
        }
    }
}

pub(super) async fn an_object_is_copied_onto_itself(on: Subject) {
    for (number, shape) in (1..).zip(SHAPES) {
        let (version, pin) = on.put_shape("key", number, shape).await;
        let renewed = Version { bytes: version.bytes.clone(), ..Version::new(100 + number, 0) };
        let guard = if on.capabilities.guards.matches { Guard::Matches(pin.clone()) } else { Guard::Any };
        let made = on.copy("key", &pin, "key", &renewed, guard).await.expect("it can be copied");
        on.expect_another(&made.pin, &pin);
        on.expect("key", Some(&renewed)).await;
        if made.pin != pin {
            // It is not any more what the first pin names.
            let refused = on.copy("key", &pin, "key", &version, Guard::Any).await;
            assert!(matches!(refused, Err(PutError::SourceChanged)), "{refused:?}");
            on.expect("key", Some(&renewed)).await;
        }
    }
    on.delete(&["key"]).await;
}

pub(super) async fn another_source_is_refused(on: Subject) {
    let nothing = Pin("nothing".into());
    for (number, shape) in (1..).zip(SHAPES) {
        let (_, old) = on.put_shape("source", number, shape).await;
        let (version, _) = on.put_shape("source", 50, &[40 * KIB]).await;
        for (from, pin) in [("source", &old), ("source", &nothing), ("missing", &old)] {
            let refused = on.copy(from, pin, "copy", &version, Guard::Any).await;
            assert!(matches!(refused, Err(PutError::SourceChanged)), "{from}: {refused:?}");
        }
        on.delete(&["source"]).await;
        let refused = on.copy("source", &old, "copy", &version, Guard::Any).await;
        assert!(matches!(refused, Err(PutError::SourceChanged)), "{refused:?}");
        on.expect("copy", None).await;
    }
}

pub(super) async fn of_an_older_version(on: Subject) {
    match on.store.set_versioning(&on.bucket, Versioning::Enabled).await {
        Err(PutError::Unsupported(_)) => return,
        kept => kept.expect("versions can be kept"),
    }
    for (number, shape) in (1..).zip(SHAPES) {
        let mut made = Vec::new();
        let (old, old_pin) = on.put_shape("source", number, shape).await;
        let name = on.version_of("source").await;
        let (new, new_pin) = on.put_shape("source", 50, &[40 * KIB]).await;
        made.push(("source", on.version_of("source").await));
        let copy = async |version: &VersionId, pin: &Pin| {
            let source = Source {
                object: on.object("source"),
                version: Some(version.clone()),
                pin: pin.clone(),
                while_staged: None,
            };
            let write = Write::new(new.attributes.clone(), Guard::Any);
            on.store.copy(&source, &on.object("copy"), write, "etag").await
        };
        let copied = Version { bytes: old.bytes.clone(), ..new.clone() };
        let committed = copy(&name, &old_pin).await.expect("it can be copied");
        on.expect("copy", Some(&copied)).await;
        made.extend(committed.version.map(|version| ("copy", version)));
        // Onto itself, in front of what is newer: that is how an old version is restored.
        let source = Source {
            object: on.object("source"),
            version: Some(name.clone()),
            pin: old_pin.clone(),
            while_staged: None,
        };
        let write = Write::new(new.attributes.clone(), Guard::Any);
        let restored = on.store.copy(&source, &on.object("source"), write, "etag").await;
        let restored = restored.expect("it can be copied");
        on.expect_another(&restored.pin, &old_pin);
        made.extend(restored.version.map(|version| ("source", version)));
        on.expect("source", Some(&copied)).await;
        let mut refused = vec![
            copy(&name, &new_pin).await,
            copy(&VersionId::parse("no-such-version").expect("a good name"), &old_pin).await,
        ];
        if restored.pin != old_pin {
            refused.push(on.copy("source", &old_pin, "copy", &new, Guard::Any).await);
        }
        for refused in refused {
            assert!(matches!(refused, Err(PutError::SourceChanged)), "{refused:?}");
        }
        let this = Deletion { version: Some(name.clone()), ..Deletion::default() };
        on.store.delete(&on.object("source"), this).await.expect("it can be deleted");
        let refused = copy(&name, &old_pin).await;
        assert!(matches!(refused, Err(PutError::SourceChanged)), "{refused:?}");
        on.expect("copy", Some(&copied)).await;
        assert_eq!(made.len(), 3, "versions have names");
        for (key, version) in made {
            let this = Deletion { version: Some(version), ..Deletion::default() };
            on.store.delete(&on.object(key), this).await.expect("it can be deleted");
        }
        on.expect("source", None).await;
        on.expect("copy", None).await;
    }
}

pub(super) async fn guards(on: Subject) {
    let Guards { absent, matches, deletes: _ } = on.capabilities.guards;
    let (version, pin) = on.put_shape("source", 1, &[20 * KIB, 7]).await;
    let copied = Version { bytes: version.bytes.clone(), ..Version::new(2, 0) };
    let standing = Version::new(3, 20 * KIB);
    let old = on.put("copy", &Version::new(4, 1)).await.pin;
    let now = on.put("copy", &standing).await.pin;
    for (guard, atomic) in
        [(Guard::Absent, absent), (Guard::Matches(old), matches), (Guard::Matches(pin.clone()), matches)]
    {
        let refused = on.copy("source", &pin, "copy", &copied, guard).await;
        guards::refused(&refused, atomic);
        on.expect("copy", Some(&standing)).await;
    }
    if matches {
        on.copy("source", &pin, "copy", &copied, Guard::Matches(now)).await.expect("it is that one");
        on.expect("copy", Some(&copied)).await;
    }
    if absent {
        on.copy("source", &pin, "absent", &copied, Guard::Absent).await.expect("nothing is there");
        on.expect("absent", Some(&copied)).await;
    }
    let nowhere = ObjectName {
        bucket: BucketName::parse(&format!("conformance-{:016x}", seed())).expect("a good name"),
        ..on.object("copy")
    };
    let source = Source { object: on.object("source"), version: None, pin, while_staged: None };
    let write = Write::new(copied.attributes, Guard::Any);
    let refused = on.store.copy(&source, &nowhere, write, "etag").await;
    assert!(matches!(refused, Err(PutError::NoSuchBucket)), "{refused:?}");
    on.delete(&["source", "copy", "absent"]).await;
}

pub(super) async fn a_source_that_changes_meanwhile(on: Subject) {
    for round in 0..12 {
        let shape = SHAPES[round % SHAPES.len()];
        let (version, pin) = on.put_shape("source", 1, shape).await;
        let copied = Version { bytes: version.bytes.clone(), ..Version::new(2, 0) };
        let copy = {
            let (on, copied) = (on.clone(), copied.clone());
            tokio::spawn(async move { on.copy("source", &pin, "copy", &copied, Guard::Any).await })
        };
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        on.put("source", &Version::new(3, 30 * KIB)).await;
        match copy.await.expect("no panic") {
            Ok(_) => on.expect("copy", Some(&copied)).await,
            Err(PutError::SourceChanged) => on.expect("copy", None).await,
            Err(other) => panic!("{other:?}"),
        }
        on.expect("source", Some(&Version::new(3, 30 * KIB))).await;
        on.delete(&["source", "copy"]).await;
    }
}

/// A copy that belongs to an upload is made while its stage is there, and not after that.
pub(super) async fn copies_end_with_their_stage(on: Subject) {
    let version = Version::new(1, 5000);
    let pin = on.put("source", &version).await.pin;
    let stage = on.store.stage_open().await.expect("a stage can be opened");
    let object = on.object("source");
    let source = Source { object, version: None, pin, while_staged: Some(stage.clone()) };
    let copy = || {
        let write = Write::new(version.attributes.clone(), Guard::Any);
        let (store, source, target) = (on.store.clone(), source.clone(), on.object("copy"));
        async move { store.copy(&source, &target, write, "etag").await }
    };
    copy().await.expect("its stage is there");
    on.store.stage_drop(&stage).await.expect("a stage can be dropped");
    let late = copy().await;
    assert!(matches!(late, Err(PutError::NoSuchStage)), "{late:?}");
    on.delete(&["source", "copy"]).await;
}
