//! Hashing uploads without holding up the other tasks of a thread.

use bytes::Bytes;
use hallmark_signer::{Content, ContentHasher, LeavesHasher, Md5Digest, Md5Hasher, Sha256Digest};
use sha2::{Digest, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};

use super::upload::incomplete;
use super::{GateError, Incoming};
use crate::s3::error::S3Error;
use crate::s3::payload::Payload;

/// Up to so many bytes are hashed where they are; more go to threads where waiting does not matter.
const INLINE: usize = 64 * 1024;

/// Hashes an upload batch by batch: SHA-256 on one thread, MD5 on another, while the next batch is on its way.
pub(super) struct Hashing {
    content: Stage<ContentHasher>,
    md5: Stage<Md5Hasher>,
}

/// Hashes a part of an upload in the same way: its leaves, and SHA-256 of all of it only where somebody needs that. The
/// digest of the whole is for whoever joins the parts.
pub(super) struct PartHashing {
    leaves: Stage<LeavesHasher>,
    sha256: Option<Stage<Sha256>>,
    md5: Stage<Md5Hasher>,
}

/// What a part is.
pub(super) struct PartHashes {
    /// Its leaves, and so the root of the tree over them.
    pub(super) leaves: LeavesHasher,
    /// SHA-256 of all of it, if that was asked for.
    pub(super) sha256: Option<Sha256Digest>,
    /// MD5 of all of it.
    pub(super) md5: Md5Digest,
}

/// A hasher, and the batch that it is at.
enum Stage<H> {
    Idle(H),
    Busy(JoinHandle<H>),
}

impl Hashing {
    /// For an upload of exactly `length` bytes.
    pub(super) fn exactly(length: u64) -> Self {
        Self { content: Stage::Idle(ContentHasher::exactly(length)), md5: Stage::Idle(Md5Hasher::default()) }
    }

    /// For an upload whose length is not known before its end.
    pub(super) fn of_unknown_length() -> Self {
        Self {
            content: Stage::Idle(ContentHasher::of_unknown_length()),
            md5: Stage::Idle(Md5Hasher::default()),
        }
    }

    /// Begins to hash the next batch once the one before is done: so at most one waits in here.
    pub(super) async fn update(self, batch: impl IntoIterator<Item = Bytes>) -> Result<Self, GateError> {
        let batch: Vec<Bytes> = batch.into_iter().collect();
        let (content, md5) = tokio::try_join!(
            self.content.next(batch.clone(), ContentHasher::update),
            self.md5.next(batch, Md5Hasher::update)
        )?;
        Ok(Self { content, md5 })
    }

    /// What all batches together are.
    pub(super) async fn finish(self) -> Result<(Content, Md5Digest), GateError> {
        let (content, md5) = tokio::try_join!(self.content.idle(), self.md5.idle())?;
        Ok((content.finish().map_err(|_| incomplete())?, md5.finish()))
    }
}

impl PartHashing {
    /// For a part whose sender may have declared its SHA-256.
    pub(super) fn of<B>(payload: &Payload<B>) -> Self
    where
        B: Incoming,
    {
        Self {
            leaves: Stage::Idle(LeavesHasher::default()),
            sha256: payload.needs_sha256().then(|| Stage::Idle(Sha256::new())),
            md5: Stage::Idle(Md5Hasher::default()),
        }
    }

    /// As [`Hashing::update`].
    pub(super) async fn update(self, batch: impl IntoIterator<Item = Bytes>) -> Result<Self, GateError> {
        let batch: Vec<Bytes> = batch.into_iter().collect();
        let sha256 = async {
            match self.sha256 {
                Some(stage) => {
                    stage.next(batch.clone(), |hasher, bytes| hasher.update(bytes)).await.map(Some)
                }
                None => Ok(None),
            }
        };
        let (leaves, sha256, md5) = tokio::try_join!(
            self.leaves.next(batch.clone(), LeavesHasher::update),
            sha256,
            self.md5.next(batch.clone(), Md5Hasher::update)
        )?;
        Ok(Self { leaves, sha256, md5 })
    }

