//! What a seal is and how it is made, read and verified. Knows nothing of servers and stores.
//!
//! An upload goes through [`UploadHasher`] to [`Content`]; with who, when and how that makes [`Claims`]; with where and
//! which headers ([`Observed`]) a [`Sealer`] makes the [`SealLine`] of it, and for more than 2^23 bytes
//! [`record::encode`] the record.
//!
//! A download goes from [`Hallmark::parse`] (and [`RecordHeader::parse`]) by [`verify`] to a [`Seal`], which says what
//! every leaf must be ([`Seal::inline_leaf`], or [`RecordHeader::verify`], [`Pages::page`], [`LeafPage::leaf`]); who
//! vouches for it beside the proxy is for [`PublisherSignatures::verified_by`] to say.
//!
//! What came in parts has a [`PartTable`]: it is given to [`record::encode`] or stands in the header [`PARTS_HEADER`], and
//! is believed when [`Pages::part_table`] or [`Seal::part_table`] says it.
//!
//! Who approves of an artifact after that signs what is [`Approvable`].
//!
//! What publishers leave beside an artifact, in formats of others, is read in [`evidence`].
//!
//! All signature checks end in [`PublicKey::verify`], but for those of certificates and of who signs with one on another
//! curve; all that is signed is made by [`SealKey`], [`BlobKey`] or [`DsseKey`],
//! whose private key lies in this process or is reached by a [`Signer`](signer::Signer).

mod approval;
mod blob;
mod bundle;
mod checksums;
mod content;
mod digest;
pub mod dsse;
pub mod evidence;
mod headers;
mod key;
mod leaves;
mod parts;
mod publisher;
mod rate;
pub mod record;
mod register;
mod seal;
mod signature;
pub mod signer;
mod text;
pub mod tree;
mod verdicts;
mod verifier;

pub use approval::{Approvable, NotApprovable};
pub use blob::{BlobDigest, BlobHasher, LooksLikeDsse};
pub use bundle::MAX_BUNDLE_KEYS;
pub use checksums::{
    ChecksumLine, ChecksumLineError, ChecksumList, ChecksumListError, ListedName, MAX_CHECKSUM_LIST,
    MAX_LISTED_NAME, NameError,
};
pub use content::{Content, ContentHasher, Md5Hasher, UploadHasher, WrongLength};
pub use digest::{Md5Digest, Sha256Digest};
pub use dsse::{Envelope, EnvelopeError, EnvelopeSignature};
pub use headers::{
    CHECKSUM_HEADER, CONTENT_HEADERS, HeaderError, METADATA_PREFIX, PARTS_HEADER, SealedHeaders,
};
pub use key::{
    BadSignature, BlobKey, DsseKey, KeyError, KeyHint, KeyId, LocalKey, PrivateKey, PublicKey, SealKey,
};
pub use leaves::{ExpectedLeaf, LeafCheck, LeafMismatch};
pub use parts::{PartChecksums, PartTable, Parts, PartsError};
pub use publisher::{
    MAX_CANDIDATES, MAX_SIGNATURES, PublisherSignatures, PublisherSignaturesError, SIGNATURE_HEADER,
    TooManyKeys,
};
pub use rate::{Pacer, Rate, RateError};
pub use record::{LeafPage, Pages, ParsedHeader, RecordError, RecordHeader};
pub use register::{KeyRegister, KeyUse, KeyUseConflict};
pub use seal::{
    BucketError, By, Claims, ClaimsError, ContentDigests, Hallmark, HallmarkError, LineError, MAX_INLINE,
    MAX_KEYS_PER_HINT, MAX_LINE, MAX_NUMBER, Observed, Op, RandomError, RecordRef, RemoteSealingError,
    SEAL_HEADER, Seal, SealError, SealId, SealKeys, SealLine, SealedEtag, Sealer, SealingError, Statement,
    TooManySealKeys, verify,
};
pub use signature::{Signature, SignatureError};
pub use text::TextError;
pub use tree::{LEAF_SIZE, LeafHash, LeafHasher, LeavesHasher, Misaligned, PAGE_LEAVES, PageRoot, TreeRoot};
pub use verdicts::{CheckId, NoVerdicts, Verdicts};
