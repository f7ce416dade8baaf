//! What is kept of uploads beside their bytes: forged, moved, replayed, rolled back.

use bytes::Bytes;
use hallmark_proxy::store::{StateArea, StateName};
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::memory::Call;
use hallmark_tests::s3::Completed;

use super::super::{BUCKET, Expect, KEY, Lab, OTHER, judge};
use super::{Begun, LARGE, SMALL};

/// The scratch objects whose names begin so.
fn scratch(lab: &Lab, prefix: &str) -> Vec<StateName> {
    let names = lab.store.state_names(StateArea::Scratch).into_iter();
    names.filter(|name| name.name().starts_with(prefix)).collect()
}

fn named(name: String) -> StateName {
    StateName::new(StateArea::Scratch, name).unwrap()
}

/// The one marker, part record, plan or answer that is there, or of part `number`.
#[track_caller]
fn sole(lab: &Lab, prefix: &str, of: &str) -> StateName {
    let found: Vec<_> = scratch(lab, prefix).into_iter().filter(|name| name.name().contains(of)).collect();
    assert_eq!(found.len(), 1, "{prefix} {of}: {:?}", lab.store.state_names(StateArea::Scratch));
    found.into_iter().next().unwrap()
}

/// A record that was changed or moved is none. One that is none does no harm where the true one is, too.
#[test]
fn p3_part_records_that_are_not_ours() {
    type Forge = fn(&str) -> String;
    let cases: [(&str, Forge); 8] = [
        ("another length", |name| name.replacen(".5242880.", ".5242881.", 1)),
        ("another time", |name| swap_field(name, 1, "9999999999999")),
        ("another MD5", |name| swap_field(name, 3, "AAAAAAAAAAAAAAAAAAAAAA")),
        ("another SHA-256", |name| swap_field(name, 5, &"A".repeat(43))),
        ("another tag", |name| swap_field(name, 7, "AAAAAAAAAAAAAAAAAAAAAA")),
        ("another number", |name| name.replacen("/00001/", "/00003/", 1)),
        ("no tag", |name| name.rsplit_once('.').unwrap().0.to_owned()),
        ("more", |name| format!("{name}.A")),
    ];
    for (name, forge) in cases {
        let lab = Lab::new();
        let begun = lab.begin(BUCKET, KEY, &SMALL, &[]);
        let record = sole(&lab, "parts/", "/00001/");
        let forged = named(forge(record.name()));
        assert_ne!(forged, record, "{name}");
        lab.store.rename_state(&record, &forged);
        for through in [&lab, &lab.another()] {
            let response = begun.complete(through);
            assert_eq!((response.status, response.code().as_str()), (400, "InvalidPart"), "{name}");
        }
        let listed = begun.upload.parts("");
        assert_eq!(listed.elements("PartNumber"), ["2"], "{name}");
        assert!(lab.store.find(BUCKET, KEY).is_none(), "{name}");
        lab.store.set_state(&record, Some(Bytes::new()));
        begun.succeed(&lab.another());
        assert_same(&lab.client.get(BUCKET, KEY).body, &begun.content, name);
    }
}

/// Puts `value` in the place of a field of a record, the kind of it being 0.
fn swap_field(name: &str, place: usize, value: &str) -> String {
    let (path, fields) = name.rsplit_once('/').unwrap();
    let mut fields: Vec<_> = fields.split('.').collect();
    fields[place] = value;
    format!("{path}/{}", fields.join("."))
}

/// A true record of another upload, of the same client to the same key even, says nothing of this one.
#[test]
fn p3_part_records_of_other_uploads() {
    for key in [KEY, OTHER] {
        let lab = Lab::new();
        let theirs = lab.begin(BUCKET, key, &SMALL, &[]);
        let record = sole(&lab, "parts/", "/00001/");
        let their_part = lab.store.staged_part(&theirs.stage, 1);
        let ours = lab.begin_with(BUCKET, KEY, &[content(1, 5 * MIB), content(2, 9)], &[]);
        let mine = scratch(&lab, "parts/").into_iter().find(|name| {
            name.name().contains("/00001/")
                && name.name().split('/').nth(1) != record.name().split('/').nth(1)
        });
        let mine = mine.unwrap();
        // Theirs in the place of ours, bytes and all.
        let directory = mine.name().rsplit_once('/').unwrap().0;
        let replayed = format!("{directory}/{}", record.name().rsplit_once('/').unwrap().1);
        lab.store.set_state(&mine, None);
        lab.store.set_state(&named(replayed), Some(Bytes::new()));
        lab.store.edit_staged(&ours.stage, 1, |bytes| *bytes = their_part.to_vec());
        for list in [ours.list.clone(), vec![theirs.list[0].clone(), ours.list[1].clone()]] {
            let response = ours.upload.through(&lab.another().client).complete(&list);
            assert_eq!((response.status, response.code().as_str()), (400, "InvalidPart"), "{key}");
        }
        assert!(lab.store.find(BUCKET, KEY).is_none());
    }
}

