//! Keys: ECDSA on P-256. Public keys verify; a private key signs only once it was given its one use.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::SecretKey;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, Document, EncodePrivateKey as _, LineEnding, SecretDocument,
};
use zeroize::Zeroizing;

use crate::blob::BlobDigest;
use crate::digest::Sha256Digest;
use crate::dsse::{Envelope, EnvelopeSignature, IN_TOTO, pae};
use crate::evidence::NewStatement;
use crate::seal::Statement;
use crate::signature::Signature;
use crate::signer::{Signer, SignerError};
use crate::text::{TextError, bytes_newtype};
use crate::verifier::Verifier;

bytes_newtype! {
    /// Names a key: SHA-256 of its SubjectPublicKeyInfo in DER. A key id that came with a signature is a hint.
    KeyId, 32
}

impl KeyId {
    /// The first 16 hexadecimal characters, as they stand in seals.
    pub fn hint(&self) -> KeyHint {
        let [a, b, c, d, e, f, g, h, ..] = *self.as_bytes();
        KeyHint([a, b, c, d, e, f, g, h])
    }
}

/// The beginning of a [`KeyId`]: narrows down which keys to try, decides nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHint([u8; 8]);

impl KeyHint {
    /// Reads 16 lower-case hexadecimal characters.
    ///
    /// # Errors
    /// Another length or other characters.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        const EXPECTED: &str = "8 bytes in lower-case hexadecimal";
        crate::text::from_hex(text).map(Self).ok_or(TextError { expected: EXPECTED })
    }
}

impl fmt::Display for KeyHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text or document that is no key of the kind wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No such PEM block, or several.
    #[error("expected exactly one PEM block `{label}`")]
    Pem {
        /// What the block should be called.
        label: &'static str,
    },
    /// Not a P-256 public key.
    #[error("not a P-256 public key (SubjectPublicKeyInfo); `openssl ec -pubout` makes one")]
    Public,
    /// A P-256 public key in another encoding than the usual one. It would have another key id.
    #[error(
        "the key is not encoded as an uncompressed point of the named curve; convert it with `openssl ec -pubin -conv_form uncompressed`"
    )]
    PublicEncoding,
    /// Not a P-256 private key.
    #[error("not a P-256 private key (PKCS#8 or SEC 1)")]
    Private,
    /// An encrypted private key, which takes a passphrase.
    #[error("the key is encrypted, and no passphrase is known")]
    Encrypted,
    /// Encrypted in the way of old PEM files, whose key derivation is one round of MD5.
    #[error("the key is encrypted in openssl's traditional way, which protects it badly")]
    TraditionalEncryption,
    /// Encrypted in a way that is not supported, or that asks for too much work.
    #[error("the key is not encrypted with PBES2 (PBKDF2 or scrypt), or asks for too much work")]
    Encryption,
    /// It does not open the key.
    #[error("the passphrase is wrong, or the key file damaged")]
    Passphrase,
    /// The system gave no random numbers.
    #[error("the system's random number generator failed")]
    Random,
}

impl KeyError {
    /// What to do next, if that is not in the message.
    pub fn what_next(&self) -> Option<&'static str> {
        match self {
            Self::TraditionalEncryption | Self::Encryption => {
                Some("convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.key -out NEW.key")
            }
            Self::Pem { .. }
            | Self::Public
            | Self::PublicEncoding
            | Self::Private
            | Self::Encrypted
            | Self::Passphrase
            | Self::Random => None,
        }
    }
}

/// A P-256 public key.
///
/// Invariant: it is identified by its SubjectPublicKeyInfo with the named curve and the uncompressed point, 91 bytes of
/// DER, the form that everyone makes. So equal keys have equal documents and equal ids.
#[derive(Clone)]
pub struct PublicKey {
    verifier: Verifier,
    der: [u8; DER_SIZE],
    id: KeyId,
}

/// What stands before the point in every such document: an EC public key on prime256v1 (RFC 5480).
const DER_PREFIX: [u8; 26] = *b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const DER_SIZE: usize = DER_PREFIX.len() + 65;

