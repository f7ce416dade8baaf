//! What a seal is and how it is made, read and verified. Knows nothing of servers and stores.

mod blob;
mod content;
mod digest;
pub mod dsse;
mod headers;
mod key;
mod publisher;
mod register;
mod seal;
mod signature;
mod text;
pub mod tree;
mod verdicts;
pub use blob::{BlobDigest, BlobHasher, LooksLikeDsse};
pub use content::{Content, ContentHasher, UploadHasher, WrongLength};
pub use digest::{Md5Digest, Sha256Digest};
pub use dsse::{Envelope, EnvelopeError, EnvelopeSignature};
pub use headers::{CONTENT_HEADERS, HeaderError, METADATA_PREFIX, SealedHeaders};
pub use key::{BadSignature, BlobKey, KeyError, KeyHint, KeyId, PrivateKey, PublicKey, SealKey};
pub use publisher::{
    MAX_CANDIDATES, MAX_SIGNATURES, PublisherSignatures, PublisherSignaturesError, SIGNATURE_HEADER,
    TooManyKeys,
};
pub use register::{KeyRegister, KeyUse, KeyUseConflict};
pub use seal::{
    BucketError, By, Claims, ClaimsError, ContentDigests, Hallmark, HallmarkError, LineError, MAX_INLINE,
    MAX_KEYS_PER_HINT, MAX_LINE, MAX_NUMBER, Observed, Op, RandomError, RecordRef, SEAL_HEADER, Seal,
    SealError, SealId, SealKeys, SealLine, SealedEtag, Sealer, SealingError, Statement, TooManySealKeys,
    verify,
};
pub use signature::{Signature, SignatureError};
pub use text::TextError;
pub use tree::{LEAF_SIZE, LeafHash, LeafHasher, PAGE_LEAVES, PageRoot, TreeRoot};
pub use verdicts::{NoVerdicts, Verdicts};
