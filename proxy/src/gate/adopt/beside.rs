//! Signatures beside an artifact that is to get a new seal: they may bear no seal either.
//!
//! What a signature says it says itself, whoever put it there, so those without a seal are read as well. Those by whom the
//! rule counts somebody get seals too; any other says nothing that anybody asked for, and is left as it is.

use hallmark_config::UnixMs;

use super::super::siblings::Beside;
use super::super::{Gate, GateError};
use super::{Found, Order};
use crate::s3::error::{Code, S3Error};
use crate::trust::{Evidence, Judged, Piece, SiblingFile, Standing};

impl Gate {
    /// What stands beside an artifact: all that is signed there, and what of it bears no seal that is believed.
    pub(super) async fn find_beside(
        &self,
        artifact: &Found,
        order: Order,
        pace: &mut (impl AsyncFnMut(u64) + Send),
    ) -> Result<(Beside, Vec<(Found, Vec<Piece>)>), GateError> {
        let about = artifact.about();
        let mut beside = Beside::default();
        let mut unsealed = Vec::new();
        let now = self.clock.now();
        for sibling in self.policy.siblings(about.object) {
            let found = match self.find(&sibling.name, order, pace).await {
                Ok(Some(found)) => found,
                Ok(None) => {
                    let read = self.read_beside(sibling).await;
                    beside.add(&self.policy, &about, read, now);
                    continue;
                }
                Err(GateError::Client(S3Error { code: Code::NoSuchKey, .. })) => continue,
                // Whatever else is wrong with it: it says nothing. It is looked at for itself later on.
                Err(GateError::Artifact(_) | GateError::Client(_)) => continue,
                Err(error) => return Err(error),
            };
            let Some(bytes) = &found.examined.small else { continue };
            let file = SiblingFile { sibling: &sibling, bytes, at: UnixMs(now), now };
            if let Ok(pieces) = self.policy.pieces(&about, &file) {
                beside.pieces.extend(pieces.iter().cloned());
                unsealed.push((found, pieces));
            }
        }
        Ok((beside, unsealed))
    }

    /// Whether somebody whom the rule names has signed one of these, so that it counts.
    pub(super) fn speaks(&self, judged: &Judged<'_>, pieces: &[Piece]) -> bool {
        let evidence = Evidence { header: None, pieces };
        let findings = self.policy.examine(judged, &evidence, self.prover.verdicts());
        findings.found.iter().any(|found| found.standing == Standing::Counts)
    }
}
