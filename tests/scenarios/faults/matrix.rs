//! Each fault in each request of each action, once: one check says what must be true then.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hallmark_tests::fault::{Call, Op, Which};
use hallmark_tests::stores::STATE_BUCKET;

use super::action::{Action, Outcome};
use super::kind::{KINDS, Kind, Sort};
use super::lab::Lab;

/// Most of it is waiting, so that so many instances take it side by side, each over an account of its own. More of them
/// would wait for the store.
const LANES: usize = 6;

/// A request of an action, in which something goes wrong.
struct Step<'a> {
    action: Action,
    call: &'a Call,
    kind: &'a Kind,
}

/// All of it for one action, in its requests of which the name holds a text; says all that is not as it must be.
#[track_caller]
pub(super) fn once(lab: impl Fn() -> Lab + Sync, action: Action, naming: &str) {
    let mut calls = lab().calls(action);
    calls.retain(|(call, _)| call.name.contains(naming));
    assert!(!calls.is_empty(), "{action:?} makes no request for {naming}");
    let steps: Vec<_> = KINDS.iter().flat_map(|kind| calls.iter().map(move |call| (call, kind))).collect();
    let (next, starting, wrong) = (AtomicUsize::new(0), Mutex::new(()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..LANES.min(steps.len().div_ceil(30)) {
            scope.spawn(|| {
                // One after the other: each tries the store out, and has little patience.
                let mut lab = {
                    let _turn = starting.lock();
                    lab()
                };
                while let Some(((call, which), kind)) = steps.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = check(&mut lab, which, &Step { action, call, kind }) {
                        let why = format!("{} once at {:?} of {}: {why}", kind.name, call.op, call.name);
                        wrong.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{action:?}:\n{}", wrong.join("\n"));
}

fn check(lab: &mut Lab, which: &Which, step: &Step<'_>) -> Result<(), String> {
    let Step { action, kind, .. } = step;
    let what = format!("{action:?}, {} at {:?} of {}", kind.name, step.call.op, step.call.name);
    let scene = lab.scene(*action);
    lab.fault.once(which.clone(), (kind.make)());
    let outcome = scene.act(&lab.client);
    let happened = lab.fault.forget() == 0;
    if happened && !step.allows(&outcome) || !happened && outcome != Outcome::Done {
        return Err(format!("{outcome:?}"));
    }
    // What was left behind on a connection may be taken for the answer to the next request, which then fails its checks.
    if kind.name == "extra bytes" {
        scene.act(&lab.client);
    }
    let made = scene.is_made(&lab.client, &what);
    if outcome == Outcome::Done && action.writes() && !made && !step.takes_its_word() {
        return Err("not made, and said to be".to_owned());
    }
    let again = scene.act(&lab.client);
    if again != Outcome::Done || action.writes() && !scene.is_made(&lab.client, &what) {
        return Err(format!("{outcome:?}, and then {again:?}"));
    }
    scene.clear(&lab.client);
    Ok(())
}

impl Step<'_> {
    /// Whether clients may be told this.
    fn allows(&self, outcome: &Outcome) -> bool {
        let Outcome::Refused(status, code) = outcome else {
            return *outcome == Outcome::Done;
        };
        // An answer to HEAD has no code.
        let code = if code.is_empty() { "" } else { code.as_str() };
        // That of a Complete which took long begins before it is known: its code is all that counts then.
        let late = self.is_complete() && *status == 200;
        let (unavailable, unusable) = (
            matches!(
                (status, code),
                (503, "ServiceUnavailable" | "SlowDown" | "") | (504, "GatewayTimeout" | "")
            ) || late && matches!(code, "ServiceUnavailable" | "SlowDown" | "GatewayTimeout"),
            matches!((status, code), (502, "BadGateway" | "")) || late && code == "BadGateway",
        );
        match self.kind.sort {
            Sort::Harmless => false,
            // Who is sent elsewhere does not go there.
            Sort::Undone if self.kind.name == "redirect" => unusable,
            Sort::Undone | Sort::Lost => !self.is_repeated() && unavailable,
            Sort::Broken => unavailable || unusable,
            Sort::Lie if self.is_read_again() => false,
            Sort::Lie => {
                let refused = *status == 403 && (code.is_empty() || code.starts_with("Artifact"));
                let missing = *status == 404 && self.may_be_missing(code);
                unavailable || unusable || refused || missing
            }
        }
    }

    fn is_complete(&self) -> bool {
        matches!(self.action, Action::CompleteSmall | Action::CompleteLarge)
    }

    /// Whether Hallmark repeats such a request by itself.
    fn is_repeated(&self) -> bool {
        let of_state = self.call.name.starts_with(STATE_BUCKET);
        // What may yet be done could overtake what is written later.
        let conditional =
            ["if-match", "if-none-match"].iter().any(|name| self.call.head.header(name).is_some());
        if self.kind.name.ends_with("no answer") && self.call.op.writes() && !conditional {
            return false;
        }
        match self.call.op {
            Op::ListBuckets
            | Op::HeadBucket
            | Op::ListObjects
            | Op::ListVersions
            | Op::ListUploads
            | Op::ListParts
            | Op::GetObject
            | Op::HeadObject
            | Op::DeleteObject
            | Op::AboutBucket
            | Op::UploadPart
            | Op::AboutObject => true,
            // A body that is streamed is gone.
            Op::PutObject => of_state || self.action != Action::PutLarge,
            Op::CreateBucket
            | Op::DeleteBucket
            | Op::DeleteObjects
            | Op::CopyObject
            | Op::CreateUpload
            | Op::UploadPartCopy
            | Op::CompleteUpload
            | Op::AbortUpload
            | Op::Other => false,
        }
    }

    /// Whether what it says once is asked for again: the records of large artifacts, and the markers of uploads.
    fn is_read_again(&self) -> bool {
        let (call, kind) = (self.call, self.kind.name);
        let kept = [format!("{STATE_BUCKET}/records/"), format!("{STATE_BUCKET}/scratch/uploads/")];
        let kept = call.op == Op::GetObject && kept.iter().any(|prefix| call.name.starts_with(prefix));
        kept && matches!(kind, "wrong byte" | "404")
    }

    /// Whether a store that hides this makes clients believe that it is not there.
    fn may_be_missing(&self, code: &str) -> bool {
        match self.action {
            Action::GetSmall | Action::GetLarge | Action::GetRange | Action::Copy => code == "NoSuchKey",
            Action::Head => code.is_empty(),
            Action::Part | Action::CompleteSmall | Action::CompleteLarge => code == "NoSuchUpload",
            Action::PutSmall | Action::PutLarge | Action::List | Action::Delete => false,
        }
    }

    /// Whether nobody but the store can say that it was done.
    fn takes_its_word(&self) -> bool {
        self.action == Action::Delete && matches!(self.kind.sort, Sort::Lie | Sort::Broken)
    }
}
