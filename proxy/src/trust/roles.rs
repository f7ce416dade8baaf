//! Whether those who signed are those whom a rule asks for.

use std::collections::BTreeMap;

use hallmark_config::{Role, Rule, SignerName};

use super::fault::{Missing, MissingRole};
use super::findings::{Found, RoleFound};
use super::signer::{Signer, SignerKind};

/// How far those `found`, who count, meet the roles of `rule`: for each of its groups each of its roles.
///
/// One certificate may be what several identities ask for, and an artifact has one file of each format that bears one
/// signature. So of the identities of a format one counts in a role, however many are met.
pub(super) fn clauses<'p>(
    rule: &'p Rule,
    found: &[Found],
    signers: &BTreeMap<SignerName, Signer>,
) -> Vec<Vec<RoleFound<'p>>> {
    let role = |role: &'p Role| {
        let (mut sigstore, mut notation) = (0, 0);
        let counts = |name: &SignerName| {
            let of_its_format = match signers.get(name).map(|signer| &signer.kind) {
                Some(SignerKind::Blob(_) | SignerKind::Statement(_)) => return true,
                Some(SignerKind::Sigstore) => &mut sigstore,
                Some(SignerKind::Notation) => &mut notation,
                None => return false,
            };
            *of_its_format += 1;
            *of_its_format == 1
        };
        let reaches = |found: &&Found| found.scope.reaches(role);
        let names = signers_of(found.iter().filter(reaches));
        let of_role = names.into_iter().filter(|signer| role.signers.contains(signer));
        RoleFound { role, met_by: of_role.filter(counts).collect() }
    };
    rule.clauses().map(|clause| clause.iter().map(role).collect()).collect()
}

/// The names of those who were found, each once.
pub(super) fn signers_of<'f>(found: impl IntoIterator<Item = &'f Found>) -> Vec<SignerName> {
    let mut names: Vec<SignerName> = Vec::new();
    for found in found {
        if !names.contains(&found.signer) {
            names.push(found.signer.clone());
        }
    }
    names
}

/// Who is missing; `None`: of each group a role is met.
pub(super) fn missing(
    clauses: &[Vec<RoleFound<'_>>],
    signers: &BTreeMap<SignerName, Signer>,
) -> Option<Missing> {
    let unmet = clauses.iter().filter(|clause| clause.iter().all(|role| role.lacks() > 0));
    let missing: Vec<Vec<MissingRole>> =
        unmet.map(|clause| clause.iter().map(|found| missing_role(found, signers)).collect()).collect();
    (!missing.is_empty()).then_some(Missing(missing))
}

fn missing_role(found: &RoleFound<'_>, signers: &BTreeMap<SignerName, Signer>) -> MissingRole {
    let RoleFound { role, met_by } = found;
    let can = |name: &&SignerName| {
        !met_by.contains(name) && signers.get(*name).is_some_and(|signer| !signer.is_revoked())
    };
    let open = role.signers.iter().filter(can).cloned().collect();
    MissingRole { role: role.name.clone(), threshold: role.threshold, there: met_by.clone(), open }
}
