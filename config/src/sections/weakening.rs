//! Rules that let through what the rule around them would not: they must say that they mean to.

use std::collections::BTreeMap;

use super::declared::Declared;
use super::feasible::{can_state, title};
use super::rules::Entry;
use crate::reader::Read;
use crate::trust::{Attestation, Bind, Enforce, Role, Rule, RuleTarget, Signatures};

pub(super) fn check(
    entry: &Entry<'_>,
    by_prefix: &BTreeMap<&str, &Entry<'_>>,
    declared: &Declared<'_>,
) -> Read<()> {
    let parent = parent(&entry.rule.target, by_prefix);
    let weaker = parent.and_then(|parent| Some((parent, weakening(&entry.rule, &parent.rule, declared)?)));
    match (weaker, entry.weakens) {
        (Some((parent, how)), false) => Err(entry.place.problem(format_args!(
            "{how}, unlike the rule around it in line {}; write `weakens = true` if that is meant",
            parent.place.line()
        ))),
        (None, true) => Err(entry.place.problem(match parent {
            Some(parent) => format!(
                "says `weakens = true`, but asks for no less than the rule around it in line {}; take it out",
                parent.place.line()
            ),
            None => "says `weakens = true`, but no rule is around it; take it out".to_owned(),
        })),
        _ => Ok(()),
    }
}

/// The rule that would decide if the one about `target` were not there.
fn parent<'e, 'a>(target: &RuleTarget, by_prefix: &BTreeMap<&str, &'e Entry<'a>>) -> Option<&'e Entry<'a>> {
    // The part in which a shorter prefix can end: a rule is not its own parent.
    let inner = match target {
        RuleTarget::Prefix(prefix) => prefix.as_str().strip_suffix('/')?,
        RuleTarget::Key(key) => key,
    };
    let outer = inner.rmatch_indices('/').map(|(slash, _)| &inner[..=slash]).chain([""]);
    outer.filter_map(|prefix| by_prefix.get(prefix).copied()).next()
}

/// What `rule` lets through that `parent` would not. Where the parent requires no signature, nothing that a rule says of
/// signatures is less.
fn weakening(rule: &Rule, parent: &Rule, declared: &Declared<'_>) -> Option<String> {
    let signatures = || match (parent.signatures, rule.signatures) {
        (Signatures::Optional, _) => None,
        (Signatures::Required, Signatures::Optional) => Some("does not require signatures".to_owned()),
        (Signatures::Required, Signatures::Required) => {
            signers(rule, parent).or_else(|| conditions(rule, parent, declared))
        }
    };
    signatures().or_else(|| seals(rule, parent))
}

/// Some set of signers satisfies `rule` and not `parent`: for some group of roles of the parent, every group of the rule has
/// a role that can be met without meeting one of them.
fn signers(rule: &Rule, parent: &Rule) -> Option<String> {
    let implied = |wanted: &[Role]| {
        rule.clauses().any(|given| given.iter().all(|role| wanted.iter().any(|wanted| implies(role, wanted))))
    };
    let missed = parent.clauses().find(|wanted| !implied(wanted))?;
    Some(match (rule.all_of.as_slice(), missed) {
        ([role], [wanted]) if rule.any_of.is_empty() && role.threshold >= wanted.threshold => {
            let added = role.signers.iter().find(|signer| !wanted.signers.contains(signer));
            added.map_or_else(|| without(missed), |added| format!("accepts the key `{added}`"))
        }
        _ => without(missed),
    })
}

/// Whether whoever meets `role` meets `wanted`. Of those who must have signed for `role` at least so many are signers of
/// `wanted` as are left if all its other signers are among them.
fn implies(role: &Role, wanted: &Role) -> bool {
    let others = role.signers.iter().filter(|signer| !wanted.signers.contains(signer)).count();
    role.threshold >= wanted.threshold.saturating_add(others)
}

fn without(missed: &[Role]) -> String {
    let roles: Vec<String> = missed.iter().map(title).collect();
    format!("can be satisfied without {}", roles.join(" or "))
}

/// The same signers count, for less.
fn conditions(rule: &Rule, parent: &Rule, declared: &Declared<'_>) -> Option<String> {
    match (rule.enforce, parent.enforce) {
        (Enforce::Download, Enforce::Upload) => {
            return Some("takes uploads that do not satisfy it (`enforce = \"download\"`)".to_owned());
        }
        (Enforce::Upload | Enforce::Download, _) => {}
    }
    if let Some(added) = rule.siblings.difference(&parent.siblings).next() {
        return Some(format!("accepts signatures beside an artifact (\"{}\" in `siblings`)", added.word()));
    }
    match (rule.bind, parent.bind) {
        (Bind::Digest, Bind::Name) => return Some("binds no name (`bind`)".to_owned()),
        (Bind::Digest | Bind::Name, _) => {}
    }
    // Who only signs bytes says the same with an attestation and without.
    let states = rule.signers().into_iter().filter_map(|signer| declared.kind(signer)).any(can_state);
    let asked = parent.attestation.as_ref().filter(|_| states)?;
    let kept = rule.attestation.as_ref().is_some_and(|attestation| says(attestation, asked));
    (!kept).then(|| "asks for another `attestation`, or none".to_owned())
}

/// Whether what satisfies `attestation` satisfies `asked`.
fn says(attestation: &Attestation, asked: &Attestation) -> bool {
    let kept = |said: &Option<String>, asked: &Option<String>| asked.is_none() || said == asked;
    attestation.predicate_type == asked.predicate_type
        && kept(&attestation.builder_id, &asked.builder_id)
        && kept(&attestation.build_type, &asked.build_type)
        && kept(&attestation.source, &asked.source)
}

/// Seals suffice that would not.
fn seals(rule: &Rule, parent: &Rule) -> Option<String> {
    if rule.not_sealed_before < parent.not_sealed_before {
        return Some("accepts older seals (`not_sealed_before`)".to_owned());
    }
    let accepted = parent.refuse_ops.difference(&rule.refuse_ops).next()?;
    Some(format!("accepts seals of the kind \"{}\" (`refuse_ops`)", accepted.word()))
}
