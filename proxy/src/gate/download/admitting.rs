//! What the store says, or has said, proven and judged for whoever wants it.

use futures_util::FutureExt as _;

use super::{Recency, Wanted};
use crate::gate::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{Admitted, Asked, Proven, Reader, Sighting, UnverifiedHead};
use crate::store::VersionId;
use crate::trust::Form;

impl Gate {
    /// Verifies the seal of what the store said when it was asked, and keeps what was found.
    pub(in crate::gate) async fn proven(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        found: UnverifiedHead,
        asked: Asked,
    ) -> Result<Proven, GateError> {
        let proven = self.prover.prove(&*self.store, name, version, found).await;
        let proven = proven.map_err(|error| self.unless_unanswered(error.into()))?;
        self.prover.note(&proven, asked, self.policy.freshness(&name.bucket));
        Ok(proven)
    }

    /// What is wrong with a seal; or that nobody knows, where it may be by a key of a certifier who has not said yet who it is.
    fn unless_unanswered(&self, error: GateError) -> GateError {
        match error {
            GateError::Artifact(fault) if self.seals.are_unanswered() && fault.may_hold_elsewhere() => {
                GateError::Unanswered
            }
            error => error,
        }
    }

    /// Judges what the store said when it was asked.
    pub(super) async fn admit(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        said: (UnverifiedHead, Asked),
        whom: (Reader, &str),
    ) -> Result<Admitted, GateError> {
        Ok(self.admit_with(name, version, said, whom, ()).await?.0)
    }

    /// The same where a body came with it. That is given up, and has to be asked for again, if it would have to wait for a
    /// turn to look beside: it has a place at the store, which others want.
    pub(super) async fn admit_with<B>(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        (found, asked): (UnverifiedHead, Asked),
        (reader, client): (Reader, &str),
        body: B,
    ) -> Result<(Admitted, Option<B>), GateError> {
        let proven = self.proven(name, version, found, asked).await?;
        let sealed = proven.sealed();
        let form = self.form_of(sealed.as_ref(), client).await?;
        let alone = proven.admit(&self.policy, reader, form, &[], self.prover.verdicts());
        let alone = alone.map_err(GateError::from);
        let (admitted, body) = match sealed.filter(|_| self.may_gain(&alone, name)) {
            None => (alone?, Some(body)),
            Some(artifact) => {
                let (turn, body) = match self.lookups.turn(client).now_or_never() {
                    Some(turn) => (turn?, Some(body)),
                    None => {
                        drop(body);
                        (self.lookups.turn(client).await?, None)
                    }
                };
                (self.admit_beside(&artifact, reader, turn).await?.verdict()?, body)
            }
        };
        self.check_mark(&admitted, version, asked, reader)?;
        Ok((admitted, body))
    }

    /// The same for a sibling that is about to be read as one: by what it bears itself.
    pub(in crate::gate) async fn admit_alone(
        &self,
        name: &ObjectName,
        (found, asked): (UnverifiedHead, Asked),
    ) -> Result<Admitted, GateError> {
        let (form, reader) = (Form::Sibling, Reader::Trusting);
        let proven = self.proven(name, None, found, asked).await?;
        let admitted = proven.admit(&self.policy, reader, form, &[], self.prover.verdicts())?;
        self.check_mark(&admitted, None, asked, reader)?;
        Ok(admitted)
    }

    /// What the store said last, where the client takes that for an answer.
    pub(super) fn recall(&self, wanted: Wanted<'_>) -> Option<Sighting> {
        match wanted.recency {
            Recency::Now => None,
            Recency::Fresh if self.policy.freshness(&wanted.name.bucket).is_zero() => None,
            Recency::Fresh => self.kept().recall(wanted.name, wanted.version),
        }
    }

    /// Judges what the store said before, if that was not too long ago. `None` also where it must not be served: what
    /// the store says now may be better.
    pub(super) fn still(&self, sighting: &Sighting, wanted: Wanted<'_>) -> Option<Admitted> {
        let freshness = self.policy.freshness(&wanted.name.bucket);
        if !self.kept().is_fresh(sighting, freshness) {
            return None;
        }
        let proven = self.prover.renew(sighting)?;
        let form = match proven.sealed() {
            Some(artifact) => self.known_form(&artifact)?,
            None => Form::Any,
        };
        let admitted = proven.admit(&self.policy, wanted.reader, form, &[], self.prover.verdicts()).ok()?;
        // Who may see it untrusted is told what it is worth with what stands beside it.
        let lacks = !admitted.is_trusted() && !self.policy.siblings(wanted.name).is_empty();
        (!lacks && !self.is_behind(&admitted, wanted)).then_some(admitted)
    }
}
