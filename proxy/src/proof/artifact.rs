//! From what a store says to a sealed artifact.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hallmark_config::Realm;
use hallmark_signer::{
    CHECKSUM_HEADER, Certificate, CertificateFault, Hallmark, KeyHint, LeafHash, MAX_INLINE, Observed,
    RecordError, RecordRef, Seal, SealError, SealKeys, SealLine, SealedHeaders, Verdicts, fits, verify,
    verify_certified,
};

use super::certificates::Looked;
use super::fault::{ArtifactFault, ProofError};
use super::kept::{Asked, Kept, Sighting};
use super::leaves::Leaves;
use super::record::{self, Record};
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
    Sealed(Arc<Artifact>),
    /// No seal at all.
    Unsealed(Unsealed),
}

impl Proven {
    /// What was found, if it bears a seal.
    pub(crate) fn sealed(&self) -> Option<Arc<Artifact>> {
        match self {
            Self::Sealed(artifact) => Some(Arc::clone(artifact)),
            Self::Unsealed(_) => None,
        }
    }
}

/// What was read of a record, and is what was sealed.
struct Read {
    seal: Arc<Seal>,
    /// All that are sealed.
    headers: SealedHeaders,
    record: Arc<Record>,
    /// The record's first bytes.
    beginning: Bytes,
}

impl Artifact {
    /// Under which name it was looked up.
    pub(crate) fn name(&self) -> &ObjectName {
        &self.place.name
    }

    /// Its seal.
    pub(crate) fn seal(&self) -> &Seal {
        &self.seal
    }

    /// What it was looked up by.
    pub(super) fn known_as(&self) -> (ObjectName, Option<VersionId>) {
        (self.place.name.clone(), self.place.version.clone())
    }

    /// How much memory it takes, about, bytes.
    pub(super) fn memory(&self) -> usize {
        // The name stands here, in the key of the cache and in the seal, whose statement holds it once more.
        let name = 3 * (self.place.name.bucket.as_str().len() + self.place.name.key.as_str().len());
        let seal = size_of::<Seal>() + self.seal.statement().payload().len() + MAX_INLINE_LEAVES;
        let pair = 2 * size_of::<Box<str>>();
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + pair).sum();
        size_of::<Self>() + name + seal + headers + self.place.pin.0.len() + self.leaves.memory()
    }
}

impl Sighting {
    /// The length of the artifact, bytes.
    pub(crate) fn length(&self) -> u64 {
        self.artifact.seal.size()
    }

    /// Its seal.
    pub(crate) fn seal(&self) -> &Seal {
        &self.artifact.seal
    }
}

/// The hashes of the leaves that a seal holds at most, bytes.
const MAX_INLINE_LEAVES: usize = 8 * size_of::<LeafHash>();

/// Verifies seals for one deployment.
pub struct Prover {
    realm: Realm,
    keys: SealKeys,
    kept: Arc<Kept>,
}

impl Prover {
    /// Accepts seals of `realm` by `keys`; what was found good is kept in `kept`.
    pub fn new(realm: Realm, keys: SealKeys, kept: Arc<Kept>) -> Self {
        Self { realm, keys, kept }
    }

    /// Signatures that were verified before.
    pub fn verdicts(&self) -> &dyn Verdicts {
        &*self.kept
    }

    /// What is kept.
    pub fn kept(&self) -> &Arc<Kept> {
        &self.kept
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
        let headers = attributes.headers;
        let Some(text) = attributes.hallmark else {
            return Ok(Proven::Unsealed(Unsealed { place, headers, length }));
        };
        let artifact = match Hallmark::parse(&text).map_err(ArtifactFault::from)? {
            Hallmark::Line(line) if length <= MAX_INLINE => {
                let seal = self.check(store, &line, name, length, &headers).await?;
                let leaves = Leaves::in_seal(seal.clone());
                Artifact { place, seal, headers, leaves }
            }
            Hallmark::Record(reference) if length > MAX_INLINE => {
                self.prove_by_record(store, &reference, place, length, headers).await?
            }
            Hallmark::Line(_) | Hallmark::Record(_) => return Err(ArtifactFault::Misplaced.into()),
        };
        Ok(Proven::Sealed(Arc::new(artifact)))
    }

    /// The same where a record holds the seal.
    async fn prove_by_record(
        &self,
        store: &dyn Store,
        reference: &RecordRef,
        place: Place,
        length: u64,
        headers: SealedHeaders,
    ) -> Result<Artifact, ProofError> {
        let leaves = |seal: &Seal, record: &Record, beginning| {
            let (kept, pages) = (Arc::clone(&self.kept), Arc::clone(record.pages()));
            Leaves::in_record(kept, *reference, seal, pages, beginning)
        };
        if let Some(record) = self.kept.record(reference)
            && let Ok((seal, headers)) = self
                .check_with(store, (record.seal_line(), record.sum()), &place.name, length, &headers)
                .await
        {
            let leaves = leaves(&seal, &record, &Bytes::new());
            return Ok(Artifact { place, seal, headers, leaves });
        }
        let read = match self.read_record(store, reference, &place.name, length, &headers).await {
            Err(error) if record::again(&error) => {
                self.read_record(store, reference, &place.name, length, &headers).await
            }
            read => read,
        };
        let Read { seal, headers, record, beginning } = read?;
        self.kept.keep_record(*reference, &record);
        let leaves = leaves(&seal, &record, &beginning);
        Ok(Artifact { place, seal, headers, leaves })
    }

