//! Parts that are altered while they wait to become an artifact.

use bytes::Bytes;
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::memory::{Call, MemoryStore, Mishap};

use super::super::{BUCKET, Expect, KEY, Lab, judge};
use super::{Begun, LARGE, SMALL};

/// What is done to the parts of a stage.
type Change = fn(&MemoryStore, &str);

const FIRST_BYTE: Change = |store, stage| store.edit_staged(stage, 1, |bytes| bytes[0] ^= 1);
const LAST_BYTE: Change = |store, stage| {
    let last = *store.staged_parts(stage).last().unwrap();
    store.edit_staged(stage, last, |bytes| *bytes.last_mut().unwrap() ^= 1);
};
const SWAPPED: Change = |store, stage| store.swap_staged(stage, 1, 2);
const SHORTER: Change = |store, stage| store.edit_staged(stage, 2, |bytes| bytes.truncate(50));
const EMPTY: Change = |store, stage| store.edit_staged(stage, 1, Vec::clear);
const LONGER: Change = |store, stage| store.edit_staged(stage, 1, |bytes| bytes.push(0));

/// The parts of a stage, to put them back.
fn copy_of(lab: &Lab, begun: &Begun) -> Vec<(u16, Bytes)> {
    let numbers = lab.store.staged_parts(&begun.stage);
    numbers.into_iter().map(|number| (number, lab.store.staged_part(&begun.stage, number))).collect()
}

fn put_back(lab: &Lab, begun: &Begun, parts: &[(u16, Bytes)]) {
    for (number, part) in parts {
        lab.store.edit_staged(&begun.stage, *number, |bytes| *bytes = part.to_vec());
    }
}

