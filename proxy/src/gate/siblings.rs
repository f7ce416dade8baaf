//! Signatures beside an artifact: looked for where the rule names siblings and what the artifact bears itself does not
//! suffice.
//!
//! Siblings come through the same proof as every download: their own seal must hold, and every byte match it. They are read
//! from the store each time, also within the `freshness` of a bucket: what was taken away counts no more at the next
//! request. Each is parsed whole as what its name says it is, or says nothing; why, its reader is told if what remains does
//! not suffice.
//!
//! What they hold was made by somebody who may put it there, and to read and to verify it takes time that many other
//! requests would notice. So that is done on threads for such work, for a few artifacts at once, of which one client has a
//! quarter at most.

use std::sync::Arc;

use futures_util::stream;
use futures_util::{FutureExt as _, StreamExt as _};
use hallmark_config::UnixMs;
use hallmark_signer::evidence::MAX_FILE;
use hallmark_signer::{Sha256Digest, Verdicts};

use super::turns::{Turn, Turns};
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{Admitted, Artifact, ArtifactFault, Origin, Proven, Reader};
use crate::s3::error::{Code, S3Error};
use crate::store::{Span, aside};
use crate::trust::{About, Form, Piece, Pieces, SiblingFile, SiblingName, Taken, TrustFault, TrustPolicy};

/// How many artifacts have their siblings read and verified at once, a quarter of them for one client. Each takes at most
/// [`MAX_SIBLINGS`](crate::trust::MAX_SIBLINGS) × 64 KiB, which is beside the memory budget: a download that waited for it
/// while it holds some could wait for another one that does the same.
const MAX_LOOKUPS: u32 = 16;

/// How many siblings of one artifact are asked for at once.
const AT_ONCE: usize = 8;

/// How much is said of why a sibling is of no use, characters.
const MAX_REASON: usize = 300;

/// Whose turn it is to read siblings.
pub(super) fn lookups() -> Turns {
    Turns::new(MAX_LOOKUPS)
}

/// The artifact beside which is looked.
pub(crate) struct Subject {
    pub(crate) object: ObjectName,
    pub(crate) sha256: Sha256Digest,
    pub(crate) size: u64,
}

impl Subject {
    pub(super) fn about(&self) -> About<'_> {
        About { object: &self.object, sha256: &self.sha256, size: self.size }
    }
}

/// What came of a judgement by what stands beside an artifact.
pub(crate) struct Weighed<T> {
    /// The judgement.
    pub(crate) verdict: T,
    /// Each sibling that is there, and whether it is of use.
    pub(crate) seen: Vec<Seen>,
    /// The first sibling that could not be used, but one of which nobody knows what it says before all.
    spoiled: Option<Spoiled>,
}

/// A sibling that is there, or may be.
pub(crate) struct Seen {
    pub(crate) name: ObjectName,
    /// When it was sealed; or why it is of no use.
    pub(crate) found: Result<UnixMs, String>,
}

/// Why a sibling that is there could not be used.
pub(super) enum Spoiled {
    /// It is its own fault.
    Sibling { key: String, why: String, elsewhere: Elsewhere },
    /// Nobody knows what stands there, or what has become of it.
    Unknown(GateError),
}

/// Whether another instance may be able to use it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    May,
    CanNot,
}

/// What came of reading a sibling; `Ok(None)`: it is not there.
pub(super) type ReadBeside = Result<Option<Read>, (ObjectName, Spoiled)>;

/// What is signed beside an artifact, and what of it could not be used.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) pieces: Vec<Piece>,
    spoiled: Option<Spoiled>,
}

/// A sibling whose seal and bytes hold.
pub(super) struct Read {
    sibling: SiblingName,
    at: UnixMs,
    bytes: Vec<u8>,
}

impl Gate {
    /// Whether signatures over another object are looked for under this name.
    pub fn is_sibling(&self, name: &ObjectName) -> bool {
        self.policy.is_sibling(name)
    }

    /// Whether what stands beside an artifact could change what it is worth `alone`.
    pub(super) fn may_gain(&self, alone: &Result<Admitted, GateError>, name: &ObjectName) -> bool {
        let lacks = match alone {
            Ok(admitted) => !admitted.is_trusted(),
            Err(GateError::Artifact(ArtifactFault::Trust(fault))) => fault.may_be_mended(),
            Err(_) => false,
        };
        lacks && !self.policy.siblings(name).is_empty()
    }