/// A part that was sent again: the store puts the first send back, record and bytes. The list of the client decides, and
/// the read-back finds bytes that are not those of the record.
#[test]
fn p3_part_records_that_were_replaced() {
    let lab = Lab::new();
    let begun = lab.begin(BUCKET, KEY, &SMALL, &[]);
    let (old_record, old_bytes) = (sole(&lab, "parts/", "/00001/"), lab.store.staged_part(&begun.stage, 1));
    let new = begun.upload.send_part(1, &content(77, 5 * MIB));
    let new_record = sole(&lab, "parts/", "/00001/");
    assert_ne!(old_record, new_record);
    let list = [new, begun.list[1].clone()];
    let complete = |list: &[Completed]| begun.upload.through(&lab.another().client).complete(list);

    // Both records: the later one counts.
    lab.store.set_state(&old_record, Some(Bytes::new()));
    let response = complete(&begun.list);
    assert_eq!((response.status, response.code().as_str()), (400, "InvalidPart"));
    // The old one alone is not what the list names; and under the list that names it, the store has other bytes.
    lab.store.set_state(&new_record, None);
    assert_eq!(complete(&list).code(), "InvalidPart");
    assert_eq!(complete(&begun.list).code(), "InvalidPart", "the store does not know that part");
    lab.store.set_state(&new_record, Some(Bytes::new()));
    lab.store.edit_staged(&begun.stage, 1, |bytes| *bytes = old_bytes.to_vec());
    assert_eq!(complete(&list).code(), "ArtifactDigestMismatch");
    assert!(lab.store.find(BUCKET, KEY).is_none());
}

/// Names that are no records are passed over, however many there are.
#[test]
fn p3_part_records_among_rubbish() {
    let lab = Lab::new();
    let begun = lab.begin(BUCKET, KEY, &SMALL, &[]);
    let record = sole(&lab, "parts/", "/00001/");
    let upload = record.name().split('/').nth(1).unwrap();
    for number in 0..2500 {
        let rubbish = format!("parts/{upload}/00001/s.{number}.rubbish");
        lab.store.set_state(&named(rubbish), Some(Bytes::from_static(b"rubbish")));
    }
    assert_eq!(begun.upload.parts("").elements("PartNumber"), ["1", "2"]);
    begun.succeed(&lab.another());
    assert_same(&lab.client.get(BUCKET, KEY).body, &begun.content, "among rubbish");
}

/// What was said when an upload was begun counts as it was said, or not at all.
#[test]
fn p3_markers_that_are_not_ours() {
    let lab = Lab::new();
    let theirs = lab.begin(BUCKET, OTHER, &SMALL, &[("x-amz-meta-commit", "theirs")]);
    let their_marker = lab.store.state(&sole(&lab, "uploads/", ""));
    let begun = lab.begin(BUCKET, KEY, &SMALL, &[("x-amz-meta-commit", "4f2a")]);
    let of_key = hex::encode(KEY);
    let marker = sole(&lab, "uploads/", &of_key);
    let good = lab.store.state(&marker);
    let earlier = lab.client.create_upload(BUCKET, KEY, &[("x-amz-meta-commit", "earlier")]);
    let of_same_key =
        scratch(&lab, "uploads/").into_iter().find(|name| *name != marker && name.name().contains(&of_key));
    let of_same_key = lab.store.state(&of_same_key.unwrap());
    let text = |from: &[u8], to: &[u8]| {
        let at = good.windows(from.len()).position(|window| window == from).expect("the marker says it");
        let mut forged = good.to_vec();
        forged.splice(at..at + from.len(), to.iter().copied());
        Bytes::from(forged)
    };
    for (name, forged) in [
        ("gone", None),
        ("empty", Some(Bytes::new())),
        ("other metadata", Some(text(b"4f2a", b"4f2b"))),
        ("another stage", Some(text(begun.stage.as_bytes(), theirs.stage.as_bytes()))),
        ("of another key", Some(their_marker)),
        ("of another upload to the same key", Some(of_same_key)),
        ("cut", Some(good.slice(..good.len() - 1))),
    ] {
        lab.store.set_state(&marker, forged);
        for through in [&lab, &lab.another()] {
            let upload = begun.upload.through(&through.client);
            for (what, response) in [
                ("complete", upload.complete(&begun.list)),
                ("parts", upload.parts("")),
                ("part", upload.part(3, b"x")),
                ("abort", upload.abort()),
            ] {
                assert_eq!(
                    (response.status, response.code().as_str()),
                    (404, "NoSuchUpload"),
                    "{name}: {what}"
                );
            }
        }
        assert!(lab.store.find(BUCKET, KEY).is_none(), "{name}");
    }
    lab.store.set_state(&marker, Some(good));
    begun.succeed(&lab);
    assert_eq!(lab.client.head(BUCKET, KEY).header("x-amz-meta-commit"), Some("4f2a"));
    assert_eq!(earlier.parts("").status, 200);
}

