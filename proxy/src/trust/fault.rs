//! Why an artifact does not satisfy the policy.

use std::fmt;

use hallmark_config::{RoleName, SealOp, SignerName, UnixMs};

use crate::s3::error::Code;

/// Why the policy refuses an artifact: one variant for each step of the judgement. Texts are shown to clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustFault {
    /// It is denied by name of its digest or seal, whatever the rules say.
    #[error("it is denied by the configuration: {reason}")]
    Denied {
        /// Why, as the configuration says.
        reason: String,
    },
    /// The seal is older than the rule accepts.
    #[error("it was sealed at {at}, and the rule for this key accepts no seal before {not_before}")]
    SealedTooEarly {
        /// When it was sealed.
        at: UnixMs,
        /// The first time that is accepted.
        not_before: UnixMs,
    },
    /// The rule does not accept what made the seal.
    #[error("the rule for this key does not accept seals of the kind \"{op}\"", op = .0.word())]
    OpRefused(SealOp),
    /// This instance has served something under this name that was sealed later.
    #[error(
        "it was sealed at {at}, and what was sealed at {seen} has been served under this name: an older version was put back"
    )]
    RolledBack {
        /// When it was sealed.
        at: UnixMs,
        /// When that was sealed which was served.
        seen: UnixMs,
    },
    /// The rule asks for a signature and there is none.
    #[error("the rule for this key requires a publisher's signature and there is none")]
    SignatureMissing {
        /// Who could give one.
        missing: Missing,
    },
    /// What stands in the header is not a list of signatures.
    #[error("`x-amz-meta-hallmark-signature` is not a list of at most 8 base64 DER signatures")]
    SignatureMalformed,
    /// None of the signatures is by a signer whom the rule names.
    #[error("no signature is by a key that the rule for this key trusts")]
    SignerUntrusted,
    /// The only good signatures are by signers who have been revoked, or have been revoked themselves.
    #[error("the only good signature is by `{signer}`, and revoked: {reason}")]
    KeyRevoked {
        /// One of them.
        signer: SignerName,
        /// Why it is revoked, as the configuration or the authority says.
        reason: String,
    },
    /// The only good signatures were made before their signers' validity began, or after it ended.
    #[error("the only good signature, by `{signer}`, is of {at}: that is outside the key's validity")]
    KeyNotValid {
        /// One of the signers.
        signer: SignerName,
        /// When it signed.
        at: UnixMs,
    },
    /// The only good signatures are over statements that do not say what the rule asks for, or about something else.
    #[error(
        "what `{signer}` signed is not the statement about this artifact that the rule for this key asks for"
    )]
    AttestationUnmet {
        /// One of the signers.
        signer: SignerName,
    },
    /// Some of the signers whom the rule asks for have signed, but not all.
    #[error("signatures are missing: {missing}{}", also(.discounted))]
    RoleUnmet {
        /// Who is missing.
        missing: Missing,
        /// Who has signed, and does not count.
        discounted: Vec<Discounted>,
    },
    /// It waits for signatures, and would take the place of something that is served.
    #[error(
        "{without}; and what stands under this name may be served, so nothing takes its place that is not: push it under a new name"
    )]
    WouldReplace {
        /// What is wrong with it.
        without: Box<TrustFault>,
    },
    /// A signature beside an artifact is by somebody else than its name says.
    #[error("it is a signature by `{by}`, and stands under the name for one by `{of}`")]
    SignatureMisplaced {
        /// Who made it.
        by: SignerName,
        /// Who should have.
        of: SignerName,
    },
    /// A signature beside an artifact is by nobody who should have made it, or over something else.
    #[error("it is no signature by {} over `{artifact}` as that stands there: it is by another key, or over other bytes", by(.of.as_ref()))]
    SignatureWorthless {
        /// The artifact's key.
        artifact: String,
        /// Who should have made it; `None`: any signer of the rule.
        of: Option<SignerName>,
    },
    /// There is nothing yet that a signature could be held against.
    #[error("there is no `{artifact}` that it could be a signature over: upload that first")]
    NothingToSign {
        /// The artifact's key.
        artifact: String,
    },
    /// It says that it approves for a role that nobody asks for.
    #[error("it says that it approves for the role `{role}`, and the rule for the artifact asks for {asked}")]
    RoleNotAsked {
        /// Which.
        role: String,
        /// Those that it asks for.
        asked: String,
    },
    /// It says that it approves for a role that its signer does not have.
    #[error("it says that it approves for the role `{role}`, and `{signer}` is not one of its signers")]
    NotOfRole {
        /// Which.
        role: String,
        /// Who signed.
        signer: SignerName,
    },
    /// Something beside the artifact cannot be used, and without it this is what is wrong.
    #[error("{without}; and `{key}` beside it is of no use: {why}")]
    SiblingUnusable {
        /// Under which key it stands.
        key: String,
        /// What is wrong with it.
        why: String,
        /// What is wrong without it.
        without: Box<TrustFault>,
    },
}

