use proptest::prelude::*;

use super::super::testing::{any_key, object};
use super::*;
use crate::proof::test_keys as keys;
use crate::store::StateArea;

prop_compose! {
    fn any_marker()(
        key in any_key(), created: u64, metadata in prop::collection::btree_map("[a-z]{1,8}", "[!-~]{0,20}", 0..5),
        tags in prop::collection::btree_map("\\PC{0,8}", "\\PC{0,8}", 0..5), until in 0u64..1 << 50,
        lock in 0u8..12, algorithm in prop::option::of(prop::sample::select(&ChecksumAlgorithm::ALL[..])),
        composite: bool, presigned: bool,
    ) -> Marker {
        let object = object("bbb", &key);
        let mut headers = SealedHeaders::default();
        headers.insert("content-type", "text/plain").unwrap();
        for (name, value) in metadata {
            headers.insert(&format!("x-amz-meta-{name}"), &value).unwrap();
        }
        let mode = [None, Some(RetentionMode::Governance), Some(RetentionMode::Compliance)][usize::from(lock % 3)];
        let until = UNIX_EPOCH + Duration::from_millis(until);
        let legal_hold = [None, Some(LegalHold::On), Some(LegalHold::Off), None][usize::from(lock / 3)];
        let kind = if composite { ChecksumKind::Composite } else { ChecksumKind::FullObject };
        Marker {
            id: UploadId::new(&keys(1, None, "r"), &object, "ci", created).unwrap(),
            object,
            client: "ci".to_owned(),
            by: if presigned { By::presigned("ci").unwrap() } else { By::client("ci").unwrap() },
            headers,
            tags: Tags::new(tags).unwrap(),
            lock: Lock { retention: mode.map(|mode| Retention { mode, until }), legal_hold },
            checksum: algorithm.map(|algorithm| ChecksumPlan { algorithm, kind }),
            stage: StageId::parse("stage/1").unwrap(),
        }
    }
}

fn read(stored: &[u8], keys: &StateKeys, like: &Marker) -> Option<Marker> {
    let stored = UnverifiedState::new(Bytes::copy_from_slice(stored));
    Marker::decode(stored, keys, &like.id, &like.object, &like.client)
}

proptest! {
    #[test]
    fn a_marker_is_read_back(marker in any_marker()) {
        let keys = keys(1, None, "r");
        let stored = marker.encode(&keys).unwrap();
        prop_assert_eq!(read(&stored, &keys, &marker), Some(marker.clone()));
        let found = UnverifiedState::new(stored);
        let found = Marker::discover(found, &keys, &marker.name(), &marker.object.bucket, "ci");
        prop_assert_eq!(found, Some(marker));
    }

    #[test]
    fn any_change_of_a_marker_is_refused(marker in any_marker(), at: prop::sample::Index, change in 1u8..) {
        let keys = keys(1, Some(2), "r");
        let mut stored = marker.encode(&keys).unwrap().to_vec();
        let at = at.index(stored.len());
        stored[at] ^= change;
        prop_assert_eq!(read(&stored, &keys, &marker), None);
        stored[at] ^= change;
        prop_assert_eq!(read(&stored[..at], &keys, &marker), None);
    }

    /// Put in the place of another upload's marker: of another bucket, key or client, or the same client's.
    #[test]
    fn a_marker_that_was_moved_is_refused(marker in any_marker(), key in any_key()) {
        let ours = keys(1, None, "r");
        let stored = marker.encode(&ours).unwrap();
        for (bucket, key, client) in [
            ("ccc", marker.object.key.as_str(), "ci"),
            ("bbb", &*format!("{key}x"), "ci"),
            ("bbb", marker.object.key.as_str(), "cj"),
            ("bbb", marker.object.key.as_str(), "ci"),
        ] {
            let object = object(bucket, key);
            let id = UploadId::new(&ours, &object, client, marker.created()).unwrap();
            let place = Marker { id, object, client: client.to_owned(), ..marker.clone() };
            prop_assert_eq!(read(&stored, &ours, &place), None);
            let found = UnverifiedState::new(stored.clone());
            prop_assert_eq!(Marker::discover(found, &ours, &place.name(), &place.object.bucket, client), None);
        }
        prop_assert_eq!(read(&stored, &keys(1, None, "s"), &marker), None);
        prop_assert_eq!(read(&stored, &keys(2, None, "r"), &marker), None);
        prop_assert_eq!(read(&stored, &keys(2, Some(1), "r"), &marker), Some(marker));
    }
}

/// Two clients whose names' digests begin alike would share a folder: the marker itself says whose it is.
#[test]
fn the_whole_client_and_key_stand_in_the_marker() {
    let keys = keys(1, None, "r");
    let object = object("bbb", "k");
    let id = UploadId::new(&keys, &object, "ci", 1).unwrap();
    let marker = Marker {
        id,
        object,
        client: "ci".to_owned(),
        by: By::client("ci").unwrap(),
        headers: SealedHeaders::default(),
        tags: Tags::default(),
        lock: Lock::default(),
        checksum: None,
        stage: StageId::parse("s").unwrap(),
    };
    let forged = |key: &str, client: &str| {
        let text = format!(
            r#"{{"v":1,"key":"{key}","client":"{client}","by":"ci","headers":[],"tags":[],"retention":null,"hold":null,"checksum":null,"stage":"s"}}"#
        );
        let stored = authenticated(&keys, Purpose::Marker, &marker.name(), text.as_bytes());
        read(&stored, &keys, &marker)
    };
    assert_eq!(forged("k", "ci"), Some(marker.clone()));
    assert_eq!(forged("l", "ci"), None);
    assert_eq!(forged("k", "cj"), None);
    assert_eq!(marker.name().area(), StateArea::Scratch);
}

#[test]
fn a_marker_has_a_limit() {
    let keys = keys(1, None, "r");
    let object = object("bbb", "k");
    let mut headers = SealedHeaders::default();
    headers.insert("x-amz-meta-a", &"a".repeat(MAX_BYTES as usize)).unwrap();
    let marker = Marker {
        id: UploadId::new(&keys, &object, "ci", 1).unwrap(),
        object,
        client: "ci".to_owned(),
        by: By::client("ci").unwrap(),
        headers,
        tags: Tags::default(),
        lock: Lock::default(),
        checksum: None,
        stage: StageId::parse("s").unwrap(),
    };
    assert_eq!(marker.encode(&keys), None);
}
