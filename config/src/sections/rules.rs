//! `[[buckets.<name>.rules]]`: who must have signed what. A slip here is a hole, so a rule that asks for less than
//! the rule around it must say that it means to.

use std::collections::BTreeMap;

use crate::name::{KeyName, Prefix};
use crate::nearest::suggestion;
use crate::reader::{Place, Read, Table, Unique, Value};
use crate::types::{Rule, RuleTarget, Signatures};

/// Every key of a rule costs a verification per signature of a download.
const MAX_KEYS: usize = 16;
const MAX_KEY_LENGTH: usize = 1024;

const SIGNATURES: &[(&str, Signatures)] =
    &[("required", Signatures::Required), ("optional", Signatures::Optional)];

/// A rule, where it stands, and what it says about itself.
struct Entry<'a> {
    place: Place<'a>,
    rule: Rule,
    weakens: bool,
}

/// `declared`: the names in `[keys]`.
pub(super) fn rules(value: &Value<'_>, declared: &[&str]) -> Read<Vec<Rule>> {
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
    let checks: Vec<Read<()>> = entries.iter().map(|entry| check_weakening(entry, &by_prefix)).collect();
    checks.into_iter().collect::<Read<()>>()?;
    Ok(entries.into_iter().map(|entry| entry.rule).collect())
}

fn entry<'a>(table: &mut Table<'a>, declared: &[&str], targets: &Unique<RuleTarget>) -> Read<Entry<'a>> {
    let target = table.either(
        ("prefix", |value: &Value<'_>| target(value, targets, prefix)),
        ("key", |value: &Value<'_>| target(value, targets, exact)),
    );
    let signatures = table.required("signatures", "\"required\"", |value| value.word(SIGNATURES));
    let keys = table.required("keys", "[\"release-ci\"]", |value| keys(value, declared));
    let weakens = table.or("weakens", false, Value::boolean);
    let rule = Rule { target: target?, signatures: signatures?, keys: keys? };
    Ok(Entry { place: table.place().clone(), rule, weakens: weakens? })
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

fn keys(value: &Value<'_>, declared: &[&str]) -> Read<Vec<KeyName>> {
    let keys = value.set(|entry| {
        let name = entry.text()?;
        if !declared.contains(&name) {
            let hint = suggestion(name, declared.iter().copied());
            return Err(entry.place().problem(format_args!("no such key in [keys]; {hint}")));
        }
        entry.parse(KeyName::parse)
    })?;
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err(value.place().problem(format_args!("must name from 1 to {MAX_KEYS} keys")));
    }
    Ok(keys)
}

fn check_weakening(entry: &Entry<'_>, by_prefix: &BTreeMap<&str, &Entry<'_>>) -> Read<()> {
    let parent = parent(&entry.rule.target, by_prefix);
    let weaker = parent.and_then(|parent| Some((parent, weakening(&entry.rule, &parent.rule)?)));
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

/// What `rule` lets through that `parent` would not.
fn weakening(rule: &Rule, parent: &Rule) -> Option<String> {
    match (rule.signatures, parent.signatures) {
        (_, Signatures::Optional) => None,
        (Signatures::Optional, Signatures::Required) => Some("does not require signatures".to_owned()),
        (Signatures::Required, Signatures::Required) => {
            let added = rule.keys.iter().find(|key| !parent.keys.contains(key))?;
            Some(format!("accepts the key `{added}`"))
        }
    }
}