/// Without the in-order window (the Complete comes through another instance) parts that are not what their client sent
/// become no artifact. What stood there is served on, the upload stays open, and is completed once its parts are back.
#[test]
fn p2_parts_altered_before_they_are_read_back() {
    const MISMATCH: (u16, &str) = (403, "ArtifactDigestMismatch");
    // A store that has fewer bytes than it said.
    const SHORT: (u16, &str) = (502, "BadGateway");
    type Case = (&'static str, &'static [u64], Change, (u16, &'static str));
    let cases: [Case; 9] = [
        ("first byte", &SMALL, FIRST_BYTE, MISMATCH),
        ("last byte", &SMALL, LAST_BYTE, MISMATCH),
        ("shorter", &SMALL, SHORTER, SHORT),
        ("first byte, large", &LARGE, FIRST_BYTE, MISMATCH),
        ("last byte, large", &LARGE, LAST_BYTE, MISMATCH),
        ("swapped", &LARGE, SWAPPED, MISMATCH),
        ("shorter, large", &LARGE, SHORTER, SHORT),
        ("empty, large", &LARGE, EMPTY, MISMATCH),
        ("longer, large", &LARGE, LONGER, MISMATCH),
    ];
    for (name, lengths, change, (status, code)) in cases {
        let lab = Lab::new();
        let other = lab.another();
        lab.upload(BUCKET, KEY, b"what was there before", &[]);
        let begun = lab.begin(BUCKET, KEY, lengths, &[]);
        let parts = copy_of(&lab, &begun);
        change(&lab.store, &begun.stage);
        begun.refused(&other, name, status, code);
        assert_eq!(lab.client.get(BUCKET, KEY).body, b"what was there before", "{name}");
        put_back(&lab, &begun, &parts);
        begun.succeed(&other);
        assert_same(&other.client.get(BUCKET, KEY).body, &begun.content, name);
    }
}

/// With the window the seal is over what the client sent, whatever the store holds: so no download gets anything else.
#[test]
fn p1_parts_altered_after_the_window_saw_them() {
    let leaf = usize::try_from(MIB).unwrap();
    let cases: [(&str, &[u64], Change, usize); 5] = [
        ("first byte", &SMALL, FIRST_BYTE, 0),
        ("last byte", &SMALL, LAST_BYTE, 5),
        ("first byte, large", &LARGE, FIRST_BYTE, 0),
        ("last byte, large", &LARGE, LAST_BYTE, 10),
        ("swapped", &LARGE, SWAPPED, 0),
    ];
    for (name, lengths, change, bad) in cases {
        let lab = Lab::new();
        let begun = lab.begin(BUCKET, KEY, lengths, &[]);
        change(&lab.store, &begun.stage);
        let read = lab.store.bytes_read();
        begun.succeed(&lab);
        assert_eq!(lab.store.bytes_read(), read, "{name}: the window had it all");
        let check = |range: Option<(usize, usize)>, expect| {
            let (response, original) = match range {
                None => (lab.client.get(BUCKET, KEY), begun.content.as_slice()),
                Some((first, last)) => {
                    let range = format!("bytes={first}-{last}");
                    (lab.client.get_range(BUCKET, KEY, &range), &begun.content[first..=last])
                }
            };
            judge(&response, original, expect).unwrap_or_else(|why| panic!("{name}, {range:?}: {why}"));
        };
        const MISMATCH: Expect = Expect::Refused("ArtifactDigestMismatch");
        check(None, if bad == 0 { MISMATCH } else { Expect::Cut(bad * leaf) });
        check(Some((bad * leaf, bad * leaf + 9)), MISMATCH);
        // A leaf of the other part, where that lies where it should.
        let good = if bad == 0 { 5 * leaf + 100 } else { 0 };
        if name != "swapped" {
            check(Some((good, good + 9)), Expect::Served);
        }
    }
}

/// A store that has lost some bytes, or has more of them, made another object than was asked for: that is seen when the
/// Complete looks at it, and no success is told.
#[test]
fn p2_parts_that_lost_bytes_after_the_window_saw_them() {
    for (name, lengths, change) in
        [("shorter", &SMALL[..], SHORTER), ("empty", &LARGE, EMPTY), ("longer", &LARGE, LONGER)]
    {
        let lab = Lab::new();
        let begun = lab.begin(BUCKET, KEY, lengths, &[]);
        change(&lab.store, &begun.stage);
        let response = begun.complete(&lab);
        assert_eq!((response.status, response.code().as_str()), (503, "ServiceUnavailable"), "{name}");
        let refused = Expect::Refused("ArtifactSealInvalid");
        judge(&lab.client.get(BUCKET, KEY), &begun.content, refused)
            .unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}

/// The same bytes in the same order are the same artifact, wherever the store draws the line between its parts.
#[test]
fn bytes_may_lie_in_other_parts_of_the_stage() {
    let lab = Lab::new();
    let begun = lab.begin(BUCKET, KEY, &LARGE, &[]);
    let moved = lab.store.staged_part(&begun.stage, 2)[0];
    lab.store.edit_staged(&begun.stage, 1, |bytes| bytes.push(moved));
    lab.store.edit_staged(&begun.stage, 2, |bytes| *bytes = bytes.split_off(1));
    begun.succeed(&lab.another());
    assert_same(&lab.client.get(BUCKET, KEY).body, &begun.content, "the same bytes");
}

/// What was not read back yet when it was altered is found by the read-back; what was, is found by each download.
#[test]
fn p1_parts_altered_while_they_are_read_back() {
    for (name, after, at, found) in [
        ("the next byte", 3 * MIB, 3 * MIB, true),
        ("a later part", 3 * MIB, 10 * MIB, true),
        ("a byte before", 3 * MIB, MIB, false),
        ("the last byte, after it was read", 10 * MIB, 5 * MIB + 8, false),
    ] {
        let lab = Lab::new();
        let other = lab.another();
        let begun = lab.begin(BUCKET, KEY, &LARGE, &[]);
        let (stage, of_first) = (begun.stage.clone(), LARGE[0]);
        lab.store.after_bytes(after, move |store| {
            let (number, at) = if at < of_first { (1, at) } else { (2, at - of_first) };
            store.edit_staged(&stage, number, |bytes| bytes[usize::try_from(at).unwrap()] ^= 1);
        });
        if found {
            begun.refused(&other, name, 403, "ArtifactDigestMismatch");
            assert!(lab.store.find(BUCKET, KEY).is_none(), "{name}");
        } else {
            begun.succeed(&other);
            let good = usize::try_from(at / MIB * MIB).unwrap();
            judge(&lab.client.get(BUCKET, KEY), &begun.content, Expect::Cut(good))
                .unwrap_or_else(|why| panic!("{name}: {why}"));
        }
    }
}

/// After the last check, and before the store is told to make the object: each download finds it.
#[test]
fn p1_parts_altered_right_before_they_become_an_object() {
    for window in ["with", "without"] {
        let lab = Lab::new();
        let begun = lab.begin(BUCKET, KEY, &LARGE, &[]);
        let stage = begun.stage.clone();
        lab.store.before(Call::Promote, move |store| FIRST_BYTE(store, &stage));
        let other = lab.another();
        begun.succeed(if window == "with" { &lab } else { &other });
        for client in [&lab.client, &lab.another().client] {
            judge(&client.get(BUCKET, KEY), &begun.content, Expect::Refused("ArtifactDigestMismatch"))
                .unwrap_or_else(|why| panic!("{window} window: {why}"));
        }
        let last = begun.content.len() - 1;
        let range = format!("bytes={}-{last}", last - 9);
        judge(&lab.client.get_range(BUCKET, KEY, &range), &begun.content[last - 9..], Expect::Served)
            .unwrap();
    }
}

/// The store gives other bytes to the read-back than those that it has: nothing is sealed that the client did not send.
#[test]
fn p2_read_backs_that_are_garbled() {
    let lab = Lab::new();
    let other = lab.another();
    let begun = lab.begin(BUCKET, KEY, &LARGE, &[]);
    for offset in [0, begun.content.len() - 1] {
        lab.store.go_wrong(Call::StageRead, Mishap::Garbles(offset));
        begun.refused(&other, "garbled", 403, "ArtifactDigestMismatch");
    }
    assert!(lab.store.find(BUCKET, KEY).is_none());
    begun.succeed(&other);
    assert_same(&lab.client.get(BUCKET, KEY).body, &begun.content, "read well");
}

/// A part that is sent again replaces the first one, also for an instance that has hashed that already.
#[test]
fn p2_parts_that_were_sent_again() {
    for again in [1, 2, 3] {
        for through_another in [false, true] {
            let lab = Lab::new();
            let other = lab.another();
            let mut begun = lab.begin(BUCKET, KEY, &LARGE, &[]);
            let place = usize::try_from(again - 1).unwrap();
            let start: u64 = LARGE[..place].iter().sum();
            let bytes = content(99, LARGE[place]);
            let sender = if through_another { &other } else { &lab };
            let old = std::mem::replace(
                &mut begun.list[place],
                begun.upload.through(&sender.client).send_part(again, &bytes),
            );
            let start = usize::try_from(start).unwrap();
            begun.content.splice(start..start + bytes.len(), bytes.iter().copied());
            let mut stale = begun.list.clone();
            stale[place] = old;
            let response = begun.upload.complete(&stale);
            assert_eq!((response.status, response.code().as_str()), (400, "InvalidPart"), "part {again}");
            begun.succeed(&lab);
            let got = lab.client.get(BUCKET, KEY);
            judge(&got, &begun.content, Expect::Served).unwrap_or_else(|why| panic!("part {again}: {why}"));
        }
    }
}
