//! What is changed while it is kept: by this instance, by another, in the store.

use std::time::{Duration, Instant};

use hallmark_proxy::store::{StateArea, StoreFault};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::{Call, Mishap, StoredObject};
use hallmark_tests::raw::{DEADLINE, Response};
use hallmark_tests::s3::completed;
use hallmark_tests::site::{Options, Site};

use super::{BUCKET, FRESH, KEY, Lab};

const LENGTHS: [u64; 3] = [1000, 3 * MIB, 9 * MIB + 5];

/// Something that puts these bytes there.
type OwnChange = fn(&Lab, &[u8]) -> Response;

/// Whatever this instance does to an object, the next reader gets what stands there then.
#[test]
fn p1_own_changes_count_at_once() {
    let lab = Lab::new();
    for length in LENGTHS {
        let (first, second) = (content(1, length), content(2, length));
        let changes: [(&str, OwnChange); 5] = [
            ("put", |lab, body| lab.client.put(FRESH, KEY, body)),
            ("put without an answer", |lab, body| {
                lab.store.go_wrong(Call::Put, Mishap::PersistsAndFails(StoreFault::Timeout));
                lab.client.put(FRESH, KEY, body)
            }),
            ("put that nobody vouches for", |lab, body| {
                lab.store.go_wrong(Call::Put, Mishap::PersistsAndFails(StoreFault::Timeout));
                lab.store.go_wrong(Call::Head, Mishap::Fails(StoreFault::Unavailable));
                let failed = lab.client.put(FRESH, KEY, body);
                assert_eq!(failed.status, 503);
                lab.client.head(FRESH, KEY)
            }),
            ("copy", |lab, body| {
                assert_eq!(lab.client.put(BUCKET, "source", body).status, 200);
                lab.client.copy((BUCKET, "source", None), FRESH, KEY, &[])
            }),
            ("complete", |lab, body| {
                let (one, other) = body.split_at(body.len() / 2);
                let parts: &[&[u8]] = if one.len() as u64 >= 5 * MIB { &[one, other] } else { &[body] };
                lab.client.put_parts(FRESH, KEY, parts, &[])
            }),
        ];
        for (name, change) in changes {
            lab.put(FRESH, &first, &[]);
            for _ in 0..2 {
                assert!(lab.client.get(FRESH, KEY).body == first, "{name}");
            }
            let changed = change(&lab, &second);
            assert_eq!(changed.status, 200, "{name}: {}", changed.text());
            if name == "complete" {
                completed(&changed).unwrap();
            }
            let got = lab.client.get(FRESH, KEY);
            assert!(got.status == 200 && got.body == second, "{name}, {length}");
        }
        for (name, delete) in [
            ("delete", (|lab| lab.client.delete(FRESH, KEY)) as fn(&Lab) -> Response),
            ("delete many", |lab| lab.client.delete_many(FRESH, &[(KEY, None)])),
        ] {
            lab.put(FRESH, &first, &[]);
            assert!(lab.client.get(FRESH, KEY).body == first);
            assert!(delete(&lab).status < 300, "{name}");
            assert_eq!(lab.client.get(FRESH, KEY).status, 404, "{name}");
            assert_eq!(lab.client.head(FRESH, KEY).status, 404, "{name}");
        }
    }
}

/// An answer of the store that was on its way while the object was changed is not remembered as the latest.
#[test]
fn p1_answers_from_before_a_change_are_forgotten() {
    let lab = Lab::new();
    let (first, second) = (content(1, 1000), content(2, 1000));
    lab.put(FRESH, &first, &[]);
    let gate = lab.store.hold_answer(Call::Get);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| lab.client.get(FRESH, KEY));
        gate.wait();
        assert_eq!(lab.client.put(FRESH, KEY, &second).status, 200);
        gate.release();
        assert!(reader.join().unwrap().body == first, "it asked before");
    });
    assert!(lab.client.get(FRESH, KEY).body == second);
}

