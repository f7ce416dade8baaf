//! From evidence to those who signed.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallmark_config::{Bind, Rule, SignerName, UnixMs};
use hallmark_signer::evidence::InTotoStatement;
use hallmark_signer::{PublicKey, PublisherSignatures, Verdicts};

use super::evidence::{Evidence, Piece, Said, Signed};
use super::findings::{Found, Scope, Standing};
use super::judge::Judged;
use super::signer::{Signer, SignerKind};
use super::statement;

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
enum Fit<'f> {
    Bytes,
    Statement(&'f InTotoStatement),
    Neither,
}

/// How something signed came about, as far as it decides whether it counts.
#[derive(Clone, Copy)]
struct Made<'m> {
    /// When: all of these count. The first is when it was sealed.
    times: &'m [UnixMs],
    /// Why it was revoked since, whatever its signer is worth.
    revoked: Option<&'m Arc<str>>,
}

impl<'m> Made<'m> {
    fn at(times: &'m [UnixMs]) -> Self {
        Self { times, revoked: None }
    }
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
                let same = |known: &&mut Found| known.signer == one.signer && known.scope == one.scope;
                match found.iter_mut().find(same) {
                    // The graver reason is the one to be told.
                    Some(known) if known.standing < one.standing => *known = one,
                    Some(_) => {}
                    None => found.push(one),
                }
            }
        };
        if let Some(signatures) = header {
            add(self.by_blob_keys(signatures, (None, self.judged.at), look_for));
        }
        for piece in evidence.pieces().filter(|piece| self.rule.siblings.contains(&piece.from)) {
            add(self.in_piece(piece, look_for));
        }
        found
    }

    fn in_piece(&self, piece: &Piece, look_for: LookFor) -> Vec<Found> {
        match &piece.signed {
            Signed::Bytes(signatures) => {
                self.by_blob_keys(signatures, (piece.of.as_ref(), piece.at), look_for)
            }
            Signed::Statement { envelope, statement } => {
                let fit = Fit::Statement(statement);
                let keys = self.candidates(fit, Made::at(&[piece.at]), look_for, |_, kind| match kind {
                    SignerKind::Statement(key) => Some(key),
                    SignerKind::Blob(_) | SignerKind::Sigstore | SignerKind::Notation => None,
                });
                // The configuration names at most 16 signers in a rule.
                envelope.verified_by(keys, self.verdicts).unwrap_or_default()
            }
            Signed::ByIdentity { signer, said, signed_at, revoked } => {
                let fit = match said {
                    Said::Bytes(sha256) if sha256 == self.judged.sha256 => Fit::Bytes,
                    Said::Statement(statement) => Fit::Statement(statement),
                    Said::Bytes(_) => Fit::Neither,
                };
                let times: Vec<UnixMs> = [piece.at].into_iter().chain(signed_at.iter().copied()).collect();
                let made = Made { times: &times, revoked: revoked.as_ref() };
                let named = self.candidates(fit, made, look_for, |name, kind| match kind {
                    SignerKind::Sigstore | SignerKind::Notation => (name == signer).then_some(()),
                    SignerKind::Blob(_) | SignerKind::Statement(_) => None,
                });
                named.into_iter().map(|(found, ())| found).collect()
            }
        }
    }

    /// `of`: whose they must be, if that is said.
    fn by_blob_keys(
        &self,
        signatures: &PublisherSignatures,
        (of, at): (Option<&SignerName>, UnixMs),
        look_for: LookFor,
    ) -> Vec<Found> {
        let keys: Vec<(Found, &PublicKey)> =
            self.candidates(Fit::Bytes, Made::at(&[at]), look_for, |name, kind| match kind {
                SignerKind::Blob(key) => of.is_none_or(|of| of == name).then_some(key),
                SignerKind::Statement(_) | SignerKind::Sigstore | SignerKind::Notation => None,
            });
        signatures.verified_by(self.judged.sha256, keys, self.verdicts).unwrap_or_default()
    }

    /// The rule's signers of a kind, each with what is to be said of it if it is found to have signed something that was
    /// made so.
    fn candidates<'c, K>(
        &'c self,
        fit: Fit<'_>,
        made: Made<'_>,
        look_for: LookFor,
        of_kind: impl Fn(&SignerName, &'c SignerKind) -> Option<K>,
    ) -> Vec<(Found, K)> {
        let at = made.times.first().copied().unwrap_or(self.judged.at);
        let candidate = |name: &SignerName| {
            let signer = self.signers.get(name)?;
            let kind = of_kind(name, &signer.kind)?;
            let scope = self.fits(fit, name, &signer.kind);
            let standing = match (signer.standing(made.times), made.revoked, &scope) {
                (standing @ Standing::Revoked(_), _, _) => standing,
                (_, Some(why), _) => Standing::Revoked(Arc::clone(why)),
                (Standing::Counts, None, None) => Standing::Unfit,
                (standing, None, _) => standing,
            };
            let wanted = (standing == Standing::Counts) == (look_for == LookFor::Counting);
            let scope = scope.unwrap_or(Scope::AllRoles);
            wanted.then(|| (Found { signer: name.clone(), at, standing, scope }, kind))
        };
        self.rule.signers().into_iter().filter_map(candidate).collect()
    }

    /// For which roles what is signed counts, if it is what the rule asks for of such a signer.
    fn fits(&self, fit: Fit<'_>, name: &SignerName, kind: &SignerKind) -> Option<Scope> {
        let all = Some(Scope::AllRoles);
        match (fit, kind, self.rule.bind) {
            (Fit::Statement(statement), _, _) => {
                statement::scope(statement, self.rule, (self.judged.object, self.judged.sha256), name)
            }
            // Whoever can sign the statement that the rule asks for must have.
            (Fit::Bytes, SignerKind::Sigstore, Bind::Digest) => {
                all.filter(|_| self.rule.attestation.is_none())
            }
            (Fit::Bytes, SignerKind::Blob(_) | SignerKind::Notation, Bind::Digest) => all,
            (Fit::Bytes, _, Bind::Name)
            | (Fit::Bytes, SignerKind::Statement(_), _)
            | (Fit::Neither, _, _) => None,
        }
    }
}
