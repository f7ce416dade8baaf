//! Which of two sends of the same part counts.
//!
//! The store keeps the one that it committed last; of their records the later one counts. These must be the same send,
//! so on one instance the two steps of a part are done without those of another send of it in between. What takes time, the
//! bodies, they receive side by side. Through two instances at the same moment the steps may cross: then the record does
//! not fit what the store has, completing the upload fails with `InvalidPart`, and the part has to be sent again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use crate::gate::Exhausted;
use crate::store::{ANSWER, PartNumber};

type Part = ([u8; 16], PartNumber);

/// The parts that are being committed by this process.
#[derive(Debug, Default)]
pub(in crate::gate) struct Commits(Mutex<HashMap<Part, Weak<tokio::sync::Mutex<()>>>>);

/// The right to commit a part, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _held: OwnedMutexGuard<()>,
}

impl Commits {
    /// Waits until no other send of this part is being committed.
    ///
    /// # Errors
    /// That takes longer than the store may take to answer.
    pub(super) async fn turn(&self, upload: &[u8; 16], number: PartNumber) -> Result<Turn, Exhausted> {
        let lock = self.lock_of((*upload, number));
        let held = timeout(ANSWER, lock.lock_owned()).await.map_err(|_| Exhausted)?;
        Ok(Turn { _held: held })
    }

    fn lock_of(&self, part: Part) -> Arc<tokio::sync::Mutex<()>> {
        // A poisoned map is still a map of locks.
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&part).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(part, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sends_of_one_part_take_turns_and_nobody_waits_without_end() {
        let commits = Commits::default();
        let number = |n| PartNumber::new(n).unwrap();
        let first = commits.turn(&[1; 16], number(1)).await.unwrap();
        let _another_part = commits.turn(&[1; 16], number(2)).await.unwrap();
        let _another_upload = commits.turn(&[2; 16], number(1)).await.unwrap();
        assert_eq!(commits.turn(&[1; 16], number(1)).await.unwrap_err(), Exhausted);
        drop(first);
        commits.turn(&[1; 16], number(1)).await.unwrap();
        assert!(commits.0.lock().unwrap().len() <= 3, "what is over is forgotten");
    }
}
