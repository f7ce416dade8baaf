//! Where doubt ends: the only module that can look into what a store returned, and the only one that can make
//! bytes fit to be served.
//!
//! Stores wrap what they read in the `Unverified…` types, which give nothing away. The checks in this module turn
//! them into `Verified…` types, which nothing else can make and which are all that the server can send.

#[cfg(any(test, feature = "testing"))]
pub mod dissect;
mod unverified;

pub use unverified::{ByteStream, Unverified, UnverifiedHead, UnverifiedState};