    /// Reads a record, which must be that of what is observed.
    async fn read_record(
        &self,
        store: &dyn Store,
        reference: &RecordRef,
        name: &ObjectName,
        length: u64,
        headers: &SealedHeaders,
    ) -> Result<Read, ProofError> {
        let (header, beginning) = record::header(store, reference).await?;
        let said = (header.seal_line(), header.sum());
        let (seal, headers) = self.check_with(store, said, name, length, headers).await?;
        let record = Arc::new(Record::verify(header, &seal)?);
        Ok(Read { seal, headers, record, beginning })
    }

    /// Verifies a seal that stands in a record, perhaps beside a checksum that is not among the headers.
    async fn check_with(
        &self,
        store: &dyn Store,
        (line, sum): (&SealLine, Option<&str>),
        name: &ObjectName,
        length: u64,
        headers: &SealedHeaders,
    ) -> Result<(Arc<Seal>, SealedHeaders), ProofError> {
        let mut headers = headers.clone();
        if let Some(sum) = sum {
            let misfit = |_| ArtifactFault::Record(RecordError::Header("sum"));
            headers.insert(CHECKSUM_HEADER, sum).map_err(misfit)?;
        }
        let seal = self.check(store, line, name, length, &headers).await?;
        Ok((seal, headers))
    }

    /// Keeps what was proven of what the store said when it was `asked`, for a bucket of this `freshness`.
    pub(crate) fn note(&self, proven: &Proven, asked: Asked, freshness: Duration) {
        match proven {
            Proven::Sealed(artifact) => self.kept.note(artifact, asked, freshness),
            Proven::Unsealed(_) => {}
        }
    }

    /// What was proven before, if it still is: whatever the seal was compared with then is in it, so all that can have
    /// changed is which keys are trusted.
    pub(crate) fn renew(&self, sighting: &Sighting) -> Option<Proven> {
        let seal = sighting.seal();
        let holds =
            seal.observed().realm == self.realm.as_str() && self.keys.still_trust(seal, self.verdicts());
        holds.then(|| Proven::Sealed(Arc::clone(&sighting.artifact)))
    }

    /// Verifies a seal against what is observed. Asks the store for the certificate of a key that is not trusted by itself,
    /// if that is not at hand.
    async fn check(
        &self,
        store: &dyn Store,
        line: &SealLine,
        name: &ObjectName,
        length: u64,
        headers: &SealedHeaders,
    ) -> Result<Arc<Seal>, ProofError> {
        let observed = Observed {
            realm: self.realm.as_str(),
            bucket: name.bucket.as_str(),
            key: name.key.as_str(),
            length,
            headers: headers.digest(),
        };
        let hint = line.key_hint();
        let (keys, verdicts) = (&self.keys, self.verdicts());
        let verified = if keys.may_be_certified(hint) {
            // Nobody is asked for the key of a seal that is another object's in any case.
            fits(line, &observed).map_err(ArtifactFault::from)?;
            match self.certificate(store, hint).await? {
                Looked::Found(certificate) => verify_certified(line, &observed, keys, &certificate, verdicts),
                Looked::Absent => Err(SealError::UnknownKey(hint)),
                Looked::Damaged => {
                    Err(SealError::Certificate { key: hint, fault: CertificateFault::Malformed })
                }
            }
        } else {
            verify(line, &observed, keys, verdicts)
        };
        Ok(Arc::new(verified.map_err(ArtifactFault::from)?))
    }

    /// What is to be had as the certificate of a key.
    async fn certificate(&self, store: &dyn Store, key: KeyHint) -> Result<Looked, ProofError> {
        let trusted = |certificate: &Certificate| self.accepts(certificate).is_ok();
        Ok(self.kept.certificates().find(store, key, trusted).await?)
    }

    /// Whether the key of a certificate is trusted.
    ///
    /// # Errors
    /// It is not.
    pub(crate) fn accepts(&self, certificate: &Certificate) -> Result<(), CertificateFault> {
        self.keys.check_certificate(certificate, self.realm.as_str(), self.verdicts())
    }

    /// Whether it trusts all seals that `other` trusts, as far as that lies with their keys.
    pub(crate) fn trusts_all_of(&self, other: &Self) -> bool {
        self.keys.trust_all_of(&other.keys)
    }

    /// Whether a seal by this key could be trusted.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn accepts_key(&self, store: &dyn Store, key: KeyHint) -> Result<bool, ProofError> {
        Ok(self.keys.has_hint(key) || self.accepted_certificate(store, key).await?.is_some())
    }

    /// The certificate of a key that is trusted for it, if it is at hand: nobody is asked.
    pub(crate) fn known_certificate(&self, key: KeyHint) -> Option<Arc<Certificate>> {
        let known = self.kept.certificates().useful(key).filter(|_| self.keys.may_be_certified(key));
        known.filter(|known| self.accepts(known).is_ok())
    }

    /// The certificate of a key that is trusted for it; `None`: there is none.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn accepted_certificate(
        &self,
        store: &dyn Store,
        key: KeyHint,
    ) -> Result<Option<Arc<Certificate>>, ProofError> {
        if !self.keys.may_be_certified(key) {
            return Ok(None);
        }
        Ok(match self.certificate(store, key).await? {
            Looked::Found(certificate) => Some(certificate).filter(|found| self.accepts(found).is_ok()),
            Looked::Absent | Looked::Damaged => None,
        })
    }
}