    /// Judges an artifact with what stands beside it.
    pub(super) async fn admit_beside(
        &self,
        artifact: &Arc<Artifact>,
        reader: Reader,
        turn: Turn,
    ) -> Result<Weighed<Result<Admitted, ArtifactFault>>, GateError> {
        let artifact = Arc::clone(artifact);
        let seal = artifact.seal();
        let subject = Subject { object: artifact.name().clone(), sha256: *seal.sha256(), size: seal.size() };
        let judge = move |policy: &TrustPolicy, pieces: &[Piece], verdicts: &dyn Verdicts| {
            // What has siblings is none.
            Proven::Sealed(artifact).admit(policy, reader, Form::Any, pieces, verdicts)
        };
        self.weigh_in(turn, subject, judge).await
    }

    /// Judges by what stands beside an artifact, wherever its rule says to look: the siblings are read, parsed and verified,
    /// and judged, all of it in `client`'s turn.
    ///
    /// # Errors
    /// No turn comes within 5 seconds. What is wrong with siblings, or with the store, is part of the answer.
    pub(crate) async fn weigh<T, J>(
        &self,
        subject: Subject,
        client: &str,
        judge: J,
    ) -> Result<Weighed<T>, GateError>
    where
        T: Send + 'static,
        J: FnOnce(&TrustPolicy, &[Piece], &dyn Verdicts) -> T + Send + 'static,
    {
        self.weigh_in(self.lookups.turn(client).await?, subject, judge).await
    }

    async fn weigh_in<T, J>(&self, turn: Turn, subject: Subject, judge: J) -> Result<Weighed<T>, GateError>
    where
        T: Send + 'static,
        J: FnOnce(&TrustPolicy, &[Piece], &dyn Verdicts) -> T + Send + 'static,
    {
        let reads =
            self.policy.siblings(&subject.object).into_iter().map(|sibling| self.read_beside(sibling));
        // Boxed: it is as large as all that happens to a download, and seldom needed.
        let read: Vec<_> = stream::iter(reads.collect::<Vec<_>>()).buffered(AT_ONCE).collect().boxed().await;
        let (policy, kept, now) = (Arc::clone(&self.policy), Arc::clone(self.kept()), self.clock.now());
        turn.work(move || {
            let about = subject.about();
            let mut beside = Beside::default();
            let seen = read.into_iter().filter_map(|read| beside.add(&policy, &about, read, now)).collect();
            Weighed { verdict: judge(&policy, &beside.pieces, &*kept), seen, spoiled: beside.spoiled }
        })
        .await
    }

    /// One sibling; `None`: it is not there.
    pub(super) async fn read_beside(&self, sibling: SiblingName) -> ReadBeside {
        let name = &sibling.name;
        let spoiled = match self.read_sibling(name).await {
            Ok((at, bytes)) => return Ok(Some(Read { sibling, at, bytes })),
            Err(GateError::Client(S3Error { code: Code::NoSuchKey, .. })) => return Ok(None),
            Err(GateError::Artifact(fault)) => {
                let elsewhere = if fault.may_hold_elsewhere() { Elsewhere::May } else { Elsewhere::CanNot };
                Spoiled::new(name, &fault, elsewhere)
            }
            Err(GateError::Client(error)) if error.code == Code::EntityTooLarge => {
                Spoiled::new(name, &"it is longer than 65536 bytes", Elsewhere::CanNot)
            }
            Err(error) => Spoiled::Unknown(error),
        };
        Err((sibling.name, spoiled))
    }

    async fn read_sibling(&self, name: &ObjectName) -> Result<(UnixMs, Vec<u8>), GateError> {
        let asked = self.kept().asking(name);
        // The artifact may be under way.
        let (head, body) = aside(self.store.get(name, None, Span::All, None)).await?.split();
        let admitted = self.admit_alone(name, (head, asked)).await?;
        // The bucket may serve objects without seals, but nobody knows when they were made.
        let Some(at) = admitted.seal().map(|seal| UnixMs(seal.at())) else {
            return Err(ArtifactFault::Unsealed.into());
        };
        if admitted.length() > MAX_FILE as u64 {
            return Err(super::sibling_form::too_long().into());
        }
        let read = admitted.read_small(self.reading(None), Origin::Stored(body), MAX_FILE);
        Ok((at, aside(read).await?))
    }
}

