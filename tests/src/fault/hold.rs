//! Holding a request up until the test says what becomes of it.

use tokio::sync::watch;

use crate::raw::DEADLINE;

/// Stands in the way of one request. Dropped, it lets the request go on.
#[derive(Debug)]
#[must_use = "a request that nobody holds goes on"]
pub struct Hold {
    say: watch::Sender<Option<Verdict>>,
    reached: watch::Receiver<bool>,
}

/// What becomes of a request that was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    GoesOn,
    Dropped,
}

/// The request's side.
#[derive(Debug)]
pub(super) struct Barrier {
    said: watch::Receiver<Option<Verdict>>,
    reached: watch::Sender<bool>,
}

impl Hold {
    pub(super) fn new() -> (Self, Barrier) {
        let (say, said) = watch::channel(None);
        let (reach, reached) = watch::channel(false);
        (Self { say, reached }, Barrier { said, reached: reach })
    }

    /// Waits until the request stands here.
    ///
    /// # Panics
    /// It does not come.
    pub async fn reached(&self) {
        let mut reached = self.reached.clone();
        let came = tokio::time::timeout(DEADLINE, reached.wait_for(|reached| *reached)).await;
        assert!(matches!(came, Ok(Ok(_))), "the request that is to be held never came");
    }

    /// The same for tests that are not async.
    ///
    /// # Panics
    /// It does not come, or this is async code.
    pub fn wait(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime can be made").block_on(self.reached());
    }

    /// Whether the request has come here by now.
    pub fn is_reached(&self) -> bool {
        *self.reached.borrow()
    }

    /// Lets the request go on, or its answer.
    pub fn release(self) {
        self.say.send_replace(Some(Verdict::GoesOn));
    }

    /// Resets the connection in its place.
    pub fn sever(self) {
        self.say.send_replace(Some(Verdict::Dropped));
    }
}

impl Barrier {
    pub(super) async fn pass(mut self) -> Verdict {
        self.reached.send_replace(true);
        match self.said.wait_for(Option::is_some).await {
            Ok(verdict) => (*verdict).unwrap_or(Verdict::GoesOn),
            Err(_) => Verdict::GoesOn,
        }
    }
}
