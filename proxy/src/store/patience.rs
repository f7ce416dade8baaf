//! No wait for a store is without end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{GetError, PutError, Store, StoreError, StoreFault, forward};

/// How long a store may take to answer, or to send the next piece of a body.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// How long a store may take for a step where it joins, copies or removes what can be large. Elsewhere these are several
/// requests, each of which is waited for by itself, and each that is done is a [step](step): to copy 5 TiB takes thousands.
pub(crate) const LARGE: Duration = Duration::from_secs(10 * 60);

tokio::task_local! {
    /// The steps that were made in what is waited for.
    static STEPS: Arc<AtomicU64>;
}

/// Something that takes long got on.
pub(super) fn step() {
    // Nobody may be waiting like that.
    let _ = STEPS.try_with(|steps| steps.fetch_add(1, Ordering::Relaxed));
}

/// A store whose answers are waited for, but not for ever.
///
/// `put` and `stage_part` are not among them: they last as long as the client sends, who has limits of its own; what comes after that
/// is waited for by [`committed`]. The bytes of a `get` are
/// waited for by whoever reads them ([`crate::proof::LeafReader`]).
pub struct Patience {
    store: Arc<dyn Store>,
}

impl Patience {
    /// Waits for `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

/// Waits for the end of a `put` whose body has been handed over, commit and all.
///
/// # Errors
/// What the store says, or [`PutError::Unknown`] if it says nothing.
pub async fn committed<T>(put: impl Future<Output = Result<T, PutError>> + Send) -> Result<T, PutError> {
    within(ANSWER, put).await
}

async fn within<T, E: From<Late>>(
    time: Duration,
    answer: impl Future<Output = Result<T, E>> + Send,
) -> Result<T, E> {
    tokio::time::timeout(time, answer).await.unwrap_or_else(|_| Err(Late(time).into()))
}

/// Waits as long as steps are made, each within this time.
async fn step_by_step<T, E: From<Late>>(
    time: Duration,
    answer: impl Future<Output = Result<T, E>> + Send,
) -> Result<T, E> {
    let steps = Arc::new(AtomicU64::new(0));
    let mut answer = pin!(STEPS.scope(steps.clone(), answer));
    loop {
        let before = steps.load(Ordering::Relaxed);
        match tokio::time::timeout(time, answer.as_mut()).await {
            Ok(answer) => return answer,
            Err(_) if steps.load(Ordering::Relaxed) != before => {}
            Err(_) => return Err(Late(time).into()),
        }
    }
}

/// The store did not answer in this time.
struct Late(Duration);

impl From<Late> for StoreError {
    fn from(Late(time): Late) -> Self {
        Self::new(StoreFault::Timeout, format!("no answer within {time:?}"))
    }
}

impl From<Late> for GetError {
    fn from(late: Late) -> Self {
        Self::Store(late.into())
    }
}

impl From<Late> for PutError {
    /// It may have been done all the same.
    fn from(late: Late) -> Self {
        Self::Unknown(late.into())
    }
}

macro_rules! awaited {
    // See above; and nobody waits for a sweep.
    ($self:ident, Put, $changes:ident $changed:tt, $call:expr) => {
        $call.await
    };
    ($self:ident, StagePart, $changes:ident $changed:tt, $call:expr) => {
        $call.await
    };
    ($self:ident, Sweep, $changes:ident $changed:tt, $call:expr) => {
        $call.await
    };
    // What may take as long as there are bytes.
    ($self:ident, Copy, $changes:ident $changed:tt, $call:expr) => {
        step_by_step(LARGE, $call).await
    };
    ($self:ident, StageClose, $changes:ident $changed:tt, $call:expr) => {
        step_by_step(LARGE, $call).await
    };
    ($self:ident, Promote, $changes:ident $changed:tt, $call:expr) => {
        step_by_step(LARGE, $call).await
    };
    ($self:ident, StageDrop, $changes:ident $changed:tt, $call:expr) => {
        step_by_step(LARGE, $call).await
    };
    ($self:ident, DeleteMany, changes[$deletions:ident], $call:expr) => {{
        let late = |_| $deletions.iter().map(|_| Err(Late(ANSWER).into())).collect();
        // Where the store takes them one by one only, each is a step.
        step_by_step(ANSWER, async { Ok::<_, StoreError>($call.await) }).await.unwrap_or_else(late)
    }};
    ($self:ident, $other:ident, $changes:ident $changed:tt, $call:expr) => {
        within(ANSWER, $call).await
    };
}

forward!(Patience, awaited);

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_gets_on_may_take_long_and_what_does_not_may_not() {
        let copying = async {
            for _ in 0..1000 {
                sleep(LARGE - Duration::from_secs(1)).await;
                step();
            }
            Ok::<_, PutError>(())
        };
        step_by_step(LARGE, copying).await.unwrap();
        let begun = Instant::now();
        let stuck = async {
            step();
            std::future::pending::<Result<(), PutError>>().await
        };
        let error = step_by_step(LARGE, stuck).await.unwrap_err();
        assert!(matches!(error, PutError::Unknown(error) if error.fault == StoreFault::Timeout));
        assert_eq!(begun.elapsed(), LARGE * 2);
    }
}
