//! Multipart uploads.

mod window;

pub use window::{Feed, Windows};
