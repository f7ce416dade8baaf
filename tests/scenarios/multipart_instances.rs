//! Instances that carry on each other's uploads, and instances that wake up too late: what was acknowledged last is served.

use hallmark_tests::memory::Call;

use crate::multipart_crash::scene::{BUCKET, KINDS, Kind, Lab, OTHER, Scene};

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
    for (call, which) in lab.calls(kind) {
        let what = format!("{kind:?}, {meanwhile:?} before {which:?}");
        let scene = lab.scene(kind);
        let gate = lab.store.hold(which);
        let asking = scene.ask(lab, &[]);
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
                // A copy that has begun is not stopped by anything but a later upload, and counts as made before that.
                let copying = call == Call::Copy && answer.is_ok();
                assert!(answer.is_ok() == made || copying, "{what}: {answer:?}");
                if copying && meanwhile == Abort {
                    scene.assert_serves(lab, &scene.new, 2, &what);
                    continue;
                }
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
