//! Objects: other bytes, other headers, other names, no seal.

use std::fmt::Write as _;

use hallmark_tests::data::{MIB, assert_same};
use hallmark_tests::stores::Kind;

use super::{BUCKET, HALLMARK, INVALID, Lab, Stored};
use crate::tamper::{Expect, Leaf, SIZES, Size, Verdict, judge, only_titles};

const MISMATCH: Expect = Expect::Refused("ArtifactDigestMismatch");
const LEAF: usize = MIB as usize;

/// A change to the stored bytes that leaves their number.
type Change = fn(&mut Stored, Size);

/// A changed byte in each leaf, and leaves that changed places. Seal and headers stay.
pub(in super::super) fn p1_bytes_that_were_changed(kind: Kind) {
    let lab = Lab::new(kind);
    let mut wrong = String::new();
    for size in SIZES {
        let one_leaf = size == Size::Small;
        // In an artifact of one leaf no range is good.
        let good = if one_leaf { MISMATCH } else { Expect::Served };
        let first = Verdict { whole: MISMATCH, good, bad: MISMATCH, head: Expect::Served };
        let cut = |at| Verdict { whole: if one_leaf { MISMATCH } else { Expect::Cut(at) }, ..first };
        let middle = if one_leaf { Leaf::First } else { Leaf::Middle };
        let cases: [(&str, Leaf, Change, Verdict); 4] = [
            ("first byte", Leaf::First, |object, _| object.flip(0), first),
            ("middle", middle, |object, size| object.flip(middle_of(size)), cut(LEAF)),
            ("last byte", Leaf::Last, |object, _| object.flip(object.bytes.len() - 1), cut(size.last_leaf())),
            ("another order", Leaf::First, swap_leaves, first),
        ];
        for (number, (name, leaf, change, verdict)) in (1..).zip(cases) {
            let (key, original) = (format!("bytes/{size:?}/{number}"), size.content(number));
            lab.upload(BUCKET, &key, &original);
            lab.edit(&key, |object| change(object, size));
            writeln!(wrong, "{size:?}, {name}").unwrap();
            // Leaves that changed places are all wrong but the others'.
            lab.ask(&key, &original, leaf, verdict, &mut wrong);
        }
    }
    only_titles(&wrong);
}

fn middle_of(size: Size) -> usize {
    if size == Size::Small { 150_000 } else { LEAF + 70_000 }
}

fn swap_leaves(object: &mut Stored, size: Size) {
    if size == Size::Small {
        return object.bytes.swap(0, 1);
    }
    let (first, second) = object.bytes.split_at_mut(LEAF);
    first.swap_with_slice(&mut second[..LEAF]);
}

/// A change to what is stored under a key whose artifact has that size.
type Tamper = fn(&Lab, &str, Size);

/// Changes that every way of asking must notice: those to lengths, headers, names and seals.
pub(in super::super) fn p3_seals(kind: Kind) {
    let cases: [(&str, Tamper, &str); 19] = [
        ("truncated", |lab, key, _| lab.edit(key, |object| _ = object.bytes.pop()), INVALID),
        ("extended", |lab, key, _| lab.edit(key, |object| object.bytes.push(b'x')), INVALID),
        ("emptied", |lab, key, _| lab.edit(key, |object| object.bytes.clear()), INVALID),
        ("seal removed", |lab, key, _| set(lab, key, HALLMARK, None), "ArtifactUnsealed"),
        (
            "all metadata stripped",
            |lab, key, _| lab.edit(key, |object| object.headers.retain(|(name, _)| name == "content-type")),
            "ArtifactUnsealed",
        ),
        (
            "another version of seals",
            |lab, key, _| lab.edit(key, |object| object.seal(|seal| seal.replacen("v=1 ", "v=2 ", 1))),
            INVALID,
        ),
        (
            "a field given twice",
            |lab, key, _| lab.edit(key, |object| object.seal(|seal| seal.replacen("v=1 ", "v=1 v=1 ", 1))),
            INVALID,
        ),
        (
            "the seal twice",
            |lab, key, _| lab.edit(key, |object| object.seal(|seal| format!("{seal} {seal}"))),
            INVALID,
        ),
        (
            "the seal of another artifact",
            |lab, key, size| {
                let other = another(lab, key, size);
                lab.edit(key, |object| object.set(HALLMARK, other.header(HALLMARK)));
            },
            INVALID,
        ),
        (
            "the headers of another artifact",
            |lab, key, size| {
                let other = another(lab, key, size);
                lab.edit(key, |object| object.headers = other.headers);
            },
            // All of them fit one another, and not the name.
            INVALID,
        ),
        (
            "another artifact under this name",
            |lab, key, size| lab.place(BUCKET, key, &another(lab, key, size)),
            INVALID,
        ),
        (
            "the same bytes from another bucket",
            |lab, key, size| {
                let elsewhere = format!("elsewhere-{}", key.replace('/', "-").to_lowercase());
                lab.client.create_bucket(&elsewhere);
                lab.upload(&elsewhere, key, &size.content(1));
                lab.place(BUCKET, key, &lab.stored(&elsewhere, key));
            },
            INVALID,
        ),
        ("another content type", |lab, key, _| set(lab, key, "content-type", Some("text/html")), INVALID),
        ("another content encoding", |lab, key, _| set(lab, key, "content-encoding", Some("gzip")), INVALID),
        ("no content encoding", |lab, key, _| set(lab, key, "content-encoding", None), INVALID),
        (
            "a content header more",
            |lab, key, _| set(lab, key, "content-disposition", Some("attachment; filename=other")),
            INVALID,
        ),
        ("other metadata", |lab, key, _| set(lab, key, "x-amz-meta-commit", Some("0000000")), INVALID),
        ("metadata removed", |lab, key, _| set(lab, key, "x-amz-meta-commit", None), INVALID),
        ("metadata added", |lab, key, _| set(lab, key, "x-amz-meta-approved", Some("yes")), INVALID),
    ];
    let lab = Lab::new(kind);
    let mut wrong = String::new();
    for (number, (name, tamper, code)) in (1..).zip(cases) {
        for size in SIZES {
            let (key, original) = (format!("seals/{size:?}/{number}"), size.content(1));
            lab.upload(BUCKET, &key, &original);
            tamper(&lab, &key, size);
            writeln!(wrong, "{size:?}, {name}").unwrap();
            lab.ask(&key, &original, Leaf::Last, Verdict::all(code), &mut wrong);
        }
    }
    only_titles(&wrong);
}

