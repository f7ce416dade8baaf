//! Names of siblings: the objects beside an artifact in which signatures over it are looked for.
//!
//! A sibling is what the rule for the artifact names: its key is the artifact's with one of the suffixes of the rule's
//! kinds. No rule asks for signatures on a sibling, since what stands in it says itself who made it; that its seal holds
//! is enough. What is named like a sibling has none of its own: `x.sig.sig` is an artifact like any other.

use hallmark_config::{BucketName, Rule, Sibling, SignerName};

use super::TrustPolicy;
use super::signer::SignerKind;
use crate::name::{ObjectKey, ObjectName};

/// At most so many siblings of one artifact are looked for: a signature, one for each of 16 signers, and one of each other
/// kind.
pub const MAX_SIBLINGS: usize = 1 + 16 + 3;

/// What follows the artifact's key, but for `.<signer>.sig`.
fn suffix(sibling: Sibling) -> &'static str {
    match sibling {
        Sibling::Sig => ".sig",
        Sibling::Sigstore => ".sigstore.json",
        Sibling::InToto => ".intoto.jsonl",
        Sibling::Notation => ".jws.sig",
    }
}

impl TrustPolicy {
    /// Whether signatures over another object are looked for under this name.
    pub fn is_sibling(&self, object: &ObjectName) -> bool {
        self.rule_beside(object).is_some()
    }

    /// The rule for the artifact beside which this object stands; `None`: it is no sibling.
    pub(super) fn rule_beside(&self, object: &ObjectName) -> Option<&Rule> {
        let bucket = &object.bucket;
        let standing = self.beside(bucket, object.key.as_str());
        standing.into_iter().find(|(_, key)| self.beside(bucket, key).is_empty()).map(|(rule, _)| rule)
    }

    /// The siblings of an artifact in which signatures are looked for where the header's do not suffice
    /// ([`TrustFault::may_be_mended`](super::TrustFault::may_be_mended)); at most [`MAX_SIBLINGS`].
    pub fn siblings(&self, object: &ObjectName) -> Vec<(Sibling, ObjectName)> {
        let (bucket, key) = (&object.bucket, object.key.as_str());
        let Some(rule) = self.matching(bucket, key).filter(|rule| !rule.siblings.is_empty()) else {
            return Vec::new();
        };
        if !self.beside(bucket, key).is_empty() {
            return Vec::new();
        }
        let plain = rule.siblings.iter().map(|kind| (*kind, format!("{key}{}", suffix(*kind))));
        let named =
            self.signers_by_key(rule).map(|signer| (Sibling::Sig, format!("{key}.{}.sig", signer.as_str())));
        let named = named.filter(|_| rule.siblings.contains(&Sibling::Sig));
        // What is too long for a key does not stand anywhere.
        let name = |(kind, key): (Sibling, String)| {
            Some((kind, ObjectName { bucket: bucket.clone(), key: ObjectKey::parse(&key).ok()? }))
        };
        plain.chain(named).filter_map(name).take(MAX_SIBLINGS).collect()
    }

    /// The artifacts beside which `key` would stand, by its name alone, and the rules for them.
    fn beside<'k>(&self, bucket: &BucketName, key: &'k str) -> Vec<(&Rule, &'k str)> {
        if !Sibling::ALL.iter().any(|kind| key.ends_with(suffix(*kind))) {
            return Vec::new();
        }
        let rules = self.buckets.get(bucket).into_iter().flat_map(|bucket| &bucket.rules);
        let mut found = Vec::new();
        for rule in rules {
            let plain = rule.siblings.iter().filter_map(|kind| key.strip_suffix(suffix(*kind)));
            let by_signer = |signer: &SignerName| {
                key.strip_suffix(suffix(Sibling::Sig))?.strip_suffix(signer.as_str())?.strip_suffix('.')
            };
            let named = self.signers_by_key(rule).filter_map(by_signer);
            let named = named.filter(|_| rule.siblings.contains(&Sibling::Sig));
            let governs = |artifact: &&str| {
                !artifact.is_empty()
                    && self.matching(bucket, artifact).is_some_and(|governing| std::ptr::eq(governing, rule))
            };
            found.extend(plain.chain(named).filter(governs).map(|artifact| (rule, artifact)));
        }
        found
    }

    /// Those signers of a rule who sign bytes with a key: only they have detached signatures.
    fn signers_by_key<'r>(&self, rule: &'r Rule) -> impl Iterator<Item = &'r SignerName> {
        let signs = |name: &&SignerName| {
            matches!(self.signers.get(*name).map(|signer| &signer.kind), Some(SignerKind::Blob(_)))
        };
        rule.signers().into_iter().filter(signs)
    }
}
