//! The trust policy: who must have signed an artifact, judged at upload and again at every download.
//!
//! [`TrustPolicy::judge`] and [`TrustPolicy::judge_upload`] are given what is known of the artifact ([`Judged`]) and what
//! says who vouches for it ([`Evidence`]); they answer with the [`Signers`] that the rule counted, or with the
//! [`TrustFault`]. [`TrustPolicy::examine`] says how the verdict came about ([`Findings`]). On the way:
//!
//! | | |
//! |---|---|
//! | `evidence` | header signatures and pieces of siblings: whoever they are by, when they were made, what they say |
//! | `signer` | a key or an identity, and whether a signature of a certain time counts |
//! | `search` | from evidence to those who signed, and those of them who count |
//! | `sibling` | which objects beside an artifact are siblings of it |
//! | `detached` | what a detached signature is worth where it stands |
//! | `pieces` | from a sibling's bytes to pieces of evidence; `identities` has the roots of trust for it |
//! | `roles` | whether those who count meet the roles of a rule, and who is missing |
//! | `revocation` | whether AWS Signer has revoked a signature since it was made |
//! | `refusals` | certificates that proved nothing a moment ago, so that it is not found out again and again |
//! | `statement` | whether a statement is about this artifact and says what the rule wants, and for which roles |
//! | `vouch` | whether a signer has signed a list of digests |
//!
//! Nothing here is remembered from one request to the next but that a signature is by a key, or is not (`Verdicts`), and,
//! within one policy, that a certificate's is not, for a minute (`refusals`), and what AWS Signer said of one, for as long as the
//! configuration says (`revocation`).

mod deny;
mod detached;
mod evidence;
mod fault;
mod findings;
mod identities;
mod judge;
mod pieces;
mod refusals;
mod revocation;
mod roles;
mod search;
mod sibling;
mod signer;
mod statement;
#[cfg(test)]
mod tests;
mod vouch;

use std::collections::BTreeMap;
use std::time::Duration;

use hallmark_config::{Bucket, BucketName, Config, Enforce, Rule, RuleTarget, SignerName};
use hallmark_signer::{PublicKey, SealId};

use self::deny::Denials;
use self::refusals::Refusals;
use self::signer::Signer;
use crate::name::ObjectName;

pub use self::detached::Detached;
pub use self::evidence::{Evidence, MAX_PIECES, Piece, Said, Signed};
pub use self::fault::{Discounted, Missing, MissingRole, TrustFault};
pub use self::findings::{Findings, Found, RoleFound, Scope, Signers, Standing};
pub use self::identities::Identities;
pub use self::judge::{Form, Judged, Taken, Taking};
pub use self::pieces::{About, SiblingFile, Unusable};
pub use self::revocation::StatusUnknown;
pub use self::sibling::{MAX_SIBLINGS, SiblingName, SignaturePlace};
pub use self::vouch::NotVouched;

/// Signers and rules.
#[derive(Debug)]
pub struct TrustPolicy {
    signers: BTreeMap<SignerName, Signer>,
    identities: Identities,
    denials: Denials,
    refusals: Refusals,
    buckets: BTreeMap<BucketName, Bucket>,
}

impl TrustPolicy {
    /// The rules of `config` with its publisher keys, which have been read. A key that is not among `keys` signs
    /// nothing that counts.
    pub fn new(config: &Config, keys: impl IntoIterator<Item = (SignerName, PublicKey)>) -> Self {
        Self {
            signers: Signer::all(config, keys),
            identities: Identities::default(),
            denials: Denials::new(&config.deny),
            refusals: Refusals::default(),
            buckets: config.buckets.clone(),
        }
    }

    /// The same, with those who are known by certificates. Of whom it does not know the roots of trust, nothing counts.
    #[must_use]
    pub fn with_identities(self, identities: Identities) -> Self {
        Self { identities, ..self }
    }

    /// Why what bears a seal of this id is refused, if it is denied by that.
    pub(crate) fn denied_seal(&self, id: SealId) -> Option<TrustFault> {
        let reason = self.denials.reason_of_seal(id)?;
        Some(TrustFault::Denied { reason: reason.to_owned() })
    }

    /// Whether objects without any seal may be served under this name: the bucket allows it and no rule judges
    /// signatures there. (Were it only rules that require them, stripping an artifact of its seal would also strip it of
    /// the verdict on its signature.)
    pub fn serves_unsealed(&self, object: &ObjectName) -> bool {
        let bucket = self.buckets.get(&object.bucket);
        bucket.is_some_and(|bucket| bucket.dangerous_serve_unsealed)
            && self.matching(&object.bucket, object.key.as_str()).is_none()
            && !self.is_sibling(object)
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

    /// Whether what was sealed before something that was served under the same name is refused.
    pub fn refuses_rollback(&self, bucket: &BucketName) -> bool {
        self.buckets.get(bucket).is_some_and(|bucket| bucket.refuse_rollback)
    }

    /// Whether uploads to this name are taken that do not satisfy their rule, to be served once they do.
    pub fn quarantines(&self, object: &ObjectName) -> bool {
        self.rule(object).is_some_and(|rule| rule.enforce == Enforce::Download)
    }

    /// Whether the rule for this object asks for this signer.
    fn asks_for(&self, object: &ObjectName, signer: &SignerName) -> bool {
        self.rule(object).is_some_and(|rule| rule.signers().contains(&signer))
    }

    /// The rule for signatures over what stands under this name; `None`: there is none, or the name is that of a sibling.
    pub fn rule(&self, object: &ObjectName) -> Option<&Rule> {
        self.matching(&object.bucket, object.key.as_str()).filter(|_| !self.is_sibling(object))
    }

    /// The rule for signatures over an artifact; `None`: there is none, or it is a sibling in name and in fact.
    fn rule_of(&self, judged: &Judged<'_>) -> Option<&Rule> {
        match judged.form {
            Form::Sibling => self.rule(judged.object),
            Form::Any => self.matching(&judged.object.bucket, judged.object.key.as_str()),
        }
    }

    /// The rule that is about this key: the one with the longest match; an exact key beats every prefix.
    fn matching(&self, bucket: &BucketName, key: &str) -> Option<&Rule> {
        let matched = |rule: &&Rule| match &rule.target {
            RuleTarget::Key(exact) => exact == key,
            RuleTarget::Prefix(prefix) => key.starts_with(prefix.as_str()),
        };
        let weight = |rule: &&Rule| match &rule.target {
            RuleTarget::Key(_) => usize::MAX,
            RuleTarget::Prefix(prefix) => prefix.as_str().len(),
        };
        self.buckets.get(bucket)?.rules.iter().filter(matched).max_by_key(weight)
    }
}
