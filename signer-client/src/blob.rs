//! Digests of blobs that a key may sign: such as do not pass for a DSSE envelope's signed bytes.

use sha2::{Digest as _, Sha256};

use crate::digest::Sha256Digest;
use crate::seal::Seal;

/// What every DSSE pre-authentication encoding begins with (DSSE 1.0, protocol).
const DSSE_PREFIX: &[u8; 7] = b"DSSEv1 ";

/// A blob that begins with `DSSEv1 `: whoever signs such a *file* signs a DSSE statement without knowing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content begins with `DSSEv1 `: a signature over it would pass for one over a DSSE statement")]
pub struct LooksLikeDsse;

/// The SHA-256 digest of a blob whose first bytes were seen and are not those of a DSSE statement.
///
/// This is all that a blob key signs, and only a [`BlobHasher`] (or a [`ContentHasher`](crate::ContentHasher), which
/// has one) makes it, or a verified seal by way of [`Approvable`](crate::Approvable): no proxy seals such content.
///
/// ```
/// use hallmark_signer::{BlobHasher, LooksLikeDsse, Sha256Digest};
/// let mut hasher = BlobHasher::new();
/// hasher.update(b"an artifact");
/// assert_eq!(hasher.finish().map(|blob| *blob.sha256()), Ok(Sha256Digest::of(b"an artifact")));
///
/// let mut hasher = BlobHasher::new();
/// hasher.update(b"DSSEv1 28 application/vnd.in-toto+json 2 {}");
/// assert_eq!(hasher.finish(), Err(LooksLikeDsse));
/// ```
///
/// A digest of unknown origin does not become one:
///
/// ```compile_fail
/// use hallmark_signer::{BlobDigest, Sha256Digest};
/// let blob = BlobDigest(Sha256Digest::of(b"DSSEv1 ..."));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobDigest(Sha256Digest);

impl BlobDigest {
    /// The digest of what was sealed: the proxy saw how it begins when it hashed it.
    pub(crate) fn sealed(seal: &Seal) -> Self {
        Self(*seal.sha256())
    }

    /// The digest.
    pub fn sha256(&self) -> &Sha256Digest {
        &self.0
    }
}

/// Hashes a blob as its bytes arrive and looks at how it begins.
#[derive(Clone, Default)]
pub struct BlobHasher {
    hash: Sha256,
    dsse: DsseMatch,
}

#[derive(Clone, Copy)]
enum DsseMatch {
    /// So many bytes, all that came, are those of [`DSSE_PREFIX`].
    SoFar(usize),
    Differs,
}

impl Default for DsseMatch {
    fn default() -> Self {
        Self::SoFar(0)
    }
}

impl BlobHasher {
    /// Begins a blob.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        if let DsseMatch::SoFar(seen) = self.dsse {
            let rest = &DSSE_PREFIX[seen..];
            let common = rest.len().min(bytes.len());
            self.dsse = if rest[..common] == bytes[..common] {
                DsseMatch::SoFar(seen + common)
            } else {
                DsseMatch::Differs
            };
        }
    }

    /// The digest of the bytes taken.
    ///
    /// # Errors
    /// They begin with `DSSEv1 `.
    pub fn finish(self) -> Result<BlobDigest, LooksLikeDsse> {
        self.finish_any().1
    }

    /// The digest of the bytes taken, and the same as one that may be signed as a blob's.
    pub(crate) fn finish_any(self) -> (Sha256Digest, Result<BlobDigest, LooksLikeDsse>) {
        let digest = Sha256Digest::new(self.hash.finalize().into());
        match self.dsse {
            DsseMatch::SoFar(seen) if seen == DSSE_PREFIX.len() => (digest, Err(LooksLikeDsse)),
            DsseMatch::SoFar(_) | DsseMatch::Differs => (digest, Ok(BlobDigest(digest))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_seen_in_any_chunking() {
        for (content, refused) in [
            ("DSSEv1 ", true),
            ("DSSEv1 29 http://example.com/HelloWorld 11 hello world", true),
            ("DSSEv1", false),
            ("DSSEv1\n", false),
            ("DSSEv2 ", false),
            (" DSSEv1 ", false),
            ("xDSSEv1 ", false),
            ("", false),
        ] {
            for chunk in 1..=8 {
                let mut hasher = BlobHasher::new();
                hasher.update(b"");
                for bytes in content.as_bytes().chunks(chunk) {
                    hasher.update(bytes);
                }
                let expected =
                    if refused { Err(LooksLikeDsse) } else { Ok(Sha256Digest::of(content.as_bytes())) };
                assert_eq!(hasher.finish().map(|blob| *blob.sha256()), expected, "{content:?} by {chunk}");
            }
        }
    }
}
