//! Records of large artifacts: altered, exchanged, gone.

use std::fmt::Write as _;

use hallmark_tests::data::MIB;
use sha2::{Digest as _, Sha256};

use super::{BUCKET, Expect, KEY, Lab, Leaf, OTHER, Size, Verdict, only_titles};

/// Where the hash of a leaf stands in a record.
#[track_caller]
fn hash_at(record: &[u8], leaf: &[u8]) -> usize {
    let hash = Sha256::new().chain_update([0]).chain_update(leaf).finalize();
    let found = record.windows(32).position(|window| window == hash.as_slice());
    found.expect("a record holds the hash of each leaf")
}

/// A change to the record's bytes; `at` are the places of the hashes of the first two leaves.
type RecordChange = fn(&mut Vec<u8>, at: [usize; 2]);

/// A well-formed record that claims a checksum of its own: the seal's digest of the headers does not cover it.
fn put_in_a_checksum(bytes: &mut Vec<u8>, _: [usize; 2]) {
    let (none, forged) = (b"\nsum -\n".as_slice(), b"\nsum CRC32:FULL_OBJECT:AAAAAA==\n".as_slice());
    let at = bytes.windows(none.len()).position(|window| window == none).expect("there was none");
    bytes.splice(at..at + none.len(), forged.iter().copied());
    // The first line says how long the header is.
    let end = bytes.iter().position(|byte| *byte == b'\n').expect("a header has lines");
    let (name, length) = std::str::from_utf8(&bytes[..end]).unwrap().rsplit_once(' ').unwrap();
    let longer = length.parse::<usize>().unwrap() + forged.len() - none.len();
    let first = format!("{name} {longer}");
    assert_eq!(first.len(), end, "as many digits as before");
    bytes.splice(..end, first.into_bytes());
}

#[test]
fn p3_records() {
    const INVALID: Expect = Expect::Refused("ArtifactSealInvalid");
    // HEAD needs what the record says first, and no hashes.
    const HASHES: Verdict = Verdict { whole: INVALID, good: INVALID, bad: INVALID, head: Expect::Served };
    const ALL: Verdict = Verdict::all("ArtifactSealInvalid");
    let cases: [(&str, RecordChange, Verdict); 10] = [
        ("first byte", |bytes, _| bytes[0] ^= 1, ALL),
        ("a letter of the seal", |bytes, _| flip_after(bytes, b"sha256="), ALL),
        ("the seal's signature", |bytes, _| flip_after(bytes, b"sig="), ALL),
        ("a checksum put in", put_in_a_checksum, ALL),
        ("emptied", |bytes, _| bytes.clear(), ALL),
        ("cut within the seal", |bytes, _| bytes.truncate(40), ALL),
        ("a hash", |bytes, [first, _]| bytes[first] ^= 1, HASHES),
        ("hashes in another order", |bytes, [first, second]| swap(bytes, first, second), HASHES),
        ("a hash twice", |bytes, [first, second]| bytes.copy_within(first..first + 32, second), HASHES),
        ("cut within the hashes", |bytes, [_, second]| bytes.truncate(second + 16), HASHES),
    ];
    let mut wrong = String::new();
    let original = Size::Large.content(1);
    for (name, change, verdict) in cases {
        let lab = Lab::new();
        lab.upload(BUCKET, KEY, &original, &[]);
        let record = lab.record(KEY);
        let mut bytes = lab.store.state(&record).to_vec();
        let leaf = usize::try_from(MIB).unwrap();
        let at = [hash_at(&bytes, &original[..leaf]), hash_at(&bytes, &original[leaf..2 * leaf])];
        change(&mut bytes, at);
        lab.store.set_state(&record, Some(bytes.into()));
        writeln!(wrong, "{name}").unwrap();
        lab.ask(BUCKET, &original, Leaf::Last, verdict, &mut wrong);
    }

    let lab = Lab::new();
    lab.upload(BUCKET, KEY, &original, &[]);
    let record = lab.record(KEY);
    lab.upload(BUCKET, OTHER, &Size::Large.content(2), &[]);
    lab.store.set_state(&record, Some(lab.store.state(&lab.record(OTHER))));
    writeln!(wrong, "of another artifact").unwrap();
    lab.ask(BUCKET, &original, Leaf::Last, ALL, &mut wrong);
    lab.store.set_state(&record, None);
    writeln!(wrong, "missing").unwrap();
    lab.ask(BUCKET, &original, Leaf::Last, ALL, &mut wrong);
    only_titles(&wrong);
}

fn flip_after(bytes: &mut [u8], text: &[u8]) {
    let at = bytes.windows(text.len()).position(|window| window == text).expect("the record has the field");
    let letter = &mut bytes[at + text.len()];
    *letter = if *letter == b'B' { b'C' } else { b'B' };
}

fn swap(bytes: &mut [u8], first: usize, second: usize) {
    let (head, tail) = bytes.split_at_mut(second);
    head[first..first + 32].swap_with_slice(&mut tail[..32]);
}

/// A seal on the object where a record must be, and the reverse.
#[test]
fn p3_seals_in_the_wrong_place() {
    let lab = Lab::new();
    let mut wrong = String::new();
    let (small, large) = (Size::Small.content(1), Size::Large.content(1));
    lab.upload(BUCKET, OTHER, &large, &[]);
    let reference = lab.store.object(BUCKET, OTHER).hallmark().to_owned();
    lab.upload(BUCKET, KEY, &small, &[]);
    lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = Some(reference));
    writeln!(wrong, "a reference on a small artifact").unwrap();
    lab.ask(BUCKET, &small, Leaf::First, Verdict::all("ArtifactSealInvalid"), &mut wrong);

    lab.upload(BUCKET, KEY, &large, &[]);
    let record = lab.store.state(&lab.record(KEY));
    let text = String::from_utf8_lossy(&record).into_owned();
    let begin = text.find("v=1 id=").expect("the record holds the seal");
    let line = text[begin..].split(|letter: char| !matches!(letter, ' '..='~')).next().unwrap_or_default();
    lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = Some(line.to_owned()));
    writeln!(wrong, "the seal itself on a large artifact").unwrap();
    lab.ask(BUCKET, &large, Leaf::Last, Verdict::all("ArtifactSealInvalid"), &mut wrong);
    only_titles(&wrong);
}
