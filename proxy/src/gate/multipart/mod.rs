//! Multipart uploads.

mod id;
mod marker;
mod names;
mod part;
mod readback;
#[cfg(test)]
mod testing;
mod window;

pub use id::UploadId;
pub use marker::Marker;
pub use part::{PartContent, PartRecord, SourceId};
pub use window::{Feed, Windows};
