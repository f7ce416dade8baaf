//! `[[buckets.<name>.rules]]`: who must have signed what. A slip here is a hole, so a rule that can never work is
//! refused ([`feasible`](super::feasible)), and one that asks for less than the rule around it must say that it means to
//! ([`weakening`](super::weakening)).

use std::collections::{BTreeMap, BTreeSet};

use super::declared::Declared;
use super::feasible;
use super::roles::{MAX_SIGNERS, known, signers};
use super::weakening;
use crate::name::Prefix;
use crate::reader::{Place, Read, Reported, Table, Unique, Value};
use crate::trust::{Attestation, Bind, Enforce, Role, Rule, RuleTarget, SealOp, Sibling, Signatures};

const MAX_KEY_LENGTH: usize = 1024;

const SIGNATURES: &[(&str, Signatures)] =
    &[("required", Signatures::Required), ("optional", Signatures::Optional)];
const ENFORCE: &[(&str, Enforce)] = &[("upload", Enforce::Upload), ("download", Enforce::Download)];
const BIND: &[(&str, Bind)] = &[("digest", Bind::Digest), ("name", Bind::Name)];

/// A rule, where it stands, and what it says about itself.
pub(super) struct Entry<'a> {
    pub(super) place: Place<'a>,
    pub(super) rule: Rule,
    pub(super) weakens: bool,
}

pub(super) fn rules(value: &Value<'_>, declared: &Declared<'_>) -> Read<Vec<Rule>> {
    let targets = Unique::new();
    let entries = value.tables(|table| entry(table, declared, &targets))?;
    // Only once every rule is known can be said which one is around which.
    let by_prefix: BTreeMap<&str, &Entry<'_>> = entries
        .iter()
        .filter_map(|entry| match &entry.rule.target {
            RuleTarget::Prefix(prefix) => Some((prefix.as_str(), entry)),
            RuleTarget::Key(_) => None,
        })
        .collect();
    let checks: Vec<Read<()>> =
        entries.iter().map(|entry| weakening::check(entry, &by_prefix, declared)).collect();
    checks.into_iter().collect::<Read<()>>()?;
    Ok(entries.into_iter().map(|entry| entry.rule).collect())
}

/// Whether the rule requires signatures. Where that could not be read, nothing is held against what depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Required,
    Optional,
}

fn entry<'a>(
    table: &mut Table<'a>,
    declared: &Declared<'_>,
    targets: &Unique<RuleTarget>,
) -> Read<Entry<'a>> {
    let target = table.either(
        ("prefix", |value: &Value<'_>| target(value, targets, prefix)),
        ("key", |value: &Value<'_>| target(value, targets, exact)),
    );
    let signatures = table.required("signatures", "\"required\"", |value| value.word(SIGNATURES));
    let ask = match signatures {
        Ok(Signatures::Optional) => Ask::Optional,
        Ok(Signatures::Required) | Err(_) => Ask::Required,
    };
    let roles = roles(table, declared, ask);
    let enforce = table.or("enforce", Enforce::Upload, |value| match (value.word(ENFORCE)?, ask) {
        (Enforce::Download, Ask::Optional) => Err(optional(value.place())),
        (enforce, _) => Ok(enforce),
    });
    let siblings = table.or("siblings", BTreeSet::new(), |value| {
        let siblings = words(value, &Sibling::ALL.map(|sibling| (sibling.word(), sibling)))?;
        if siblings.is_empty() || ask == Ask::Required { Ok(siblings) } else { Err(optional(value.place())) }
    });
    let attestation = table.optional("attestation", |value| attestation(value, declared, ask));
    let bind = table.or("bind", Bind::Digest, |value| match (value.word(BIND)?, ask) {
        (Bind::Name, Ask::Optional) => Err(optional(value.place())),
        (bind, _) => Ok(bind),
    });
    let not_sealed_before = table.optional("not_sealed_before", Value::time);
    let refuse_ops = table.or("refuse_ops", BTreeSet::new(), ops);
    let weakens = table.or("weakens", false, Value::boolean);
    let (all_of, any_of) = roles?;
    let rule = Rule {
        target: target?,
        signatures: signatures?,
        all_of,
        any_of,
        enforce: enforce?,
        siblings: siblings?,
        attestation: attestation?,
        bind: bind?,
        not_sealed_before: not_sealed_before?,
        refuse_ops: refuse_ops?,
    };
    let place = table.place().clone();
    feasible::check(&place, &rule, declared)?;
    Ok(Entry { place, rule, weakens: weakens? })
}

fn target(
    value: &Value<'_>,
    targets: &Unique<RuleTarget>,
    parse: fn(&str) -> Result<RuleTarget, &'static str>,
) -> Read<RuleTarget> {
    let target = value.parse(parse)?;
    targets.admit(value.place(), target.clone())?;
    Ok(target)
}

fn prefix(text: &str) -> Result<RuleTarget, &'static str> {
    folder(text, "empty or end in `/`: \"app\" would cover \"apple\" too; one object is named by `key`")
        .map(RuleTarget::Prefix)
}

