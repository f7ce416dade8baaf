//! Records of large artifacts in the bucket of state: altered, exchanged, gone.

use std::fmt::Write as _;

use hallmark_tests::s3::object;
use hallmark_tests::stores::{Kind, STATE_BUCKET};

use super::{BUCKET, HALLMARK, INVALID, Lab};
use crate::tamper::{Expect, Leaf, Size, Verdict, only_titles};

/// A change to the record's bytes.
type Change = fn(&mut Vec<u8>);

pub(in super::super) fn p3_records(kind: Kind) {
    const ALL: Verdict = Verdict::all(INVALID);
    const REFUSED: Expect = Expect::Refused(INVALID);
    // HEAD needs what the record says first, and no hashes.
    const HASHES: Verdict = Verdict { whole: REFUSED, good: REFUSED, bad: REFUSED, head: Expect::Served };
    let cases: [(&str, Change, Verdict); 6] = [
        ("first byte", |bytes| bytes[0] ^= 1, ALL),
        ("a letter of the seal", |bytes| flip_after(bytes, b"sha256="), ALL),
        ("the seal's signature", |bytes| flip_after(bytes, b"sig="), ALL),
        ("emptied", Vec::clear, ALL),
        ("cut within the seal", |bytes| bytes.truncate(40), ALL),
        ("the last hash", |bytes| *bytes.last_mut().unwrap() ^= 1, HASHES),
    ];
    let lab = Lab::new(kind);
    let mut wrong = String::new();
    let original = Size::Large.content(1);
    for (number, (name, change, verdict)) in (1..).zip(cases) {
        let key = format!("records/{number}");
        lab.upload(BUCKET, &key, &original);
        let record = lab.record(&key);
        let mut stored = lab.stored(STATE_BUCKET, &record);
        change(&mut stored.bytes);
        lab.place(STATE_BUCKET, &record, &stored);
        writeln!(wrong, "{name}").unwrap();
        lab.ask(&key, &original, Leaf::Last, verdict, &mut wrong);
    }
    let [one, two] = [("one", 1), ("two", 2)].map(|(key, seed)| {
        lab.upload(BUCKET, key, &Size::Large.content(seed));
        lab.record(key)
    });
    let (of_one, of_two) = (lab.stored(STATE_BUCKET, &one), lab.stored(STATE_BUCKET, &two));
    lab.place(STATE_BUCKET, &one, &of_two);
    lab.place(STATE_BUCKET, &two, &of_one);
    writeln!(wrong, "exchanged").unwrap();
    lab.ask("one", &original, Leaf::Last, ALL, &mut wrong);
    lab.ask("two", &Size::Large.content(2), Leaf::Last, ALL, &mut wrong);
    let deleted = lab.store.ask("DELETE", &object(STATE_BUCKET, &one), &[], &[]);
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    writeln!(wrong, "deleted").unwrap();
    lab.ask("one", &original, Leaf::Last, ALL, &mut wrong);
    lab.place(STATE_BUCKET, &one, &of_one);
    let served = Expect::Served;
    writeln!(wrong, "put back").unwrap();
    let good = Verdict { whole: served, good: served, bad: served, head: served };
    lab.ask("one", &original, Leaf::Last, good, &mut wrong);
    only_titles(&wrong);
}

fn flip_after(bytes: &mut [u8], text: &[u8]) {
    let at = bytes.windows(text.len()).position(|window| window == text).expect("the record has the field");
    let letter = &mut bytes[at + text.len()];
    *letter = if *letter == b'B' { b'C' } else { b'B' };
}

/// A seal on the object where a reference must be, and the reverse.
pub(in super::super) fn p3_seals_in_the_wrong_place(kind: Kind) {
    let lab = Lab::new(kind);
    let mut wrong = String::new();
    let (small, large) = (Size::Small.content(1), Size::Large.content(1));
    lab.upload(BUCKET, "large", &large);
    lab.upload(BUCKET, "small", &small);
    let reference = lab.stored(BUCKET, "large");
    lab.edit("small", |object| object.set(HALLMARK, reference.header(HALLMARK)));
    writeln!(wrong, "a reference on a small artifact").unwrap();
    lab.ask("small", &small, Leaf::First, Verdict::all(INVALID), &mut wrong);

    let record = lab.stored(STATE_BUCKET, &lab.record("large"));
    let text = String::from_utf8_lossy(&record.bytes).into_owned();
    let begin = text.find("v=1 id=").expect("the record holds the seal");
    let line = text[begin..].split(|letter: char| !matches!(letter, ' '..='~')).next().unwrap_or_default();
    lab.edit("large", |object| object.set(HALLMARK, Some(line)));
    writeln!(wrong, "the seal itself on a large artifact").unwrap();
    lab.ask("large", &large, Leaf::Last, Verdict::all(INVALID), &mut wrong);
    only_titles(&wrong);
}
