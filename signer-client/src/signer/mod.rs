//! Signers: private keys wherever they lie, in a file, in a token (PKCS#11) or with a service (AWS KMS).
//!
//! A [`SignerAddress`] says where; [`Signer::open`] goes there. What comes back has no use yet, and so cannot sign: it is
//! given its one use by [`Signer::into_seal_key`], [`Signer::into_certifier`], [`Signer::into_blob_key`] or
//! [`Signer::into_dsse_key`], as a [`PrivateKey`] is. Whoever has keys in a place of another kind implements [`SignDigest`].
//!
//! What a signer elsewhere returns is verified here, with the public key that it named at the beginning, before anybody
//! sees it. AWS Signer is none of these: it makes an envelope of its own ([`aws_signer`](self::aws_signer)).

mod address;
#[cfg(any(feature = "kms", feature = "awssigner", feature = "revocation"))]
mod aws;
#[cfg(feature = "revocation")]
mod aws_revocation;
#[cfg(feature = "awssigner")]
pub mod aws_signer;
mod encrypted;
mod error;
mod file;
#[cfg(feature = "kms")]
mod kms;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod pkcs11_uri;
mod secrets;

use std::fmt;

use async_trait::async_trait;

pub use self::address::{AddressError, AwsPlace, KmsKey, SignerAddress, SigningProfile};
#[cfg(feature = "revocation")]
pub use self::aws_revocation::RevocationService;
pub use self::error::SignerError;
pub use self::pkcs11_uri::Pkcs11Uri;
pub use self::secrets::{MAX_PASSPHRASE, NoSecrets, Passphrase, PassphraseError, Secrets};
use crate::digest::Sha256Digest;
use crate::key::{BlobKey, DsseKey, LocalKey, PrivateKey, PublicKey, SealKey};
use crate::seal::Certifier;
use crate::signature::Signature;

/// Holds a P-256 private key somewhere and signs digests with it.
///
/// The contract: [`public_key`](Self::public_key) is the same for ever and costs nothing. A signature is ECDSA (FIPS 186-5)
/// over the digest as it is, not over a digest of it; with either value of s. `sign_digest` may be called many times at
/// once; it does not block the thread that polls it, ends within a bound of its own, and when it is dropped, what it began
/// does no harm.
#[async_trait]
pub trait SignDigest: Send + Sync {
    /// The key that verifies its signatures.
    fn public_key(&self) -> &PublicKey;

    /// Signs.
    ///
    /// # Errors
    /// The key cannot be reached, or its keeper refuses.
    async fn sign_digest(&self, digest: &Sha256Digest) -> Result<Signature, SignerError>;
}

/// A private key somewhere that has no use yet, and so cannot sign.
///
/// ```
/// use hallmark_signer::signer::Signer;
/// use hallmark_signer::{PrivateKey, Sealer};
/// let sealer = Sealer::new(Signer::from(PrivateKey::generate()?).into_seal_key());
/// # Ok::<(), hallmark_signer::KeyError>(())
/// ```
///
/// ```compile_fail
/// use hallmark_signer::signer::Signer;
/// use hallmark_signer::{PrivateKey, Sha256Digest};
/// let signature = Signer::from(PrivateKey::generate()?).sign(&Sha256Digest::of(b"DSSEv1 ..."));
/// # Ok::<(), hallmark_signer::KeyError>(())
/// ```
pub struct Signer(Held);

enum Held {
    /// In this process.
    Here(Box<LocalKey>),
    Elsewhere(Box<dyn SignDigest>),
}

impl Signer {
    /// The key that `keeper` keeps.
    pub fn new(keeper: impl SignDigest + 'static) -> Self {
        Self(Held::Elsewhere(Box::new(keeper)))
    }

    /// Goes to where the key is: reads its file, logs in to its token, asks its service for the public key. Files and
    /// tokens are waited for on this thread: this is for the start of a program.
    ///
    /// # Errors
    /// Nothing is there, it is no key on P-256 that may sign, or the secret that opens it is missing or wrong. An address
    /// of AWS Signer, which signs no digests.
    pub async fn open(address: &SignerAddress, secrets: &dyn Secrets) -> Result<Self, SignerError> {
        match address {
            SignerAddress::AwsKms(key) => open_kms(key).await,
            SignerAddress::File(_) | SignerAddress::Pkcs11(_) | SignerAddress::AwsSigner(_) => {
                Self::open_here(address, secrets)
            }
        }
    }

