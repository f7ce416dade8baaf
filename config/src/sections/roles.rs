//! `[roles.<name>]` and `[attestations.<name>]`: what rules ask for.

use crate::name::{RoleName, SignerName};
use crate::nearest::suggestion;
use crate::reader::{Place, Read, Table, Value};
use crate::trust::{Attestation, Role, SLSA_PROVENANCE};

/// Every signer of a rule costs a verification per signature of a download.
pub(super) const MAX_SIGNERS: usize = 16;

/// The longest text that a statement is held against.
const MAX_TEXT: usize = 2048;

/// `declared`: the names in `[keys]` and `[identities]`.
pub(super) fn role(table: &mut Table<'_>, name: &str, declared: &[&str]) -> Read<Role> {
    let signers = table.required("signers", "[\"alice\", \"bob\"]", |value| signers(value, declared));
    let threshold =
        table.optional("threshold", |value| Ok((value.place().clone(), value.integer(1..=MAX_SIGNERS)?)));
    let signers = signers?;
    let threshold = match threshold? {
        Some((place, threshold)) if threshold > signers.len() => {
            let count = signers.len();
            return Err(
                place.problem(format_args!("more than there are signers ({count}): it could never be met"))
            );
        }
        Some((_, threshold)) => threshold,
        None => 1,
    };
    // A name that is not well formed has its own report.
    Ok(Role { name: RoleName::parse(name).ok(), signers, threshold })
}

/// Names of keys and identities.
pub(super) fn signers(value: &Value<'_>, declared: &[&str]) -> Read<Vec<SignerName>> {
    let signers = value.set(|entry| {
        known(entry, declared, "[keys] or [identities]")?;
        entry.parse(SignerName::parse)
    })?;
    if signers.is_empty() || signers.len() > MAX_SIGNERS {
        return Err(value.place().problem(format_args!("must name from 1 to {MAX_SIGNERS} signers")));
    }
    Ok(signers)
}

/// Reports a name that is not one of `declared`, the names in the table `there`.
pub(super) fn known(value: &Value<'_>, declared: &[&str], there: &str) -> Read<()> {
    let name = value.text()?;
    if declared.contains(&name) {
        return Ok(());
    }
    let hint = suggestion(name, declared.iter().copied());
    Err(value.place().problem(format_args!("no such name in {there}; {hint}")))
}

pub(super) fn attestation(table: &mut Table<'_>) -> Read<Attestation> {
    let predicate_type =
        table.required("predicate_type", &format!("\"{SLSA_PROVENANCE}\""), |value| value.parse(text));
    let mut slsa = |key| table.optional(key, |value| Ok((value.place().clone(), value.parse(text)?)));
    let (builder_id, build_type, source) = (slsa("builder_id"), slsa("build_type"), slsa("source"));
    let predicate_type = predicate_type?;
    let only_slsa = |read: Read<Option<(Place<'_>, String)>>| match read? {
        Some((place, _)) if predicate_type != SLSA_PROVENANCE => Err(place.problem(format_args!(
            "is read from SLSA provenance only; set `predicate_type = \"{SLSA_PROVENANCE}\"`, or leave it out"
        ))),
        read => Ok(read.map(|(_, text)| text)),
    };
    let (builder_id, build_type, source) = (only_slsa(builder_id), only_slsa(build_type), only_slsa(source));
    Ok(Attestation { builder_id: builder_id?, build_type: build_type?, source: source?, predicate_type })
}

fn text(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
        return Err("what stands in the statement, 1 to 2048 bytes in one line");
    }
    Ok(text.to_owned())
}
