//! What a detached signature is worth that stands beside an artifact, or is about to be put there: a name like
//! `<key>.<signer>.sig` is there once, and is for a signature by that signer over that artifact.

use hallmark_config::{Role, Rule, Sibling, SignerName, UnixMs};
use hallmark_signer::{Op, PublisherSignatures, Sha256Digest, Signature, Verdicts};

use super::TrustPolicy;
use super::evidence::{Evidence, Piece, Signed};
use super::fault::TrustFault;
use super::findings::{Found, Scope, Standing};
use super::judge::{Form, Judged, gravest, not_counting};
use super::search::LookFor;
use super::sibling::SignaturePlace;
use super::signer::SignerKind;
use crate::name::ObjectName;

/// The longest name of a role that is repeated to whoever said it, characters.
const MAX_ROLE: usize = 64;

/// A detached signature, where it stands, and what it is held against.
#[derive(Debug, Clone, Copy)]
pub struct Detached<'d> {
    /// What its name says.
    pub place: &'d SignaturePlace,
    /// The digest of the artifact that stands there.
    pub sha256: &'d Sha256Digest,
    /// What stands in it.
    pub signature: &'d Signature,
    /// When it was sealed; now, if it is about to be.
    pub at: UnixMs,
}

impl TrustPolicy {
    /// Whether it is a signature over the artifact, by whom its name says, of a time at which that one's signatures count.
    /// `role`: for which role its uploader says that it approves; that one's signers must have made it.
    ///
    /// # Errors
    /// Why it is not.
    pub fn weigh_detached(
        &self,
        detached: &Detached<'_>,
        role: Option<&str>,
        verdicts: &dyn Verdicts,
    ) -> Result<(), TrustFault> {
        let Detached { place: SignaturePlace { artifact, of }, .. } = *detached;
        let worthless =
            || TrustFault::SignatureWorthless { artifact: artifact.key.as_str().to_owned(), of: of.clone() };
        let rule = self.rule(artifact).ok_or_else(worthless)?;
        let counting = self.who(rule, detached, (of.as_ref(), LookFor::Counting), verdicts);
        if let Some(signer) = counting.first().map(|found| &found.signer) {
            return role.map_or(Ok(()), |role| approves_for(rule, role, Some(signer)));
        }
        let others = self.who(rule, detached, (of.as_ref(), LookFor::Others), verdicts);
        match gravest(others) {
            // It is what its name says. That the rule does not go by such is not its fault.
            Some(Found { standing: Standing::Counts | Standing::Unfit, .. }) => Ok(()),
            Some(found) => Err(not_counting(found)),
            None => Err(self.elsewhere(rule, detached, verdicts).unwrap_or_else(worthless)),
        }
    }

    /// That the rule for this artifact asks for a role of this name; and if `key`, the id of a key in hex, is said to have
    /// signed a statement for it, that a signer of that role has this key and is valid `at` this time.
    ///
    /// # Errors
    /// Why what was signed so does not count.
    pub fn asks_for_approval(
        &self,
        artifact: &ObjectName,
        role: &str,
        key: Option<&str>,
        at: UnixMs,
    ) -> Result<(), TrustFault> {
        let Some(rule) = self.rule(artifact) else { return Ok(()) };
        let Some(key) = key else { return approves_for(rule, role, None) };
        let known = |name: &&SignerName| match self.signers.get(*name).map(|signer| &signer.kind) {
            Some(SignerKind::Statement(known)) => known.id().to_hex() == key,
            Some(SignerKind::Blob(_) | SignerKind::Sigstore | SignerKind::Notation) | None => false,
        };
        approves_for(rule, role, None)?;
        let signer = rule.signers().into_iter().find(known).ok_or_else(|| {
            TrustFault::SignatureWorthless { artifact: artifact.key.as_str().to_owned(), of: None }
        })?;
        approves_for(rule, role, Some(signer))?;
        match self.signers.get(signer).map(|known| known.standing(&[at])) {
            Some(Standing::Counts) | None => Ok(()),
            Some(standing) => {
                let scope = Scope::AllRoles;
                Err(not_counting(Found { signer: signer.clone(), at, standing, scope }))
            }
        }
    }

    /// Whether it is a signature by another one of the rule's signers than its name says.
    fn elsewhere(&self, rule: &Rule, detached: &Detached<'_>, verdicts: &dyn Verdicts) -> Option<TrustFault> {
        let of = detached.place.of.clone()?;
        let by = [LookFor::Counting, LookFor::Others].into_iter();
        let by = by.flat_map(|look_for| self.who(rule, detached, (None, look_for), verdicts)).next()?.signer;
        Some(TrustFault::SignatureMisplaced { by, of })
    }

    /// Who made it; `of`: if it is this one.
    fn who(
        &self,
        rule: &Rule,
        detached: &Detached<'_>,
        (of, look_for): (Option<&SignerName>, LookFor),
        verdicts: &dyn Verdicts,
    ) -> Vec<Found> {
        let Detached { place, sha256, signature, at } = *detached;
        // One is neither none nor too many.
        let Ok(signatures) = PublisherSignatures::new(vec![*signature]) else { return Vec::new() };
        let signed = Signed::Bytes(signatures);
        let pieces = [Piece { from: Sibling::Sig, of: of.cloned(), at, signed }];
        let evidence = Evidence { header: None, pieces: &pieces };
        let judged = Judged { object: &place.artifact, sha256, seal: None, at, op: Op::Put, form: Form::Any };
        self.search(rule, &judged, verdicts).find(None, &evidence, look_for)
    }
}

/// Whether a rule asks for a role of this name, and, if it is said who signed, that one may sign for it. Signers whom a
/// rule names without a role sign for whatever they call it.
fn approves_for(rule: &Rule, role: &str, signer: Option<&SignerName>) -> Result<(), TrustFault> {
    let roles: Vec<&Role> = rule.clauses().flatten().collect();
    let shown = || role.escape_debug().take(MAX_ROLE).collect::<String>();
    let mut of_name =
        roles.iter().filter(|known| known.name.as_ref().is_none_or(|name| name.as_str() == role)).peekable();
    if of_name.peek().is_none() {
        let asked: Vec<_> =
            roles.iter().filter_map(|known| Some(format!("`{}`", known.name.as_ref()?))).collect();
        return Err(TrustFault::RoleNotAsked { role: shown(), asked: asked.join(", ") });
    }
    match signer {
        Some(signer) if !of_name.any(|known| known.signers.contains(signer)) => {
            Err(TrustFault::NotOfRole { role: shown(), signer: signer.clone() })
        }
        Some(_) | None => Ok(()),
    }
}
