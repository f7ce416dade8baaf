//! Signatures beside an artifact: looked for where the rule names siblings and what the artifact bears itself does not
//! suffice.
//!
//! Siblings come through the same proof as every download: their own seal must hold, and every byte match it. They are read
//! from the store each time, also within the `freshness` of a bucket: what was taken away counts no more at the next
//! request. Each is parsed whole as what its name says it is, or says nothing; why, its reader is told if what remains does
//! not suffice.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use hallmark_config::{Sibling, UnixMs};
use hallmark_signer::SealedHeaders;
use hallmark_signer::evidence::MAX_FILE;
use tokio::sync::Semaphore;

use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{Admitted, Artifact, ArtifactFault, Origin, Proven, Reader};
use crate::s3::error::{Code, S3Error};
use crate::store::Span;
use crate::trust::{About, Piece, SiblingFile, TrustFault};

/// How many artifacts have their siblings read at once. Each takes at most
/// [`MAX_SIBLINGS`](crate::trust::MAX_SIBLINGS) × 64 KiB, which is beside the memory budget: a download that waited for it
/// while it holds some could wait for another one that does the same.
const MAX_LOOKUPS: usize = 16;

/// How many siblings of one artifact are asked for at once.
const AT_ONCE: usize = 8;

/// How much is said of why a sibling is of no use, characters.
const MAX_REASON: usize = 300;

/// Whose turn it is to read siblings.
pub(super) struct Lookups(Semaphore);

impl Default for Lookups {
    fn default() -> Self {
        Self(Semaphore::new(MAX_LOOKUPS))
    }
}

/// What stands beside an artifact.
#[derive(Default)]
pub(super) struct Beside {
    /// What is signed there.
    pub(super) pieces: Vec<Piece>,
    /// The first sibling that could not be used.
    spoiled: Option<Spoiled>,
}

/// Why a sibling that is there could not be used.
pub(super) enum Spoiled {
    /// It is its own fault.
    Sibling { key: String, why: String },
    /// Nobody knows what stands there.
    Store(GateError),
}

impl Gate {
    /// Whether signatures over another object are looked for under this name.
    pub fn is_sibling(&self, name: &ObjectName) -> bool {
        self.policy.is_sibling(name)
    }

