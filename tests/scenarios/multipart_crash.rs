//! A process may die at any moment of a Complete, or its store fail: parts that were acknowledged are not lost, whoever
//! repeats the request ends with the one artifact, and until then the key is what it was.

mod killed;
pub(crate) mod scene;
mod silence;

use hallmark_proxy::store::StoreFault;
use hallmark_tests::memory::{Call, Mishap, Which};

use scene::{KINDS, Kind, Lab, OTHER, Scene, VICTIM};

/// When an instance dies: before a call has done its work, or after that and before it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// Calls that change something; others can only fail.
fn writes(call: Call) -> bool {
    !matches!(
        call,
        Call::StateGet | Call::StateList | Call::StageRead | Call::Head | Call::Get | Call::Bucket
    )
}

/// Whoever repeats the request gets the same answer, through any instance, and nothing is left over.
#[track_caller]
fn assert_repeated(lab: &mut Lab, scene: &Scene, what: &str) {
    let second = scene.complete(lab, OTHER);
    assert!(second.is_ok(), "{what}: {second:?}");
    scene.assert_serves(lab, &scene.new, 2, what);
    lab.assert_clear(what);
    for instance in [VICTIM, OTHER] {
        assert_eq!(scene.complete(lab, instance), second, "{what}");
    }
    scene.assert_serves(lab, &scene.new, 2, what);
}

fn killed(lab: &mut Lab, kind: Kind) {
    for (call, which) in lab.calls(kind) {
        for side in [Side::Before, Side::After] {
            let what = format!("{kind:?}, killed {side:?} {which:?}");
            let scene = lab.scene(kind);
            let gate = match side {
                Side::Before => lab.store.hold(which.clone()),
                Side::After => lab.store.hold_answer(which.clone()),
            };
            let asking = scene.ask(lab, VICTIM);
            assert_eq!(asking.until(&gate), None, "{what}");
            lab.restart_victim();
            drop(gate);
            let made = scene.is_made(lab, &what);
            if matches!(call, Call::Promote | Call::Copy) {
                assert_eq!(made, side == Side::After, "{what}");
            }
            assert_repeated(lab, &scene, &what);
        }
    }
}

#[test]
fn p6_killed_at_any_step_of_a_complete() {
    let mut lab = Lab::new();
    KINDS.into_iter().for_each(|kind| killed(&mut lab, kind));
}

/// The store says that it failed, and had done its work or not.
#[test]
fn p6_any_step_of_a_complete_can_fail() {
    let fault = StoreFault::Unavailable;
    let mut lab = Lab::new();
    for kind in KINDS {
        for (call, which) in lab.calls(kind) {
            for mishap in [Mishap::Fails(fault), Mishap::PersistsAndFails(fault)] {
                if mishap == Mishap::Fails(fault) || writes(call) {
                    failed(&mut lab, kind, &which, mishap);
                }
            }
        }
    }
}

fn failed(lab: &mut Lab, kind: Kind, which: &Which, mishap: Mishap) {
    let what = format!("{kind:?}, {mishap:?} at {which:?}");
    let scene = lab.scene(kind);
    lab.store.go_wrong(which.clone(), mishap);
    let first = scene.complete(lab, VICTIM);
    lab.store.forget_mishaps();
    let made = scene.is_made(lab, &what);
    match &first {
        Ok(_) => assert!(made, "{what}"),
        Err(code) => assert_eq!(code, "ServiceUnavailable", "{what}"),
    }
    assert_repeated(lab, &scene, &what);
    if first.is_ok() {
        assert_eq!(scene.complete(lab, VICTIM), first, "{what}");
    }
}
