//! What a seal says, and which of it goes together.

use crate::content::Content;
use crate::digest::Sha256Digest;
use crate::seal::fields::{By, Op, SealId, SealedEtag};
use crate::tree::{self, LEAF_SIZE, LeafHash, TreeRoot};

/// The largest artifact whose seal stands on the object with all of its leaf hashes, bytes.
pub const MAX_INLINE: u64 = 1 << 23;

/// The largest number in a seal. Above it, JSON tools that know only floating point numbers would read another one.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// What a seal says, but for what is observed (realm, bucket, key, headers) and for the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The seal's name.
    pub id: SealId,
    /// The kind of operation.
    pub op: Op,
    /// When, milliseconds since 1970 (UTC), at most 2^53 - 1.
    pub at: u64,
    /// Who.
    pub by: By,
    /// A copy's source; `Some` iff `op` is [`Op::Copy`].
    pub src: Option<SealId>,
    /// Length and digests.
    pub content: ContentDigests,
    /// SHA-256 of the table of parts in the record.
    pub parts: Option<Sha256Digest>,
    /// The ETag.
    pub etag: SealedEtag,
}

/// Claims that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Length or time over [`MAX_NUMBER`].
    #[error("a number is over 2^53 - 1")]
    Number,
    /// `tree` without need, or missing.
    #[error("`tree` must be present iff the artifact is longer than 2^20 bytes")]
    Tree,
    /// `leaves` without need, missing, or of another number.
    #[error(
        "`leaves` must hold one hash for each leaf iff the artifact is longer than 2^20 and at most 2^23 bytes"
    )]
    Leaves,
    /// The tree over `leaves` has another root.
    #[error("`tree` is not the root over `leaves`")]
    Root,
    /// `src` without a copy, or a copy without.
    #[error("`src` must be present iff the operation is a copy")]
    Source,
    /// An ETag of the other kind.
    #[error("`put` has an ETag without, `mpu` one with a number of parts")]
    Etag,
    /// `parts` where there can be no table of parts.
    #[error("`parts` needs a multipart ETag and an artifact of more than 2^23 bytes")]
    Parts,
}

impl Claims {
    /// Checks what goes together:
    ///
    /// - `src` is present iff the operation is a copy.
    /// - A `put` was one upload, its ETag is an MD5; an `mpu` has an ETag with a number of parts. The others may keep
    ///   the ETag of what they took over, of either kind.
    /// - `parts` is the digest of a table in the record of an artifact that came in parts: so there is a record (more
    ///   than 2^23 bytes) and the ETag has a number of parts. It may be missing, where nothing is known of the parts.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(crate) fn check(&self) -> Result<(), ClaimsError> {
        if self.at > MAX_NUMBER {
            return Err(ClaimsError::Number);
        }
        if self.src.is_some() != (self.op == Op::Copy) {
            return Err(ClaimsError::Source);
        }
        let multipart = self.etag.parts().is_some();
        let etag_fits = match self.op {
            Op::Put => !multipart,
            Op::Mpu => multipart,
            Op::Copy | Op::Adopt | Op::Reseal => true,
        };
        if !etag_fits {
            return Err(ClaimsError::Etag);
        }
        if self.parts.is_some() && !(multipart && self.content.size() > MAX_INLINE) {
            return Err(ClaimsError::Parts);
        }
        Ok(())
    }
}

/// The length of an artifact and the digests of its bytes.
///
/// Invariants: the size is at most 2^53 - 1; `tree` is present iff the size is over 2^20; `leaves` holds the hash of
/// each leaf iff the size is over 2^20 and at most 2^23, and `tree` is the root over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDigests {
    size: u64,
    sha256: Sha256Digest,
    tree: Option<TreeRoot>,
    leaves: Vec<LeafHash>,
}

impl ContentDigests {
    /// Checks the invariants.
    ///
    /// # Errors
    /// The first one that does not hold.
    pub fn new(
        size: u64,
        sha256: Sha256Digest,
        tree: Option<TreeRoot>,
        leaves: Vec<LeafHash>,
    ) -> Result<Self, ClaimsError> {
        if size > MAX_NUMBER {
            return Err(ClaimsError::Number);
        }
        if tree.is_some() != (size > LEAF_SIZE) {
            return Err(ClaimsError::Tree);
        }
        let inline = if size > LEAF_SIZE && size <= MAX_INLINE { tree::leaf_count(size) } else { 0 };
        if leaves.len() as u64 != inline {
            return Err(ClaimsError::Leaves);
        }
        if inline > 0 && tree != Some(tree::root(&leaves)) {
            return Err(ClaimsError::Root);
        }
        Ok(Self { size, sha256, tree, leaves })
    }

    /// Of content that was hashed here.
    ///
    /// # Errors
    /// It is longer than 2^53 - 1 bytes.
    pub fn of(content: &Content) -> Result<Self, ClaimsError> {
        let leaves = if content.size() <= MAX_INLINE { content.leaves().to_vec() } else { Vec::new() };
        Self::new(content.size(), *content.sha256(), content.tree().copied(), leaves)
    }

    /// The length, bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of all bytes.
    pub fn sha256(&self) -> &Sha256Digest {
        &self.sha256
    }

    /// The root of the tree over the leaves.
    pub fn tree(&self) -> Option<&TreeRoot> {
        self.tree.as_ref()
    }

    /// The leaf hashes where they stand in the seal, else none.
    pub fn leaves(&self) -> &[LeafHash] {
        &self.leaves
    }
}