/// A store that brings the marker of an aborted upload back brings back an upload without parts.
#[test]
fn p3_markers_of_aborted_uploads() {
    let lab = Lab::new();
    let begun = lab.begin(BUCKET, KEY, &SMALL, &[]);
    let state: Vec<_> =
        scratch(&lab, "").into_iter().map(|name| (name.clone(), lab.store.state(&name))).collect();
    assert_eq!(begun.upload.abort().status, 204);
    for (name, bytes) in state {
        lab.store.set_state(&name, Some(bytes));
    }
    for through in [&lab, &lab.another()] {
        let response = begun.complete(through);
        assert_eq!((response.status, response.code().as_str()), (404, "NoSuchUpload"), "{}", response.text());
        assert!(lab.store.find(BUCKET, KEY).is_none());
    }
}

/// Has a Complete of `begun` come as far as its promotion, and die there: its plan.
fn planned(lab: &Lab, begun: &Begun) -> (StateName, Bytes) {
    lab.store.go_wrong(
        Call::Promote,
        hallmark_tests::memory::Mishap::Fails(hallmark_proxy::store::StoreFault::Unavailable),
    );
    assert_eq!(begun.complete(lab).status, 503);
    let plan = sole(lab, "plans/", "");
    let value = lab.store.state(&plan);
    (plan, value)
}

/// Plans and answers that were changed, or are another upload's, are as if they were not there: nobody is told that an
/// artifact stands where none does, and none comes to stand that no check covered.
#[test]
fn p3_plans_and_answers_that_are_not_ours() {
    for area in ["plans/", "done/"] {
        let lab = Lab::new();
        let theirs = lab.begin(BUCKET, OTHER, &SMALL, &[]);
        let (plan, planned) = planned(&lab, &theirs);
        lab.store.set_state(&plan, None);
        theirs.succeed(&lab);
        let value = if area == "plans/" { planned } else { lab.store.state(&sole(&lab, "done/", "")) };
        let begun = lab.begin(BUCKET, KEY, &LARGE, &[]);
        let record = scratch(&lab, "parts/").into_iter().next().unwrap();
        let upload = record.name().split('/').nth(1).unwrap().to_owned();
        let mut changed = value.to_vec();
        changed[20] ^= 1;
        for forged in [value, changed.into(), Bytes::from_static(b"{}")] {
            let name = named(format!("{area}{upload}"));
            lab.store.set_state(&name, Some(forged));
            let response = begun.complete(&lab.another());
            if response.status == 200 && response.code().is_empty() {
                assert_same(&lab.client.get(BUCKET, KEY).body, &begun.content, area);
                break;
            }
            // No plan can be written where a forged one stands: then nothing is made.
            let refusal = (response.status, response.code());
            assert_eq!(
                refusal,
                (409, "ConditionalRequestConflict".to_owned()),
                "{area}: {}",
                response.text()
            );
            assert!(lab.store.find(BUCKET, KEY).is_none(), "{area}");
            lab.store.set_state(&name, None);
        }
        begun.succeed(&lab.another());
        let got = lab.client.get(BUCKET, KEY);
        judge(&got, &begun.content, Expect::Served).unwrap();
    }
}

/// The store rolls an upload back to before its Complete was answered, when the key holds something newer: the older
/// artifact does not come back.
#[test]
fn p3_state_that_was_rolled_back() {
    for forget in ["done/", "done/ plans/"] {
        for newer in ["put", "deleted"] {
            let lab = Lab::new();
            let begun = lab.begin(BUCKET, KEY, &LARGE, &[]);
            let mut before: Vec<_> =
                scratch(&lab, "").into_iter().map(|name| (name.clone(), lab.store.state(&name))).collect();
            before.push(planned(&lab, &begun));
            begun.succeed(&lab);
            if newer == "put" {
                lab.upload(BUCKET, KEY, b"newer", &[]);
            } else {
                assert_eq!(lab.client.delete(BUCKET, KEY).status, 204);
            }
            for (name, bytes) in &before {
                lab.store.set_state(name, Some(bytes.clone()));
            }
            for name in scratch(&lab, "") {
                if forget.split(' ').any(|area| name.name().starts_with(area)) {
                    lab.store.set_state(&name, None);
                }
            }
            for through in [&lab, &lab.another()] {
                begun.complete(through);
                let got = through.client.get(BUCKET, KEY);
                match newer {
                    "put" => assert_eq!(got.body, b"newer", "without {forget}"),
                    _ => assert_eq!(got.status, 404, "without {forget}"),
                }
            }
        }
    }
}
