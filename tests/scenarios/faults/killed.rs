//! Kill -9 of the real process at each request that it makes of the store: another instance carries on, and what was
//! acknowledged last is served.

use std::sync::mpsc::{Receiver, channel};

use hallmark_tests::fault::{Call, Hold, Op, Which};
use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::DEADLINE;

use super::action::{Action, Outcome, Scene};
use super::lab::Lab;

/// When the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The request has not reached the store, and never will.
    Before,
    /// The store has done what was asked.
    After,
    /// The request is on its way, and arrives when another instance has done all of it and a client has been told so.
    Meanwhile,
}

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::After, Moment::Meanwhile];

/// Dies at every request of this action, and is started again each time.
pub(super) fn at_every_request(mut lab: Lab, action: Action) {
    let mut other = lab.another();
    for (call, which) in lab.calls(action) {
        for moment in MOMENTS {
            check(&mut lab, &mut other, action, &call, &which, moment);
        }
    }
}

fn check(lab: &mut Lab, other: &mut Proxy, action: Action, call: &Call, which: &Which, moment: Moment) {
    let what = format!("{action:?}, killed {moment:?} {:?} of {}", call.op, call.name);
    let (scene, client) = (lab.scene(action), other.client());
    let hold = match moment {
        Moment::Before => lab.fault.hold(which.clone()),
        Moment::After => lab.fault.hold_answer(which.clone()),
        Moment::Meanwhile => lab.fault.hold_whole(which.clone()),
    };
    let answer = std::thread::scope(|scope| {
        let (tell, answer) = channel();
        let (scene, victim) = (&scene, lab.client.clone());
        scope.spawn(move || {
            // Nobody listens when the test has failed.
            let _ = tell.send(scene.act(&victim));
        });
        let early = until(&hold, &answer);
        assert_eq!(early, None, "{what}: the request never came");
        lab.proxy.kill();
        answer.recv_timeout(DEADLINE).expect("a client sees that its connection ended")
    });
    assert!(matches!(answer, Outcome::Broken | Outcome::Refused(0, _)), "{what}: {answer:?}");
    match moment {
        Moment::Before => {
            hold.sever();
            // What the request was to do has not been done.
            let made = scene.is_made(&client, &what);
            assert!(!(made && commits(action, call)), "{what}: made of nothing");
            assert_repeated(&scene, lab, other, &what);
        }
        Moment::After => {
            hold.sever();
            let made = scene.is_made(&client, &what);
            assert!(made || !commits(action, call), "{what}: what the store did is not there");
            assert_repeated(&scene, lab, other, &what);
        }
        Moment::Meanwhile => {
            assert_eq!(scene.act(&client), Outcome::Done, "{what}");
            assert!(!action.writes() || scene.is_made(&client, &what), "{what}");
            let newer = matches!(action, Action::CompleteSmall | Action::CompleteLarge)
                .then(|| scene.replace(&client));
            hold.release();
            settle(lab, &what);
            match newer {
                // A request that comes too late finds nothing to make anything of.
                Some(newer) => scene.assert_replaced(&client, &newer, &what),
                None => assert!(scene.is_made(&client, &what), "{what}"),
            }
        }
    }
    lab.restart();
}

/// Whether this request is the one that makes the action's result visible.
fn commits(action: Action, call: &Call) -> bool {
    let of_the_key = !call.name.starts_with(hallmark_tests::stores::STATE_BUCKET);
    match action {
        Action::PutSmall | Action::PutLarge => call.op == Op::PutObject && of_the_key,
        Action::CompleteSmall | Action::CompleteLarge | Action::Copy => {
            matches!(call.op, Op::PutObject | Op::CopyObject | Op::CompleteUpload) && of_the_key
        }
        Action::Delete => call.op == Op::DeleteObject && of_the_key,
        Action::Part
        | Action::GetSmall
        | Action::GetLarge
        | Action::GetRange
        | Action::Head
        | Action::List => false,
    }
}

/// Whoever repeats the request through another instance gets what was asked for.
#[track_caller]
fn assert_repeated(scene: &Scene, lab: &Lab, other: &Proxy, what: &str) {
    let client = other.client();
    assert_eq!(scene.act(&client), Outcome::Done, "{what}: repeated");
    assert!(scene.is_made(&client, what), "{what}: repeated");
    assert_eq!(lab.fault.forget(), 0, "{what}");
}

/// Waits until the store has seen all that is on its way.
fn settle(lab: &Lab, what: &str) {
    let began = std::time::Instant::now();
    while lab.fault.under_way() > 0 {
        assert!(began.elapsed() < DEADLINE, "{what}: the store does not answer");
        std::thread::yield_now();
    }
}

/// Waits until the request is held; `Some`: the answer came before that.
fn until(hold: &Hold, answer: &Receiver<Outcome>) -> Option<Outcome> {
    while !hold.is_reached() {
        if let Ok(outcome) = answer.recv_timeout(std::time::Duration::from_millis(1)) {
            return Some(outcome);
        }
    }
    None
}