    /// Judges an artifact once more, with what stands beside it. `first`: what it is worth without.
    pub(super) async fn admit_by_siblings(
        &self,
        artifact: Arc<Artifact>,
        reader: Reader,
        first: Result<Admitted, GateError>,
    ) -> Result<Admitted, GateError> {
        let lacks = match &first {
            Ok(admitted) => !admitted.is_trusted(),
            Err(GateError::Artifact(ArtifactFault::Trust(fault))) => fault.may_be_mended(),
            Err(_) => false,
        };
        if !lacks || self.policy.siblings(artifact.name()).is_empty() {
            return first;
        }
        let seal = artifact.seal();
        let about = About { object: artifact.name(), sha256: seal.sha256(), size: seal.size() };
        let beside = self.beside(&about).await;
        let proven = Proven::Sealed(Arc::clone(&artifact));
        match proven.admit(&self.policy, reader, &beside.pieces, self.prover.verdicts()) {
            // What is not known to be refused must not be taken for something that may be replaced.
            Ok(admitted) if !admitted.is_trusted() => beside.unless_store_failed(admitted),
            Ok(admitted) => Ok(admitted),
            Err(ArtifactFault::Trust(fault)) => Err(beside.blame(fault)),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Reads what stands beside an artifact, wherever its rule says to look.
    pub(super) async fn beside(&self, about: &About<'_>) -> Beside {
        let siblings = self.policy.siblings(about.object);
        if siblings.is_empty() {
            return Beside::default();
        }
        // Closed never; were it, nothing would be bounded, so nothing is read.
        let Ok(_turn) = self.lookups.0.acquire().await else { return Beside::default() };
        let reads: Vec<_> = siblings.iter().map(|(kind, name)| self.pieces_of(about, *kind, name)).collect();
        let read: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
        let mut beside = Beside::default();
        read.into_iter().for_each(|read| beside.add(read));
        beside
    }

    /// What is signed in one sibling; nothing, if it is not there.
    pub(super) async fn pieces_of(
        &self,
        about: &About<'_>,
        kind: Sibling,
        name: &ObjectName,
    ) -> Result<Vec<Piece>, Spoiled> {
        let (at, bytes) = match self.read_sibling(name).await {
            Ok(read) => read,
            Err(GateError::Client(S3Error { code: Code::NoSuchKey, .. })) => return Ok(Vec::new()),
            Err(GateError::Artifact(fault)) => return Err(Spoiled::new(name, &fault)),
            Err(GateError::Client(error)) if error.code == Code::EntityTooLarge => {
                return Err(Spoiled::new(name, &"it is longer than 65536 bytes"));
            }
            Err(error) => return Err(Spoiled::Store(error)),
        };
        let file = SiblingFile { kind, bytes: &bytes, at, now: self.clock.now() };
        self.policy.pieces(about, &file).map_err(|error| Spoiled::new(name, &error))
    }

    async fn read_sibling(&self, name: &ObjectName) -> Result<(UnixMs, Vec<u8>), GateError> {
        let asked = self.kept().asking(name);
        let (head, body) = self.store.get(name, None, Span::All, None).await?.split();
        let admitted = self.admit_alone(name, None, (head, asked), Reader::Trusting).await?;
        // The bucket may serve objects without seals, but nobody knows when they were made.
        let Some(at) = admitted.seal().map(|seal| UnixMs(seal.at())) else {
            return Err(ArtifactFault::Unsealed.into());
        };
        if admitted.length() > MAX_FILE as u64 {
            return Err(too_long().into());
        }
        Ok((at, admitted.read_small(self.reading(None), Origin::Stored(body), MAX_FILE).await?))
    }

    /// That what is about to be written under `name` can be a sibling, if that is what the name says.
    ///
    /// # Errors
    /// `EntityTooLarge`: it is too long for one.
    pub(super) fn fits_its_name(&self, name: &ObjectName, size: u64) -> Result<(), GateError> {
        if size > MAX_FILE as u64 && self.is_sibling(name) { Err(too_long().into()) } else { Ok(()) }
    }

    /// Has browsers keep a sibling instead of showing it, unless its headers say something else about that: whoever may
    /// sign may not choose what pages of this origin look like. Sealed with the rest.
    pub(super) fn attach(&self, name: &ObjectName, headers: &mut SealedHeaders) -> Result<(), GateError> {
        const DISPOSITION: &str = "content-disposition";
        if !self.is_sibling(name) {
            return Ok(());
        }
        match headers.get(DISPOSITION) {
            Some(said) if said.starts_with("attachment") => Ok(()),
            Some(_) => {
                let message = "What holds signatures over another object is served as an attachment: leave \
                               Content-Disposition out.";
                Err(S3Error::new(Code::InvalidRequest, message).into())
            }
            None => headers.insert(DISPOSITION, "attachment").map_err(|_| super::upload::internal()),
        }
    }
}

impl Spoiled {
    fn new(name: &ObjectName, why: &dyn std::fmt::Display) -> Self {
        // It may quote what stands there, which may be anything.
        let why: String = why.to_string().escape_debug().take(MAX_REASON).collect();
        tracing::warn!(object = %name, error = why, "a sibling is of no use");
        Self::Sibling { key: name.key.as_str().escape_debug().to_string(), why }
    }
}

impl Beside {
    /// Adds what one sibling says.
    pub(super) fn add(&mut self, read: Result<Vec<Piece>, Spoiled>) {
        match read {
            Ok(pieces) => self.pieces.extend(pieces),
            // That the store failed is said rather than what else is wrong: it may pass.
            Err(spoiled @ Spoiled::Store(_)) => self.spoiled = Some(spoiled),
            Err(spoiled) => self.spoiled = self.spoiled.take().or(Some(spoiled)),
        }
    }

    /// The refusal of an artifact for which what stands beside it does not suffice.
    pub(super) fn blame(self, fault: TrustFault) -> GateError {
        match self.spoiled {
            Some(spoiled) if fault.may_be_mended() => match spoiled {
                Spoiled::Store(error) => error,
                Spoiled::Sibling { key, why } => {
                    TrustFault::SiblingUnusable { key, why, without: Box::new(fault) }.into()
                }
            },
            Some(_) | None => fault.into(),
        }
    }

    fn unless_store_failed(self, admitted: Admitted) -> Result<Admitted, GateError> {
        match self.spoiled {
            Some(Spoiled::Store(error)) => Err(error),
            Some(Spoiled::Sibling { .. }) | None => Ok(admitted),
        }
    }
}

fn too_long() -> S3Error {
    let message = "An object that holds signatures over another one is at most 65536 bytes long.";
    S3Error::new(Code::EntityTooLarge, message)
}
