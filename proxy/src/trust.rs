//! The trust policy: which publishers' signatures an artifact must bear, judged at upload and again at every
//! download.

use std::collections::BTreeMap;
use std::time::Duration;

use hallmark_config::{Bucket, BucketName, Config, KeyName, Rule, RuleTarget, Signatures};
use hallmark_signer::{PublicKey, PublisherSignatures, Sha256Digest, Verdicts};

use crate::name::ObjectName;

/// Publisher keys and rules.
#[derive(Debug)]
pub struct TrustPolicy {
    keys: BTreeMap<KeyName, Key>,
    buckets: BTreeMap<BucketName, Bucket>,
}

#[derive(Debug)]
struct Key {
    key: PublicKey,
    revoked: bool,
}

/// The publishers whose signatures were found good. Empty where no rule asks for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signers(Vec<KeyName>);

/// Why an artifact's signatures do not satisfy the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustFault {
    /// The rule asks for a signature and there is none.
    #[error("the rule for this key requires a publisher's signature and there is none")]
    SignatureMissing,
    /// What stands in the header is not a list of signatures.
    #[error("`x-amz-meta-hallmark-signature` is not a list of at most 8 base64 DER signatures")]
    SignatureMalformed,
    /// None of the signatures is by a key that the rule names.
    #[error("no signature is by a key that the rule for this key trusts")]
    SignerUntrusted,
    /// The only good signature is by a key that has been revoked.
    #[error("the only good signature is by a revoked key")]
    KeyRevoked,
}

impl TrustFault {
    /// For metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::SignatureMissing => "signature_missing",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignerUntrusted => "signer_untrusted",
            Self::KeyRevoked => "key_revoked",
        }
    }
}

impl TrustPolicy {
    /// The rules of `config` with its publisher keys, which have been read. A key that is not among `keys` signs
    /// nothing that counts.
    pub fn new(config: &Config, keys: impl IntoIterator<Item = (KeyName, PublicKey)>) -> Self {
        let revoked = |name: &KeyName| config.keys.get(name).is_none_or(|key| key.revoked.is_some());
        let keys = keys.into_iter().map(|(name, key)| {
            let revoked = revoked(&name);
            (name, Key { key, revoked })
        });
        Self { keys: keys.collect(), buckets: config.buckets.clone() }
    }

    /// Whether objects without any seal may be served under this name: the bucket allows it and no rule judges
    /// signatures there. (Were it only rules that require them, stripping an artifact of its seal would also strip it of
    /// the verdict on its signature.)
    pub fn serves_unsealed(&self, object: &ObjectName) -> bool {
        let bucket = self.buckets.get(&object.bucket);
        bucket.is_some_and(|bucket| bucket.dangerous_serve_unsealed) && self.rule(object).is_none()
    }

    /// Whether this key, once written, is neither overwritten nor deleted.
    pub fn immutable(&self, object: &ObjectName) -> bool {
        let bucket = self.buckets.get(&object.bucket);
        bucket.is_some_and(|bucket| bucket.immutable.holds(object.key.as_str()))
    }

    /// For how long after the store was asked for an artifact of this bucket it may be served without asking again.
    pub fn freshness(&self, bucket: &BucketName) -> Duration {
        self.buckets.get(bucket).map_or(Duration::ZERO, |bucket| bucket.freshness)
    }

    /// Judges an artifact under its name by its digest and the value of [`SIGNATURE_HEADER`](hallmark_signer::SIGNATURE_HEADER).
    ///
    /// Signatures are judged wherever a rule names keys, also where it does not require them: an artifact that bears
    /// one by an unknown or revoked key is refused, for its uploader meant it to be trusted and it is not.
    ///
    /// # Errors
    /// What the rule finds missing.
    pub fn judge(
        &self,
        object: &ObjectName,
        sha256: &Sha256Digest,
        header: Option<&str>,
        verdicts: &dyn Verdicts,
    ) -> Result<Signers, TrustFault> {
        let signatures = header.map(PublisherSignatures::parse).transpose();
        let signatures = signatures.map_err(|_| TrustFault::SignatureMalformed)?;
        let Some(rule) = self.rule(object) else { return Ok(Signers(Vec::new())) };
        let Some(signatures) = signatures else {
            return match rule.signatures {
                Signatures::Required => Err(TrustFault::SignatureMissing),
                Signatures::Optional => Ok(Signers(Vec::new())),
            };
        };
        let named = rule.keys.iter().filter_map(|name| Some((name, self.keys.get(name)?)));
        let (revoked, trusted): (Vec<_>, Vec<_>) = named.partition(|(_, key)| key.revoked);
        let good = |keys: Vec<(&KeyName, &Key)>| -> Vec<KeyName> {
            let candidates = keys.into_iter().map(|(name, key)| (name.clone(), &key.key));
            // The configuration names at most 16 keys in a rule.
            signatures.verified_by(sha256, candidates, verdicts).unwrap_or_default()
        };
        let signers = good(trusted);
        if !signers.is_empty() {
            Ok(Signers(signers))
        } else if good(revoked).is_empty() {
            Err(TrustFault::SignerUntrusted)
        } else {
            Err(TrustFault::KeyRevoked)
        }
    }

    /// The rule for this name: the one with the longest match; an exact key beats every prefix.
    pub fn rule(&self, object: &ObjectName) -> Option<&Rule> {
        let key = object.key.as_str();
        let matched = |rule: &&Rule| match &rule.target {
            RuleTarget::Key(exact) => exact == key,
            RuleTarget::Prefix(prefix) => key.starts_with(prefix.as_str()),
        };
        let weight = |rule: &&Rule| match &rule.target {
            RuleTarget::Key(_) => usize::MAX,
            RuleTarget::Prefix(prefix) => prefix.as_str().len(),
        };
        self.buckets.get(&object.bucket)?.rules.iter().filter(matched).max_by_key(weight)
    }
}

impl Signers {
    /// Their names in the configuration.
    pub fn names(&self) -> &[KeyName] {
        &self.0
    }
}
