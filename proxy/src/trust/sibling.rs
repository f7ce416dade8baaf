//! Names of siblings: the objects beside an artifact in which signatures over it are looked for.
//!
//! A sibling is what the rule for the artifact names: its key is the artifact's with one of the suffixes of the rule's
//! kinds. No rule asks for signatures on a sibling, since what stands in it says itself who made it; that its seal holds,
//! and that it *is* what its name says, is enough. What is named like one and is something else is judged by the rule for
//! its name. A sibling has none of its own: `x.sig.sig` is an artifact like any other. So is what has a rule for just its
//! own key, whatever it is called.

use std::collections::BTreeSet;

use hallmark_config::{BucketName, Rule, RuleTarget, Sibling, SignerName};

use super::TrustPolicy;
use super::pieces::{self, Unusable};
use super::signer::SignerKind;
use crate::name::{ObjectKey, ObjectName};

/// At most so many siblings of one artifact are looked for: a signature, one for each of 16 signers, and one of each other
/// kind.
pub const MAX_SIBLINGS: usize = 1 + 16 + 3;

/// The longest name of a signer, bytes.
const MAX_SIGNER: usize = 64;

/// What follows the artifact's key, but for `.<signer>.sig`.
fn suffix(sibling: Sibling) -> &'static str {
    match sibling {
        Sibling::Sig => ".sig",
        Sibling::Sigstore => ".sigstore.json",
        Sibling::InToto => ".intoto.jsonl",
        Sibling::Notation => ".jws.sig",
    }
}

/// Where a sibling stands, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiblingName {
    /// What it must be.
    pub kind: Sibling,
    /// Whose signature it must be; `None`: any that the rule asks for.
    pub of: Option<SignerName>,
    /// Where it stands.
    pub name: ObjectName,
}

/// Whose detached signature over what belongs under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignaturePlace {
    /// Over which artifact.
    pub artifact: ObjectName,
    /// Whose signature it must be; `None`: any that the rule asks for.
    pub of: Option<SignerName>,
}

/// An artifact beside which something stands, by that one's name.
struct Beside<'p, 'k> {
    rule: &'p Rule,
    kind: Sibling,
    of: Option<&'p SignerName>,
    artifact: &'k str,
}

impl TrustPolicy {
    /// Whether signatures over another object are looked for under this name.
    pub fn is_sibling(&self, object: &ObjectName) -> bool {
        !self.standing_beside(object).is_empty()
    }

