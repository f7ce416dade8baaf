//! Objects whose seal is missing or is nobody's who is believed: read for what can be found out about their bytes, before
//! somebody else than the store vouches for them. Nothing of it can be served.

use hallmark_signer::{Content, Hallmark, Md5Digest, SealError, SealId, SealedHeaders, UploadHasher};

use super::artifact::{Proven, Prover};
use super::fault::{ArtifactFault, ProofError};
use super::record;
use super::unverified::{UnverifiedBody, UnverifiedHead};
use crate::name::ObjectName;
use crate::store::{Pin, Standing, Store, StoreError, StoreFault};

/// What is known of an object by its seal.
pub(crate) enum Seen {
    /// Its seal holds.
    Believed,
    /// It bears no seal.
    Bare(Disbelieved),
    /// It bears a seal by a key that is not trusted. Whatever that says, anybody may have said.
    Stranger(Disbelieved, Strange),
}

/// A seal by a key that is not trusted.
pub(crate) struct Strange {
    pub(crate) error: SealError,
    /// What it says that its id is: good to refuse it, and for nothing else.
    pub(crate) id: SealId,
}

/// An object of which nothing is believed: all of this is the store's word.
pub(crate) struct Disbelieved {
    headers: SealedHeaders,
    /// What stands where seals do.
    hallmark: Option<String>,
    length: u64,
    pin: Pin,
    standing: Standing,
}

/// What was found out about its bytes.
pub(crate) struct Examined {
    pub(crate) content: Content,
    pub(crate) md5: Md5Digest,
    /// All of them, if they are few enough to be kept: for what they prove by themselves, as signatures do.
    pub(crate) small: Option<Vec<u8>>,
}

impl Prover {
    /// Looks at what a store says stands under `name`.
    ///
    /// # Errors
    /// There is a seal that should hold and does not, or it cannot be found out.
    pub(crate) async fn see(
        &self,
        store: &dyn Store,
        name: &ObjectName,
        head: UnverifiedHead,
    ) -> Result<Seen, ProofError> {
        let said = Disbelieved {
            headers: head.attributes.headers.clone(),
            hallmark: head.attributes.hallmark.clone(),
            length: head.length,
            pin: head.pin.clone(),
            standing: head.standing.clone(),
        };
        match self.prove(store, name, None, head).await {
            Ok(Proven::Sealed(_)) => Ok(Seen::Believed),
            Ok(Proven::Unsealed(_)) => Ok(Seen::Bare(said)),
            Err(ProofError::Artifact(ArtifactFault::Seal(
                error @ (SealError::UnknownKey(_) | SealError::Certificate { .. }),
            ))) => {
                let id = said.claimed_id(store).await?;
                Ok(Seen::Stranger(said, Strange { error, id }))
            }
            Err(error) => Err(error),
        }
    }
}

impl Disbelieved {
    /// Content headers and user metadata.
    pub(crate) fn headers(&self) -> &SealedHeaders {
        &self.headers
    }

    /// What the seal that is there says that its id is.
    async fn claimed_id(&self, store: &dyn Store) -> Result<SealId, ProofError> {
        let text = self.hallmark.as_deref().ok_or(ArtifactFault::Unsealed)?;
        match Hallmark::parse(text).map_err(ArtifactFault::from)? {
            Hallmark::Line(line) => Ok(line.id()),
            Hallmark::Record(reference) => Ok(record::header(store, &reference).await?.0.seal_line().id()),
        }
    }

    /// Whether the store says now what it said then. Its name for the version alone does not tell: where that is a digest
    /// of the bytes, whoever uploads the same bytes meanwhile gets the same.
    pub(crate) fn is_still(&self, now: &UnverifiedHead) -> bool {
        let UnverifiedHead { attributes, length, pin, standing: _ } = now;
        self.pin == *pin
            && self.length == *length
            && self.hallmark == attributes.hallmark
            && self.headers == attributes.headers
    }

    /// Names the version, towards the store.
    pub(crate) fn pin(&self) -> &Pin {
        &self.pin
    }

    /// What else the store says of it.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Hashes all of its bytes. Up to `keep` of them are kept. `pace` is told of each piece, and has the next one wait.
    ///
    /// # Errors
    /// The store failed, or gave fewer or more bytes than it said.
    pub(crate) async fn examine(
        &self,
        body: UnverifiedBody,
        keep: usize,
        pace: &mut (impl AsyncFnMut(u64) + Send),
    ) -> Result<Examined, StoreError> {
        let mut hasher = UploadHasher::exactly(self.length);
        let mut small = (self.length <= keep as u64).then(Vec::new);
        let mut bytes = body.hash_only(&(0..self.length))?;
        while let Some(piece) = bytes.next().await? {
            let length = piece.len();
            piece.into_upload(&mut hasher, small.as_mut());
            pace(length).await;
        }
        let misfit = |_| StoreError::new(StoreFault::Protocol, "another number of bytes than was said");
        let (content, md5) = hasher.finish().map_err(misfit)?;
        Ok(Examined { content, md5, small })
    }
}
