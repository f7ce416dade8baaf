//! The janitor, and two of them.

use std::time::Duration;

use bytes::Bytes;
use hallmark_proxy::store::{Guard, StateArea, StateName, Store as _};
use hallmark_tests::fault::{Answer, Ending, Fault, Op};
use hallmark_tests::stores::{Kind, STATE_BUCKET};

use super::{BUCKET, Lab, over};

/// Old enough for anything that was written before this was asked, whatever part of a second stores keep.
const NO_AGE: Duration = Duration::ZERO;

impl Lab {
    /// One of everything that may be left behind: an open stage, a closed one, scratch state, an upload of a target.
    async fn litter(&self) {
        self.staged().await;
        self.closed().await;
        for (area, name) in [(StateArea::Scratch, "parts/x/y"), (StateArea::Records, "kept")] {
            let name = StateName::new(area, name).unwrap();
            self.store.state_put(&name, Bytes::from_static(b"state"), Guard::Any).await.unwrap();
        }
        let pin = self.source(&Bytes::from_static(b"the bytes of the source")).await;
        let stage = self.store.stage_open().await.unwrap();
        self.fault.once(Op::CompleteUpload, Fault::Resets);
        self.copy(&pin, Some(stage)).await.expect_err("its end is lost");
        assert_eq!(self.uploads(BUCKET).await.len(), 1);
        assert_eq!(self.uploads(STATE_BUCKET).await.len(), 2);
        // What the store says of times may be a second late.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }

    async fn expect_clean(&self) {
        assert_eq!(self.state().await, ["records/kept"]);
        assert_eq!(self.uploads(STATE_BUCKET).await, [""; 0]);
        assert_eq!(self.uploads(BUCKET).await, [""; 0]);
    }
}

pub(in crate::stores) fn what_is_old_goes(kind: Kind) {
    over(kind, async |lab: &Lab| {
        lab.litter().await;
        let before = lab.state().await;
        let swept = lab.store.sweep(Duration::ZERO).await.expect("it can be swept");
        assert_eq!(swept, Default::default(), "nothing is 8 days old");
        assert_eq!(lab.state().await, before);
        let swept = lab.store.sweep_older_than(NO_AGE, Duration::ZERO).await.expect("it can be swept");
        assert_eq!(swept.stages, 3);
        assert!(swept.scratch >= 2, "{swept:?}");
        lab.expect_clean().await;
        let swept = lab.store.sweep_older_than(NO_AGE, Duration::ZERO).await.expect("it can be swept");
        assert_eq!((swept.stages, swept.scratch), (0, 0));
    });
}

pub(in crate::stores) fn two_at_once_do_no_harm(kind: Kind) {
    over(kind, async |lab: &Lab| {
        lab.litter().await;
        let sweep = || lab.store.sweep_older_than(NO_AGE, Duration::ZERO);
        let (one, other, third) = tokio::join!(sweep(), sweep(), sweep());
        for swept in [one, other, third] {
            swept.expect("it can be swept");
        }
        lab.expect_clean().await;
    });
}

/// A sweep that breaks off is carried on by the next one.
pub(in crate::stores) fn what_fails_is_done_the_next_time(kind: Kind) {
    over(kind, async |lab: &Lab| {
        lab.litter().await;
        let refusal = || Fault::Answers(Answer::error(403, "AccessDenied"));
        lab.fault.once(Op::AbortUpload, refusal());
        lab.fault.once(Op::DeleteObject.naming("scratch/"), refusal());
        lab.fault.once(Op::DeleteObject.naming("stages/"), Fault::LosesAnswer(Ending::Reset));
        lab.store.sweep_older_than(NO_AGE, Duration::ZERO).await.expect_err("something stays");
        assert_eq!(lab.fault.forget(), 0);
        lab.store.sweep_older_than(NO_AGE, Duration::ZERO).await.expect("it can be swept");
        lab.expect_clean().await;
    });
}
