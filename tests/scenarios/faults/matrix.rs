//! Each fault in each request of each action.

use hallmark_tests::fault::{Op, Which};

use super::action::{Action, Outcome};
use super::kind::{KINDS, Kind, Sort};
use super::lab::Lab;

/// Has it happen once, in this one request.
#[track_caller]
fn check_once(lab: &mut Lab, action: Action, op: Op, which: &Which, kind: &Kind) {
    let what = format!("{action:?}, {} once at {op:?} {which:?}", kind.name);
    let scene = lab.scene(action);
    lab.fault.take_calls();
    lab.fault.once(which.clone(), (kind.make)());
    let began = std::time::Instant::now();
    let outcome = scene.act(&lab.client);
    let took = began.elapsed();
    let happened = lab.fault.forget() == 0;
    let calls = lab.fault.take_ops();
    let made = scene.is_made(&lab.client, &what);
    if std::env::var_os("SHOW").is_some() {
        println!("{what}: {outcome:?} made {made} happened {happened} {took:?} {calls:?}");
    }
    let again = scene.act(&lab.client);
    if std::env::var_os("SHOW").is_some() && again != Outcome::Done {
        println!("!!! AGAIN {again:?}");
    }
}

pub(super) fn once(mut lab: Lab, action: Action) {
    for (call, which) in lab.calls(action) {
        for kind in KINDS {
            check_once(&mut lab, action, call.op, &which, kind);
        }
    }
}
