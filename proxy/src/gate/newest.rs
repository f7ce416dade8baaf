//! What holds by the newest configuration: requests keep the gate that they began with, but an upload may last for hours,
//! and what it makes is there for others afterwards. So right before it becomes visible the newest gate is asked once more.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use hallmark_config::Permission;
use hallmark_signer::{By, Op, SealedHeaders, Sha256Digest};

use super::guard::conflict;
use super::quarantine::{Ground, account};
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::store::Guard;
use crate::trust::{Form, Taken, Taking};

/// The gate of the newest configuration. Held weakly: whoever answers requests owns it.
pub(super) struct Newest(ArcSwap<Weak<Gate>>);

impl Default for Newest {
    fn default() -> Self {
        Self(ArcSwap::from_pointee(Weak::new()))
    }
}

/// An upload of which everything is known, and nothing is visible yet.
#[derive(Clone, Copy)]
pub(super) struct Ready<'r> {
    pub(super) name: &'r ObjectName,
    pub(super) by: &'r By,
    pub(super) headers: &'r SealedHeaders,
    pub(super) content: (&'r Sha256Digest, u64),
    pub(super) sealed: (u64, Op),
    pub(super) form: Form,
    /// What was seen of its name.
    pub(super) ground: &'r Ground,
    /// How it was judged then.
    pub(super) taken: Taken,
}

impl Gate {
    /// From now on this gate is the newest one.
    pub(crate) fn announce(self: &Arc<Self>) {
        self.newest.0.store(Arc::new(Arc::downgrade(self)));
    }

    /// The gate of a newer configuration than this one's, if there is one.
    pub(super) fn newer(&self) -> Option<Arc<Self>> {
        let newest = self.newest.0.load();
        let own = std::ptr::eq(newest.as_ptr(), std::ptr::from_ref(self));
        if own { None } else { newest.upgrade() }
    }

    /// Asks once more whether an upload may become visible: by the newest configuration, if that is not the one by which
    /// it was judged; and, if it does not satisfy its rule, whether what it replaces is still what was seen and is still
    /// not served. Costs nothing where neither is the case.
    ///
    /// # Errors
    /// It may not, or what stands there has changed; or the store failed.
    pub(super) async fn confirm(&self, ready: Ready<'_>) -> Result<(), GateError> {
        let newer = self.newer();
        if newer.is_none() && ready.taken == Taken::Satisfying {
            return Ok(());
        }
        Box::pin(self.look_again(newer, ready)).await
    }

    async fn look_again(&self, newer: Option<Arc<Self>>, ready: Ready<'_>) -> Result<(), GateError> {
        let Ready { name, by, headers, content, sealed, form, ground, taken: _ } = ready;
        let gate = newer.as_deref().unwrap_or(self);
        if let Some(newer) = &newer {
            newer.still_permits(self, name, by, &ground.guard)?;
        }
        let (taking, standing) = match ground.guard {
            // The store sees to it that nothing is there.
            Guard::Absent if gate.policy.quarantines(name) => (Taking::Quarantined, ground.standing.clone()),
            Guard::Absent | Guard::Any | Guard::Matches(_) => gate.standing(name, account(by)).await?,
        };
        let taking = match (ground.taking, taking) {
            (Taking::Quarantined, Taking::Quarantined) if standing != ground.standing => {
                return Err(conflict());
            }
            (Taking::Quarantined, Taking::Quarantined) if newer.is_none() => return Ok(()),
            (Taking::Quarantined, Taking::Quarantined) => Taking::Quarantined,
            // It was approved meanwhile, or the rule is another one.
            (Taking::Satisfying, _) | (_, Taking::Satisfying) => Taking::Satisfying,
        };
        gate.judge_name(name, headers, content, sealed, form, (taking, account(by))).await.map(drop)
    }

    /// Whether a client that `before` let write under this name may still do so.
    pub(super) fn still_permits(
        &self,
        before: &Self,
        name: &ObjectName,
        by: &By,
        guard: &Guard,
    ) -> Result<(), GateError> {
        let permission = if self.is_sibling(name) { Permission::WriteSignatures } else { Permission::Write };
        let key = (&name.bucket, name.key.as_str());
        self.writers.require_still(&before.writers, account(by), permission, key)?;
        match guard {
            Guard::Absent => Ok(()),
            Guard::Any | Guard::Matches(_) if self.policy.immutable(name) => {
                Err(super::immutable::refused(name, "overwrite"))
            }
            Guard::Any | Guard::Matches(_) => Ok(()),
        }
    }
}