    /// Whether `bytes` are what the name of this sibling says.
    ///
    /// # Errors
    /// They are not, as a whole.
    pub fn read_as_sibling(&self, object: &ObjectName, bytes: &[u8]) -> Result<(), Unusable> {
        let mut refused = Unusable::NoSibling;
        for Beside { kind, .. } in self.standing_beside(object) {
            match pieces::check(kind, bytes) {
                Ok(()) => return Ok(()),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// What the name of this sibling says that it is: each kind.
    pub fn kinds(&self, object: &ObjectName) -> BTreeSet<Sibling> {
        self.standing_beside(object).into_iter().map(|beside| beside.kind).collect()
    }

    /// What a detached signature under this name would be over, and whose: all that the name can mean, the most telling
    /// first.
    pub fn signature_places(&self, object: &ObjectName) -> Vec<SignaturePlace> {
        let standing = self.standing_beside(object).into_iter().filter(|beside| beside.kind == Sibling::Sig);
        let place = |Beside { of, artifact, .. }: Beside<'_, '_>| {
            let artifact =
                ObjectName { bucket: object.bucket.clone(), key: ObjectKey::parse(artifact).ok()? };
            Some(SignaturePlace { artifact, of: of.cloned() })
        };
        let mut places: Vec<_> = standing.filter_map(place).collect();
        places.sort_by_key(|place| place.of.is_none());
        places
    }

    /// The artifact that signed statements under this name are about; `None`: it is not for such.
    pub fn attested(&self, object: &ObjectName) -> Option<ObjectName> {
        let standing = self.standing_beside(object);
        let beside = standing.iter().find(|beside| beside.kind == Sibling::InToto)?;
        Some(ObjectName { bucket: object.bucket.clone(), key: ObjectKey::parse(beside.artifact).ok()? })
    }

    /// The rule for the artifact beside which this object stands; `None`: it is no sibling.
    pub(super) fn rule_beside(&self, object: &ObjectName) -> Option<&Rule> {
        self.standing_beside(object).into_iter().next().map(|beside| beside.rule)
    }

    /// The siblings of an artifact in which signatures are looked for where the header's do not suffice
    /// ([`TrustFault::may_be_mended`](super::TrustFault::may_be_mended)); at most [`MAX_SIBLINGS`].
    pub fn siblings(&self, object: &ObjectName) -> Vec<SiblingName> {
        let (bucket, key) = (&object.bucket, object.key.as_str());
        let Some(rule) = self.matching(bucket, key).filter(|rule| !rule.siblings.is_empty()) else {
            return Vec::new();
        };
        if !self.beside(bucket, key).is_empty() {
            return Vec::new();
        }
        let plain = rule.siblings.iter().map(|kind| (*kind, None, format!("{key}{}", suffix(*kind))));
        let named = self
            .signers_by_key(rule)
            .map(|signer| (Sibling::Sig, Some(signer.clone()), format!("{key}.{}.sig", signer.as_str())));
        let named = named.filter(|_| rule.siblings.contains(&Sibling::Sig));
        let name = |(kind, of, key): (Sibling, Option<SignerName>, String)| {
            // What is too long for a key does not stand anywhere; what has a rule of its own is no sibling.
            let name = ObjectName { bucket: bucket.clone(), key: ObjectKey::parse(&key).ok()? };
            (!self.has_its_own_rule(bucket, &key)).then_some(SiblingName { kind, of, name })
        };
        plain.chain(named).filter_map(name).take(MAX_SIBLINGS).collect()
    }

    /// The artifacts beside which this object stands: those that are not named like siblings themselves.
    fn standing_beside<'k>(&self, object: &'k ObjectName) -> Vec<Beside<'_, 'k>> {
        let mut standing = self.beside(&object.bucket, object.key.as_str());
        standing.retain(|beside| self.beside(&object.bucket, beside.artifact).is_empty());
        standing
    }

    /// The artifacts beside which `key` would stand, by its name alone: for each a look at the rules, for as many as there
    /// are kinds of siblings and dots in the longest name of a signer.
    fn beside<'k>(&self, bucket: &BucketName, key: &'k str) -> Vec<Beside<'_, 'k>> {
        // Every download comes here; hardly any goes on.
        if !Sibling::ALL.iter().any(|kind| key.ends_with(suffix(*kind))) || self.has_its_own_rule(bucket, key)
        {
            return Vec::new();
        }
        let plain =
            Sibling::ALL.iter().filter_map(|kind| Some((*kind, None, key.strip_suffix(suffix(*kind))?)));
        let unnamed = key.strip_suffix(suffix(Sibling::Sig)).unwrap_or_default();
        let named = unnamed.rmatch_indices('.').filter_map(|(dot, _)| {
            let (artifact, signer) = unnamed.split_at_checked(dot)?;
            Some((Sibling::Sig, signer.strip_prefix('.'), artifact))
        });
        let named = named.take_while(|(_, signer, _)| signer.is_some_and(|name| name.len() <= MAX_SIGNER));
        let asked = |(kind, signer, artifact): (Sibling, Option<&str>, &'k str)| {
            let rule = self.matching(bucket, artifact).filter(|_| !artifact.is_empty())?;
            let of = match signer {
                Some(name) => Some(self.signers_by_key(rule).find(|known| known.as_str() == name)?),
                None => None,
            };
            rule.siblings.contains(&kind).then_some(Beside { rule, kind, of, artifact })
        };
        plain.chain(named).filter_map(asked).collect()
    }

    /// Whether a rule is about just this key: it says that there is an artifact, whatever else the name looks like.
    fn has_its_own_rule(&self, bucket: &BucketName, key: &str) -> bool {
        self.matching(bucket, key).is_some_and(|rule| matches!(rule.target, RuleTarget::Key(_)))
    }

    /// Those signers of a rule who sign bytes with a key: only they have detached signatures.
    fn signers_by_key<'r>(&self, rule: &'r Rule) -> impl Iterator<Item = &'r SignerName> {
        let signs = |name: &&SignerName| {
            matches!(self.signers.get(*name).map(|signer| &signer.kind), Some(SignerKind::Blob(_)))
        };
        rule.signers().into_iter().filter(signs)
    }
}
