//! Each fault in each request of each action, once: one check says what must be true then.

use hallmark_tests::fault::{Call, Op, Which};
use hallmark_tests::stores::STATE_BUCKET;

use super::action::{Action, Outcome};
use super::kind::{KINDS, Kind, Sort};
use super::lab::Lab;

/// What goes wrong with a Complete, which makes so many requests that all of it would take a quarter of an hour.
const FEW: [&str; 8] = [
    "connection reset",
    "503",
    "done, and reset",
    "done, and 500",
    "200 with an error",
    "body cut",
    "wrong byte",
    "404",
];

/// A request of an action, in which something goes wrong.
struct Step<'a> {
    action: Action,
    call: &'a Call,
    kind: &'a Kind,
}

/// All of it for one action; says all that is not as it must be.
#[track_caller]
pub(super) fn once(mut lab: Lab, action: Action) {
    let mut wrong = Vec::new();
    for (call, which) in lab.calls(action) {
        for kind in KINDS.iter().filter(|kind| is_put_into(action, kind)) {
            if let Err(why) = check(&mut lab, &which, &Step { action, call: &call, kind }) {
                wrong.push(format!("{} once at {:?} of {}: {why}", kind.name, call.op, call.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{action:?}:\n{}", wrong.join("\n"));
}

/// Whether that goes wrong with such an action here.
fn is_put_into(action: Action, kind: &Kind) -> bool {
    match action {
        Action::Complete => FEW.contains(&kind.name),
        Action::PutSmall
        | Action::PutLarge
        | Action::Part
        | Action::Copy
        | Action::GetSmall
        | Action::GetLarge
        | Action::GetRange
        | Action::Head
        | Action::List
        | Action::Delete => true,
    }
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
        let (unavailable, unusable) = (
            matches!(
                (status, code),
                (503, "ServiceUnavailable" | "SlowDown" | "") | (504, "GatewayTimeout" | "")
            ),
            matches!((status, code), (502, "BadGateway" | "")),
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
            Action::Part | Action::Complete => code == "NoSuchUpload",
            Action::PutSmall | Action::PutLarge | Action::List | Action::Delete => false,
        }
    }

    /// Whether nobody but the store can say that it was done.
    fn takes_its_word(&self) -> bool {
        self.action == Action::Delete && matches!(self.kind.sort, Sort::Lie | Sort::Broken)
    }
}
