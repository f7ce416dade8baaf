//! How many requests are made to the store at once, by both clients together.
//!
//! **No circle of waiting.** Who holds a place may want another one, so places are of classes, and there is an order in which
//! they are taken: who holds one waits only for those that come after it.
//!
//! | class | what takes it | who holds it waits for, at most |
//! |---|---|---|
//! | `long` | a body that somebody else reads or sends, by who holds nothing | all below |
//! | `within` | a body that is sent while another one is read: a copy that passes through here | `beside`, short |
//! | `beside` | a body that is read while another one is under way: siblings, a leaf that is looked at again, the source of a copy that is opened anew | short |
//! | short | everything else: ends as soon as the store answers | nobody |
//! | `health` | the question whether the store is there | nobody |
//!
//! The places of `long`, `within` and `beside` together are fewer than all, so those who hold them cannot keep short ones
//! from being made; those of each are its own, so no class takes those of one that comes after it. Nobody wants a second
//! place of a class that it holds: a reader lets go of a body before it opens another, and siblings, which are read several
//! at once, are each read to their end by themselves. Memory comes before places, and is taken once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::store::purpose::{Purpose, purpose};
use crate::store::{StoreError, StoreFault};

/// Who waited so long for others to finish is turned away.
pub(in crate::store::s3) const PATIENCE: Duration = Duration::from_secs(5);

/// One place for each class.
const LEAST: usize = 5;

/// Requests that may be made.
#[derive(Debug, Clone)]
pub(in crate::store::s3) struct Limit {
    all: Arc<Semaphore>,
    long: Arc<Semaphore>,
    within: Arc<Semaphore>,
    beside: Arc<Semaphore>,
    health: Arc<Semaphore>,
}

/// How long a request may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::s3) enum Lasting {
    /// As long as the store takes to answer.
    Short,
    /// As long as somebody else reads its body.
    Read,
    /// As long as somebody else sends its body, or the store moves what is large.
    Write,
}

/// The permission to make one request, until it is dropped.
#[derive(Debug)]
pub(in crate::store::s3) struct Permit {
    _one: OwnedSemaphorePermit,
    _class: Option<OwnedSemaphorePermit>,
}

impl Limit {
    /// At most so many at once.
    pub(in crate::store::s3) fn new(requests: usize) -> Self {
        let requests = requests.clamp(LEAST, Semaphore::MAX_PERMITS);
        let few = (requests / 16).max(1);
        let all = requests - 1;
        // A quarter is kept for all others, and at least one.
        let long = (requests - requests / 4).min(all - 2 * few - 1);
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            all: places(all),
            long: places(long),
            within: places(few),
            beside: places(few),
            health: places(1),
        }
    }

    /// Waits for its turn.
    ///
    /// # Errors
    /// [`StoreFault::Busy`]: others took too long.
    pub(in crate::store::s3) async fn enter(&self, lasting: Lasting) -> Result<Permit, StoreError> {
        let (all, class) = match (purpose(), lasting) {
            (Purpose::Health, _) => (&self.health, None),
            (Purpose::Main | Purpose::Aside, Lasting::Short) => (&self.all, None),
            (Purpose::Main, Lasting::Read | Lasting::Write) => (&self.all, Some(&self.long)),
            (Purpose::Aside, Lasting::Write) => (&self.all, Some(&self.within)),
            (Purpose::Aside, Lasting::Read) => (&self.all, Some(&self.beside)),
        };
        let turn = async {
            let class = match class {
                None => None,
                Some(class) => Some(class.clone().acquire_owned().await.ok()?),
            };
            Some(Permit { _one: all.clone().acquire_owned().await.ok()?, _class: class })
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
    use crate::store::purpose::{aside, for_health};

    /// Takes all places that can be had.
    async fn fill(limit: &Limit, lasting: Lasting) -> Vec<Permit> {
        let mut held = Vec::new();
        while let Ok(permit) = limit.enter(lasting).await {
            held.push(permit);
        }
        held
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_turned_away() {
        let limit = Limit::new(5);
        let mut held = fill(&limit, Lasting::Short).await;
        assert_eq!(held.len(), 4, "and one for who asks how the store is");
        let begun = Instant::now();
        assert_eq!(limit.enter(Lasting::Short).await.unwrap_err().fault, StoreFault::Busy);
        assert_eq!(begun.elapsed(), PATIENCE);
        held.pop();
        limit.enter(Lasting::Short).await.unwrap();
    }

    /// However many hold places of a class, what comes after it in the order gets one.
    #[tokio::test(start_paused = true)]
    async fn no_class_takes_the_places_of_those_that_come_after_it() {
        for requests in [1, 5, 6, 8, 16, 64, 256] {
            let limit = Limit::new(requests);
            let long = fill(&limit, Lasting::Read).await;
            let within = aside(fill(&limit, Lasting::Write)).await;
            let beside = aside(fill(&limit, Lasting::Read)).await;
            let held = long.len() + within.len() + beside.len();
            assert!(!long.is_empty() && !within.is_empty() && !beside.is_empty(), "{requests}");
            let short = fill(&limit, Lasting::Short).await;
            assert!(!short.is_empty(), "{requests}");
            assert_eq!(held + short.len(), requests.max(5) - 1);
            for_health(limit.enter(Lasting::Read)).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn how_the_store_is_can_be_asked_however_much_else_is() {
        let limit = Limit::new(8);
        let _held = fill(&limit, Lasting::Short).await;
        let one = for_health(limit.enter(Lasting::Short)).await.unwrap();
        for_health(limit.enter(Lasting::Short)).await.unwrap_err();
        drop(one);
        for_health(limit.enter(Lasting::Short)).await.unwrap();
    }
}