    /// As [`open`](Self::open), of a key that is reached without a network: in a file or in a token.
    ///
    /// # Errors
    /// As there; and an address of AWS.
    pub fn open_here(address: &SignerAddress, secrets: &dyn Secrets) -> Result<Self, SignerError> {
        match address {
            SignerAddress::File(path) => file::open(path, secrets).map(Self::from),
            SignerAddress::Pkcs11(uri) => open_pkcs11(uri, secrets),
            SignerAddress::AwsKms(_) => Err(SignerError::unusable(
                "a key in AWS KMS cannot be used here: it would have to be asked for every signature",
            )),
            SignerAddress::AwsSigner(_) => Err(SignerError::unusable(
                "AWS Signer signs no digests: it makes signatures in Notary Project's form only",
            )
            .hint("`hallmark sign --signer awssigner:PROFILE FILE` makes FILE.jws.sig")),
        }
    }

    /// The key that verifies its signatures.
    pub fn public_key(&self) -> &PublicKey {
        match &self.0 {
            Held::Here(key) => key.public_key(),
            Held::Elsewhere(keeper) => keeper.public_key(),
        }
    }

    /// Gives the key its use: to sign seals.
    pub fn into_seal_key(self) -> SealKey<Self> {
        SealKey::of(self)
    }

    /// Gives the key its use: to certify seal keys.
    pub fn into_certifier(self) -> Certifier {
        Certifier::of(self)
    }

    /// Gives the key its use: to sign blobs.
    pub fn into_blob_key(self) -> BlobKey<Self> {
        BlobKey::of(self)
    }

    /// Gives the key its use: to sign statements in DSSE envelopes.
    pub fn into_dsse_key(self) -> DsseKey<Self> {
        DsseKey::of(self)
    }

    /// Signs with the lower of the two values of s.
    pub(crate) async fn sign(&self, digest: &Sha256Digest) -> Result<Signature, SignerError> {
        match &self.0 {
            Held::Here(key) => Ok(key.sign(digest)),
            Held::Elsewhere(keeper) => {
                let signature = keeper.sign_digest(digest).await?.to_low_s();
                // Whoever keeps the key is another program, perhaps on another machine, and may be wrong.
                let verified = keeper.public_key().verify(digest, &signature);
                verified.map(|()| signature).map_err(|_| SignerError::WrongSignature)
            }
        }
    }
}

impl From<PrivateKey> for Signer {
    fn from(key: PrivateKey) -> Self {
        Self(Held::Here(Box::new(LocalKey::new(key))))
    }
}

/// The public key; never more.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public_key().id())
    }
}

#[cfg(feature = "kms")]
async fn open_kms(key: &KmsKey) -> Result<Signer, SignerError> {
    kms::KeyInKms::connect(key).await.map(Signer::new)
}

#[cfg(not(feature = "kms"))]
async fn open_kms(_: &KmsKey) -> Result<Signer, SignerError> {
    Err(SignerError::NotBuiltIn { kind: "AWS KMS", feature: "kms" })
}

#[cfg(feature = "pkcs11")]
fn open_pkcs11(uri: &Pkcs11Uri, secrets: &dyn Secrets) -> Result<Signer, SignerError> {
    pkcs11::KeyInToken::open(uri, secrets).map(Signer::new)
}

#[cfg(not(feature = "pkcs11"))]
fn open_pkcs11(_: &Pkcs11Uri, _: &dyn Secrets) -> Result<Signer, SignerError> {
    Err(SignerError::NotBuiltIn { kind: "PKCS#11", feature: "pkcs11" })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::blob::BlobHasher;

    /// Signs with one key and says that it has another.
    struct Liar {
        says: PublicKey,
        signs: LocalKey,
    }

    #[async_trait]
    impl SignDigest for Liar {
        fn public_key(&self) -> &PublicKey {
            &self.says
        }

        async fn sign_digest(&self, digest: &Sha256Digest) -> Result<Signature, SignerError> {
            // n - s: what every other signature of a keeper that does not care looks like.
            Ok(self.signs.sign(digest).negated())
        }
    }

    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("nothing here has to be waited for"),
        }
    }

    #[test]
    fn what_a_keeper_returns_is_verified_and_has_the_lower_s() {
        let [pem, other] = [(); 2].map(|()| PrivateKey::generate().unwrap().to_pem().unwrap());
        let local = |pem: &str| LocalKey::new(PrivateKey::from_pem(pem).unwrap());
        let mut hasher = BlobHasher::new();
        hasher.update(b"an artifact");
        let blob = hasher.finish().unwrap();
        for (says, honest) in [(&pem, true), (&other, false)] {
            let keeper = Liar { says: local(says).public_key().clone(), signs: local(&pem) };
            let key = Signer::new(keeper).into_blob_key();
            let signed = now(key.sign(&blob));
            match signed {
                Ok(signature) => assert!(honest && signature == local(&pem).sign(blob.sha256())),
                Err(error) => assert!(!honest && matches!(error, SignerError::WrongSignature)),
            }
        }
    }
}
