//! What a signal does: the first one ends the program in good order, a second one at once; `SIGHUP` has the configuration
//! read again.

use std::io;
use std::time::Duration;

use hallmark_proxy::admin::Health;
use hallmark_proxy::server::Phase;
use hallmark_proxy::supervisor;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// From now on `SIGHUP` no longer kills: each is handed on, or goes together with one that nobody has got to yet.
///
/// # Errors
/// The system does not hand them over.
pub(crate) fn hangups() -> io::Result<mpsc::Receiver<()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (tell, told) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() && !tell.is_closed() {
            // Full: one that comes before the files are read is enough.
            let _ = tell.try_send(());
        }
    });
    Ok(told)
}

/// The signals that ask for the end: `SIGTERM`, and `SIGINT` as of Ctrl-C.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they no longer just kill.
    ///
    /// # Errors
    /// The system does not hand them over.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// At the first, `health` says so, and after `delay`, for load balancers to notice, `phase` does. A second one cuts
    /// everything off.
    pub(crate) async fn obey(mut self, health: Health, delay: Duration, phase: watch::Sender<Phase>) {
        self.next().await;
        health.stopping();
        supervisor::stopping();
        tracing::info!(?delay, "stopping");
        tokio::select! {
            () = tokio::time::sleep(delay) => {
                // Nobody listens once the server has ended.
                let _ = phase.send(Phase::Draining);
                self.next().await;
            }
            () = self.next() => {}
        }
        tracing::info!("stopping at once");
        let _ = phase.send(Phase::Cutting);
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