/// Somebody of the rule who has signed, and does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discounted {
    /// A signer who is revoked, or whose signature is.
    Revoked {
        /// Who.
        signer: SignerName,
        /// Why, as the configuration or the authority says.
        reason: String,
    },
    /// Somebody who signed outside of the key's validity.
    NotValid {
        /// Who.
        signer: SignerName,
        /// When.
        at: UnixMs,
    },
    /// Somebody who signed something else than the rule asks for.
    Unfit(SignerName),
}

/// Who is missing: one of these roles for each group of which none is met. Shown as `2 of release (1 there)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing(pub Vec<Vec<MissingRole>>);

/// A role that is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRole {
    /// Which; `None`: the keys of the rule.
    pub role: Option<RoleName>,
    /// How many of its signers must have signed.
    pub threshold: usize,
    /// Those who count.
    pub there: Vec<SignerName>,
    /// Those who have not signed, or do not count, and are not revoked.
    pub open: Vec<SignerName>,
}

impl TrustFault {
    /// For metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "denied",
            Self::SealedTooEarly { .. } => "sealed_too_early",
            Self::OpRefused(_) => "op_refused",
            Self::RolledBack { .. } => "rolled_back",
            Self::SignatureMissing { .. } => "signature_missing",
            Self::SignatureMalformed => "signature_malformed",
            Self::SignerUntrusted => "signer_untrusted",
            Self::KeyRevoked { .. } => "key_revoked",
            Self::KeyNotValid { .. } => "key_not_valid",
            Self::AttestationUnmet { .. } => "attestation_unmet",
            Self::RoleUnmet { .. } => "role_unmet",
            Self::SignatureMisplaced { .. } => "signature_misplaced",
            Self::SignatureWorthless { .. } => "signature_worthless",
            Self::NothingToSign { .. } => "nothing_to_sign",
            Self::RoleNotAsked { .. } => "role_not_asked",
            Self::NotOfRole { .. } => "not_of_role",
            Self::WouldReplace { without } => without.label(),
            Self::SiblingUnusable { .. } => "sibling_unusable",
        }
    }

    /// Code and reason in one line, for a header.
    pub fn said(&self) -> String {
        format!("{}: {self}", self.code().as_str())
    }

    /// The same. Names those who can still sign: for clients who may see what is not trusted.
    pub fn told(&self) -> String {
        let told = self.said();
        match self.missing() {
            Some(missing) => told + &missing.by_name(),
            None => told,
        }
    }

    fn missing(&self) -> Option<&Missing> {
        match self {
            Self::SignatureMissing { missing } | Self::RoleUnmet { missing, .. } => Some(missing),
            Self::SiblingUnusable { without, .. } | Self::WouldReplace { without } => without.missing(),
            Self::Denied { .. }
            | Self::SealedTooEarly { .. }
            | Self::OpRefused(_)
            | Self::RolledBack { .. }
            | Self::SignatureMalformed
            | Self::SignerUntrusted
            | Self::KeyRevoked { .. }
            | Self::KeyNotValid { .. }
            | Self::AttestationUnmet { .. }
            | Self::SignatureMisplaced { .. }
            | Self::SignatureWorthless { .. }
            | Self::NothingToSign { .. }
            | Self::RoleNotAsked { .. }
            | Self::NotOfRole { .. } => None,
        }
    }

    /// The code that clients are told.
    pub fn code(&self) -> Code {
        match self {
            Self::Denied { .. } => Code::ArtifactDenied,
            Self::SealedTooEarly { .. } => Code::ArtifactSealTooOld,
            Self::OpRefused(_) => Code::ArtifactSealKindRefused,
            Self::RolledBack { .. } => Code::ArtifactRolledBack,
            Self::SignatureMissing { .. } => Code::ArtifactSignatureMissing,
            Self::SignatureMalformed | Self::SignerUntrusted => Code::ArtifactSignerUntrusted,
            Self::KeyRevoked { .. } => Code::ArtifactKeyRevoked,
            Self::KeyNotValid { .. } => Code::ArtifactKeyNotValid,
            Self::AttestationUnmet { .. } => Code::ArtifactAttestationUnmet,
            Self::RoleUnmet { .. } => Code::ArtifactRoleUnmet,
            Self::SignatureMisplaced { .. }
            | Self::SignatureWorthless { .. }
            | Self::NothingToSign { .. }
            | Self::RoleNotAsked { .. }
            | Self::NotOfRole { .. } => Code::ArtifactSignatureRefused,
            Self::SiblingUnusable { without, .. } | Self::WouldReplace { without } => without.code(),
        }
    }

    /// Whether more signatures, in siblings or by approvals to come, could make it good.
    pub fn may_be_mended(&self) -> bool {
        match self {
            Self::SignatureMissing { .. }
            | Self::SignerUntrusted
            | Self::KeyRevoked { .. }
            | Self::KeyNotValid { .. }
            | Self::AttestationUnmet { .. }
            | Self::RoleUnmet { .. }
            | Self::SiblingUnusable { .. }
            | Self::WouldReplace { .. } => true,
            Self::Denied { .. }
            | Self::SealedTooEarly { .. }
            | Self::OpRefused(_)
            | Self::RolledBack { .. }
            | Self::SignatureMalformed
            | Self::SignatureMisplaced { .. }
            | Self::SignatureWorthless { .. }
            | Self::NothingToSign { .. }
            | Self::RoleNotAsked { .. }
            | Self::NotOfRole { .. } => false,
        }
    }
}

