//! What configured signers have signed, whatever rules say of it.

use hallmark_config::{SignerName, UnixMs};
use hallmark_signer::{BlobDigest, PublisherSignatures, Sha256Digest, Signature, Verdicts};

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
    /// Of the signatures in a header those that a key of the configuration has made over this digest, be it valid or not;
    /// `None`: there are none.
    pub(crate) fn known_signatures(
        &self,
        header: &str,
        sha256: &Sha256Digest,
        verdicts: &dyn Verdicts,
    ) -> Option<String> {
        let all = PublisherSignatures::parse(header).ok()?;
        let keys = || {
            self.signers.values().filter_map(|signer| match &signer.kind {
                SignerKind::Blob(key) => Some(key),
                SignerKind::Statement(_) | SignerKind::Sigstore | SignerKind::Notation => None,
            })
        };
        let known = |signature: &&Signature| {
            let alone = PublisherSignatures::new(vec![**signature]);
            // One key at a time: there may be more of them than one artifact may have.
            let made = |alone: &PublisherSignatures, key| alone.verified_by(sha256, [((), key)], verdicts);
            alone.is_ok_and(|alone| keys().any(|key| made(&alone, key).is_ok_and(|by| !by.is_empty())))
        };
        let kept: Vec<_> = all.signatures().iter().filter(known).copied().collect();
        if kept.len() == all.signatures().len() {
            return Some(header.to_owned());
        }
        PublisherSignatures::new(kept).ok().map(|kept| kept.to_value())
    }

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
            Standing::Unfit | Standing::TooEarly | Standing::TooLate | Standing::Revoked(_) => {
                return Err(NotVouched::NotValid(signer.clone()));
            }
        }
        key.verify(blob.sha256(), signature).map_err(|_| NotVouched::BadSignature(signer.clone()))
    }
}
