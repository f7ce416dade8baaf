//! Where doubt ends: the only module that can look into what a store returned, and the only one that can make bytes
//! fit to be served.
//!
//! ```text
//! Store::get ── Unverified ──▶ Prover::prove ── Artifact ──▶ admit ── Admitted ──▶ LeafReader ── Released ──▶ Outgoing
//!               (opaque)       seal verified               policy passed           digest matched        (to hyper)
//! ```
//!
//! Each arrow is the only way to make the next type: their fields are private and nothing else constructs them. So a
//! byte that no check covered cannot reach a client without this module being changed.
//!
//! What went that way is kept in memory for those who come next ([`Kept`]): leaves that matched, and what they were
//! checked against. It comes out only with a seal that was verified and a policy that was asked for this very request.
//!
//! What a store returned cannot be read:
//! ```compile_fail
//! # use hallmark_proxy::proof::Unverified;
//! fn leak(found: Unverified) -> impl Sized {
//!     found.body
//! }
//! ```
//! but it can be passed on:
//! ```
//! # use hallmark_proxy::proof::Unverified;
//! fn pass(found: Unverified) -> impl Sized {
//!     found
//! }
//! ```

mod admitted;
mod artifact;
mod at_hand;
mod carried;
mod certificates;
mod cursor;
mod disbelieved;
#[cfg(any(test, feature = "testing"))]
pub mod dissect;
mod fault;
mod flight;
mod kept;
mod leaf;
mod leaves;
mod marks;
mod outgoing;
mod reader;
mod record;
mod released;
mod secret;
mod small;
mod staged;
mod state;
mod suspects;
mod unverified;

pub use admitted::{Admitted, Reader};
pub use artifact::{Artifact, Proven, Prover, Unsealed};
pub use carried::Carried;
pub(crate) use certificates::write as write_certificate;
pub(crate) use disbelieved::{Disbelieved, Examined, Seen};
pub use fault::{ArtifactFault, ProofError};
pub use kept::Kept;
pub(crate) use kept::{Asked, Sighting};
pub use leaves::Leaves;
pub(crate) use leaves::{leaves_of, widen};
pub use outgoing::Outgoing;
pub use reader::LeafReader;
pub(crate) use reader::{Origin, READING, Reading};
pub(crate) use record::name as record_name;
pub use released::{Release, Released};
#[cfg(test)]
pub(crate) use secret::tests::keys as test_keys;
pub use secret::{Purpose, StateKeys, TAG_BYTES, Tag};
pub(crate) use staged::{HashOnly, Staged};
pub use state::authenticated;
pub use suspects::Suspects;
pub use unverified::{ByteStream, Unverified, UnverifiedBody, UnverifiedHead, UnverifiedState};
