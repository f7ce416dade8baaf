//! `[buckets.<name>]`

use super::clients::permissions;
use super::rules::rules;
use crate::reader::{Read, Table, Value};
use crate::types::{Bucket, Permission, Permissions};

/// What may be given to everybody. Writing is not: a seal names who uploaded.
const ANONYMOUS: [Permission; 2] = [Permission::Read, Permission::List];

/// `declared`: the names in `[keys]`.
pub(super) fn bucket(table: &mut Table<'_>, declared: &[&str]) -> Read<Bucket> {
    let anonymous = table.or("anonymous", Permissions::default(), |value| permissions(value, &ANONYMOUS));
    // Beside a rule this is no contradiction: there the rule wins, always.
    let unsealed = table.or("dangerous_serve_unsealed", false, Value::boolean);
    let rules = table.or("rules", Vec::new(), |value| rules(value, declared));
    Ok(Bucket { anonymous: anonymous?, dangerous_serve_unsealed: unsealed?, rules: rules? })
}
