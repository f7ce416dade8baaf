//! What goes with each variant of an enum, made when it is first needed: found by number, without a lock.

use std::sync::OnceLock;

/// One `T` for each number below a fixed one.
#[derive(Debug)]
pub(super) struct Slots<T>(Box<[OnceLock<T>]>);

impl<T> Slots<T> {
    pub(super) fn new(number: usize) -> Self {
        Self((0..number).map(|_| OnceLock::new()).collect())
    }

    /// The one of this number; `None`: the number is too high.
    pub(super) fn of(&self, number: usize, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get(number).map(|slot| slot.get_or_init(make))
    }
}
