//! What of an artifact need not be asked for: it is in memory, or being read by others.

use std::ops::Range;
use std::sync::Arc;

use hallmark_signer::CheckId;

use super::admitted::Admitted;
use super::flight::Flight;
use super::kept::Kept;
use super::leaf::Leaf;
use super::leaves::leaves_of;

/// Leaves of one artifact, all of which were in memory, or were being read, a moment ago. The first one is certain.
pub(crate) struct AtHand {
    pub(super) first: Option<Leaf>,
    pub(super) flight: Option<Arc<Flight>>,
}

impl Kept {
    /// Whether these leaves under the seal `check` are in memory or being read.
    pub(crate) fn has_at_hand(&self, check: CheckId, leaves: &Range<u64>) -> bool {
        let flight = self.flights().find(&check);
        self.keeps(leaves) && self.are_at_hand(check, leaves, flight.as_ref())
    }

    fn are_at_hand(&self, check: CheckId, leaves: &Range<u64>, flight: Option<&Arc<Flight>>) -> bool {
        leaves
            .clone()
            .all(|index| self.has_leaf(check, index) || flight.is_some_and(|flight| flight.will_read(index)))
    }
}

impl Admitted {
    /// The leaves of `wanted` (within the artifact), if they need not be asked for.
    pub(crate) fn at_hand(&self, kept: &Kept, wanted: &Range<u64>) -> Option<AtHand> {
        let check = *self.seal()?.check_id();
        let leaves = leaves_of(wanted);
        if !kept.keeps(&leaves) {
            return None;
        }
        let flight = kept.flights().find(&check);
        if !kept.are_at_hand(check, &leaves, flight.as_ref()) {
            return None;
        }
        let flight = flight.filter(|flight| leaves.clone().any(|index| flight.will_read(index)));
        match kept.leaf(check, leaves.start) {
            None if flight.is_none() => None,
            first => Some(AtHand { first, flight }),
        }
    }
}
