//! What holds by the newest configuration: requests keep the gate that they began with, but an upload may last for hours,
//! and what it makes is there for others afterwards. So right before it becomes visible the newest gate is asked once more.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use hallmark_config::Permission;
use hallmark_signer::{By, KeyHint, Op, SealedHeaders, Sha256Digest};

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
    /// By which key it was sealed.
    pub(super) key: KeyHint,
    /// What was seen of its name.
    pub(super) ground: &'r Ground,
    /// How it was judged then.
    pub(super) taken: &'r Taken,
}

impl Gate {
    /// From now on this gate is the newest one, and the seals of the process are its own.
    pub(crate) fn announce(self: &Arc<Self>) {
        let before = self.newest.0.swap(Arc::new(Arc::downgrade(self))).upgrade();
        self.seals.take_over(before.as_ref().map(|before| &before.seals));
    }

    /// The gate of a newer configuration than this one's, if there is one. One that was announced before this is no newer.
    pub(super) fn newer(&self) -> Option<Arc<Self>> {
        let newest = self.newest.0.load();
        let own = std::ptr::eq(newest.as_ptr(), std::ptr::from_ref(self));
        if own { None } else { newest.upgrade().filter(|newest| newest.generation > self.generation) }
    }

    /// Asks once more whether an upload may become visible: by the newest configuration, if that is not the one by which
    /// it was judged; and, if it does not satisfy its rule, whether what it replaces is still what was seen and is still
    /// not served. Costs nothing where neither is the case.
    ///
    /// # Errors
    /// It may not, or what stands there has changed; or the store failed.
    pub(super) async fn confirm(&self, ready: Ready<'_>) -> Result<(), GateError> {
        let newer = self.newer();
        if newer.is_none() && *ready.taken == Taken::Satisfying {
            return Ok(());
        }
        Box::pin(self.look_again(newer, ready)).await
    }

    async fn look_again(&self, newer: Option<Arc<Self>>, ready: Ready<'_>) -> Result<(), GateError> {
        let Ready { name, by, headers, content, sealed, form, key, ground, taken: _ } = ready;
        let gate = newer.as_deref().unwrap_or(self);
        if let Some(newer) = &newer {
            newer.still_permits(self, name, by, &ground.guard)?;
            still_weighs(form)?;
            if !newer.prover.accepts_key(&*newer.store, key).await? {
                // The next seal is by another one.
                return Err(conflict());
            }
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

/// Signatures were weighed against what stands there, by keys of a configuration that is not the newest any more. Their bytes
/// may not be at hand, and are few: the client is to send them again.
fn still_weighs(form: Form) -> Result<(), GateError> {
    match form {
        Form::Sibling => Err(conflict()),
        Form::Any => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use hallmark_config::Config;
    use hallmark_signer::PrivateKey;
    use hallmark_signer::signer::Signer;
    use tempfile::TempDir;

    use super::*;
    use crate::app::{Keys, gate_before};
    use crate::gate::Trusted;
    use crate::store::local::LocalStore;

    /// A deployment whose rule looks for signatures in siblings of these kinds.
    struct Site(TempDir);

    impl Site {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            crate::bootstrap::prepare(&dir.path().join("hallmark")).unwrap();
            Self(dir)
        }

        fn config(&self, siblings: &str) -> Config {
            let home = self.0.path().join("hallmark");
            let key = Signer::from(PrivateKey::generate().unwrap()).public_key().to_pem();
            let text = format!(
                "realm = \"r\"\nseal.key_file = \"seal.key\"\nstore.path = \"d\"\n\
                 keys.ci.public_key = \"\"\"\n{key}\"\"\"\n[buckets.bbb]\n\
                 rules = [{{ prefix = \"\", signatures = \"required\", keys = [\"ci\"], siblings = [{siblings}] }}]\n"
            );
            Config::parse(&text, &home, "h.toml", &|_| None).unwrap()
        }

        fn gate(&self, siblings: &str) -> Arc<Gate> {
            let store = Arc::new(LocalStore::open(&self.0.path().join("store")).unwrap());
            Arc::new(gate_before(&self.config(siblings), store).unwrap())
        }

        fn trusted(&self, siblings: &str) -> Trusted {
            Keys::read_or_errors(&self.config(siblings)).unwrap().trusted
        }
    }

    #[test]
    fn a_gate_from_before_is_no_newer_one() {
        let site = Site::new();
        let first = site.gate("");
        let second = Arc::new(first.trusting(site.trusted("")));
        first.announce();
        assert!(first.newer().is_none());
        // A request began with it before it was announced.
        assert!(second.newer().is_none());
        second.announce();
        assert!(second.newer().is_none());
        assert!(Arc::ptr_eq(&first.newer().unwrap(), &second));
    }
}
