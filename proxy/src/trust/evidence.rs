//! What says that somebody vouches for an artifact.

use std::sync::Arc;

use hallmark_config::{Sibling, SignerName, UnixMs};
use hallmark_signer::evidence::InTotoStatement;
use hallmark_signer::{Envelope, PublisherSignatures, PublisherSignaturesError, Sha256Digest};

/// At most so many pieces of siblings are looked at for one artifact: detached signatures, and 16 of each other kind.
pub const MAX_PIECES: usize = 17 + 3 * 16;

/// Header signatures, and what was found in siblings. Nothing of it has been judged.
#[derive(Debug, Clone, Default)]
pub struct Evidence<'e> {
    /// The value of [`SIGNATURE_HEADER`](hallmark_signer::SIGNATURE_HEADER). Its signatures are of the time at which the
    /// artifact was sealed.
    pub header: Option<&'e str>,
    /// From siblings; those after the first [`MAX_PIECES`] are not looked at.
    pub pieces: &'e [Piece],
}

/// Something signed that stands in a sibling, which bears a seal of its own.
#[derive(Debug, Clone)]
pub struct Piece {
    /// In what kind of sibling; counts only where the rule names that kind.
    pub from: Sibling,
    /// Whose it must be, by the sibling's name (`<key>.<signer>.sig`); `None`: anybody's.
    pub of: Option<SignerName>,
    /// When the sibling was sealed.
    pub at: UnixMs,
    /// What is signed, and by whom.
    pub signed: Signed,
}

/// What is signed, and by whom.
#[derive(Debug, Clone)]
pub enum Signed {
    /// Signatures over bytes, by keys that are to be found out: from `<key>.sig`, or a bundle that a key has signed.
    Bytes(PublisherSignatures),
    /// An envelope with a statement, signed by keys that are to be found out.
    Statement {
        /// The envelope, with its signatures.
        envelope: Envelope,
        /// What its payload says; read from the very bytes in `envelope`.
        statement: Box<InTotoStatement>,
    },
    /// What a named identity was found to have signed. Whoever makes this has verified the certificate, by the roots and
    /// the name in the configuration, and the signature.
    ByIdentity {
        /// Its name in the configuration.
        signer: SignerName,
        /// What it has signed.
        said: Said,
        /// When it was signed, as far as authorities say that are trusted. These count beside the time of the seal: all
        /// must be within the signer's validity.
        signed_at: Vec<UnixMs>,
        /// Why its authority has revoked it since, if it has.
        revoked: Option<Arc<str>>,
    },
}

/// What an identity has signed.
#[derive(Debug, Clone)]
pub enum Said {
    /// The bytes with this digest.
    Bytes(Sha256Digest),
    /// A statement.
    Statement(Box<InTotoStatement>),
}

impl<'e> Evidence<'e> {
    /// Of the header alone.
    pub fn header_only(header: Option<&'e str>) -> Self {
        Self { header, pieces: &[] }
    }

    /// The header's signatures.
    ///
    /// # Errors
    /// It is not a list of signatures.
    pub(super) fn header(&self) -> Result<Option<PublisherSignatures>, PublisherSignaturesError> {
        self.header.map(PublisherSignatures::parse).transpose()
    }

    /// The pieces that are looked at.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &'e Piece> {
        self.pieces.iter().take(MAX_PIECES)
    }
}
