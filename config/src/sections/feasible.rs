//! Rules that could never be satisfied, or say something that means nothing.

use super::declared::{Declared, SignerKind};
use crate::name::SignerName;
use crate::reader::{Place, Read};
use crate::trust::{APPROVAL, Bind, Role, Rule, Sibling};

/// Reports what cannot work in `rule`, which stands at `place`. Of a rule whose signers could not be read nothing is said.
pub(super) fn check(place: &Place<'_>, rule: &Rule, declared: &Declared<'_>) -> Read<()> {
    let kinds: Option<Vec<(&SignerName, SignerKind)>> =
        rule.signers().into_iter().map(|signer| Some((signer, declared.kind(signer)?))).collect();
    let Some(kinds) = kinds else { return Ok(()) };
    let mut result = Ok(());
    let mut report = |message: String| result = Err(place.problem(message));

    let statements = kinds.iter().any(|(_, kind)| can_state(*kind));
    let by_key = kinds.iter().find(|(_, kind)| *kind == SignerKind::Statement);
    match (&rule.attestation, by_key, rule.bind) {
        (None, Some((signer, _)), _) => report(format!(
            "`attestation` is missing: `{signer}` signs statements, and it must be said what they must say"
        )),
        (None, None, Bind::Name) => report(
            "`attestation` is missing: with `bind = \"name\"` statements count alone, and it must be said what they must say"
                .to_owned(),
        ),
        (Some(_), _, _) if !statements => report(
            "has an `attestation`, but no signer that signs statements: no key with `use = \"dsse\"`, no Sigstore identity"
                .to_owned(),
        ),
        _ => {}
    }
    for sibling in &rule.siblings {
        if !kinds.iter().any(|(_, kind)| signs_in(*kind, *sibling, rule)) {
            report(format!(
                "no signer of this rule can sign in what `siblings` calls \"{}\"",
                sibling.word()
            ));
        }
    }
    for role in rule.all_of.iter().chain(&rule.any_of) {
        let of_role = || kinds.iter().filter(|(signer, _)| role.signers.contains(signer));
        let able = of_role().filter(|(_, kind)| can_sign(*kind, rule)).count();
        let approvals = rule.attestation.as_ref().is_some_and(|wanted| wanted.predicate_type == APPROVAL);
        if approvals && role.name.is_none() && of_role().any(|(_, kind)| can_state(*kind)) {
            report(
                "an approval is for a role that it names: make a role of the `keys`, and name it in `all_of`"
                    .to_owned(),
            );
        }
        let counted = countable(of_role().map(|(_, kind)| *kind).filter(|kind| can_sign(*kind, rule)));
        if counted < role.threshold && role.threshold <= able {
            report(format!(
                "{} can never be met: {} must sign, and of its signers {counted} can count, since an artifact has one \
                 Sigstore bundle and one Notation envelope, and each counts for one identity",
                title(role),
                role.threshold
            ));
        }
        let unable = of_role().find(|(_, kind)| !can_sign(*kind, rule));
        if let (true, Some((signer, kind))) = (able < role.threshold, unable) {
            report(format!(
                "{} can never be met: of its signers {able} can sign what counts here, and {} must; `{signer}` {}",
                title(role),
                role.threshold,
                lack(*kind, rule)
            ));
        }
    }
    result
}

/// How many of these can count in one role: all keys, and of the identities of a format one.
fn countable(kinds: impl Iterator<Item = SignerKind>) -> usize {
    let (mut keys, mut sigstore, mut notation) = (0, 0, 0);
    for kind in kinds {
        match kind {
            SignerKind::Blob | SignerKind::Statement => keys += 1,
            SignerKind::Sigstore => sigstore = 1,
            SignerKind::Notation => notation = 1,
        }
    }
    keys + sigstore + notation
}

/// How messages call a role.
pub(super) fn title(role: &Role) -> String {
    role.name.as_ref().map_or_else(|| "`keys`".to_owned(), |name| format!("the role `{name}`"))
}

/// Whether who is of this kind can sign statements.
pub(super) fn can_state(kind: SignerKind) -> bool {
    match kind {
        SignerKind::Statement | SignerKind::Sigstore => true,
        SignerKind::Blob | SignerKind::Notation => false,
    }
}

/// Whether who is of this kind can sign anything that counts by `rule`.
fn can_sign(kind: SignerKind, rule: &Rule) -> bool {
    let in_header = kind == SignerKind::Blob && rule.bind == Bind::Digest;
    in_header || rule.siblings.iter().any(|sibling| signs_in(kind, *sibling, rule))
}

/// Whether who is of this kind can sign in such a sibling, and it counts by `rule`.
fn signs_in(kind: SignerKind, sibling: Sibling, rule: &Rule) -> bool {
    let stated = rule.attestation.is_some();
    match (kind, sibling) {
        (SignerKind::Blob, Sibling::Sig | Sibling::Sigstore) | (SignerKind::Notation, Sibling::Notation) => {
            rule.bind == Bind::Digest
        }
        (SignerKind::Statement, Sibling::InToto | Sibling::Sigstore) => stated,
        (SignerKind::Sigstore, Sibling::Sigstore) => stated || rule.bind == Bind::Digest,
        (SignerKind::Blob, Sibling::InToto | Sibling::Notation)
        | (SignerKind::Statement, Sibling::Sig | Sibling::Notation)
        | (SignerKind::Sigstore, Sibling::Sig | Sibling::InToto | Sibling::Notation)
        | (SignerKind::Notation, Sibling::Sig | Sibling::Sigstore | Sibling::InToto) => false,
    }
}

/// What somebody lacks who cannot sign anything that counts by `rule`.
fn lack(kind: SignerKind, rule: &Rule) -> &'static str {
    match (kind, rule.bind) {
        (SignerKind::Blob | SignerKind::Notation, Bind::Name) => {
            "signs bytes, which name no object, as `bind = \"name\"` wants it"
        }
        (SignerKind::Notation, Bind::Digest) => "needs \"notation\" in `siblings`",
        (SignerKind::Sigstore, Bind::Digest | Bind::Name) => "needs \"sigstore\" in `siblings`",
        (SignerKind::Statement, Bind::Digest | Bind::Name) => {
            "needs an `attestation`, and \"intoto\" or \"sigstore\" in `siblings`"
        }
        // Cannot come here: the header suffices.
        (SignerKind::Blob, Bind::Digest) => "signs nothing",
    }
}
