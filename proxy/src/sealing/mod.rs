//! What makes seals: one key that lasts, or keys that live shortly because a certifier says so.

mod short_lived;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use hallmark_config::Realm;
use hallmark_signer::signer::Signer;
use hallmark_signer::{Certifier, Claims, Observed, RemoteSealingError, SealLine, Sealer};

pub(crate) use self::short_lived::NoSealKey;
use self::short_lived::ShortLived;
use crate::gate::Clock;
use crate::metrics::SealKeyMetrics;
use crate::proof::{Kept, Prover};
use crate::store::Store;

/// By what a configuration has seals made.
#[derive(Clone)]
pub enum Sealing {
    /// By this key.
    Key(Arc<Sealer<Signer>>),
    /// By keys of this process alone, which this one certifies.
    Certified {
        /// Who certifies.
        certifier: Arc<Certifier>,
        /// For how long each.
        lifetime: Duration,
    },
    /// By nothing: whoever is to certify keys has not answered yet.
    Unanswered,
}

/// Makes the seals of one gate.
#[derive(Clone)]
pub(crate) struct Seals {
    kind: Kind,
    around: Surroundings,
}

#[derive(Clone)]
enum Kind {
    Key(Arc<Sealer<Signer>>),
    ShortLived(Arc<ShortLived>),
    Unanswered,
}

/// What short-lived keys need beside their certifier.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// Where their certificates are put.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) realm: Realm,
    pub(crate) clock: Clock,
    pub(crate) metrics: SealKeyMetrics,
}

/// Why there is no seal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSealed {
    /// It cannot be made, or was not signed.
    #[error(transparent)]
    Sealing(#[from] RemoteSealingError),
    /// There is no key that is certified for this time by somebody who is trusted.
    #[error(
        "there is no seal key that is certified for this time: its certifier did not answer, or its clock was changed"
    )]
    NoKey,
}

impl Seals {
    /// As a configuration has it.
    pub(crate) fn new(sealing: Sealing, around: Surroundings) -> Self {
        let kind = match sealing {
            Sealing::Key(sealer) => Kind::Key(sealer),
            Sealing::Certified { certifier, lifetime } => {
                Kind::ShortLived(Arc::new(ShortLived::new(certifier, lifetime, around.clone())))
            }
            Sealing::Unanswered => Kind::Unanswered,
        };
        Self { kind, around }
    }

    /// As the next configuration has it: keys that were certified under this one stay where nothing of that changed.
    pub(crate) fn followed_by(&self, sealing: Sealing) -> Self {
        match (&self.kind, &sealing) {
            (Kind::ShortLived(held), Sealing::Certified { certifier, lifetime })
                if held.go_on_with(certifier, *lifetime) =>
            {
                self.clone()
            }
            (Kind::Key(_) | Kind::ShortLived(_) | Kind::Unanswered, _) => {
                Self::new(sealing, self.around.clone())
            }
        }
    }

    /// The same, as if nothing had been made yet, in other surroundings.
    #[must_use]
    pub(crate) fn moved(&self, change: impl FnOnce(&mut Surroundings)) -> Self {
        let mut around = self.around.clone();
        change(&mut around);
        let kind = match &self.kind {
            Kind::Key(sealer) => Kind::Key(Arc::clone(sealer)),
            Kind::ShortLived(keys) => Kind::ShortLived(Arc::new(keys.moved(around.clone()))),
            Kind::Unanswered => Kind::Unanswered,
        };
        Self { kind, around }
    }

    /// From now on these are the seals of the process, and not those `before`, which make what is under way and no key more.
    pub(crate) fn take_over(&self, before: Option<&Self>) {
        if let Some(before) = before
            && let Kind::ShortLived(replaced) = &before.kind
            && !self.go_on(before)
        {
            replaced.retire();
        }
        match &self.kind {
            Kind::Key(_) => self.around.metrics.lasts(),
            Kind::ShortLived(keys) => keys.take_over(),
            Kind::Unanswered => {
                self.around.metrics.none();
                self.around.metrics.failed();
            }
        }
    }

    /// Whether they are made by the very same short-lived keys.
    pub(crate) fn go_on(&self, before: &Self) -> bool {
        match (&self.kind, &before.kind) {
            (Kind::ShortLived(keys), Kind::ShortLived(before)) => Arc::ptr_eq(keys, before),
            (Kind::Key(_) | Kind::Unanswered, _) | (_, Kind::Key(_) | Kind::Unanswered) => false,
        }
    }

    /// Whether they are made by keys that live shortly.
    pub(crate) fn are_by_short_lived_keys(&self) -> bool {
        match &self.kind {
            Kind::Key(_) | Kind::Unanswered => false,
            Kind::ShortLived(_) => true,
        }
    }

    /// Whether none can be made before its certifier has answered.
    pub(crate) fn are_unanswered(&self) -> bool {
        match &self.kind {
            Kind::Key(_) | Kind::ShortLived(_) => false,
            Kind::Unanswered => true,
        }
    }

    /// Sees to it that there is a key whose seals `prover` accepts, and from then on that there goes on being one.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn ready(&self, prover: &Prover) -> Result<(), NoSealKey> {
        match &self.kind {
            Kind::Key(_) => Ok(()),
            Kind::ShortLived(keys) => keys.ready(prover).await,
            Kind::Unanswered => Err(NoSealKey::Unanswered),
        }
    }

    /// Sees to it that there goes on being a key, or that there is one at last, on the runtime that this is called on.
    pub(crate) fn look_after(&self) {
        match &self.kind {
            // Who is not there yet is asked for by whoever reads configurations.
            Kind::Key(_) | Kind::Unanswered => {}
            Kind::ShortLived(keys) => keys.look_after(),
        }
    }

    /// Makes another key in the place of a short-lived one, if it is time to.
    #[cfg(test)]
    pub(crate) async fn renew_if_due(&self) {
        match &self.kind {
            Kind::Key(_) | Kind::Unanswered => {}
            Kind::ShortLived(keys) => keys.renew_if_due().await,
        }
    }

    /// Seals an artifact, and says so in the log. Nothing is sealed that `prover` would not accept.
    ///
    /// # Errors
    /// It cannot be sealed, or there is no key for it at the moment.
    pub(crate) async fn seal(
        &self,
        claims: Claims,
        observed: &Observed<'_>,
        prover: &Prover,
    ) -> Result<SealLine, NotSealed> {
        let (op, by, sha256) = (claims.op, claims.by.clone(), *claims.content.sha256());
        let line = match &self.kind {
            Kind::Key(sealer) => sealer.seal(claims, observed).await?,
            Kind::Unanswered => return Err(NotSealed::NoKey),
            Kind::ShortLived(keys) => {
                let key = keys.key_for(claims.at, prover).ok_or(NotSealed::NoKey)?;
                key.sealer().seal(claims, observed).await?
            }
        };
        // What every use of the key was for, also where the store did not take it afterwards. From such lines, kept elsewhere, a
        // list of digests can be made when the key has leaked; the name comes last, for it may hold anything.
        tracing::info!(
            target: "seals",
            op = op.as_str(),
            by = %by,
            seal = %line.id(),
            sealed_with = %line.key_hint(),
            size = observed.length,
            sha256 = %sha256.to_hex(),
            bucket = observed.bucket,
            key = observed.key,
        );
        Ok(line)
    }
}
