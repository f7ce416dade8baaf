//! What a detached signature is worth beside the artifact that stands there: nobody may take the place of one, in
//! `<key>.<signer>.sig` or `<key>.sig`, with something else.
//!
//! It is held against the sealed digest of the artifact. One that comes before its artifact cannot be: it is taken, for
//! where a rule is enforced at the upload signatures may have to come first, but it does not keep the place. Whoever brings
//! one that counts replaces one that does not, which covers as well what was good until the artifact was replaced. Where a
//! key is written once there is no such second chance, so there the artifact comes first, if its rule lets it.
//!
//! The artifact may be replaced between the look and the write. What is left then is a signature that says nothing, and
//! gives way to one that does.

use std::sync::Arc;

use hallmark_config::{Sibling, UnixMs};
use hallmark_signer::evidence::parse_detached;
use hallmark_signer::{SealedHeaders, Sha256Digest, Signature, Verdicts};

use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::Admitted;
use crate::store::GetError;
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
    Counts(Subjects),
}

/// Artifacts that stand where the name of a signature says, each with its digest.
pub(super) struct Subjects(Vec<(SignaturePlace, Sha256Digest)>);

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
        let places = self.policy.signature_places(name);
        let mut subjects = Vec::new();
        for place in &places {
            if let Some(sha256) = self.sealed_digest(&place.artifact).await? {
                subjects.push((place.clone(), sha256));
            }
        }
        if subjects.is_empty() {
            let waits = |place: &SignaturePlace| self.policy.quarantines(&place.artifact);
            let once = self.policy.immutable(name) && places.iter().all(waits);
            return match places.first().filter(|_| once || role.is_some()) {
                Some(place) => {
                    let artifact = place.artifact.key.as_str().to_owned();
                    Err(TrustFault::NothingToSign { artifact }.into())
                }
                None => Ok(Weight::Unknown),
            };
        }
        let (policy, kept, role) =
            (Arc::clone(&self.policy), Arc::clone(self.kept()), role.map(str::to_owned));
        let (subjects, at) = (Subjects(subjects), UnixMs(self.clock.now()));
        let weighed = turn.work(move || {
            let worth = subjects.weigh(&policy, (&signature, at), role.as_deref(), &*kept);
            worth.map(|()| Weight::Counts(subjects))
        });
        Ok(weighed.await??)
    }

    /// Whether what stands under the name of a signature is one, and says nothing about `subjects`.
    ///
    /// # Errors
    /// It cannot be read, or is not what was sealed.
    pub(super) async fn is_worthless(
        &self,
        found: &Admitted,
        subjects: &Subjects,
        client: &str,
    ) -> Result<bool, GateError> {
        let (Form::Sibling, Some(seal)) = (found.form(), found.seal()) else { return Ok(false) };
        let at = UnixMs(seal.at());
        let turn = self.lookups.turn(client).await?;
        let Some(signature) = self.detached(found.name(), &self.read_whole(found).await?) else {
            return Ok(false);
        };
        let (policy, kept) = (Arc::clone(&self.policy), Arc::clone(self.kept()));
        let subjects = Subjects(subjects.0.clone());
        turn.work(move || subjects.weigh(&policy, (&signature, at), None, &*kept).is_err()).await
    }

    /// The signature in `bytes`, if they are one and the name is for one.
    fn detached(&self, name: &ObjectName, bytes: &[u8]) -> Option<Signature> {
        let kinds = self.policy.kinds(name);
        parse_detached(bytes).ok().filter(|_| kinds.contains(&Sibling::Sig))
    }

    /// What is sealed under this name; `None`: nothing, or nothing whose seal holds.
    async fn sealed_digest(&self, name: &ObjectName) -> Result<Option<Sha256Digest>, GateError> {
        let asked = self.kept().asking(name);
        let found = match self.store.head(name, None).await {
            Ok(found) => found,
            Err(GetError::NoSuchKey | GetError::DeleteMarker(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match self.proven(name, None, found, asked).await {
            Ok(proven) => Ok(proven.sealed().map(|artifact| *artifact.seal().sha256())),
            Err(GateError::Artifact(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Subjects {
    /// Whether a signature is one over one of them. Of why it is not, the first reason is the most telling.
    fn weigh(
        &self,
        policy: &TrustPolicy,
        (signature, at): (&Signature, UnixMs),
        role: Option<&str>,
        verdicts: &dyn Verdicts,
    ) -> Result<(), TrustFault> {
        let mut refused = None;
        for (place, sha256) in &self.0 {
            let detached = Detached { place, sha256, signature, at };
            match policy.weigh_detached(&detached, role, verdicts) {
                Ok(()) => return Ok(()),
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
        refused.map_or(Ok(()), Err)
    }
}
