//! Whether this instance should be sent requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::metrics::Metrics;
use crate::store::{Span, StateArea, StateName, Store, StoreError, StoreFault, for_health};

/// Between two questions to a store that is up.
const EVERY: Duration = Duration::from_secs(5);
/// Between two questions to one that failed to answer.
const AGAIN: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// A store that failed so often in a row is down. Once is an accident, and no reason to move all clients elsewhere.
const FAILURES: u32 = 2;
/// What the store is asked for. It is never there.
const NOTHING: &str = "health";

/// The health of one instance. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Health(Arc<watch::Sender<State>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    stage: Stage,
    /// What the store was found to suffer from.
    store: Option<StoreFault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    Serving,
    Stopping,
}

/// Why an instance should be sent nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReady {
    /// It does not serve yet.
    Starting,
    /// It will end soon.
    Stopping,
    /// Its store does not answer, or not in a way that can be used.
    Store(StoreFault),
}

impl Health {
    /// That of an instance which is starting.
    pub fn new(metrics: &Metrics) -> Self {
        let state = State { stage: Stage::Starting, store: None };
        let health = Self(Arc::new(watch::Sender::new(state)));
        let (ready, store) = (health.clone(), health.clone());
        metrics.health(move || ready.ready().is_ok(), move || store.0.borrow().store.is_none());
        health
    }

    /// Requests are served from now on.
    pub fn serving(&self) {
        self.0.send_modify(|state| {
            if state.stage == Stage::Starting {
                state.stage = Stage::Serving;
            }
        });
    }

    /// They soon will not be. Says so at once, and for good.
    pub fn stopping(&self) {
        self.0.send_modify(|state| state.stage = Stage::Stopping);
    }

    /// Whether requests should be sent here. What is known is told; nobody is asked for it.
    ///
    /// # Errors
    /// They should not.
    pub fn ready(&self) -> Result<(), NotReady> {
        let State { stage, store } = *self.0.borrow();
        match (stage, store) {
            (Stage::Starting, _) => Err(NotReady::Starting),
            (Stage::Stopping, _) => Err(NotReady::Stopping),
            (Stage::Serving, Some(fault)) => Err(NotReady::Store(fault)),
            (Stage::Serving, None) => Ok(()),
        }
    }

    /// Asks `store` now and then how it is, for as long as the process lives: one small read of the state bucket, which
    /// all instances need.
    pub async fn watch(self, store: Arc<dyn Store>) {
        // Of the permitted form, as a test knows.
        let Some(name) = StateName::new(StateArea::Scratch, NOTHING) else { return };
        // What is there does not matter.
        let ask = || {
            let (store, name) = (store.clone(), name.clone());
            async move { for_health(store.state_get(&name, Span::Bytes(0..1))).await.map(drop) }
        };
        self.keep_asking(ask).await;
    }

    async fn keep_asking<A: Future<Output = Result<(), StoreError>> + Send>(self, ask: impl Fn() -> A) {
        let late = || StoreError::new(StoreFault::Timeout, format!("no answer within {PATIENCE:?}"));
        let mut failures: u32 = 0;
        loop {
            let pause = match timeout(PATIENCE, ask()).await.unwrap_or_else(|_| Err(late())) {
                Ok(()) => {
                    if failures >= FAILURES {
                        tracing::info!("the store answers again");
                    }
                    failures = 0;
                    self.found(None);
                    EVERY
                }
                // That this instance asks too much at once says nothing of the store.
                Err(StoreError { fault: StoreFault::Busy, .. }) => AGAIN,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    if failures == FAILURES {
                        // As a text, which is escaped: what a store says may hold anything.
                        tracing::error!(error = error.to_string(), "the store does not answer as it should");
                    }
                    if failures >= FAILURES {
                        self.found(Some(error.fault));
                    }
                    AGAIN
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn found(&self, store: Option<StoreFault>) {
        self.0.send_if_modified(|state| std::mem::replace(&mut state.store, store) != store);
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Stopping => f.write_str("stopping"),
            Self::Store(fault) => write!(f, "store: {fault}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_ready_between_start_and_stop() {
        let health = Health::new(&Metrics::new());
        assert_eq!(health.ready(), Err(NotReady::Starting));
        health.found(Some(StoreFault::Timeout));
        assert_eq!(health.ready(), Err(NotReady::Starting));
        health.serving();
        assert_eq!(health.ready(), Err(NotReady::Store(StoreFault::Timeout)));
        health.found(None);
        assert_eq!(health.ready(), Ok(()));
        health.stopping();
        assert_eq!(health.ready(), Err(NotReady::Stopping));
        // It may be told to stop while it starts.
        health.serving();
        assert_eq!(health.ready(), Err(NotReady::Stopping));
    }

    /// Once is an accident; a store that is silent is as bad as one that fails; and one that answers is up again.
    #[tokio::test(start_paused = true)]
    async fn a_store_is_down_when_it_failed_twice_in_a_row_and_up_when_it_answers() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        let health = Health::new(&Metrics::new());
        health.serving();
        let mut told = health.0.subscribe();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let ask = move || {
            let number = count.fetch_add(1, Ordering::Relaxed);
            async move {
                match number {
                    0 | 2 | 6 => Ok(()),
                    1 | 3 => Err(StoreError::new(StoreFault::Unavailable, "planned")),
                    7..=9 => Err(StoreError::new(StoreFault::Busy, "others")),
                    10 => Ok(()),
                    _ => std::future::pending().await,
                }
            }
        };
        let began = tokio::time::Instant::now();
        tokio::spawn(health.clone().keep_asking(ask));

        told.changed().await.unwrap();
        assert_eq!(health.ready(), Err(NotReady::Store(StoreFault::Timeout)));
        assert_eq!(asked.load(Ordering::Relaxed), 5, "the failure between two answers changed nothing");
        assert_eq!(began.elapsed(), EVERY + AGAIN + EVERY + AGAIN + PATIENCE);
        told.changed().await.unwrap();
        assert_eq!(health.ready(), Ok(()));
        assert_eq!(asked.load(Ordering::Relaxed), 7);
        // Others are in the way, three times; then it answers; and then it is silent again.
        let began = tokio::time::Instant::now();
        told.changed().await.unwrap();
        assert_eq!(health.ready(), Err(NotReady::Store(StoreFault::Timeout)));
        assert_eq!(began.elapsed(), EVERY + 3 * AGAIN + EVERY + PATIENCE + AGAIN + PATIENCE);
    }

    #[test]
    fn what_the_store_is_asked_for_has_a_name() {
        assert!(StateName::new(StateArea::Scratch, NOTHING).is_some());
    }

    #[test]
    fn the_reason_is_one_line() {
        assert_eq!(NotReady::Store(StoreFault::Unavailable).to_string(), "store: store_unavailable");
    }
}
