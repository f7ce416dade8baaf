//! Instances that carry on each other's uploads, and instances that wake up too late: what was acknowledged last is served.

use hallmark_tests::memory::Call;
use hallmark_tests::s3::{Completed, completed, etag_of_parts, md5_hex};

use crate::multipart_crash::scene::{BUCKET, KINDS, Kind, Lab, OTHER, Scene, VICTIM};

/// What happens while an instance sleeps in the middle of a Complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// Another instance completes the upload.
    Complete,
    /// It does, and then another artifact is put under the key.
    CompleteAndPut,
    /// It does, and then the key is deleted.
    CompleteAndDelete,
    /// The upload is aborted, and then another artifact is put under the key.
    AbortAndPut,
    Abort,
}

use Meanwhile::{Abort, AbortAndPut, Complete, CompleteAndDelete, CompleteAndPut};

const NEWER: &[u8] = b"what came last";

fn put_newer(lab: &Lab, scene: &Scene) {
    assert_eq!(lab.instances.client(OTHER).put(BUCKET, &scene.key, NEWER).status, 200);
}

fn sleep_through(meanwhile: Meanwhile) {
    let mut lab = Lab::new();
    KINDS.into_iter().for_each(|kind| sleeps(&mut lab, kind, meanwhile));
}

/// The first instance sleeps before a call of its Complete until all that was acknowledged, cleared and forgotten.
fn sleeps(lab: &mut Lab, kind: Kind, meanwhile: Meanwhile) {
    for (_, which) in lab.calls(kind) {
        let what = format!("{kind:?}, {meanwhile:?} before {which:?}");
        let scene = lab.scene(kind);
        let gate = lab.store.hold(which);
        let asking = scene.ask(lab, VICTIM);
        assert_eq!(asking.until(&gate), None, "{what}");
        let made = scene.is_made(lab, &what);
        let mut versions = if made { 2 } else { 1 };
        match meanwhile {
            Complete | CompleteAndPut | CompleteAndDelete => {
                let other = scene.complete(lab, OTHER);
                assert!(other.is_ok(), "{what}: {other:?}");
                lab.assert_clear(&what);
                versions = 2;
                check(lab, &scene, meanwhile, &what);
                gate.release();
                assert_eq!(asking.answer(), other, "{what}");
            }
            Abort | AbortAndPut => {
                let aborted = scene.through(lab, OTHER).abort();
                // Where the marker is gone by now, it came too late.
                assert!([204, 404].contains(&aborted.status), "{what}: {}", aborted.text());
                check(lab, &scene, meanwhile, &what);
                gate.release();
                let answer = asking.answer();
                assert_eq!(answer.is_ok(), made, "{what}: {answer:?}");
            }
        }
        match meanwhile {
            Complete => scene.assert_serves(lab, &scene.new, versions, &what),
            CompleteAndPut | AbortAndPut => scene.assert_serves(lab, NEWER, versions + 1, &what),
            CompleteAndDelete => {
                assert_eq!(lab.instances.client(OTHER).get(BUCKET, &scene.key).status, 404, "{what}");
            }
            Abort => scene.assert_serves(lab, if made { &scene.new } else { &scene.old }, versions, &what),
        }
    }
}

/// What is done after the upload is over.
fn check(lab: &Lab, scene: &Scene, meanwhile: Meanwhile, what: &str) {
    match meanwhile {
        Complete | Abort => {}
        CompleteAndPut | AbortAndPut => put_newer(lab, scene),
        CompleteAndDelete => {
            assert_eq!(lab.instances.client(OTHER).delete(BUCKET, &scene.key).status, 204, "{what}");
        }
    }
}

#[test]
fn p6_one_that_sleeps_through_a_complete_gives_the_same_answer() {
    sleep_through(Complete);
}

#[test]
fn p6_one_that_sleeps_through_a_complete_undoes_no_later_upload() {
    sleep_through(CompleteAndPut);
}

#[test]
fn p6_one_that_sleeps_through_a_complete_undoes_no_later_deletion() {
    sleep_through(CompleteAndDelete);
}

#[test]
fn p6_one_that_sleeps_through_an_abort_undoes_no_later_upload() {
    sleep_through(AbortAndPut);
}

#[test]
fn p6_one_that_sleeps_through_an_abort_makes_nothing() {
    sleep_through(Abort);
}

/// One gets in the other one's way twice: first the other one has closed what was to be carried, then it has promoted what
/// was to be closed.
#[test]
fn p6_two_completes_that_carry_the_same_part_give_the_same_answer() {
    let mut lab = Lab::new();
    let scene = lab.scene(Kind::Mixed);
    let carrying = lab.store.hold(Call::StagePart);
    let victim = scene.ask(&lab, VICTIM);
    carrying.wait();
    let planning = lab.store.hold(Call::StatePut.naming("plans/"));
    let other = scene.ask(&lab, OTHER);
    planning.wait();
    let closing = lab.store.hold(Call::StageClose);
    carrying.release();
    closing.wait();
    planning.release();
    let other = other.answer();
    assert!(other.is_ok(), "{other:?}");
    lab.assert_clear("carried twice");
    closing.release();
    assert_eq!(victim.answer(), other);
    scene.assert_serves(&lab, &scene.new, 2, "carried twice");
}

/// A part that is sent twice, through two instances, and whose two sends cross: one is kept by the store, the other one is
/// recorded last. Which of them counts is not known, so nothing is made of either, and it can be sent again.
#[test]
fn p2_sends_of_a_part_that_cross_make_nothing_of_the_wrong_one() {
    for other in [&b"the same"[..], b"another"] {
        let lab = Lab::new();
        let upload = lab.instances.client(VICTIM).create_upload(BUCKET, "key", &[]);
        let gate = lab.store.hold_answer(Call::StagePart);
        let slow = upload.clone();
        let sending = std::thread::spawn(move || slow.send_part(1, b"the same"));
        gate.wait();
        upload.through(&lab.instances.client(OTHER)).send_part(1, other);
        gate.release();
        sending.join().unwrap();

        let listed = upload.parts("").element("ETag");
        let answer = completed(&upload.complete(&[Completed::new(1, &listed)]));
        let got = lab.instances.client(OTHER).get(BUCKET, "key");
        match answer {
            Ok(etag) => {
                let counts = if listed.trim_matches('"') == md5_hex(other) { other } else { b"the same" };
                assert_eq!((got.body.as_slice(), etag), (counts, etag_of_parts(&[counts])));
            }
            Err(code) => {
                assert_eq!((code.as_str(), got.status), ("InvalidPart", 404));
                let again = upload.through(&lab.instances.client(OTHER)).send_part(1, other);
                completed(&upload.complete(&[again])).unwrap();
                assert_eq!(lab.instances.client(OTHER).get(BUCKET, "key").body, other);
            }
        }
        lab.assert_clear("crossed");
    }
}
