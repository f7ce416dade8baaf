//! Whether those who signed are those whom a rule asks for.

use hallmark_config::{Role, Rule, SignerName};

use super::fault::{Missing, MissingRole};
use super::findings::RoleFound;

/// How far `signers`, who count, each once, meet the roles of `rule`: for each of its groups each of its roles.
pub(super) fn clauses<'p>(rule: &'p Rule, signers: &[SignerName]) -> Vec<Vec<RoleFound<'p>>> {
    let role = |role: &'p Role| {
        let of_role = signers.iter().filter(|signer| role.signers.contains(signer));
        RoleFound { role, met_by: of_role.cloned().collect() }
    };
    rule.clauses().map(|clause| clause.iter().map(role).collect()).collect()
}

/// Who is missing; `None`: of each group a role is met.
pub(super) fn missing(clauses: &[Vec<RoleFound<'_>>]) -> Option<Missing> {
    let unmet = clauses.iter().filter(|clause| clause.iter().all(|role| role.lacks() > 0));
    let missing: Vec<Vec<MissingRole>> =
        unmet.map(|clause| clause.iter().map(missing_role).collect()).collect();
    (!missing.is_empty()).then_some(Missing(missing))
}

fn missing_role(found: &RoleFound<'_>) -> MissingRole {
    MissingRole { role: found.role.name.clone(), threshold: found.role.threshold, there: found.met_by.len() }
}
