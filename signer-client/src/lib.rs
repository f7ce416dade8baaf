//! What a seal is and how it is made, read and verified. Knows nothing of servers and stores.

mod digest;
mod headers;

pub use digest::Sha256Digest;
pub use headers::{CONTENT_HEADERS, HeaderError, METADATA_PREFIX, SealedHeaders};