/// A signature that is not by this key over this digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not by this key over this content")]
pub struct BadSignature;

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER (RFC 5480).
    ///
    /// # Errors
    /// Not a key on P-256, or not in the usual encoding.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let key = Self::new(&VerifyingKey::from_public_key_der(der).map_err(|_| KeyError::Public)?);
        if key.der == *der { Ok(key) } else { Err(KeyError::PublicEncoding) }
    }

    /// Reads a PEM text with exactly one block `PUBLIC KEY`; text around it is ignored.
    ///
    /// # Errors
    /// None or several such blocks, not a key on P-256, or not in the usual encoding.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        const LABEL: &str = "PUBLIC KEY";
        let block = pem_block(pem, LABEL).ok_or(KeyError::Pem { label: LABEL })?;
        let (_, der) = Document::from_pem(block).map_err(|_| KeyError::Public)?;
        Self::from_der(der.as_bytes())
    }

    /// From an uncompressed point (SEC 1, 2.3.3), as tokens have it.
    #[cfg(feature = "pkcs11")]
    pub(crate) fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        let key = Self::new(&VerifyingKey::from_sec1_bytes(point).map_err(|_| KeyError::Public)?);
        if key.der.ends_with(point) { Ok(key) } else { Err(KeyError::PublicEncoding) }
    }

    /// Its SubjectPublicKeyInfo in DER.
    pub fn to_der(&self) -> &[u8; DER_SIZE] {
        &self.der
    }

    /// Its SubjectPublicKeyInfo in PEM, ended by a newline.
    pub fn to_pem(&self) -> String {
        let base64 = STANDARD.encode(self.der);
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for line in base64.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|b| char::from(*b)));
            pem.push('\n');
        }
        pem + "-----END PUBLIC KEY-----\n"
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Checks a signature (FIPS 186-5, ECDSA) over the bytes whose SHA-256 is `digest`. Every verification of this
    /// project ends here.
    ///
    /// # Errors
    /// The signature is not by this key over these bytes.
    pub fn verify(&self, digest: &Sha256Digest, signature: &Signature) -> Result<(), BadSignature> {
        if self.verifier.accepts(digest, signature) { Ok(()) } else { Err(BadSignature) }
    }

    fn new(key: &VerifyingKey) -> Self {
        let mut der = [0; DER_SIZE];
        let (prefix, point) = der.split_at_mut(DER_PREFIX.len());
        prefix.copy_from_slice(&DER_PREFIX);
        point.copy_from_slice(key.to_sec1_point(false).as_bytes());
        let id = KeyId::new(*Sha256Digest::of(&der).as_bytes());
        Self { verifier: Verifier::new(key), der, id }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

/// A P-256 private key that has no use yet, and so cannot sign. Wiped from memory when dropped; never shown.
///
/// ```compile_fail
/// use hallmark_signer::PrivateKey;
/// println!("{:?}", PrivateKey::generate());
/// ```
pub struct PrivateKey(SecretKey);

impl PrivateKey {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// The system has none.
    pub fn generate() -> Result<Self, KeyError> {
        SecretKey::try_generate().map(Self).map_err(|_| KeyError::Random)
    }

    /// Reads a PEM text with exactly one block `PRIVATE KEY` (PKCS#8) or `EC PRIVATE KEY` (SEC 1, as `openssl ecparam
    /// -genkey` makes it); text and other blocks around it are ignored.
    ///
    /// # Errors
    /// None or several such blocks, encrypted ([`from_encrypted_pem`](Self::from_encrypted_pem) reads those), or not a key
    /// on P-256.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        const LABEL: &str = "PRIVATE KEY";
        let key = match (pem_block(pem, LABEL), pem_block(pem, "EC PRIVATE KEY")) {
            (Some(block), None) => SecretKey::from_pkcs8_pem(block).ok(),
            (None, Some(block)) if block.contains("Proc-Type: 4,ENCRYPTED") => {
                return Err(KeyError::TraditionalEncryption);
            }
            (None, None) if pem_block(pem, ENCRYPTED_LABEL).is_some() => return Err(KeyError::Encrypted),
            (None, Some(block)) => SecretDocument::from_pem(block)
                .ok()
                .and_then(|(_, der)| SecretKey::from_sec1_der(der.as_bytes()).ok()),
            _ => return Err(KeyError::Pem { label: LABEL }),
        };
        key.map(Self).ok_or(KeyError::Private)
    }

    /// Its PKCS#8 document in PEM, ended by a newline. Wiped from memory when dropped.
    ///
    /// # Errors
    /// Never for a key on P-256; the encoder's signature has it.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        self.0.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyError::Private)
    }

    /// Gives the key its use: to sign seals.
    pub fn into_seal_key(self) -> SealKey {
        SealKey(LocalKey::new(self))
    }

    /// Gives the key its use: to sign blobs.
    pub fn into_blob_key(self) -> BlobKey {
        BlobKey(LocalKey::new(self))
    }

    pub(crate) fn from_secret(key: SecretKey) -> Self {
        Self(key)
    }

    pub(crate) fn secret(&self) -> &SecretKey {
        &self.0
    }

    /// Gives the key its use: to sign statements in DSSE envelopes.
    pub fn into_dsse_key(self) -> DsseKey {
        DsseKey(LocalKey::new(self))
    }
}

