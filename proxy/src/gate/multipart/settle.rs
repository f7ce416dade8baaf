//! The end of an upload: the plan is carried out, and what came of it is looked at.

use hallmark_signer::{Op, Seal, SealedHeaders};

use super::marker::Marker;
use super::names;
use super::plan::{Done, Plan};
use super::references::Origin;
use crate::gate::guard::refused;
use crate::gate::quarantine::both;
use crate::gate::{Gate, GateError};
use crate::proof::Reader;
use crate::s3::condition::PutCondition;
use crate::s3::error::{Code, S3Error};
use crate::store::{Guard, PutError, StoreError, StoreFault, VersionId};
use crate::trust::{Form, Taken};

/// Whether this plan may have been carried out before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It was written a moment ago, by whoever carries it out now.
    First,
    /// It was found.
    Again,
}

/// What stands under the name of an upload.
enum Sight {
    /// Our artifact, in this version.
    Ours(Option<VersionId>),
    /// Another one, sealed later than ours.
    Later,
    /// Something older, or nothing.
    Other,
    /// That could not be found out.
    Unknown(GateError),
}

impl Sight {
    /// An artifact that is not ours.
    fn other(plan: &Plan, seal: &Seal) -> Self {
        if seal.at() > plan.at { Self::Later } else { Self::Other }
    }
}

/// How many plans of one upload may be carried out.
enum Plans {
    /// One: the store sees to it.
    One,
    /// As many as there are Completes at once.
    Several,
}

/// Whether this was sealed by another plan of the same upload, or might as well have been: it is what ours would make, by
/// the same client, since the upload began. It stands there on no condition.
fn is_twin(marker: &Marker, plan: &Plan, seal: &Seal, headers: &SealedHeaders) -> bool {
    let same_bytes = *seal.sha256() == plan.sha256 && seal.etag() == plan.etag;
    let same_headers = plan.added.to(&marker.headers).is_ok_and(|ours| ours.digest() == headers.digest());
    plan.guard == Guard::Any
        && same_bytes
        && same_headers
        && *seal.by() == marker.by
        && seal.at() >= marker.created()
}

impl Gate {
    /// Has the store make the object, unless it was made before, and sees to it that it is there: gives its version.
    ///
    /// # Errors
    /// It was not made, and the plan is gone where it can never be; or that is not known, and the plan stays.
    pub(super) async fn settle_plan(
        &self,
        marker: &Marker,
        plan: &Plan,
        origin: &Origin,
        attempt: Attempt,
        condition: &PutCondition,
    ) -> Result<Option<VersionId>, GateError> {
        // What was made before and then replaced must not come back.
        let before = match attempt {
            Attempt::First => Sight::Other,
            Attempt::Again => self.sight(marker, plan, None).await,
        };
        match before {
            Sight::Ours(version) => return Ok(version),
            Sight::Later if plan.overtakable => return Ok(None),
            Sight::Unknown(error) => return Err(error),
            Sight::Later | Sight::Other => {}
        }
        // A plan that was found may be of another time, or of an instance that goes by another configuration; and it may
        // have taken long to make it. What is visible is so by the newest one.
        let mut write = self.write_of(marker, plan)?;
        let op = match origin {
            Origin::Stage(_) => Op::Mpu,
            Origin::Artifact(_) => Op::Copy,
        };
        let newer = self.newer();
        let gate = newer.as_deref().unwrap_or(self);
        if let Some(newer) = &newer {
            newer.still_permits(self, &marker.object, &marker.by, &write.guard)?;
        }
        if !gate.prover.accepts_key(&*self.store, plan.line.key_hint()).await? {
            return Err(sealed_in_vain().into());
        }
        let (taking, standing) = gate.standing(&marker.object, &marker.client).await?;
        let (content, judging) = ((&plan.sha256, plan.line.size()), (taking, marker.client.as_str()));
        let headers = &write.attributes.headers;
        let taken =
            gate.judge_name(&marker.object, headers, content, (plan.at, op), Form::Any, judging).await?;
        if matches!((&taken, &write.guard), (Taken::Waiting(_), Guard::Any)) {
            // Only over what was seen to be served to nobody.
            write.guard = both(Guard::Any, standing, self.store.probe().await?.guards)?;
        }
        let etag = plan.etag.to_string();
        let made = match origin {
            Origin::Stage(parts) => {
                self.store.promote(&marker.stage, parts, &marker.object, write, &etag).await
            }
            Origin::Artifact(source) => {
                self.still_open(marker).await?;
                self.store.copy(source, &marker.object, write, &etag).await
            }
        };
        let error = match made {
            Ok(committed) => return self.see(marker, plan, committed.version).await,
            Err(error) => error,
        };
        let lasting = match &error {
            PutError::Unknown(_) | PutError::NotStored(_) | PutError::NoSuchStage | PutError::Conflict => {
                false
            }
            PutError::NoSuchBucket
            | PutError::NoSuchKey
            | PutError::NoSuchVersion
            | PutError::Locked
            | PutError::NoObjectLock
            | PutError::SourceChanged
            | PutError::NoSuchPart(_)
            | PutError::GuardFailed
            | PutError::Incomplete
            | PutError::Unsupported(_) => true,
        };
        match (self.sight(marker, plan, None).await, &error) {
            (Sight::Ours(version), _) => return Ok(version),
            (Sight::Unknown(error), _) => return Err(error),
            (Sight::Later, PutError::Unknown(_) | PutError::GuardFailed) if plan.overtakable => {
                return Ok(None);
            }
            // The stage is gone, but not the upload: so it was promoted, and another one came after it.
            (Sight::Later, PutError::NoSuchStage) if plan.overtakable => {
                self.find_upload(&marker.object, marker.id.as_str(), &marker.client).await?;
                return Ok(None);
            }
            (Sight::Later | Sight::Other, _) => {}
        }
        if lasting {
            // Nobody can carry it out any more, or only where the guard holds after all: that is as good. The record
            // stays, for just that case.
            let _ = self.store.state_delete(&names::plan(&marker.id)).await;
        }
        Err(refused(condition, error))
    }

