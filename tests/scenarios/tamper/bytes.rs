//! Other bytes than were sealed, for good or for once.

use std::fmt::Write as _;

use hallmark_proxy::store::StoreFault;
use hallmark_tests::data::MIB;
use hallmark_tests::memory::{Call, Mishap, StoredObject};

use super::{BUCKET, Expect, KEY, Lab, Leaf, SIZES, Size, Verdict, judge, only_titles};

/// A change to the stored bytes.
type Change = fn(&mut StoredObject, Size);

/// A changed byte in each leaf; and objects of another length. The seal itself stays.
#[test]
fn bytes() {
    let late = |size: Size| match size {
        Size::Small => Expect::Refused("ArtifactDigestMismatch"),
        Size::Medium | Size::Large => Expect::Cut(size.last_leaf()),
    };
    const MISMATCH: Expect = Expect::Refused("ArtifactDigestMismatch");
    let mut wrong = String::new();
    for size in SIZES {
        let one_leaf = size == Size::Small;
        // In an artifact of one leaf no range is good.
        let good = if one_leaf { MISMATCH } else { Expect::Served };
        let flipped = Verdict { whole: MISMATCH, good, bad: MISMATCH, head: Expect::Served };
        let cases: [(&str, Leaf, Change, Verdict); 5] = [
            ("first byte", Leaf::First, |object, _| object.flip(0), flipped),
            (
                "middle",
                if one_leaf { Leaf::First } else { Leaf::Middle },
                |object, size| object.flip(if size == Size::Small { 150_000 } else { MIB as usize + 70_000 }),
                Verdict { whole: if one_leaf { MISMATCH } else { Expect::Cut(MIB as usize) }, ..flipped },
            ),
            (
                "last byte",
                Leaf::Last,
                |object, _| object.flip(object.bytes.len() - 1),
                Verdict { whole: late(size), ..flipped },
            ),
            (
                "shorter than the store says",
                Leaf::Last,
                |object, _| {
                    object.claimed_length = Some(object.bytes.len() as u64);
                    object.bytes.truncate(object.bytes.len() - 1);
                },
                Verdict { whole: late(size), ..flipped },
            ),
            (
                "a leaf in the place of another",
                Leaf::First,
                |object, size| {
                    let mut bytes = object.bytes.to_vec();
                    if size == Size::Small {
                        bytes.swap(0, 1);
                    } else {
                        bytes.copy_within(MIB as usize..2 * MIB as usize, 0);
                    }
                    object.bytes = bytes.into();
                },
                flipped,
            ),
        ];
        for (name, leaf, change, verdict) in cases {
            let lab = Lab::new();
            let original = size.content(1);
            lab.upload(BUCKET, KEY, &original, &[]);
            lab.store.edit(BUCKET, KEY, |object| change(object, size));
            writeln!(wrong, "{size:?}, {name}").unwrap();
            lab.ask(BUCKET, &original, leaf, verdict, &mut wrong);
        }
    }
    only_titles(&wrong);
}

/// A range that begins in a good leaf and runs into a bad one ends where the good leaf does.
#[test]
fn p1_ranges_that_run_into_a_bad_leaf() {
    for size in [Size::Medium, Size::Large] {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        let (leaf, last) = (MIB as usize, size.last_leaf());
        for (name, bad, from, to) in [
            ("into the second leaf", leaf, leaf - 1000, leaf),
            ("over the second leaf", leaf + 5, leaf - 1, 2 * leaf),
            ("to the end", original.len() - 1, last - 100, original.len() - 1),
            ("to the end, by a suffix", last, last - 1, original.len() - 1),
        ] {
            lab.store.edit(BUCKET, KEY, |object| object.flip(bad));
            let good = bad / leaf * leaf - from;
            let (open, suffix) = (format!("bytes={from}-{to}"), format!("bytes=-{}", original.len() - from));
            let range = if name.ends_with("suffix") { suffix } else { open };
            let response = lab.client.get_range(BUCKET, KEY, &range);
            judge(&response, &original[from..=to], Expect::Cut(good))
                .unwrap_or_else(|why| panic!("{size:?}, {name}: {why}"));
            // Back at the bad leaf, as clients that resume are.
            let resumed = format!("bytes={}-{to}", bad / leaf * leaf);
            let response = lab.client.get_range(BUCKET, KEY, &resumed);
            judge(&response, &original[bad..=bad], Expect::Refused("ArtifactDigestMismatch"))
                .unwrap_or_else(|why| panic!("{size:?}, {name}, resumed: {why}"));
            lab.store.edit(BUCKET, KEY, |object| object.flip(bad));
            let response = lab.client.get_range(BUCKET, KEY, &range);
            judge(&response, &original[from..=to], Expect::Served)
                .unwrap_or_else(|why| panic!("{size:?}, {name}, mended: {why}"));
        }
    }
}

/// A disturbance on the way from the store is read over; one that stays is not served.
#[test]
fn bytes_that_arrive_wrong_once() {
    for size in SIZES {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        for offset in [0, original.len() - 1] {
            lab.store.go_wrong(Call::Get, Mishap::Garbles(offset));
            let response = lab.client.get(BUCKET, KEY);
            judge(&response, &original, Expect::Served)
                .unwrap_or_else(|why| panic!("{size:?}, byte {offset}: {why}"));
        }
    }
}

/// A store that breaks off is no reason to serve less than all as if it were all.
#[test]
fn bytes_that_break_off() {
    for size in SIZES {
        let lab = Lab::new();
        let original = size.content(1);
        lab.upload(BUCKET, KEY, &original, &[]);
        for after in [0, 100_000, original.len() - 1] {
            // Once more for the proxy's own second try.
            lab.store.go_wrong(Call::Get, Mishap::BreaksAfter(after));
            lab.store.go_wrong(Call::Get, Mishap::BreaksAfter(0));
            let response = lab.client.get(BUCKET, KEY);
            let whole_leaves = after / MIB as usize * MIB as usize;
            let expect = match whole_leaves {
                0 => Expect::Status(503, "ServiceUnavailable"),
                length => Expect::Cut(length),
            };
            judge(&response, &original, expect)
                .unwrap_or_else(|why| panic!("{size:?}, after {after}: {why}"));
            lab.store.forget_mishaps();
        }
        lab.store.go_wrong(Call::Get, Mishap::Fails(StoreFault::Timeout));
        let response = lab.client.get(BUCKET, KEY);
        judge(&response, &original, Expect::Status(504, "GatewayTimeout")).unwrap();
    }
}