/// A private key that signs seals and nothing else. It lies in this process, or wherever a [`Signer`] keeps it.
///
/// ```
/// use hallmark_signer::{PrivateKey, Sealer};
/// let sealer = Sealer::new(PrivateKey::generate()?.into_seal_key());
/// # Ok::<(), hallmark_signer::KeyError>(())
/// ```
///
/// ```compile_fail
/// use hallmark_signer::{PrivateKey, Sealer};
/// let sealer = Sealer::new(PrivateKey::generate()?.into_blob_key());
/// # Ok::<(), hallmark_signer::KeyError>(())
/// ```
pub struct SealKey<S = LocalKey>(S);

impl SealKey {
    /// The key that verifies its signatures.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    pub(crate) fn sign(&self, statement: &Statement) -> Signature {
        self.0.sign(&statement.pae_digest())
    }
}

impl SealKey<Signer> {
    pub(crate) fn of(signer: Signer) -> Self {
        Self(signer)
    }

    /// The key that verifies its signatures.
    pub fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    pub(crate) async fn sign(&self, statement: &Statement) -> Result<Signature, SignerError> {
        self.0.sign(&statement.pae_digest()).await
    }
}

/// A private key that signs blobs, and nothing that passes for a DSSE statement. It lies in this process, or wherever a
/// [`Signer`] keeps it.
///
/// ```
/// use hallmark_signer::{BlobHasher, PrivateKey};
/// let key = PrivateKey::generate()?.into_blob_key();
/// let mut hasher = BlobHasher::new();
/// hasher.update(b"an artifact");
/// let blob = hasher.finish()?;
/// assert_eq!(key.public_key().verify(blob.sha256(), &key.sign(&blob)), Ok(()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```compile_fail
/// use hallmark_signer::{PrivateKey, Sha256Digest};
/// let key = PrivateKey::generate()?.into_blob_key();
/// key.sign(&Sha256Digest::of(b"DSSEv1 ..."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BlobKey<S = LocalKey>(S);

impl BlobKey {
    /// The key that verifies its signatures.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    /// Signs a blob: as `openssl dgst -sha256 -sign` over the same bytes.
    pub fn sign(&self, blob: &BlobDigest) -> Signature {
        self.0.sign(blob.sha256())
    }
}

impl BlobKey<Signer> {
    pub(crate) fn of(signer: Signer) -> Self {
        Self(signer)
    }

    /// The key that verifies its signatures.
    pub fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    /// Signs a blob: as `openssl dgst -sha256 -sign` over the same bytes.
    ///
    /// # Errors
    /// The signer cannot be reached, or refuses, or returned another signature.
    pub async fn sign(&self, blob: &BlobDigest) -> Result<Signature, SignerError> {
        self.0.sign(blob.sha256()).await
    }
}

/// A private key that signs in-toto statements other than seals, and nothing else. It lies in this process, or wherever a
/// [`Signer`] keeps it.
///
/// ```
/// use hallmark_signer::evidence::{APPROVAL, NewStatement};
/// use hallmark_signer::{PrivateKey, Sha256Digest};
/// let key = PrivateKey::generate()?.into_dsse_key();
/// let subject = [("releases/app.tar", Sha256Digest::of(b"an artifact"))];
/// let envelope = key.sign(&NewStatement::new(subject, APPROVAL, &serde_json::json!({"role": "release"}))?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```compile_fail
/// use hallmark_signer::evidence::{APPROVAL, NewStatement};
/// use hallmark_signer::{PrivateKey, Sha256Digest};
/// let key = PrivateKey::generate()?.into_blob_key();
/// let subject = [("releases/app.tar", Sha256Digest::of(b"an artifact"))];
/// let envelope = key.sign(&NewStatement::new(subject, APPROVAL, &serde_json::json!({"role": "release"}))?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DsseKey<S = LocalKey>(S);

impl DsseKey {
    /// The key that verifies its signatures.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    /// An envelope with this statement and one signature.
    pub fn sign(&self, statement: &NewStatement) -> Envelope {
        envelope(statement, self.public_key(), &self.0.sign(&statement_digest(statement)))
    }
}

impl DsseKey<Signer> {
    pub(crate) fn of(signer: Signer) -> Self {
        Self(signer)
    }

    /// The key that verifies its signatures.
    pub fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    /// An envelope with this statement and one signature.
    ///
    /// # Errors
    /// The signer cannot be reached, or refuses, or returned another signature.
    pub async fn sign(&self, statement: &NewStatement) -> Result<Envelope, SignerError> {
        let signature = self.0.sign(&statement_digest(statement)).await?;
        Ok(envelope(statement, self.public_key(), &signature))
    }
}

fn statement_digest(statement: &NewStatement) -> Sha256Digest {
    Sha256Digest::of(&pae(IN_TOTO, statement.payload()))
}

fn envelope(statement: &NewStatement, key: &PublicKey, signature: &Signature) -> Envelope {
    Envelope {
        payload_type: IN_TOTO.to_owned(),
        payload: statement.payload().to_vec(),
        signatures: vec![EnvelopeSignature { keyid: Some(key.id().to_hex()), sig: signature.to_der() }],
    }
}

