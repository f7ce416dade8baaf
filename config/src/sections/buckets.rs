//! `[buckets.<name>]`

use std::ops::RangeInclusive;
use std::time::Duration;

use super::clients::permissions;
use super::declared::Declared;
use super::kept_in::Mappings;
use super::rules::{folder, rules};
use crate::name::Prefix;
use crate::reader::{Read, Table, Value};
use crate::types::{Bucket, Immutable, Permission, Permissions};

/// What may be given to everybody. Writing is not: a seal names who uploaded.
const ANONYMOUS: [Permission; 2] = [Permission::Read, Permission::List];

/// As long as somebody may be served what was replaced or deleted elsewhere.
const FRESHNESS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_mins(5);

/// `name`: its own. `declared`: what rules refer to.
pub(super) fn bucket<'a>(
    table: &mut Table<'a>,
    name: &str,
    declared: &Declared<'_>,
    mappings: &Mappings<'a, '_>,
) -> Read<Bucket> {
    let anonymous = table.or("anonymous", Permissions::default(), |value| permissions(value, &ANONYMOUS));
    // Beside a rule this is no contradiction: there the rule wins, always.
    let unsealed = table.or("dangerous_serve_unsealed", false, Value::boolean);
    let kept_in = mappings.read(table, name);
    let freshness = table.or("freshness", Duration::ZERO, |value| value.duration(FRESHNESS));
    let immutable = immutable(table);
    let refuse_rollback = table.or("refuse_rollback", false, Value::boolean);
    let checksums = table.or("checksums", false, Value::boolean);
    let rules = table.or("rules", Vec::new(), |value| rules(value, declared));
    Ok(Bucket {
        anonymous: anonymous?,
        dangerous_serve_unsealed: unsealed?,
        kept_in: kept_in?,
        freshness: freshness?,
        immutable: immutable?,
        refuse_rollback: refuse_rollback?,
        checksums: checksums?,
        rules: rules?,
    })
}

fn immutable(table: &mut Table<'_>) -> Read<Immutable> {
    let everything = table.or("immutable", false, Value::boolean);
    let prefixes =
        table.optional("immutable_prefixes", |value| Ok((value.place().clone(), prefixes(value)?)));
    match (everything?, prefixes?) {
        (true, None) => Ok(Immutable::Everything),
        (true, Some((place, _))) => {
            Err(place.problem("says nothing beside `immutable = true`; keep one of the two"))
        }
        (false, Some((_, prefixes))) if !prefixes.is_empty() => Ok(Immutable::Prefixes(prefixes)),
        (false, _) => Ok(Immutable::Nothing),
    }
}

fn prefixes(value: &Value<'_>) -> Read<Vec<Prefix>> {
    let prefix = |text: &str| folder(text, "empty or end in `/`: \"v1\" would cover \"v10\" too");
    value.set(|entry| entry.parse(prefix))
}
