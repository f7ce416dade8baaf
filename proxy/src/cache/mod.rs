//! What caches are made of. What may be kept in them, and how it is found again, is for [`crate::proof`] to say: see
//! [`Kept`](crate::proof::Kept).

mod bounded;
mod changes;
mod noting;

pub use bounded::CacheStats;
pub(crate) use bounded::{Bounded, Keep};
pub(crate) use changes::{Changes, Count};
pub(crate) use noting::Noting;
