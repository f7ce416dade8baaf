//! Holding a call up until the test lets it go: for races that come out the same every time.

use tokio::sync::watch;

use crate::raw::DEADLINE;

/// Stands in the way of one call. Dropped, it lets the call go.
#[derive(Debug)]
#[must_use = "a gate that is dropped holds nobody"]
pub struct Gate {
    open: watch::Sender<bool>,
    reached: watch::Receiver<bool>,
}

/// The call's side of a gate.
#[derive(Debug)]
pub(super) struct Barrier {
    open: watch::Receiver<bool>,
    reached: watch::Sender<bool>,
}

impl Gate {
    pub(super) fn new() -> (Self, Barrier) {
        let (open, opened) = watch::channel(false);
        let (reach, reached) = watch::channel(false);
        (Self { open, reached }, Barrier { open: opened, reached: reach })
    }

    /// Waits until the call stands before the gate.
    ///
    /// # Panics
    /// It does not come.
    pub async fn reached(&self) {
        let mut reached = self.reached.clone();
        let came = tokio::time::timeout(DEADLINE, reached.wait_for(|reached| *reached)).await;
        // The other side goes only with the call, which then has been here.
        assert!(came.is_ok(), "the call that is to be held never came");
    }

    /// The same for tests that are not async.
    ///
    /// # Panics
    /// It does not come, or this is async code.
    pub fn wait(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime can be made").block_on(self.reached());
    }

    /// Whether the call has come here by now.
    pub fn is_reached(&self) -> bool {
        *self.reached.borrow()
    }

    /// Lets the call go.
    pub fn release(self) {
        self.open.send_replace(true);
    }
}

impl Barrier {
    pub(super) async fn pass(mut self) {
        self.reached.send_replace(true);
        // An error says that the gate was dropped, which opens it as well.
        let _ = self.open.wait_for(|open| *open).await;
    }
}
