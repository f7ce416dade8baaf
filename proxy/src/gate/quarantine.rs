//! Uploads that need not satisfy their rule before they are served (`enforce = "download"`).
//!
//! Nobody may take down what is served by uploading something that is not: such an upload is taken only where what stands
//! under the name is not served, and stored only if that is still what stands there. It is looked at twice: before the
//! upload is judged, and again when all of it is here, right before it becomes visible
//! ([`confirm`](super::Gate::confirm)); only what does not satisfy its rule is held up by the second look. The store holds
//! the write to what was seen, where it minds such a guard ([`Guards`](crate::store::Guards)). What remains: signatures
//! that come to stand beside an artifact between the second look and the write; and, in a store that minds no guard, an
//! artifact that does.
//!
//! What this instance cannot verify, another one may: it knows a newer seal key. That is not for anybody to replace.

use hallmark_signer::By;

use super::guard::conflict;
use super::sibling_worth::Weight;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{Admitted, Proven, Reader};
use crate::s3::condition::PutCondition;
use crate::s3::error::{Code, S3Error};
use crate::store::{GetError, Guard, Guards};
use crate::trust::Taking;

/// What a write does to what stands under its name.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// On what it depends, towards the store.
    pub(super) guard: Guard,
    /// Whether it may be made without satisfying its rule.
    pub(super) taking: Taking,
    /// Just what was seen there; `Any`: nobody looked.
    pub(super) standing: Guard,
}

/// What stands under a name.
enum Sight {
    Nothing,
    /// This version of something, whatever it is worth.
    Something(Guard, Result<Admitted, GateError>, Worth),
}

/// Whether it may be worth more to another instance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    Known,
    MoreElsewhere,
}

/// To whom work is charged that is done for what this client uploads.
pub(super) fn account(by: &By) -> &str {
    by.client_name().unwrap_or("-")
}

impl Gate {
    /// The guard of a write on the client's condition, and whether what stands there may be replaced by what does not
    /// satisfy its rule. `worth`: that of what is written, where its name is that of a sibling.
    ///
    /// # Errors
    /// The condition does not hold, somebody else's signatures stand there, or the store failed.
    pub(super) async fn ground(
        &self,
        name: &ObjectName,
        condition: &PutCondition,
        by: &By,
        worth: &Weight,
    ) -> Result<Ground, GateError> {
        let guard = self.guard(name, condition, account(by)).await?;
        let standing = if self.is_sibling(name) {
            (Taking::Satisfying, self.own_sibling(name, by, worth).await?)
        } else if guard == Guard::Absent && self.policy.quarantines(name) {
            (Taking::Quarantined, Guard::Absent)
        } else {
            self.standing(name, account(by)).await?
        };
        let (taking, standing) = standing;
        if standing == Guard::Any {
            return Ok(Ground { guard, taking, standing });
        }
        let guards = self.store.probe().await?.guards;
        Ok(Ground { guard: both(guard, standing.clone(), guards)?, taking, standing })
    }

