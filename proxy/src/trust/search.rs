//! From evidence to those who signed.

use std::collections::BTreeMap;

use hallmark_config::{Bind, Rule, SignerName, UnixMs};
use hallmark_signer::{PublicKey, PublisherSignatures, Verdicts};

use super::evidence::{Evidence, Piece, Said, Signed};
use super::findings::{Found, Standing};
use super::judge::Judged;
use super::signer::{Signer, SignerKind};

/// Looks for the signers of one rule in the evidence for one artifact.
pub(super) struct Search<'s> {
    pub(super) signers: &'s BTreeMap<SignerName, Signer>,
    pub(super) rule: &'s Rule,
    pub(super) judged: &'s Judged<'s>,
    pub(super) verdicts: &'s dyn Verdicts,
}

/// Whom to look for. Each key costs a verification for each signature, so those who do not count are looked for only to
/// say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookFor {
    /// Those who count.
    Counting,
    /// Those who signed, and do not count.
    Others,
}

/// What is signed, as far as it decides whether it counts.
#[derive(Clone, Copy)]
enum Fit {
    Bytes,
    Statement,
    Neither,
}

impl Search<'_> {
    /// Who of the rule's signers is found, each once. `header`: its signatures.
    pub(super) fn find(
        &self,
        header: Option<&PublisherSignatures>,
        evidence: &Evidence<'_>,
        look_for: LookFor,
    ) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        let mut add = |more: Vec<Found>| {
            for one in more {
                match found.iter_mut().find(|known| known.signer == one.signer) {
                    // The graver reason is the one to be told.
                    Some(known) if known.standing < one.standing => *known = one,
                    Some(_) => {}
                    None => found.push(one),
                }
            }
        };
        if let Some(signatures) = header {
            add(self.by_blob_keys(signatures, self.judged.at, look_for));
        }
        for piece in evidence.pieces().filter(|piece| self.rule.siblings.contains(&piece.from)) {
            add(self.in_piece(piece, look_for));
        }
        found
    }

    fn in_piece(&self, piece: &Piece, look_for: LookFor) -> Vec<Found> {
        match &piece.signed {
            Signed::Bytes(signatures) => self.by_blob_keys(signatures, piece.at, look_for),
            Signed::Statement { envelope, stated } => {
                let fit = if stated.satisfies(self.rule, self.judged.object, self.judged.sha256) {
                    Fit::Statement
                } else {
                    Fit::Neither
                };
                let keys = self.candidates(fit, &[piece.at], look_for, |kind| match kind {
                    SignerKind::Statement(key) => Some(key),
                    SignerKind::Blob(_) | SignerKind::Sigstore | SignerKind::Notation => None,
                });
                // The configuration names at most 16 signers in a rule.
                envelope.verified_by(keys, self.verdicts).unwrap_or_default()
            }
            Signed::ByIdentity { signer, said, signed_at } => {
                let fit = match said {
                    Said::Bytes(sha256) if sha256 == self.judged.sha256 => Fit::Bytes,
                    Said::Statement(stated)
                        if stated.satisfies(self.rule, self.judged.object, self.judged.sha256) =>
                    {
                        Fit::Statement
                    }
                    Said::Bytes(_) | Said::Statement(_) => Fit::Neither,
                };
                let times: Vec<UnixMs> = [piece.at].into_iter().chain(signed_at.iter().copied()).collect();
                let named = self.candidates(fit, &times, look_for, |kind| match kind {
                    SignerKind::Sigstore | SignerKind::Notation => Some(()),
                    SignerKind::Blob(_) | SignerKind::Statement(_) => None,
                });
                named
                    .into_iter()
                    .filter(|(found, ())| found.signer == *signer)
                    .map(|(found, ())| found)
                    .collect()
            }
        }
    }

    fn by_blob_keys(&self, signatures: &PublisherSignatures, at: UnixMs, look_for: LookFor) -> Vec<Found> {
        let keys: Vec<(Found, &PublicKey)> =
            self.candidates(Fit::Bytes, &[at], look_for, |kind| match kind {
                SignerKind::Blob(key) => Some(key),
                SignerKind::Statement(_) | SignerKind::Sigstore | SignerKind::Notation => None,
            });
        signatures.verified_by(self.judged.sha256, keys, self.verdicts).unwrap_or_default()
    }

    /// The rule's signers of a kind, each with what is to be said of it if it is found to have signed something of these
    /// times.
    fn candidates<'c, K>(
        &'c self,
        fit: Fit,
        times: &[UnixMs],
        look_for: LookFor,
        of_kind: impl Fn(&'c SignerKind) -> Option<K>,
    ) -> Vec<(Found, K)> {
        let at = times.first().copied().unwrap_or(self.judged.at);
        let candidate = |name: &SignerName| {
            let signer = self.signers.get(name)?;
            let kind = of_kind(&signer.kind)?;
            let standing = match signer.standing(times) {
                Standing::Counts if !self.fits(fit, &signer.kind) => Standing::Unfit,
                standing => standing,
            };
            let wanted = (standing == Standing::Counts) == (look_for == LookFor::Counting);
            wanted.then(|| (Found { signer: name.clone(), at, standing }, kind))
        };
        self.rule.signers().into_iter().filter_map(candidate).collect()
    }

    /// Whether what is signed is what the rule asks for of such a signer.
    fn fits(&self, fit: Fit, kind: &SignerKind) -> bool {
        match (fit, kind, self.rule.bind) {
            (Fit::Statement, _, _) => true,
            // Whoever can sign the statement that the rule asks for must have.
            (Fit::Bytes, SignerKind::Sigstore, Bind::Digest) => self.rule.attestation.is_none(),
            (Fit::Bytes, SignerKind::Blob(_) | SignerKind::Notation, Bind::Digest) => true,
            (Fit::Bytes, _, Bind::Name)
            | (Fit::Bytes, SignerKind::Statement(_), _)
            | (Fit::Neither, _, _) => false,
        }
    }
}
