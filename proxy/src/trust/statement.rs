//! Whether a statement is the one that a rule asks for. What it must say is checked by whoever reads statements
//! ([`Requirement`]); what it must be about, and for which roles it is meant, is a matter of rules.

use hallmark_config::{Attestation, Bind, Role, Rule, SignerName};
use hallmark_signer::Sha256Digest;
use hallmark_signer::evidence::{Approval, InTotoStatement, Requirement};

use super::findings::Scope;
use crate::name::ObjectName;

/// For which roles of `rule` the statement counts if `signer` signed it; `None`: it is not about the artifact (under its
/// name, where the rule binds names), does not say what the rule asks for, or approves for a role that is not asked for or
/// not the signer's. A rule that asks for no statement accepts none.
pub(super) fn scope(
    statement: &InTotoStatement,
    rule: &Rule,
    (object, sha256): (&ObjectName, &Sha256Digest),
    signer: &SignerName,
) -> Option<Scope> {
    let about = match rule.bind {
        Bind::Digest => statement.is_about(sha256),
        Bind::Name => statement.names(&format!("{}/{}", object.bucket, object.key.as_str()), sha256),
    };
    let says =
        || rule.attestation.as_ref().is_some_and(|wanted| requirement(wanted).check(statement).is_ok());
    if !about || !says() {
        return None;
    }
    let Some(Approval { role }) = statement.approval() else { return Some(Scope::AllRoles) };
    let of_signer = |role: &&Role| role.signers.contains(signer);
    let mut named = rule.clauses().flatten().filter(of_signer).filter_map(|role| role.name.as_ref());
    named.find(|name| role == Some(name.as_str())).cloned().map(Scope::Role)
}

fn requirement(wanted: &Attestation) -> Requirement {
    let Attestation { predicate_type, builder_id, build_type, source } = wanted.clone();
    Requirement { predicate_type, builder_id, build_type, source }
}
