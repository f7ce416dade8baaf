//! Things that may stand in a file once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::{Place, Read};

/// The things seen so far, each with where it stands.
pub(crate) struct Unique<T>(RefCell<BTreeMap<T, usize>>);

impl<T: Ord> Unique<T> {
    pub(crate) fn new() -> Self {
        Self(RefCell::default())
    }

    /// Reports `item` if it was seen before, naming the other line.
    pub(crate) fn admit(&self, place: &Place<'_>, item: T) -> Read<()> {
        let mut seen = self.0.borrow_mut();
        if let Some(offset) = seen.get(&item) {
            let line = place.at(*offset).line();
            return Err(place.problem(format_args!("the same as in line {line}; each may stand here once")));
        }
        seen.insert(item, place.offset);
        Ok(())
    }
}
