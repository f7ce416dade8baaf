//! What a detached signature is worth beside the artifact that stands there: nobody may take the place of one, in
//! `<key>.<signer>.sig` or `<key>.sig`, with something else.
//!
//! It is held against the sealed digest of the artifact. A name may be read in several ways (`app.alice.sig`: alice's over
//! `app`, anybody's over `app.alice`): then one that names a signer comes first, and what counts by it replaces what counts as
//! anybody's. A signature that comes before its artifact cannot be judged: it is taken, for where a rule is
//! enforced at the upload signatures may have to come first, but it does not keep the place. Whoever brings one that counts
//! replaces one that does not, which covers as well what was good until the artifact was replaced. Where a key is written once
//! there is no such second chance, so there the artifact comes first, if its rule lets it, and a name that names a signer is
//! for that one alone.
//!
//! The artifact may be replaced between the look and the write. What is left then is a signature that says nothing, and
//! gives way to one that does.

use std::sync::Arc;

use hallmark_config::{Sibling, UnixMs};
use hallmark_signer::evidence::parse_detached;
use hallmark_signer::{SealedHeaders, Sha256Digest, Signature, Verdicts};

use super::guard::conflict;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::Admitted;
use crate::trust::{Detached, Form, SignaturePlace, TrustFault, TrustPolicy};

/// User metadata of a sibling: for which role it approves, as `hallmark approve --role` says.
const ROLE_HEADER: &str = "x-amz-meta-approval-role";

/// And by which key, its id in hex: of a file that many share, nobody can see which line is new.
const KEY_HEADER: &str = "x-amz-meta-approval-key";

/// What a sibling that is about to be written is worth.
pub(super) enum Weight {
    /// Nobody can say, or nobody asks: what it would be over is not there, or it is no detached signature.
    Unknown,
    /// It counts.
    Counts(Counting),
}

/// A signature that counts.
pub(super) struct Counting {
    subjects: Subjects,
    by: Reading,
}

/// By which reading of its name a signature counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// By one that says who signed.
    Named,
    /// As anybody's.
    Plain,
}

/// What the name of a signature says, the most telling reading first; each with the digest of the artifact, if it is there.
#[derive(Clone, PartialEq, Eq)]
struct Subjects(Vec<(SignaturePlace, Option<Sha256Digest>)>);

impl Gate {
    /// What `bytes` are worth that are about to be written under `name`, which is that of a sibling. `headers` may say for
    /// which role they approve; `None`: nobody says that of this artifact.
    ///
    /// # Errors
    /// They are a signature that says nothing about what stands there; or the store failed.
    pub(super) async fn worth_of(
        &self,
        name: &ObjectName,
        bytes: &[u8],
        headers: Option<&SealedHeaders>,
        client: &str,
    ) -> Result<Weight, GateError> {
        let role = headers.and_then(|headers| headers.get(ROLE_HEADER));
        let Some(signature) = self.detached(name, bytes) else {
            if let (Some(role), Some(artifact)) = (role, self.policy.attested(name)) {
                let key = headers.and_then(|headers| headers.get(KEY_HEADER));
                self.policy.asks_for_approval(&artifact, role, key, UnixMs(self.clock.now()))?;
            }
            return Ok(Weight::Unknown);
        };
        let turn = self.lookups.turn(client).await?;
        let subjects = self.subjects(name).await?;
        if subjects.0.iter().all(|(_, sha256)| sha256.is_none()) {
            let waits = |(place, _): &(SignaturePlace, _)| self.policy.quarantines(&place.artifact);
            let once = self.policy.immutable(name) && subjects.0.iter().all(waits);
            return match subjects.0.first().filter(|_| once || role.is_some()) {
                Some((place, _)) => {
                    let artifact = place.artifact.key.as_str().to_owned();
                    Err(TrustFault::NothingToSign { artifact }.into())
                }
                None => Ok(Weight::Unknown),
            };
        }
        let (policy, kept, role) =
            (Arc::clone(&self.policy), Arc::clone(self.kept()), role.map(str::to_owned));
        let at = UnixMs(self.clock.now());
        let weighed = turn.work(move || {
            let by = subjects.weigh(&policy, (&signature, at), role.as_deref(), &*kept)?;
            Ok::<_, TrustFault>(Weight::Counts(Counting { subjects, by }))
        });
        Ok(weighed.await??)
    }

