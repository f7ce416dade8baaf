//! The judgement.

use hallmark_config::{Enforce, Rule, SealOp, Signatures, UnixMs};
use hallmark_signer::{Op, PublisherSignatures, SealId, Sha256Digest, Verdicts};

use super::TrustPolicy;
use super::evidence::Evidence;
use super::fault::{Discounted, TrustFault};
use super::findings::{Findings, Found, Signers, Standing};
use super::roles::{clauses, missing, signers_of};
use super::search::{LookFor, Search};
use crate::name::ObjectName;

/// An artifact that is sealed, or is about to be.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// Under which name it stands.
    pub object: &'a ObjectName,
    /// Its digest, as sealed.
    pub sha256: &'a Sha256Digest,
    /// Its seal; `None`: it is about to be made.
    pub seal: Option<SealId>,
    /// When it was sealed; now, if it is about to be. Signatures in its header are of this time.
    pub at: UnixMs,
    /// What made the seal.
    pub op: Op,
    /// What its bytes are, where its name is that of a sibling.
    pub form: Form,
}

/// What the bytes of an object are whose name is that of a sibling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nobody has looked, or they are something else: it is judged as any other artifact under its name.
    Any,
    /// All of them were found to be what the name says ([`TrustPolicy::read_as_sibling`]).
    Sibling,
}

/// How an upload was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It satisfies its rule.
    Satisfying,
    /// It does not yet, for this reason, and waits.
    Waiting(Box<TrustFault>),
}

/// Whether an upload may be taken that does not satisfy its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// It may not: something that is served would be lost.
    Satisfying,
    /// It may, where the rule is for downloads only.
    Quarantined,
}

impl TrustPolicy {
    /// Judges an artifact that is asked for.
    ///
    /// Signatures are judged wherever a rule names keys, also where it does not require them: an artifact that bears
    /// one by an unknown or revoked key is refused, for its uploader meant it to be trusted and it is not.
    ///
    /// # Errors
    /// What the policy finds missing.
    pub fn judge(
        &self,
        judged: &Judged<'_>,
        evidence: &Evidence<'_>,
        verdicts: &dyn Verdicts,
    ) -> Result<Signers, TrustFault> {
        if let Some(reason) = self.denials.reason(judged.sha256, judged.seal) {
            return Err(TrustFault::Denied { reason: reason.to_owned() });
        }
        let header = evidence.header().map_err(|_| TrustFault::SignatureMalformed)?;
        let Some(rule) = self.rule_of(judged) else {
            // A seal that is not good enough for an artifact is none for what speaks for it.
            self.rule_beside(judged.object).map_or(Ok(()), |rule| check_seal(rule, judged))?;
            return Ok(Signers(Vec::new()));
        };
        check_seal(rule, judged)?;
        if header.is_none() && evidence.pieces.is_empty() {
            return match rule.signatures {
                Signatures::Required => {
                    let missing =
                        missing(&clauses(rule, &[], &self.signers), &self.signers).unwrap_or_default();
                    Err(TrustFault::SignatureMissing { missing })
                }
                Signatures::Optional => Ok(Signers(Vec::new())),
            };
        }
        let search = self.search(rule, judged, verdicts);
        let counting = search.find(header.as_ref(), evidence, LookFor::Counting);
        match missing(&clauses(rule, &counting, &self.signers), &self.signers) {
            // Every rule asks for somebody. Should one ever not, nobody is not enough.
            _ if counting.is_empty() => Err(nobody(&search, header.as_ref(), evidence)),
            Some(missing) => {
                let others = search.find(header.as_ref(), evidence, LookFor::Others);
                let discounted = others.into_iter().map(discounted).collect();
                Err(TrustFault::RoleUnmet { missing, discounted })
            }
            None => Ok(Signers(signers_of(&counting))),
        }
    }

