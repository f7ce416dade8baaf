//! Whether a statement is the one that a rule asks for.

use hallmark_config::{Attestation, Bind, Rule};
use hallmark_signer::Sha256Digest;

use super::evidence::Stated;
use crate::name::ObjectName;

impl Stated {
    /// Whether this is about the artifact, under its name where the rule binds names, and says what the rule asks for. A
    /// rule that asks for no statement accepts none.
    pub(super) fn satisfies(&self, rule: &Rule, object: &ObjectName, sha256: &Sha256Digest) -> bool {
        let about = self.subjects.iter().any(|subject| {
            subject.sha256.as_ref() == Some(sha256)
                && match rule.bind {
                    Bind::Digest => true,
                    Bind::Name => subject.name.as_deref().is_some_and(|name| names(name, object)),
                }
        });
        about
            && self.is_for_a_role_of(rule)
            && rule.attestation.as_ref().is_some_and(|wanted| self.says(wanted))
    }

    /// Who approves for another role than those that the rule asks for says nothing here. Where it asks for keys, and no
    /// role by name, any will do.
    fn is_for_a_role_of(&self, rule: &Rule) -> bool {
        let Some(role) = &self.role else { return true };
        rule.clauses().flatten().any(|of| of.name.as_ref().is_none_or(|name| name.as_str() == role))
    }

    fn says(&self, wanted: &Attestation) -> bool {
        let said = |said: &Option<String>, wanted: &Option<String>| wanted.is_none() || said == wanted;
        self.predicate_type == wanted.predicate_type
            && said(&self.builder_id, &wanted.builder_id)
            && said(&self.build_type, &wanted.build_type)
            && said(&self.source, &wanted.source)
    }
}

/// Whether `name` is `bucket/key`, byte for byte.
fn names(name: &str, object: &ObjectName) -> bool {
    let key = name.strip_prefix(object.bucket.as_str()).and_then(|rest| rest.strip_prefix('/'));
    key == Some(object.key.as_str())
}
