//! How a server ends: no new connections; what is open finishes within a bound; what does not is cut off.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::Background;

/// How far a server is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything is served.
    Serving,
    /// No new connections; open ones end with the request that they are at.
    Draining,
    /// All connections are reset.
    Cutting,
}

/// What was not over when a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Connections that were reset.
    pub connections: usize,
    /// Work that went on without its connection, and goes on until the process ends.
    pub work: usize,
}

/// A connection that is told to reset itself does it at once.
const CUTTING: Duration = Duration::from_secs(1);

/// What is left of a server that accepts no more.
pub(super) struct Rest<'a> {
    /// Each open connection has one of them.
    pub(super) places: &'a Arc<Semaphore>,
    /// How many there are in all.
    pub(super) number: usize,
    /// What goes on without a connection.
    pub(super) background: &'a Background,
    /// Tells the connections.
    pub(super) tell: watch::Sender<Phase>,
}

impl Rest<'_> {
    /// Lets it finish for at most `timeout`, or until `phase` says to cut it.
    pub(super) async fn drain(self, timeout: Duration, phase: &mut watch::Receiver<Phase>) -> Cut {
        // Fails if there are no connections to tell.
        let _ = self.tell.send(Phase::Draining);
        let finished = async {
            self.connections().await;
            self.background.finished().await;
        };
        tokio::select! {
            () = finished => {}
            () = tokio::time::sleep(timeout) => {}
            () = reached(phase, Phase::Cutting) => {}
        }
        let open = self.number.saturating_sub(self.places.available_permits());
        let cut = Cut { connections: open, work: self.background.count() };
        let _ = self.tell.send(Phase::Cutting);
        let _ = tokio::time::timeout(CUTTING, self.connections()).await;
        cut
    }

    /// Waits until none is open.
    async fn connections(&self) {
        let all = u32::try_from(self.number).unwrap_or(u32::MAX);
        // Nobody closes the semaphore.
        let _ = self.places.acquire_many(all).await;
    }
}

/// Waits until `phase` is at least `wanted`. If nobody is left to say so, for ever.
pub(super) async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    if phase.wait_for(|phase| *phase >= wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for the next phase.
pub(super) async fn next(phase: &mut watch::Receiver<Phase>) -> Phase {
    if phase.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    *phase.borrow_and_update()
}