    /// Whether what stands under the name of a signature gives way to another one: it is one that says nothing, or it is only
    /// anybody's where the name is for somebody's.
    ///
    /// # Errors
    /// It cannot be read, or an artifact was replaced since the other one was weighed.
    pub(super) async fn gives_way(
        &self,
        found: &Admitted,
        new: &Counting,
        client: &str,
    ) -> Result<bool, GateError> {
        let (Form::Sibling, Some(seal)) = (found.form(), found.seal()) else { return Ok(false) };
        let at = UnixMs(seal.at());
        let turn = self.lookups.turn(client).await?;
        let bytes = match self.read_whole(found).await {
            Ok(bytes) => bytes,
            // What does not hold is nobody's.
            Err(GateError::Artifact(fault)) if !fault.may_hold_elsewhere() => return Ok(true),
            Err(error) => return Err(error),
        };
        let Some(signature) = self.detached(found.name(), &bytes) else { return Ok(false) };
        let subjects = self.subjects(found.name()).await?;
        if subjects != new.subjects {
            // What stands there may be a good signature over what has come since.
            return Err(conflict());
        }
        let (policy, kept) = (Arc::clone(&self.policy), Arc::clone(self.kept()));
        let standing = turn.work(move || subjects.weigh(&policy, (&signature, at), None, &*kept)).await?;
        Ok(match standing {
            Err(_) => true,
            Ok(Reading::Plain) => new.by == Reading::Named,
            Ok(Reading::Named) => false,
        })
    }

    /// What a signature under this name would be held against.
    async fn subjects(&self, name: &ObjectName) -> Result<Subjects, GateError> {
        let mut places = self.policy.signature_places(name);
        if self.policy.immutable(name) && places.iter().any(|place| place.of.is_some()) {
            // There is no second chance, and what is anybody's has other names to go to.
            places.retain(|place| place.of.is_some());
        }
        let mut subjects = Vec::new();
        for place in places {
            let sha256 = match self.sealed_digest(&place.artifact).await {
                // Whoever can write may have put it there: it must not stand in the way of the first reading.
                Err(GateError::Artifact(_)) if !subjects.is_empty() => None,
                found => found?,
            };
            subjects.push((place, sha256));
        }
        Ok(Subjects(subjects))
    }

    /// The signature in `bytes`, if they are one and the name is for one.
    fn detached(&self, name: &ObjectName, bytes: &[u8]) -> Option<Signature> {
        let kinds = self.policy.kinds(name);
        parse_detached(bytes).ok().filter(|_| kinds.contains(&Sibling::Sig))
    }

    /// What is sealed under this name; `None`: nothing, or nothing whose seal holds.
    async fn sealed_digest(&self, name: &ObjectName) -> Result<Option<Sha256Digest>, GateError> {
        let Some((_, proven)) = self.sighted(name).await? else { return Ok(None) };
        match proven {
            Ok(proven) => Ok(proven.sealed().map(|artifact| *artifact.seal().sha256())),
            Err(GateError::Artifact(fault)) if !fault.may_hold_elsewhere() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Subjects {
    /// By which reading a signature counts: the most telling, if by several. Of why it does not, the first reason is.
    fn weigh(
        &self,
        policy: &TrustPolicy,
        (signature, at): (&Signature, UnixMs),
        role: Option<&str>,
        verdicts: &dyn Verdicts,
    ) -> Result<Reading, TrustFault> {
        let mut refused = None;
        for (place, sha256) in &self.0 {
            let Some(sha256) = sha256 else { continue };
            let detached = Detached { place, sha256, signature, at };
            match policy.weigh_detached(&detached, role, verdicts) {
                Ok(()) => return Ok(if place.of.is_some() { Reading::Named } else { Reading::Plain }),
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
        // There is at least one that it was held against.
        refused.map_or(Ok(Reading::Plain), Err)
    }
}