    /// What the store says it made must be there.
    async fn see(
        &self,
        marker: &Marker,
        plan: &Plan,
        version: Option<VersionId>,
    ) -> Result<Option<VersionId>, GateError> {
        match self.sight(marker, plan, version.as_ref()).await {
            Sight::Ours(_) | Sight::Later => Ok(version),
            Sight::Other => Err(StoreError::new(
                StoreFault::Unavailable,
                "the store says that the object was made, and has another one or none",
            )
            .into()),
            Sight::Unknown(error) => Err(error),
        }
    }

    async fn one_plan(&self) -> Result<Plans, GateError> {
        Ok(if self.store.probe().await?.guards.absent { Plans::One } else { Plans::Several })
    }

    async fn sight(&self, marker: &Marker, plan: &Plan, version: Option<&VersionId>) -> Sight {
        match self.head(&marker.object, version, Reader::Inspecting, &marker.client).await {
            Ok(found) => match found.seal() {
                Some(seal) if seal.id() == plan.line.id() => Sight::Ours(found.standing().version.clone()),
                Some(seal) if is_twin(marker, plan, seal, found.headers()) => match self.one_plan().await {
                    Ok(Plans::One) => Sight::other(plan, seal),
                    Ok(Plans::Several) => Sight::Ours(found.standing().version.clone()),
                    Err(error) => Sight::Unknown(error),
                },
                Some(seal) => Sight::other(plan, seal),
                None => Sight::Other,
            },
            Err(GateError::Client(S3Error { code: Code::NoSuchKey | Code::NoSuchVersion, .. })) => {
                Sight::Other
            }
            Err(GateError::Artifact(_)) => Sight::Other,
            Err(error) => Sight::Unknown(error),
        }
    }

    /// Ends an upload that has become what `done` says, unless another answer was kept before: gives the one that counts.
    ///
    /// # Errors
    /// The stage may still be there: a Complete that sleeps could promote it once more. To be tried again.
    pub(super) async fn end(&self, marker: &Marker, done: Done) -> Result<Done, GateError> {
        let kept = self.write_done(&marker.id, &done).await;
        self.store.stage_drop(&marker.stage).await?;
        self.multipart.windows.forget(marker.id.random());
        let counts = match kept {
            Ok(counts) => counts,
            Err(error) => {
                // Marker and plan stay, so that a repetition finds the seal on the object.
                tracing::warn!(upload = ?marker.id, %error, "the answer of a Complete could not be kept");
                return Ok(done);
            }
        };
        if let Err(error) = self.store.state_delete(&marker.name()).await {
            tracing::warn!(upload = ?marker.id, %error, "the marker of an upload that is over stays behind");
        }
        Ok(counts)
    }
}

/// The seal of a plan is by a key that is not trusted here: what it would make would be served to nobody. Another instance may
/// know the key.
fn sealed_in_vain() -> S3Error {
    let message = "This upload was sealed by a key that is not trusted, or not any more. Try again; and if that does not help, \
                   abort it and upload again.";
    S3Error::new(Code::ServiceUnavailable, message)
}
