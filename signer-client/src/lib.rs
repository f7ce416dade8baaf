//! What a seal is and how it is made, read and verified. Knows nothing of servers and stores.

mod blob;
mod content;
mod digest;
mod headers;
mod text;
pub mod tree;
pub use blob::{BlobDigest, BlobHasher, LooksLikeDsse};
pub use content::{Content, ContentHasher, UploadHasher, WrongLength};
pub use digest::{Md5Digest, Sha256Digest};
pub use headers::{CONTENT_HEADERS, HeaderError, METADATA_PREFIX, SealedHeaders};
pub use text::TextError;
pub use tree::{LEAF_SIZE, LeafHash, LeafHasher, PAGE_LEAVES, PageRoot, TreeRoot};