/// Where the store is asked it is believed, as far as seals allow: what another instance put there is served.
#[test]
fn p1_other_instances_changes_count_where_the_store_is_asked() {
    let lab = Lab::new();
    let other = lab.another();
    for length in LENGTHS {
        let (first, second) = (content(1, length), content(2, length + 1));
        lab.put(BUCKET, &first, &[]);
        for _ in 0..2 {
            assert!(lab.client.get(BUCKET, KEY).body == first);
        }
        // A HEAD that shows another seal, and then the ordinary way.
        assert_eq!(other.client.put(BUCKET, KEY, &second).status, 200);
        let mut calls = vec![Call::Head, Call::Get];
        if length > 8 * MIB {
            calls.insert(1, Call::StateGet);
        }
        lab.get(BUCKET, "replaced", &calls, &second);
        lab.get(BUCKET, "and kept", &[Call::Head], &second);
        // The same bytes under another seal, with other metadata.
        let renamed = other.client.put_with(BUCKET, KEY, &second, &[("x-amz-meta-commit", "4f2a91c")]);
        assert_eq!(renamed.status, 200);
        let got = lab.client.get(BUCKET, KEY);
        assert!(got.body == second && got.header("x-amz-meta-commit") == Some("4f2a91c"), "{length}");
        assert_eq!(other.client.delete(BUCKET, KEY).status, 204);
        lab.calls("deleted", &[Call::Head], |client| client.get(BUCKET, KEY));
        assert_eq!(lab.client.get(BUCKET, KEY).status, 404);
    }
}

/// That is the price of freshness; and when it is over, so is what it costs.
#[test]
fn freshness_ends() {
    let lab = Lab::new();
    let site = Site::new(&Options {
        tables: format!("[buckets.{BUCKET}]\nfreshness = \"1s\"\n"),
        ..Options::default()
    });
    for name in ["seal.key", "ci.pub", "state.secret"] {
        std::fs::copy(lab.proxy.site.path().join(name), site.path().join(name)).unwrap();
    }
    let reader = Lab::over(site, &lab.store);
    let (first, second) = (content(1, 1000), content(2, 1000));
    lab.put(BUCKET, &first, &[]);
    let asked = Instant::now();
    assert!(reader.client.get(BUCKET, KEY).body == first);
    lab.put(BUCKET, &second, &[]);
    loop {
        let got = reader.client.get(BUCKET, KEY);
        if got.body == second {
            break;
        }
        assert!(got.body == first);
        assert!(asked.elapsed() < DEADLINE, "it is served for ever");
    }
    assert!(asked.elapsed() >= Duration::from_secs(1), "nobody asked again");
}

/// What is done to the stored object: after it was kept, and where the store is asked.
#[test]
fn p3_tampering_is_noticed_through_caches() {
    type Change = fn(&mut StoredObject);
    let lab = Lab::new();
    for length in LENGTHS {
        let body = content(1, length);
        let headers = [("x-amz-meta-commit", "4f2a91c"), ("Content-Type", "application/x-tar")];
        let changes: [(&str, Change); 5] = [
            ("metadata", |object| object.set_header("x-amz-meta-commit", Some("4f2a91d"))),
            ("content type", |object| object.set_header("content-type", Some("text/html"))),
            ("no seal", |object| object.attributes.hallmark = None),
            ("a letter of the seal or its reference", |object| {
                let hallmark = object.hallmark().to_owned();
                let mut letters: Vec<char> = hallmark.chars().collect();
                let last = letters.len() - 2;
                letters[last] = if letters[last] == 'B' { 'C' } else { 'B' };
                object.attributes.hallmark = Some(letters.into_iter().collect());
            }),
            ("truncated", |object| object.bytes = object.bytes.slice(..object.bytes.len() - 1)),
        ];
        for (name, change) in changes {
            lab.put(BUCKET, &body, &headers);
            for _ in 0..2 {
                assert!(lab.client.get(BUCKET, KEY).body == body, "{name}");
            }
            lab.store.edit(BUCKET, KEY, change);
            for got in [
                lab.client.get(BUCKET, KEY),
                lab.client.get_range(BUCKET, KEY, "bytes=0-9"),
                lab.client.head(BUCKET, KEY),
            ] {
                assert_eq!(got.status, 403, "{name}, {length}: {}", got.text());
                assert!(!got.body.windows(16).any(|part| body.starts_with(part)), "{name}");
            }
        }
    }
}