    /// Judges an artifact that is about to be sealed.
    ///
    /// # Errors
    /// What the policy finds missing. Of what may be taken without satisfying its rule: what no signature to come would
    /// mend, and signatures by revoked signers.
    pub fn judge_upload(
        &self,
        judged: &Judged<'_>,
        evidence: &Evidence<'_>,
        taking: Taking,
        verdicts: &dyn Verdicts,
    ) -> Result<Taken, TrustFault> {
        let Err(fault) = self.judge(judged, evidence, verdicts) else { return Ok(Taken::Satisfying) };
        let rule = self.rule_of(judged).filter(|rule| rule.enforce == Enforce::Download);
        let (Some(rule), Taking::Quarantined, true) = (rule, taking, fault.may_be_mended()) else {
            return Err(fault);
        };
        let header = evidence.header().map_err(|_| TrustFault::SignatureMalformed)?;
        let others = self.search(rule, judged, verdicts).find(header.as_ref(), evidence, LookFor::Others);
        match others.into_iter().find(|found| matches!(found.standing, Standing::Revoked(_))) {
            Some(revoked) => Err(not_counting(revoked)),
            None => Ok(Taken::Waiting(Box::new(fault))),
        }
    }

    /// Says how the verdict on an artifact comes about. Takes longer than to judge it.
    pub fn examine<'p>(
        &'p self,
        judged: &Judged<'_>,
        evidence: &Evidence<'_>,
        verdicts: &dyn Verdicts,
    ) -> Findings<'p> {
        let verdict = self.judge(judged, evidence, verdicts);
        let rule = self.rule_of(judged);
        let (Some(rule), Ok(header)) = (rule, evidence.header()) else {
            return Findings { rule, found: Vec::new(), clauses: Vec::new(), verdict };
        };
        let search = self.search(rule, judged, verdicts);
        let mut found = search.find(header.as_ref(), evidence, LookFor::Counting);
        let clauses = clauses(rule, &found, &self.signers);
        let others = search.find(header.as_ref(), evidence, LookFor::Others);
        found.extend(others);
        Findings { rule: Some(rule), found, clauses, verdict }
    }

    pub(super) fn search<'s>(
        &'s self,
        rule: &'s Rule,
        judged: &'s Judged<'s>,
        verdicts: &'s dyn Verdicts,
    ) -> Search<'s> {
        Search { signers: &self.signers, rule, judged, verdicts }
    }
}

/// Why nobody counts.
fn nobody(search: &Search<'_>, header: Option<&PublisherSignatures>, evidence: &Evidence<'_>) -> TrustFault {
    let others = search.find(header, evidence, LookFor::Others);
    gravest(others).map_or(TrustFault::SignerUntrusted, not_counting)
}

/// Of those who do not count the one with the gravest reason.
pub(super) fn gravest(others: Vec<Found>) -> Option<Found> {
    others.into_iter().max_by(|one, other| one.standing.cmp(&other.standing))
}

/// Why this one alone does not suffice.
pub(super) fn not_counting(found: Found) -> TrustFault {
    match discounted(found) {
        Discounted::Revoked { signer, reason } => TrustFault::KeyRevoked { signer, reason },
        Discounted::NotValid { signer, at } => TrustFault::KeyNotValid { signer, at },
        Discounted::Unfit(signer) => TrustFault::AttestationUnmet { signer },
    }
}

fn discounted(found: Found) -> Discounted {
    let Found { signer, at, standing, scope: _ } = found;
    match standing {
        Standing::Revoked(reason) => Discounted::Revoked { signer, reason: reason.to_string() },
        Standing::TooEarly | Standing::TooLate => Discounted::NotValid { signer, at },
        Standing::Unfit | Standing::Counts => Discounted::Unfit(signer),
    }
}

/// Whether the rule accepts such a seal.
fn check_seal(rule: &Rule, judged: &Judged<'_>) -> Result<(), TrustFault> {
    if let Some(not_before) = rule.not_sealed_before.filter(|not_before| judged.at < *not_before) {
        return Err(TrustFault::SealedTooEarly { at: judged.at, not_before });
    }
    let op = seal_op(judged.op);
    if rule.refuse_ops.contains(&op) { Err(TrustFault::OpRefused(op)) } else { Ok(()) }
}

fn seal_op(op: Op) -> SealOp {
    match op {
        Op::Put => SealOp::Put,
        Op::Mpu => SealOp::Mpu,
        Op::Copy => SealOp::Copy,
        Op::Adopt => SealOp::Adopt,
        Op::Reseal => SealOp::Reseal,
    }
}