    /// What all batches together are.
    pub(super) async fn finish(self) -> Result<PartHashes, GateError> {
        let (leaves, md5) = tokio::try_join!(self.leaves.idle(), self.md5.idle())?;
        let sha256 = match self.sha256 {
            Some(stage) => Some(Sha256Digest::new(stage.idle().await?.finalize().into())),
            None => None,
        };
        Ok(PartHashes { leaves, sha256, md5: md5.finish() })
    }
}

impl<H: Send + 'static> Stage<H> {
    async fn idle(self) -> Result<H, GateError> {
        match self {
            Self::Idle(hasher) => Ok(hasher),
            Self::Busy(hashed) => hashed.await.map_err(|_| stopping()),
        }
    }

    async fn next(self, batch: Vec<Bytes>, update: fn(&mut H, &[u8])) -> Result<Self, GateError> {
        let mut hasher = self.idle().await?;
        if batch.iter().map(Bytes::len).sum::<usize>() <= INLINE {
            batch.iter().for_each(|piece| update(&mut hasher, piece));
            return Ok(Self::Idle(hasher));
        }
        Ok(Self::Busy(spawn_blocking(move || {
            batch.iter().for_each(|piece| update(&mut hasher, piece));
            hasher
        })))
    }
}

/// Hashes a body that is all here.
pub(super) async fn hash_whole(bytes: Bytes) -> Result<(Content, Md5Digest), GateError> {
    Hashing::exactly(bytes.len() as u64).update([bytes]).await?.finish().await
}

/// The runtime is going down, or hashing panicked.
fn stopping() -> GateError {
    S3Error::internal().into()
}

#[cfg(test)]
mod tests {
    use hallmark_signer::{LEAF_SIZE, LeafHash, UploadHasher, tree};
    use http::HeaderMap;
    use http_body_util::Empty;

    use super::*;
    use crate::s3::auth::PayloadClaim;

    #[tokio::test]
    async fn batches_on_threads_give_what_one_pass_gives() {
        let bytes = Bytes::from((0..2_500_000u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
        let length = bytes.len() as u64;
        let mut one_pass = UploadHasher::exactly(length);
        one_pass.update(&bytes);
        let expected = one_pass.finish().unwrap();
        for batch in [700, 1_000_001, bytes.len()] {
            let mut hashing = Hashing::exactly(length);
            for start in (0..bytes.len()).step_by(batch) {
                let batch = bytes.slice(start..bytes.len().min(start + batch));
                // An empty batch, and one of several pieces, are batches too.
                let (left, right) = (batch.slice(..batch.len() / 3), batch.slice(batch.len() / 3..));
                hashing = hashing.update([]).await.unwrap().update([left, right]).await.unwrap();
            }
            assert!(hashing.finish().await.unwrap() == expected, "in batches of {batch}");
        }
        assert!(hash_whole(bytes.clone()).await.unwrap() == expected);
        assert!(Hashing::exactly(length).update([bytes.slice(1..)]).await.unwrap().finish().await.is_err());
    }

    #[tokio::test]
    async fn parts_have_the_digests_of_their_bytes() {
        let bytes = Bytes::from((0..2_500_000u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
        for length in [0, 1, INLINE, LEAF_SIZE as usize, bytes.len()] {
            for claim in [PayloadClaim::Unsigned, PayloadClaim::Digest(Sha256Digest::of(b""))] {
                let bytes = bytes.slice(..length);
                let needed = matches!(claim, PayloadClaim::Digest(_));
                let payload = Payload::new(Empty::<Bytes>::new(), claim, &HeaderMap::new()).unwrap();
                let (left, right) = (bytes.slice(..length / 3), bytes.slice(length / 3..));
                let hashing = PartHashing::of(&payload).update([left]).await.unwrap();
                let found = hashing.update([right]).await.unwrap().finish().await.unwrap();
                let leaves: Vec<_> = bytes.chunks(LEAF_SIZE as usize).map(LeafHash::of).collect();
                assert_eq!(found.leaves.root(), tree::root(&leaves));
                assert_eq!(found.sha256, needed.then(|| Sha256Digest::of(&bytes)));
                assert_eq!(found.md5, Md5Digest::of(&bytes));
            }
        }
    }
}