fn set(lab: &Lab, key: &str, name: &str, value: Option<&str>) {
    lab.edit(key, |object| object.set(name, value));
}

/// A validly sealed artifact of the same length under another key.
fn another(lab: &Lab, key: &str, size: Size) -> Stored {
    let other = format!("{key}-other");
    lab.upload(BUCKET, &other, &size.content(2));
    lab.stored(BUCKET, &other)
}

/// Two artifacts change places, whole or only their bodies; then each is put back, and is what it was.
pub(in super::super) fn p3_artifacts_that_change_places(kind: Kind) {
    let lab = Lab::new(kind);
    for size in SIZES {
        for only_bodies in [false, true] {
            let keys = [1, 2].map(|number| format!("places/{size:?}/{only_bodies}/{number}"));
            let contents = [size.content(1), size.content(2)];
            for (key, content) in keys.iter().zip(&contents) {
                lab.upload(BUCKET, key, content);
            }
            let true_ones = keys.each_ref().map(|key| lab.stored(BUCKET, key));
            let [mut one, mut two] = true_ones.clone();
            std::mem::swap(&mut one.bytes, &mut two.bytes);
            if !only_bodies {
                std::mem::swap(&mut one.headers, &mut two.headers);
            }
            let code = if only_bodies { "ArtifactDigestMismatch" } else { INVALID };
            for ((key, object), original) in keys.iter().zip([&one, &two]).zip(&contents) {
                lab.place(BUCKET, key, object);
                judge(&lab.client.get(BUCKET, key), original, Expect::Refused(code))
                    .unwrap_or_else(|why| panic!("{key}: {why}"));
            }
            for ((key, object), original) in keys.iter().zip(&true_ones).zip(&contents) {
                lab.place(BUCKET, key, object);
                assert_same(&lab.client.get(BUCKET, key).body, original, key);
            }
        }
    }
}

/// What was once there: under another name it is refused, and so are its bytes under the seal of today, and the seal of
/// then on the bytes of today.
pub(in super::super) fn p3_old_versions(kind: Kind) {
    let lab = Lab::new(kind);
    let mut wrong = String::new();
    for size in SIZES {
        let [name, bytes, seal] = ["name", "bytes", "seal"].map(|what| format!("old/{size:?}/{what}"));
        let (old, new) = (size.content(1), size.content(2));
        for key in [&name, &bytes, &seal] {
            lab.upload(BUCKET, key, &old);
        }
        let [was_bytes, was_seal] = [&bytes, &seal].map(|key| lab.stored(BUCKET, key));
        for key in [&name, &bytes, &seal] {
            lab.upload(BUCKET, key, &new);
        }
        lab.place(BUCKET, &name, &was_bytes);
        lab.edit(&bytes, |object| object.bytes = was_bytes.bytes);
        lab.edit(&seal, |object| object.set(HALLMARK, was_seal.header(HALLMARK)));
        writeln!(wrong, "{size:?}, under another name").unwrap();
        lab.ask(&name, &new, Leaf::First, Verdict::all(INVALID), &mut wrong);
        writeln!(wrong, "{size:?}, the bytes of then").unwrap();
        let bad = Verdict { whole: MISMATCH, good: MISMATCH, bad: MISMATCH, head: Expect::Served };
        lab.ask(&bytes, &new, Leaf::First, bad, &mut wrong);
        writeln!(wrong, "{size:?}, the seal of then").unwrap();
        let old_seal = Verdict { whole: MISMATCH, good: MISMATCH, bad: MISMATCH, head: Expect::Served };
        lab.ask(&seal, &new, Leaf::First, old_seal, &mut wrong);
    }
    only_titles(&wrong);
}

/// A proxy that starts after the fact knows no more and no less.
pub(in super::super) fn p4_another_instance_refuses_as_well(kind: Kind) {
    let mut lab = Lab::new(kind);
    let original = Size::Medium.content(1);
    lab.upload(BUCKET, "key", &original);
    let sealed = lab.stored(BUCKET, "key");
    lab.edit("key", |object| object.flip(0));
    lab.proxy.restart();
    let client = lab.proxy.client();
    let refused = Expect::Refused("ArtifactDigestMismatch");
    judge(&client.get(BUCKET, "key"), &original, refused).unwrap();
    lab.place(BUCKET, "key", &sealed);
    assert_same(&client.get(BUCKET, "key").body, &original, "put back");
}