impl Spoiled {
    fn new(name: &ObjectName, why: &dyn std::fmt::Display, elsewhere: Elsewhere) -> Self {
        // It may quote what stands there, which may be anything.
        let why: String = why.to_string().escape_debug().take(MAX_REASON).collect();
        tracing::warn!(object = %name, error = why, "a sibling is of no use");
        Self::Sibling { key: name.key.as_str().escape_debug().to_string(), why, elsewhere }
    }

    fn reason(&self) -> String {
        match self {
            Self::Sibling { why, .. } => why.clone(),
            Self::Unknown(error) => S3Error::from(error.clone()).message.to_string(),
        }
    }
}

impl<T> Weighed<T> {
    /// Whether another instance may be able to use a sibling that this one cannot.
    pub(super) fn may_weigh_more_elsewhere(&self) -> bool {
        matches!(self.spoiled, Some(Spoiled::Sibling { elsewhere: Elsewhere::May, .. }))
    }
}

impl Weighed<Result<Taken, TrustFault>> {
    /// Whether what is about to be written may be.
    pub(super) fn taken(self) -> Result<Taken, GateError> {
        taken(self.verdict, self.spoiled)
    }
}

impl Beside {
    /// Adds what one sibling says. `None`: it is not there.
    pub(super) fn add(
        &mut self,
        policy: &TrustPolicy,
        about: &About<'_>,
        read: ReadBeside,
        now: u64,
    ) -> Option<Seen> {
        let (name, found) = match read {
            Ok(None) => return None,
            Ok(Some(Read { sibling, at, bytes })) => {
                let file = SiblingFile { sibling: &sibling, bytes: &bytes, at, now };
                let found = match policy.pieces(about, &file) {
                    Ok(Pieces { known, unknown }) => {
                        self.pieces.extend(known);
                        unknown.map_or(Ok(()), |unknown| Err(Spoiled::Unknown(unknown.into())))
                    }
                    Err(error) => Err(Spoiled::new(&sibling.name, &error, Elsewhere::CanNot)),
                };
                (sibling.name, found.map(|()| at))
            }
            Err((name, why)) => (name, Err(why)),
        };
        let seen = Seen { name, found: found.as_ref().map(|at| *at).map_err(Spoiled::reason) };
        match found {
            Ok(_) => {}
            // That something failed is said rather than what else is wrong: it may pass.
            Err(why @ Spoiled::Unknown(_)) => self.spoiled = Some(why),
            Err(why) => self.spoiled = self.spoiled.take().or(Some(why)),
        }
        Some(seen)
    }

    /// Takes note that nobody knows what one of them is worth.
    pub(super) fn add_unknown(&mut self, error: GateError) {
        self.spoiled = Some(Spoiled::Unknown(error));
    }

    /// Whether what is about to be written may be, by this verdict on it.
    pub(super) fn taken(self, verdict: Result<Taken, TrustFault>) -> Result<Taken, GateError> {
        taken(verdict, self.spoiled)
    }
}

fn taken(verdict: Result<Taken, TrustFault>, spoiled: Option<Spoiled>) -> Result<Taken, GateError> {
    match (verdict, spoiled) {
        // A signature that nobody could read may be a revoked one.
        (Ok(Taken::Waiting(_)), Some(Spoiled::Unknown(error))) => Err(error),
        (Ok(taken), _) => Ok(taken),
        (Err(fault), spoiled) => Err(blame(spoiled, fault)),
    }
}

/// The refusal of an artifact for which what stands beside it does not suffice.
fn blame(spoiled: Option<Spoiled>, fault: TrustFault) -> GateError {
    match spoiled {
        Some(spoiled) if fault.may_be_mended() => match spoiled {
            Spoiled::Unknown(error) => error,
            Spoiled::Sibling { key, why, .. } => {
                TrustFault::SiblingUnusable { key, why, without: Box::new(fault) }.into()
            }
        },
        Some(_) | None => fault.into(),
    }
}

impl Weighed<Result<Admitted, ArtifactFault>> {
    /// What the artifact is worth.
    pub(super) fn verdict(self) -> Result<Admitted, GateError> {
        match (self.verdict, self.spoiled) {
            // What is not known to be refused must not be taken for something that may be replaced.
            (Ok(admitted), Some(Spoiled::Unknown(error))) if !admitted.is_trusted() => Err(error),
            (Ok(admitted), _) => Ok(admitted),
            (Err(ArtifactFault::Trust(fault)), spoiled) => Err(blame(spoiled, fault)),
            (Err(fault), _) => Err(fault.into()),
        }
    }
}