impl Missing {
    /// Who has signed and who has not, of each role: begins with `;`.
    fn by_name(&self) -> String {
        let list = |names: &[SignerName]| names.iter().map(SignerName::as_str).collect::<Vec<_>>().join(", ");
        let told = |role: &MissingRole| {
            let name = role.role.as_ref().map_or("the rule's keys".to_owned(), |name| format!("`{name}`"));
            let there = if role.there.is_empty() { "nobody".to_owned() } else { list(&role.there) };
            let lacks = role.threshold.saturating_sub(role.there.len());
            let left = list(&role.open);
            let who = match role.open.len() {
                enough if enough >= lacks => format!("of {left} can sign"),
                0 => "are needed, and nobody is left who can sign".to_owned(),
                _ => format!("are needed, and only {left} can sign"),
            };
            format!("; of {name}: {there} counts, {lacks} more {who}")
        };
        self.0.iter().flatten().map(told).collect()
    }
}

fn by(of: Option<&SignerName>) -> String {
    of.map_or("a signer whom the rule for it names".to_owned(), |of| format!("`{of}`"))
}

fn also(discounted: &[Discounted]) -> String {
    discounted.iter().map(|one| format!("; {one}")).collect()
}

impl fmt::Display for Discounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked { signer, reason } => write!(f, "what `{signer}` signed is revoked: {reason}"),
            Self::NotValid { signer, at } => {
                write!(f, "what `{signer}` signed is of {at}, which is outside the key's validity")
            }
            Self::Unfit(signer) => write!(f, "what `{signer}` signed is not what the rule asks for"),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", and " })?;
            for (index, role) in group.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { " or " })?;
                fmt::Display::fmt(role, f)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for MissingRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, threshold, there, open: _ } = self;
        let there = there.len();
        match role {
            Some(role) => write!(f, "{threshold} of `{role}` ({there} there)"),
            None => write!(f, "{threshold} of the rule's keys ({there} there)"),
        }
    }
}
