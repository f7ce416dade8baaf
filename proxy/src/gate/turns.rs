//! Turns at work of which only so much is done at once, whoever asks for it.

use tokio::task::spawn_blocking;

use super::GateError;
use super::budget::{Budget, Exhausted, Reservation};
use super::upload::internal;

/// What one turn takes of a budget that counts nothing but turns.
const ONE: u64 = 1024;

/// So many turns, of which one client has a quarter at most. Nobody waits for more than the 5 seconds that one waits for
/// memory.
pub(crate) struct Turns(Budget);

/// One turn, until it is dropped.
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not read")] Reservation);

impl Turns {
    /// `count` at once: four, or some times that.
    pub(crate) fn new(count: u32) -> Self {
        // From four clients on, each has a quarter of a budget.
        Self(Budget::new(u64::from(count) * ONE, 4))
    }

    /// `client`'s turn. Who has one waits for no other.
    ///
    /// # Errors
    /// [`Exhausted`] after 5 seconds.
    pub(crate) async fn turn(&self, client: &str) -> Result<Turn, Exhausted> {
        self.0.reserve(client, ONE).await.map(Turn)
    }
}

impl Turn {
    /// What `work` comes to, done in this turn and on a thread for what takes long: the turn is held until it is done,
    /// whether or not somebody still waits for it.
    ///
    /// # Errors
    /// It panicked.
    pub(crate) async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, GateError> {
        let done = spawn_blocking(move || {
            let _turn = self;
            work()
        });
        done.await.map_err(|_| internal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_client_has_all_turns_and_nobody_waits_for_long() {
        let turns = Turns::new(16);
        let mut held = Vec::new();
        for client in ["a", "b", "c", "d"] {
            for _ in 0..4 {
                held.push(turns.turn(client).await.unwrap());
            }
            // There is room, but not for this one.
            assert_eq!(turns.turn(client).await.err(), Some(Exhausted));
        }
        assert_eq!(turns.turn("e").await.err(), Some(Exhausted));
        held.pop();
        turns.turn("e").await.unwrap();
    }
}
