//! How a verdict came about: for people who ask why.

use std::sync::Arc;

use hallmark_config::{Role, RoleName, Rule, SignerName, UnixMs};

use super::fault::TrustFault;

/// The signers whom the rule counted. Empty where no rule asks for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signers(pub(super) Vec<SignerName>);

impl Signers {
    /// Their names in the configuration.
    pub fn names(&self) -> &[SignerName] {
        &self.0
    }
}

/// What was found out about an artifact.
#[derive(Debug, Clone)]
pub struct Findings<'p> {
    /// The rule that decides; `None`: none is about this name.
    pub rule: Option<&'p Rule>,
    /// Everybody of the rule who has signed, whether it counts or not. Empty where the verdict does not depend on it.
    pub found: Vec<Found>,
    /// The groups of roles of the rule: of each group one role must be met.
    pub clauses: Vec<Vec<RoleFound<'p>>>,
    /// What comes of it.
    pub verdict: Result<Signers, TrustFault>,
}

/// Somebody of the rule who has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Who.
    pub signer: SignerName,
    /// When, as far as it can be known: when that was sealed in which the signature stands.
    pub at: UnixMs,
    /// Whether it counts.
    pub standing: Standing,
    /// And for which roles.
    pub scope: Scope,
}

/// For which roles what somebody signed counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// For all that its signer has.
    AllRoles,
    /// For this one: it is an approval that says so.
    Role(RoleName),
}

impl Scope {
    /// Whether it counts for `role`.
    pub fn reaches(&self, role: &Role) -> bool {
        match self {
            Self::AllRoles => true,
            Self::Role(name) => role.name.as_ref() == Some(name),
        }
    }
}

/// Whether a good signature counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It does.
    Counts,
    /// It is over a statement that is not what the rule asks for, or over bytes where the rule asks for a statement.
    Unfit,
    /// It was made before the signer's validity began.
    TooEarly,
    /// It was made after the signer's validity ended.
    TooLate,
    /// It is by a signer who is revoked, and not from before that, or it is revoked itself; and why.
    Revoked(Arc<str>),
}

/// How far a role is met.
#[derive(Debug, Clone)]
pub struct RoleFound<'p> {
    /// The role.
    pub role: &'p Role,
    /// Those of its signers who count.
    pub met_by: Vec<SignerName>,
}

impl RoleFound<'_> {
    /// How many signers are missing.
    pub fn lacks(&self) -> usize {
        self.role.threshold.saturating_sub(self.met_by.len())
    }
}
