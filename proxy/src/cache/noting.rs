//! A store whose changes are counted.

use std::sync::Arc;

use super::changes::Changes;
use crate::store::{Store, forward};

/// Counts every change of an object that goes through here, whatever came of it. All that the gate and the service do
/// goes through here, so that no change is forgotten.
pub(crate) struct Noting {
    store: Arc<dyn Store>,
    changes: Arc<Changes>,
}

impl Noting {
    /// Counts in `changes` what is done to `store`.
    pub(crate) fn new(store: Arc<dyn Store>, changes: Arc<Changes>) -> Self {
        Self { store, changes }
    }
}

macro_rules! noted {
    ($self:ident, $name:ident, changes[], $call:expr) => {
        $call.await
    };
    ($self:ident, DeleteMany, changes[$deletions:ident], $call:expr) => {{
        let _changing: Vec<_> = $deletions.iter().map(|(object, _)| $self.changes.begin(object)).collect();
        $call.await
    }};
    ($self:ident, $name:ident, changes[$object:ident], $call:expr) => {{
        let _changing = $self.changes.begin($object);
        $call.await
    }};
}

forward!(Noting, noted);
