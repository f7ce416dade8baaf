//! Whatever is done in whatever order through whichever instance, and however little fits into its caches: what is served
//! is what a map says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use hallmark_tests::data::{MIB, content};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Lab, Site, options};

/// The caches of each instance.
const CACHES: [&str; 3] =
    ["", "heads = \"6 KiB\"\nleaves = \"3 MiB\"", "records = \"0\"\nleaves = \"64 MiB\""];

const KEYS: [&str; 3] = ["a", "b", "large"];

#[derive(Debug, Clone)]
enum Step {
    Put {
        through: usize,
        key: usize,
        seed: u64,
        length: u64,
        note: u8,
    },
    Copy {
        through: usize,
        from: usize,
        to: usize,
    },
    Delete {
        through: usize,
        key: usize,
    },
    Get {
        through: usize,
        key: usize,
    },
    Range {
        through: usize,
        key: usize,
        at: u64,
        length: u64,
    },
    Head {
        through: usize,
        key: usize,
    },
    /// A bit of the stored bytes, and back again after a look.
    Tamper {
        through: usize,
        key: usize,
        at: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (through, key) = (0..CACHES.len(), 0..KEYS.len());
    let length = prop_oneof![Just(0), 1..2000u64, MIB - 1..MIB + 2, Just(5 * MIB / 2), Just(8 * MIB + 1)];
    let place = (through, key.clone());
    prop::collection::vec(
        prop_oneof![
            2 => (place.clone(), 0..3u64, length, 0..2u8).prop_map(|((through, key), seed, length, note)| {
                Step::Put { through, key, seed, length, note }
            }),
            1 => (place.clone(), key).prop_map(|((through, from), to)| Step::Copy { through, from, to }),
            1 => place.clone().prop_map(|(through, key)| Step::Delete { through, key }),
            6 => place.clone().prop_map(|(through, key)| Step::Get { through, key }),
            3 => (place.clone(), 0..3 * MIB, 1..2 * MIB)
                .prop_map(|((through, key), at, length)| Step::Range { through, key, at, length }),
            2 => place.clone().prop_map(|(through, key)| Step::Head { through, key }),
            1 => (place, 0..9 * MIB).prop_map(|((through, key), at)| Step::Tamper { through, key, at }),
        ],
        1..40,
    )
}

/// What stands under a key: bytes, and a header.
type Model = HashMap<usize, (Vec<u8>, String)>;

fn run(labs: &[Lab], bucket: &str, step: &Step, model: &mut Model) {
    match *step {
        Step::Put { through, key, seed, length, note } => {
            let (body, note) = (content(seed, length), format!("note-{note}"));
            let headers = [("x-amz-meta-note", note.as_str())];
            assert_eq!(labs[through].client.put_with(bucket, KEYS[key], &body, &headers).status, 200);
            model.insert(key, (body, note));
        }
        Step::Copy { through, from, to } if from != to => {
            let copied = labs[through].client.copy((bucket, KEYS[from], None), bucket, KEYS[to], &[]).status;
            let source = model.get(&from).cloned();
            assert_eq!(copied, if source.is_some() { 200 } else { 404 });
            model.extend(source.map(|source| (to, source)));
        }
        Step::Copy { .. } => {}
        Step::Delete { through, key } => {
            assert_eq!(labs[through].client.delete(bucket, KEYS[key]).status, 204);
            model.remove(&key);
        }
        Step::Get { through, key } => {
            let got = labs[through].client.get(bucket, KEYS[key]);
            match model.get(&key) {
                Some((body, note)) => {
                    assert_eq!((got.status, got.header("x-amz-meta-note")), (200, Some(note.as_str())));
                    assert!(got.body == *body);
                }
                None => assert_eq!(got.status, 404),
            }
        }
        Step::Range { through, key, at, length } => {
            let range = format!("bytes={at}-{}", at + length - 1);
            let got = labs[through].client.get_range(bucket, KEYS[key], &range);
            match model.get(&key) {
                Some((body, _)) if at < body.len() as u64 => {
                    let (first, last) = (at as usize, body.len().min((at + length) as usize));
                    assert!(got.status == 206 && got.body == body[first..last], "{}", got.status);
                }
                Some(_) => assert_eq!(got.status, 416),
                None => assert_eq!(got.status, 404),
            }
        }
        Step::Head { through, key } => {
            let got = labs[through].client.head(bucket, KEYS[key]);
            let length = got.header("content-length").map(str::to_owned);
            match model.get(&key) {
                Some((body, note)) => {
                    assert_eq!((got.status, length), (200, Some(body.len().to_string())));
                    assert_eq!(got.header("x-amz-meta-note"), Some(note.as_str()));
                }
                None => assert_eq!(got.status, 404),
            }
        }
        Step::Tamper { through, key, at } => {
            let Some((body, _)) = model.get(&key).filter(|(body, _)| (at as usize) < body.len()) else {
                return;
            };
            let store = &labs[0].store;
            store.edit(bucket, KEYS[key], |object| object.flip(at as usize));
            // From memory it is whole, from the store refused or cut: but never wrong.
            let got = labs[through].client.get(bucket, KEYS[key]);
            assert!(!matches!(got.status, 200) || body.starts_with(&got.body), "{}", got.status);
            store.edit(bucket, KEYS[key], |object| object.flip(at as usize));
        }
    }
}

#[test]
fn p1_with_caches_as_without() {
    static BUCKETS: AtomicU64 = AtomicU64::new(0);
    let first = Lab::with(CACHES[0]);
    let others = CACHES[1..].iter().map(|cache| {
        let site = Site::new(&options(cache));
        for name in ["seal.key", "ci.pub", "state.secret"] {
            std::fs::copy(first.proxy.site.path().join(name), site.path().join(name)).unwrap();
        }
        Lab::over(site, &first.store)
    });
    let others: Vec<_> = others.collect();
    let labs: Vec<_> = std::iter::once(first).chain(others).collect();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(16);
    let config = Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&steps(), |steps| {
            let bucket = format!("case-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
            labs[0].client.create_bucket(&bucket);
            let mut model = Model::new();
            for step in &steps {
                run(&labs, &bucket, step, &mut model);
            }
            for key in KEYS {
                labs[0].store.remove(&bucket, key);
            }
            Ok(())
        })
        .unwrap();
}
