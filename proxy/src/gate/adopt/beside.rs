//! Signatures beside an artifact that is to get a new seal: they may bear no seal either.
//!
//! What a signature says it says itself, whoever put it there, so those without a seal are read as well. Those by whom the
//! rule counts somebody get seals too; any other says nothing that anybody asked for, and is left as it is.

use std::sync::Arc;

use hallmark_config::UnixMs;
use tokio::task::spawn_blocking;

use super::super::siblings::{Beside, ReadBeside};
use super::super::upload::internal;
use super::super::{Gate, GateError, Subject};
use super::{Found, Order};
use crate::trust::{Evidence, Judged, Piece, Pieces, SiblingFile, SiblingName, Standing, TrustPolicy};

/// What bears no seal, each with what is signed in it.
type Unsealed = Vec<(Found, Vec<Piece>)>;

/// A sibling, in the order of the rule.
enum Sibling {
    /// Its seal is believed, or it is not there.
    Read(ReadBeside),
    /// It has none.
    Unsealed(SiblingName, Box<Found>),
}

impl Gate {
    /// What stands beside an artifact: all that is signed there, and what of it bears no seal that is believed.
    pub(super) async fn find_beside(
        &self,
        artifact: &Found,
        order: Order,
        pace: &mut (impl AsyncFnMut(u64) + Send),
    ) -> Result<(Beside, Unsealed), GateError> {
        let mut siblings = Vec::new();
        for sibling in self.policy.siblings(&artifact.name) {
            match self.find(&sibling.name, order, pace).await {
                Ok(Some(found)) => siblings.push(Sibling::Unsealed(sibling, Box::new(found))),
                Ok(None) => siblings.push(Sibling::Read(self.read_beside(sibling).await)),
                // It is not there; or whatever is wrong with it, it says nothing, and is looked at for itself later on.
                Err(GateError::Artifact(_) | GateError::Client(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if siblings.is_empty() {
            return Ok(Default::default());
        }
        let (policy, subject, now) = (Arc::clone(&self.policy), artifact.subject(), self.clock.now());
        let read = spawn_blocking(move || read(&policy, &subject, siblings, now));
        read.await.map_err(|_| internal())
    }

    /// Whether somebody whom the rule names has signed one of these, so that it counts.
    pub(super) fn speaks(&self, judged: &Judged<'_>, pieces: &[Piece]) -> bool {
        let evidence = Evidence { header: None, pieces };
        let findings = self.policy.examine(judged, &evidence, self.prover.verdicts());
        findings.found.iter().any(|found| found.standing == Standing::Counts)
    }
}

/// What is signed in siblings, and which of those without a seal they are from.
fn read(policy: &TrustPolicy, subject: &Subject, siblings: Vec<Sibling>, now: u64) -> (Beside, Unsealed) {
    let about = subject.about();
    let mut beside = Beside::default();
    let mut unsealed = Vec::new();
    for sibling in siblings {
        let (sibling, found) = match sibling {
            Sibling::Read(read) => {
                beside.add(policy, &about, read, now);
                continue;
            }
            Sibling::Unsealed(sibling, found) => (sibling, *found),
        };
        let Some(bytes) = &found.examined.small else { continue };
        let file = SiblingFile { sibling: &sibling, bytes, at: UnixMs(now), now };
        let Ok(Pieces { known, unknown }) = policy.pieces(&about, &file) else { continue };
        if let Some(unknown) = unknown {
            // It may have been revoked. Where others suffice, it stays as it is.
            beside.add_unknown(unknown.into());
            continue;
        }
        beside.pieces.extend(known.iter().cloned());
        unsealed.push((found, known));
    }
    (beside, unsealed)
}
