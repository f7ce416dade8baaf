//! Work on every object of a list: several at once, their results in the order of the list.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::command::failure::Failure;
use crate::command::listing::{Entry, Listing};

/// So many objects are at work, or wait for their turn or for the result of one before them.
const AHEAD: usize = 1000;
/// The most that work at once.
const MOST: usize = 64;

/// How many work at once: 1 to [`MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Jobs(NonZeroUsize);

impl FromStr for Jobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let jobs = text.parse().ok().filter(|jobs: &NonZeroUsize| jobs.get() <= MOST);
        jobs.map(Self).ok_or_else(|| format!("expected a number from 1 to {MOST}"))
    }
}

/// Does `work` on every object that `listing` names, and hands each result to `done`. How many objects there were.
pub(crate) async fn on_each<T, W>(
    mut listing: Listing<'_>,
    Jobs(jobs): Jobs,
    work: impl Fn(Entry) -> W,
    mut done: impl FnMut(Entry, T) -> Result<(), Failure>,
) -> Result<u64, Failure>
where
    T: Send + 'static,
    W: Future<Output = T> + Send + 'static,
{
    let turns = Arc::new(Semaphore::new(jobs.get()));
    let mut begun: VecDeque<(Entry, JoinHandle<Option<T>>)> = VecDeque::new();
    let (mut objects, mut more) = (0, true);
    loop {
        while more && begun.len() < AHEAD {
            let Some(entry) = listing.next().await? else {
                more = false;
                break;
            };
            objects += 1;
            let (turns, work) = (Arc::clone(&turns), work(entry.clone()));
            let task = async move {
                // Nobody closes it.
                let _turn = turns.acquire().await.ok()?;
                Some(work.await)
            };
            begun.push_back((entry, tokio::spawn(task)));
        }
        let Some((entry, handle)) = begun.pop_front() else { return Ok(objects) };
        let result = handle.await.ok().flatten();
        let result =
            result.ok_or_else(|| Failure::failed(format!("the work on {} ended", entry.location)))?;
        done(entry, result)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_bounded() {
        for (text, good) in [("1", true), ("64", true), ("0", false), ("65", false), ("x", false)] {
            assert_eq!(text.parse::<Jobs>().is_ok(), good, "{text}");
        }
    }
}
