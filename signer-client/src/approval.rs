//! What somebody may approve of: an artifact whose bytes, or whose seal, were verified by whoever is about to sign.

use serde_json::json;

use crate::blob::{BlobDigest, LooksLikeDsse};
use crate::content::Content;
use crate::digest::Sha256Digest;
use crate::evidence::{APPROVAL, NewStatement, NewStatementError};
use crate::seal::{BucketError, Seal};

/// An artifact that was verified, and so may be approved of: the digest that is signed is that of bytes which were read
/// here, or of a seal which was verified here.
///
/// ```
/// use hallmark_signer::{Approvable, BlobKey, Seal, Signature};
/// fn approve(seal: &Seal, key: &BlobKey) -> Signature {
///     key.sign(Approvable::sealed(seal).blob())
/// }
/// ```
///
/// What an endpoint says, or a digest of unknown origin, does not make one:
///
/// ```compile_fail
/// use hallmark_signer::{Approvable, SealLine};
/// fn approve(line: &SealLine) -> Approvable {
///     Approvable::sealed(line)
/// }
/// ```
///
/// ```compile_fail
/// use hallmark_signer::{Approvable, Sha256Digest};
/// fn approve(told: Sha256Digest) -> Approvable {
///     Approvable { name: "releases/app.tar".into(), size: 1, blob: told }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvable {
    name: Box<str>,
    size: u64,
    blob: BlobDigest,
}

/// Bytes that are not to be approved of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotApprovable {
    /// They pass for a DSSE statement.
    #[error(transparent)]
    LooksLikeDsse(#[from] LooksLikeDsse),
    /// No artifact has such a name.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

impl Approvable {
    /// What a verified seal is about.
    pub fn sealed(seal: &Seal) -> Self {
        let at = seal.observed();
        let name = format!("{}/{}", at.bucket, at.key).into();
        Self { name, size: seal.size(), blob: BlobDigest::sealed(seal) }
    }

    /// Content that was read from its first byte to its last, and stands under `key` in `bucket`.
    ///
    /// # Errors
    /// It begins with `DSSEv1 `; or the bucket's name holds a `/`, so that one name would stand for two.
    pub fn read(bucket: &str, key: &str, content: &Content) -> Result<Self, NotApprovable> {
        if bucket.is_empty() || bucket.contains('/') {
            return Err(BucketError.into());
        }
        let name = format!("{bucket}/{key}").into();
        Ok(Self { name, size: content.size(), blob: content.blob_digest()? })
    }

    /// Its name: `bucket/key`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its length, bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its digest.
    pub fn sha256(&self) -> &Sha256Digest {
        self.blob.sha256()
    }

    /// What a [`BlobKey`](crate::BlobKey) signs.
    pub fn blob(&self) -> &BlobDigest {
        &self.blob
    }

    /// What a [`DsseKey`](crate::DsseKey) signs: that whoever signs approves of this artifact, under this name, for a role.
    ///
    /// # Errors
    /// The statement would be too long.
    pub fn statement(&self, role: &str) -> Result<NewStatement, NewStatementError> {
        NewStatement::new([(self.name(), *self.sha256())], APPROVAL, &json!({ "role": role }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::ContentHasher;
    use crate::evidence::InTotoStatement;
    use crate::seal::fixtures::Sample;

    fn content(bytes: &[u8]) -> Content {
        let mut hasher = ContentHasher::exactly(bytes.len() as u64);
        hasher.update(bytes);
        hasher.finish().unwrap()
    }

    #[test]
    fn what_is_approved_of_is_what_was_verified() {
        let seal = Sample::of_size(5).verified();
        let sealed = Approvable::sealed(&seal);
        let at = seal.observed();
        assert_eq!((sealed.sha256(), sealed.size()), (seal.sha256(), 5));
        assert_eq!(sealed.name(), format!("{}/{}", at.bucket, at.key));

        let read = Approvable::read("releases", "a/b", &content(b"bytes")).unwrap();
        assert_eq!((read.name(), read.sha256()), ("releases/a/b", &Sha256Digest::of(b"bytes")));
        let statement = InTotoStatement::parse(read.statement("qa").unwrap().payload()).unwrap();
        assert!(statement.names("releases/a/b", &Sha256Digest::of(b"bytes")));
        assert_eq!(statement.predicate_type(), APPROVAL);
        assert_eq!(statement.predicate(), &json!({ "role": "qa" }));
    }

    #[test]
    fn what_passes_for_a_statement_or_has_two_names_is_not() {
        let read = |bucket, bytes: &[u8]| Approvable::read(bucket, "k", &content(bytes)).map(|_| ());
        assert_eq!(read("b", b"DSSEv1 1 a 1 b"), Err(NotApprovable::LooksLikeDsse(LooksLikeDsse)));
        for bucket in ["", "a/b"] {
            assert_eq!(read(bucket, b"x"), Err(NotApprovable::Bucket(BucketError)));
        }
    }
}
