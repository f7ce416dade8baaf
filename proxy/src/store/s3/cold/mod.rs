//! Everything that is not hot, by aws-sdk-s3.
//!
//! | | |
//! |---|---|
//! | `lists`, `versions` | listings: `walk` makes a page of ours of the store's, `frame` holds each to what was asked for, `text` and `order` read it |
//! | `buckets` | what buckets there are, and which are ours |
//! | `deletions` | many at once |
//! | `versioning`, `lock`, `tags` | governance |
//! | `error`, `reason` | from the SDK's errors to ours |
//! | `wire`, `bound`, `counted` | what happens to requests and answers on their way |

mod bound;
mod buckets;
mod counted;
mod deletions;
pub(super) mod error;
mod frame;
mod lists;
mod lock;
mod order;
pub(super) mod reason;
mod retry;
mod tags;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod versioning;
mod versions;
mod walk;
mod wire;

pub(super) use buckets::Births;
pub(super) use counted::Counted;
pub(super) use retry::TooManyRequests;
pub(super) use text::Encoding;
pub(super) use wire::{BoundedAnswers, Legible};
