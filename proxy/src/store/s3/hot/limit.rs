//! How many requests are made to the store at once, by both clients together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::store::{StoreError, StoreFault};

/// Who waited so long for others to finish is turned away.
pub(in crate::store::s3) const PATIENCE: Duration = Duration::from_secs(5);

/// Requests that may be made. Some are kept for short ones: a streamed upload ends only after a record was written, so if all
/// requests were streamed uploads, each would wait for another to end.
#[derive(Debug, Clone)]
pub(in crate::store::s3) struct Limit {
    all: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// How long a request may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::s3) enum Lasting {
    /// As long as the store takes to answer.
    Short,
    /// As long as somebody else sends or reads a body.
    Long,
}

/// The permission to make one request, until it is dropped.
#[derive(Debug)]
pub(in crate::store::s3) struct Permit {
    _one: OwnedSemaphorePermit,
    long: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// What is left to be done lasts no longer than the store does.
    pub(super) fn shorten(&mut self) {
        self.long = None;
    }
}

impl Limit {
    /// At most so many at once.
    pub(in crate::store::s3) fn new(requests: usize) -> Self {
        let requests = requests.clamp(1, Semaphore::MAX_PERMITS);
        let long = (requests - requests / 4).min(requests - 1).max(1);
        Self { all: Arc::new(Semaphore::new(requests)), long: Arc::new(Semaphore::new(long)) }
    }

    /// Waits for its turn.
    ///
    /// # Errors
    /// [`StoreFault::Busy`]: others took too long.
    pub(in crate::store::s3) async fn enter(&self, lasting: Lasting) -> Result<Permit, StoreError> {
        let turn = async {
            let long = match lasting {
                Lasting::Short => None,
                Lasting::Long => Some(self.long.clone().acquire_owned().await.ok()?),
            };
            Some(Permit { _one: self.all.clone().acquire_owned().await.ok()?, long })
        };
        timeout(PATIENCE, turn)
            .await
            .ok()
            .flatten()
            .ok_or_else(|| StoreError::new(StoreFault::Busy, "too many requests to the store at once"))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_turned_away() {
        let limit = Limit::new(2);
        let (_one, two) =
            (limit.enter(Lasting::Short).await.unwrap(), limit.enter(Lasting::Short).await.unwrap());
        let begun = Instant::now();
        assert_eq!(limit.enter(Lasting::Short).await.unwrap_err().fault, StoreFault::Busy);
        assert_eq!(begun.elapsed(), PATIENCE);
        drop(two);
        limit.enter(Lasting::Short).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn long_requests_leave_room_for_short_ones() {
        for requests in [2, 3, 4, 8, 256] {
            let limit = Limit::new(requests);
            let mut held = Vec::new();
            while let Ok(permit) = limit.enter(Lasting::Long).await {
                held.push(permit);
            }
            assert!(!held.is_empty() && held.len() < requests, "{requests}");
            limit.enter(Lasting::Short).await.unwrap();
            held.last_mut().unwrap().shorten();
            limit.enter(Lasting::Long).await.unwrap();
        }
    }
}