/// A private key in this process. Signs digests of any origin, so nobody but the keys above, who decide of which, may have
/// it sign.
pub struct LocalKey {
    key: SigningKey,
    public: PublicKey,
}

impl LocalKey {
    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn new(key: PrivateKey) -> Self {
        let key = SigningKey::from(key.0);
        let public = PublicKey::new(key.verifying_key());
        Self { key, public }
    }

    /// Deterministic (RFC 6979), with the lower of the two values of s.
    pub(crate) fn sign(&self, digest: &Sha256Digest) -> Signature {
        let signature: p256::ecdsa::Signature = self
            .key
            .sign_prehash(digest.as_bytes())
            // The signer refuses digests shorter than half of the curve's 32 bytes, and no nonce of RFC 6979 gives
            // r = 0 or s = 0 but with probability 2^-255.
            .expect("32 bytes are as long as the curve's field");
        Signature::from_ecdsa(signature.normalize_s())
    }
}

/// What stands before an encrypted PKCS#8 document (RFC 7468).
pub(crate) const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// The text from the beginning to the end of the only PEM block with this label.
pub(crate) fn pem_block<'a>(pem: &'a str, label: &str) -> Option<&'a str> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let start = pem.find(&begin)?;
    let stop = start + pem[start..].find(&end)? + end.len();
    (pem.matches(&begin).count() == 1).then(|| &pem[start..stop])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points that are on the curve but not in the usual encoding have other ids: an operator would not find them.
    #[test]
    fn compressed_points_are_refused() {
        let key = PrivateKey::generate().unwrap().into_blob_key();
        let public = key.public_key();
        let point = &public.to_der()[26..];
        let compressed = [
            &[0x30, 0x39, 0x30, 0x13][..],
            &public.to_der()[4..23],
            &[0x03, 0x22, 0x00, 2 + (point[64] & 1)],
            &point[1..33],
        ]
        .concat();
        assert_eq!(PublicKey::from_der(&compressed), Err(KeyError::PublicEncoding));
        assert_eq!(PublicKey::from_der(public.to_der()).as_ref(), Ok(public));
        assert_eq!(PublicKey::from_der(&[&public.to_der()[..], &[0]].concat()), Err(KeyError::Public));
        assert_eq!(PublicKey::from_der(b""), Err(KeyError::Public));
    }

    #[test]
    fn keys_survive_pem() {
        let private = PrivateKey::generate().unwrap();
        let pem = private.to_pem().unwrap();
        let again = PrivateKey::from_pem(&format!("a comment\n{}trailing", *pem)).unwrap();
        assert_eq!(*again.to_pem().unwrap(), *pem);
        let key = private.into_blob_key();
        let public = key.public_key();
        assert_eq!(PublicKey::from_pem(&public.to_pem()).as_ref(), Ok(public));
        assert_eq!(public.to_der().len(), 91);
        assert_eq!(public.id().hint().to_string(), public.id().to_hex()[..16]);
        assert_eq!(KeyHint::parse(&public.id().to_hex()[..16]), Ok(public.id().hint()));
    }

    #[test]
    fn a_text_with_two_keys_or_of_another_kind_is_refused() {
        let private = PrivateKey::generate().unwrap();
        let pem = private.to_pem().unwrap();
        let public = private.into_blob_key().public_key().to_pem();
        assert!(matches!(PrivateKey::from_pem(&format!("{0}{0}", *pem)), Err(KeyError::Pem { .. })));
        assert!(matches!(PrivateKey::from_pem(&public), Err(KeyError::Pem { .. })));
        assert!(matches!(PublicKey::from_pem(&pem), Err(KeyError::Pem { .. })));
        assert!(matches!(PublicKey::from_pem(&public.repeat(2)), Err(KeyError::Pem { .. })));
        assert_eq!(PublicKey::from_pem(&public.replace("MFk", "MFl")), Err(KeyError::Public));
    }

    /// RFC 6979, appendix A.2.5: P-256 with SHA-256, message "sample"; its s is high, ours is n - s.
    #[test]
    fn signatures_are_deterministic_and_low() {
        let scalar = hex::decode("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
        let signer = LocalKey::new(PrivateKey(SecretKey::from_slice(&scalar).unwrap()));
        let signature = signer.sign(&Sha256Digest::of(b"sample"));
        assert_eq!(
            hex::encode(signature.to_bytes()),
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9"
        );
        assert_eq!(signer.public.verify(&Sha256Digest::of(b"sample"), &signature), Ok(()));
        assert_eq!(signer.public.verify(&Sha256Digest::of(b"Sample"), &signature), Err(BadSignature));
    }
}
