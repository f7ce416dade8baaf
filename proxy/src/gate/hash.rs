//! Hashing uploads without holding up the other tasks of a thread.

use std::collections::VecDeque;

use bytes::Bytes;
use hallmark_signer::{Content, Md5Digest, UploadHasher};

use super::GateError;
use crate::s3::error::{Code, S3Error};

/// Up to so many bytes are hashed where they are; more go to a thread where waiting does not matter.
const INLINE: usize = 64 * 1024;

/// Hashes off the async threads.
pub(super) async fn hash(
    mut hasher: UploadHasher,
    pieces: VecDeque<Bytes>,
) -> Result<UploadHasher, GateError> {
    if pieces.is_empty() {
        return Ok(hasher);
    }
    let hashed = tokio::task::spawn_blocking(move || {
        pieces.iter().for_each(|piece| hasher.update(piece));
        hasher
    });
    hashed.await.map_err(|_| stopping())
}

/// Hashes a body that is all here; off the async threads if it is long.
pub(super) async fn hash_whole(bytes: Bytes) -> Result<(Content, Md5Digest), GateError> {
    let inline = bytes.len() <= INLINE;
    let hash = move || {
        let mut hasher = UploadHasher::exactly(bytes.len() as u64);
        hasher.update(&bytes);
        hasher.finish()
    };
    let hashed =
        if inline { hash() } else { tokio::task::spawn_blocking(hash).await.map_err(|_| stopping())? };
    hashed.map_err(|_| stopping())
}

/// The runtime is going down, or hashing panicked.
fn stopping() -> GateError {
    S3Error::new(Code::InternalError, "We encountered an internal error. Please try again.").into()
}