    /// Whether an upload that does not satisfy its rule may replace what stands under `name`, and a guard for just that. The
    /// store is asked only where a rule takes such uploads.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn standing(
        &self,
        name: &ObjectName,
        client: &str,
    ) -> Result<(Taking, Guard), GateError> {
        if !self.policy.quarantines(name) {
            return Ok((Taking::Satisfying, Guard::Any));
        }
        match Box::pin(self.glance(name, client)).await? {
            Sight::Nothing => Ok((Taking::Quarantined, Guard::Absent)),
            Sight::Something(_, Ok(found), _) if found.is_trusted() => Ok((Taking::Satisfying, Guard::Any)),
            Sight::Something(_, _, Worth::MoreElsewhere) => Ok((Taking::Satisfying, Guard::Any)),
            // Something is there that nobody is served.
            Sight::Something(this, Ok(_) | Err(GateError::Artifact(_)), Worth::Known) => {
                Ok((Taking::Quarantined, this))
            }
            Sight::Something(_, Err(error), Worth::Known) => Err(error),
        }
    }

    /// A guard for a write of signatures beside an artifact: who may sign may add signatures, and replace those that it
    /// put there itself; not those of others, unless they say nothing and the new one counts.
    ///
    /// # Errors
    /// `AccessDenied`: somebody else's stand there, or nobody can say whose; or the store failed.
    async fn own_sibling(&self, name: &ObjectName, by: &By, worth: &Weight) -> Result<Guard, GateError> {
        let own = |found: &Admitted| {
            let seal = found.seal().and_then(|seal| seal.by().client_name());
            seal.is_some() && seal == by.client_name()
        };
        match Box::pin(self.glance(name, account(by))).await? {
            Sight::Nothing => Ok(Guard::Absent),
            Sight::Something(this, Ok(found), _) if own(&found) => Ok(this),
            // What does not hold is nobody's.
            Sight::Something(this, Err(GateError::Artifact(_)), Worth::Known) => Ok(this),
            Sight::Something(this, Ok(found), _) => match worth {
                Weight::Counts(new) if self.gives_way(&found, new, account(by)).await? => Ok(this),
                Weight::Counts(_) | Weight::Unknown => Err(not_own().into()),
            },
            Sight::Something(_, Err(GateError::Artifact(_)), _) => Err(not_own().into()),
            Sight::Something(_, Err(error), _) => Err(error),
        }
    }

    /// What stands under `name`: a guard for just that, and what its seal proves. `None`: nothing.
    pub(super) async fn sighted(
        &self,
        name: &ObjectName,
    ) -> Result<Option<(Guard, Result<Proven, GateError>)>, GateError> {
        let asked = self.kept().asking(name);
        let found = match self.store.head(name, None).await {
            Ok(found) => found,
            Err(GetError::NoSuchKey | GetError::DeleteMarker(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let this = Guard::Matches(found.pin().clone());
        Ok(Some((this, self.proven(name, None, found, asked).await)))
    }

    async fn glance(&self, name: &ObjectName, client: &str) -> Result<Sight, GateError> {
        let Some((this, proven)) = self.sighted(name).await? else { return Ok(Sight::Nothing) };
        let reader = Reader::Inspecting;
        let known = |found| Ok(Sight::Something(this.clone(), found, Worth::Known));
        let elsewhere = |found| Ok(Sight::Something(this.clone(), found, Worth::MoreElsewhere));
        let proven = match proven {
            Ok(proven) => proven,
            Err(GateError::Artifact(fault)) if fault.may_hold_elsewhere() => {
                return elsewhere(Err(fault.into()));
            }
            Err(error) => return known(Err(error)),
        };
        let sealed = proven.sealed();
        let form = match self.form_of(sealed.as_ref(), client).await {
            Ok(form) => form,
            Err(error) => return known(Err(error)),
        };
        let alone = proven.admit(&self.policy, reader, form, &[], self.prover.verdicts());
        let alone = alone.map_err(GateError::from);
        let Some(artifact) = sealed.filter(|_| self.may_gain(&alone, name)) else { return known(alone) };
        let weighed = self.admit_beside(&artifact, reader, self.lookups.turn(client).await?).await?;
        if weighed.may_weigh_more_elsewhere() {
            elsewhere(weighed.verdict())
        } else {
            known(weighed.verdict())
        }
    }
}

/// A guard that holds the store to the client's condition and to what was looked at, as far as it minds any.
pub(super) fn both(asked: Guard, standing: Guard, guards: Guards) -> Result<Guard, GateError> {
    match (asked, standing) {
        (Guard::Any, Guard::Absent) if !guards.absent => Ok(Guard::Any),
        (Guard::Any, Guard::Matches(_)) if !guards.matches => Ok(Guard::Any),
        (Guard::Any, standing) => Ok(standing),
        // It was replaced between two looks.
        (Guard::Matches(asked), Guard::Matches(standing)) if asked != standing => Err(conflict()),
        (Guard::Matches(_), Guard::Absent) => Err(conflict()),
        (asked @ (Guard::Matches(_) | Guard::Absent), _) => Ok(asked),
    }
}

fn not_own() -> S3Error {
    let message = "Signatures of somebody else stand there: `write_signatures` permits to add some, and to replace one's \
                   own. Put yours under `<key>.<signer>.sig`, or have the others deleted.";
    S3Error::new(Code::AccessDenied, message)
}
