//! What the store is asked for, counted.

use std::sync::Arc;

use super::{GetError, PutError, Store, StoreError, StoreFault, forward};
use crate::metrics::{Metrics, StoreCall, StoreOutcome};

/// A store whose calls are counted: how many, how they ended, how long they took. It changes nothing about them.
pub struct Metered {
    store: Arc<dyn Store>,
    metrics: Metrics,
}

impl Metered {
    /// Counts the calls of `store`.
    pub fn new(store: Arc<dyn Store>, metrics: Metrics) -> Self {
        Self { store, metrics }
    }

    async fn measured<T, E: Failure>(
        &self,
        call: StoreCall,
        answer: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let call = self.metrics.store().begin(call);
        let answer = answer.await;
        call.ended(of(&answer));
        answer
    }
}

/// What kind of outcome an error is.
trait Failure {
    fn outcome(&self) -> StoreOutcome;
}

fn of<T, E: Failure>(answer: &Result<T, E>) -> StoreOutcome {
    answer.as_ref().err().map_or(StoreOutcome::Ok, Failure::outcome)
}

impl Failure for StoreError {
    fn outcome(&self) -> StoreOutcome {
        match self.fault {
            StoreFault::Timeout => StoreOutcome::Timeout,
            StoreFault::Unavailable => StoreOutcome::Unavailable,
            StoreFault::Busy => StoreOutcome::Busy,
            StoreFault::Protocol => StoreOutcome::Protocol,
            StoreFault::Corrupt => StoreOutcome::Corrupt,
        }
    }
}

impl Failure for GetError {
    fn outcome(&self) -> StoreOutcome {
        match self {
            Self::NoSuchBucket
            | Self::NoSuchKey
            | Self::NoSuchVersion
            | Self::DeleteMarker(_)
            | Self::NoSuchStage => StoreOutcome::Absent,
            Self::OutOfRange | Self::Changed => StoreOutcome::Refused,
            Self::Store(error) => error.outcome(),
        }
    }
}

impl Failure for PutError {
    fn outcome(&self) -> StoreOutcome {
        match self {
            Self::NoSuchBucket | Self::NoSuchKey | Self::NoSuchVersion | Self::NoSuchStage => {
                StoreOutcome::Absent
            }
            Self::Locked
            | Self::NoObjectLock
            | Self::SourceChanged
            | Self::NoSuchPart(_)
            | Self::GuardFailed
            | Self::Conflict
            | Self::Incomplete => StoreOutcome::Refused,
            Self::NotStored(error) => error.outcome(),
            Self::Unknown(_) => StoreOutcome::Unknown,
            Self::Unsupported(_) => StoreOutcome::Unsupported,
        }
    }
}

macro_rules! measured {
    // Goes on for hours, at its own pace.
    ($self:ident, Sweep, $changes:ident $changed:tt, $call:expr) => {
        $call.await
    };
    ($self:ident, DeleteMany, $changes:ident $changed:tt, $call:expr) => {{
        let call = $self.metrics.store().begin(StoreCall::DeleteMany);
        let deleted = $call.await;
        // Each has an outcome of its own; it is the store's that counts.
        let failed = deleted
            .iter()
            .map(of)
            .find(|outcome| !matches!(outcome, StoreOutcome::Ok | StoreOutcome::Refused));
        call.ended(failed.unwrap_or(StoreOutcome::Ok));
        deleted
    }};
    ($self:ident, $name:ident, $changes:ident $changed:tt, $call:expr) => {
        $self.measured(StoreCall::$name, $call).await
    };
}

forward!(Metered, measured);
