//! From what a store says to a sealed artifact.

use std::sync::Arc;

use hallmark_config::Realm;
use hallmark_signer::{
    CHECKSUM_HEADER, Hallmark, MAX_INLINE, Observed, RecordError, Seal, SealKeys, SealLine, SealedHeaders,
    Verdicts, verify,
};

use super::fault::{ArtifactFault, ProofError};
use super::leaves::Leaves;
use super::record;
use super::unverified::UnverifiedHead;
use crate::name::ObjectName;
use crate::store::{Pin, Standing, Store, VersionId};

/// An object whose seal holds: bound to this realm, bucket, key, length and headers, by a trusted seal key.
///
/// Made by [`Prover::prove`] alone. Its bytes have not been looked at.
#[derive(Debug)]
pub struct Artifact {
    pub(super) place: Place,
    pub(super) seal: Arc<Seal>,
    pub(super) headers: SealedHeaders,
    pub(super) leaves: Leaves,
}

/// An object without any seal. Served only where the configuration says so in so many words.
#[derive(Debug)]
pub struct Unsealed {
    pub(super) place: Place,
    pub(super) headers: SealedHeaders,
    pub(super) length: u64,
}

/// Where an object was looked up, and what the store said of it there.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: ObjectName,
    /// The version that was asked for; `None`: the current one.
    pub(super) version: Option<VersionId>,
    pub(super) pin: Pin,
    pub(super) standing: Standing,
}

/// What a look at an object's attributes can show.
#[derive(Debug)]
pub enum Proven {
    /// A seal that holds.
    Sealed(Artifact),
    /// No seal at all.
    Unsealed(Unsealed),
}

/// Verifies seals for one deployment.
pub struct Prover {
    realm: Realm,
    keys: SealKeys,
    verdicts: Arc<dyn Verdicts + Send + Sync>,
}

impl Prover {
    /// Accepts seals of `realm` by `keys`; positive verdicts on signatures are remembered in `verdicts`.
    pub fn new(realm: Realm, keys: SealKeys, verdicts: Arc<dyn Verdicts + Send + Sync>) -> Self {
        Self { realm, keys, verdicts }
    }

    /// What was verified before.
    pub fn verdicts(&self) -> &dyn Verdicts {
        &*self.verdicts
    }

    /// Verifies the seal of what `store` says stands under `name`. Reads the record of an artifact over 8 MiB.
    ///
    /// # Errors
    /// The seal does not hold, or the record cannot be read.
    pub async fn prove(
        &self,
        store: &dyn Store,
        name: &ObjectName,
        version: Option<&VersionId>,
        head: UnverifiedHead,
    ) -> Result<Proven, ProofError> {
        let UnverifiedHead { attributes, length, pin, standing } = head;
        let place = Place { name: name.clone(), version: version.cloned(), pin, standing };
        let mut headers = attributes.headers;
        let Some(text) = attributes.hallmark else {
            return Ok(Proven::Unsealed(Unsealed { place, headers, length }));
        };
        let (seal, leaves) = match Hallmark::parse(&text).map_err(ArtifactFault::from)? {
            Hallmark::Line(line) if length <= MAX_INLINE => {
                let seal = self.check(&line, name, length, &headers)?;
                let leaves = Leaves::in_seal(seal.clone());
                (seal, leaves)
            }
            Hallmark::Record(reference) if length > MAX_INLINE => {
                let header = record::header(store, &reference).await?;
                if let Some(sum) = header.sum() {
                    let misfit = |_| ArtifactFault::Record(RecordError::Header("sum"));
                    headers.insert(CHECKSUM_HEADER, sum).map_err(misfit)?;
                }
                let seal = self.check(header.seal_line(), name, length, &headers)?;
                let pages = header.verify(&seal).map_err(ArtifactFault::from)?;
                (seal, Leaves::in_record(reference, pages))
            }
            Hallmark::Line(_) | Hallmark::Record(_) => return Err(ArtifactFault::Misplaced.into()),
        };
        Ok(Proven::Sealed(Artifact { place, seal, headers, leaves }))
    }

    /// Verifies a seal against what is observed.
    fn check(
        &self,
        line: &SealLine,
        name: &ObjectName,
        length: u64,
        headers: &SealedHeaders,
    ) -> Result<Arc<Seal>, ArtifactFault> {
        let observed = Observed {
            realm: self.realm.as_str(),
            bucket: name.bucket.as_str(),
            key: name.key.as_str(),
            length,
            headers: headers.digest(),
        };
        Ok(Arc::new(verify(line, &observed, &self.keys, &*self.verdicts)?))
    }
}