/// The prefix of a whole folder, or of the bucket. One that begins with `/` looks like "everything" and covers next to
/// nothing. `unended` is said to one that does not end in `/`.
pub(super) fn folder(text: &str, unended: &'static str) -> Result<Prefix, &'static str> {
    if text.starts_with('/') {
        return Err("without a `/` in front, as S3 keys are: \"app/\", or \"\" for the whole bucket");
    }
    if !text.is_empty() && !text.ends_with('/') {
        return Err(unended);
    }
    Prefix::parse(text).map_err(|error| error.rule)
}

fn exact(text: &str) -> Result<RuleTarget, &'static str> {
    if text.is_empty() || text.len() > MAX_KEY_LENGTH || text.starts_with('/') {
        return Err("the key of one object, 1 to 1024 bytes, without a `/` in front");
    }
    Ok(RuleTarget::Key(text.to_owned()))
}

/// Who must have signed: `keys`, or roles. Who may have signed is said by `keys` alone.
fn roles<'a>(table: &mut Table<'a>, declared: &Declared<'_>, ask: Ask) -> Read<(Vec<Role>, Vec<Role>)> {
    let keys = table.optional("keys", |value| signers(value, &declared.signers));
    let named = |value: &Value<'a>| {
        let roles = roles_named(value, declared)?;
        match ask {
            Ask::Required => Ok((value.place().clone(), roles)),
            Ask::Optional => Err(optional(value.place())),
        }
    };
    let all_of = table.optional("all_of", named);
    let any_of = table.optional("any_of", named);
    let (all_of, any_of) = (all_of?, any_of?);
    let place = all_of.as_ref().or(any_of.as_ref()).map(|(place, _)| place.clone());
    match (keys?, place) {
        (Some(_), Some(place)) => {
            Err(place.problem("stands beside `keys`; make a role of the keys, or keep one of the two"))
        }
        (Some(signers), None) => Ok((vec![Role { name: None, signers, threshold: 1 }], Vec::new())),
        (None, None) => {
            let why = "add `keys = [\"release-ci\"]`, or roles in `all_of` or `any_of`";
            Err(table.missing("keys", why))
        }
        (None, Some(place)) => {
            let roles =
                |named: Option<(Place<'a>, Vec<Role>)>| named.map(|(_, roles)| roles).unwrap_or_default();
            let (all_of, any_of) = (roles(all_of), roles(any_of));
            let signers: BTreeSet<_> = all_of.iter().chain(&any_of).flat_map(|role| &role.signers).collect();
            if signers.len() > MAX_SIGNERS {
                return Err(place.problem(format_args!(
                    "the roles of a rule have at most {MAX_SIGNERS} signers together; these have {}",
                    signers.len()
                )));
            }
            Ok((all_of, any_of))
        }
    }
}

fn roles_named(value: &Value<'_>, declared: &Declared<'_>) -> Read<Vec<Role>> {
    let names = value.set(|entry| {
        known(entry, &declared.role_names, "[roles]")?;
        entry.text()
    })?;
    if names.is_empty() {
        return Err(value.place().problem("must name at least one role"));
    }
    let roles = declared.roles()?;
    // All are there: where one could not be read there are no roles at all, and that has been reported.
    let role =
        |name: &&str| roles.iter().find(|(known, _)| known.as_str() == *name).map(|(_, role)| role.clone());
    Ok(names.iter().filter_map(role).collect())
}

fn attestation(value: &Value<'_>, declared: &Declared<'_>, ask: Ask) -> Read<Attestation> {
    known(value, &declared.attestation_names, "[attestations]")?;
    let name = value.text()?;
    if ask == Ask::Optional {
        return Err(optional(value.place()));
    }
    let attestation = declared.attestations()?.iter().find(|(known, _)| known.as_str() == name);
    attestation
        .map(|(_, attestation)| attestation.clone())
        .ok_or_else(|| value.place().problem("cannot be read; see there"))
}

fn ops(value: &Value<'_>) -> Read<BTreeSet<SealOp>> {
    let ops = words(value, &SealOp::ALL.map(|op| (op.word(), op)))?;
    if ops.len() == SealOp::ALL.len() {
        return Err(value.place().problem("these are all there are: nothing could ever be served"));
    }
    Ok(ops)
}

fn words<T: Ord + Copy>(value: &Value<'_>, words: &[(&'static str, T)]) -> Read<BTreeSet<T>> {
    Ok(value.set(|entry| entry.word(words))?.into_iter().collect())
}

/// What says nothing where signatures need not be there.
fn optional(place: &Place<'_>) -> Reported {
    place.problem(
        "makes no sense where signatures are optional; set `signatures = \"required\"`, or leave it out",
    )
}
