//! Whether a configured signer has signed some bytes that are no artifact: a list of digests.

use hallmark_config::{SignerName, UnixMs};
use hallmark_signer::{BlobDigest, Signature};

use super::TrustPolicy;
use super::findings::Standing;
use super::signer::SignerKind;

/// Why a signer does not vouch for something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotVouched {
    /// Nobody who signs bytes with a key has this name.
    #[error("the configuration has no key `{0}` that signs bytes")]
    NoSuchKey(SignerName),
    /// The signer is revoked, or was not valid at that time.
    #[error("the key `{0}` is revoked, or not valid now")]
    NotValid(SignerName),
    /// The signature is not by that key over those bytes.
    #[error("the signature is not by the key `{0}`, or not over this")]
    BadSignature(SignerName),
}

impl TrustPolicy {
    /// That `signer`, who is valid `at` this time, has signed `blob`.
    ///
    /// # Errors
    /// Nobody is called so, or it does not count.
    pub fn vouched_for(
        &self,
        blob: &BlobDigest,
        signer: &SignerName,
        signature: &Signature,
        at: UnixMs,
    ) -> Result<(), NotVouched> {
        let known = self.signers.get(signer);
        let key = known.and_then(|known| match &known.kind {
            SignerKind::Blob(key) => Some((known, key)),
            SignerKind::Statement(_) | SignerKind::Sigstore | SignerKind::Notation => None,
        });
        let (known, key) = key.ok_or_else(|| NotVouched::NoSuchKey(signer.clone()))?;
        match known.standing(&[at]) {
            Standing::Counts => {}
            Standing::Unfit | Standing::TooEarly | Standing::TooLate | Standing::Revoked => {
                return Err(NotVouched::NotValid(signer.clone()));
            }
        }
        key.verify(blob.sha256(), signature).map_err(|_| NotVouched::BadSignature(signer.clone()))
    }
}