/// Bytes and records that were altered in the store do not get in here: what is kept is what was sealed. Evicted, they are
/// found out as ever.
#[test]
fn p1_what_is_kept_stays_what_was_sealed() {
    let lab = Lab::new();
    for length in LENGTHS {
        let body = content(1, length);
        lab.put(BUCKET, &body, &[]);
        for _ in 0..2 {
            assert!(lab.client.get(BUCKET, KEY).body == body);
        }
        lab.store.edit(BUCKET, KEY, |object| object.flip(7));
        for record in lab.store.state_names(StateArea::Records) {
            lab.store.set_state(&record, None);
        }
        lab.get(BUCKET, "from memory", &[Call::Head], &body);
        let cold = lab.another().client.get(BUCKET, KEY);
        assert_eq!(cold.status, 403, "{length}");
    }
}

/// Two artifacts with the same bytes share no leaf: each is served under its own seal alone.
#[test]
fn p3_leaves_are_kept_for_one_seal() {
    let lab = Lab::new();
    let body = content(1, 3 * MIB);
    for key in ["one", "other"] {
        assert_eq!(lab.client.put(BUCKET, key, &body).status, 200);
    }
    for key in ["one", "other"] {
        let got = lab.calls(key, &[Call::Get], |client| client.get(BUCKET, key));
        assert!(got.body == body);
    }
    // Moved under another name, in another bucket, with its seal and all.
    let stolen = lab.store.object(BUCKET, "one");
    lab.store.place(BUCKET, "other", stolen.clone());
    lab.store.place(FRESH, "one", stolen);
    for (bucket, key) in [(BUCKET, "other"), (FRESH, "one")] {
        let got = lab.client.get(bucket, key);
        assert_eq!((got.status, got.code().as_str()), (403, "ArtifactSealInvalid"), "{bucket}/{key}");
    }
}

/// Versions are told apart, and so is the current one from each of them.
#[test]
fn versions_are_kept_apart() {
    let lab = Lab::new();
    assert_eq!(lab.client.set_versioning(FRESH, "Enabled").status, 200);
    let (first, second) = (content(1, 1000), content(2, 1000));
    let old = lab.client.put(FRESH, KEY, &first).header("x-amz-version-id").unwrap().to_owned();
    for _ in 0..2 {
        assert!(lab.client.get(FRESH, KEY).body == first);
        assert!(lab.client.get_version(FRESH, KEY, &old).body == first);
    }
    lab.calls("a version", &[], |client| client.get_version(FRESH, KEY, &old));
    let new = lab.client.put(FRESH, KEY, &second).header("x-amz-version-id").unwrap().to_owned();
    assert!(lab.client.get(FRESH, KEY).body == second);
    assert!(lab.client.get_version(FRESH, KEY, &old).body == first);
    assert_eq!(lab.client.delete_version(FRESH, KEY, &new).status, 204);
    assert!(lab.client.get(FRESH, KEY).body == first);
    assert_eq!(lab.client.get_version(FRESH, KEY, &new).status, 404);
    assert_eq!(lab.client.delete(FRESH, KEY).status, 204);
    assert_eq!(lab.client.get(FRESH, KEY).status, 404);
    assert!(lab.client.get_version(FRESH, KEY, &old).body == first);
}
