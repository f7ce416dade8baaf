//! The path of a download, up to its first byte.
//!
//! Three ways lead there. **Cold**: one GET of the store, proven, admitted, released leaf by leaf. **Kept**: where all
//! leaves that are wanted are in memory ([`Kept`]), or somebody else is just reading them, the store is asked by a HEAD,
//! and if the same seal stands there the leaves need not be fetched. **Fresh**: where the bucket has a `freshness` and the
//! store was asked within it, not even that. Seal, keys and policy are judged on each of them.

use std::ops::Range;
use std::sync::Arc;

use futures_util::FutureExt as _;
use hallmark_signer::Seal;

use super::arrivals::{Arrival, Turn};
use super::budget::Reservation;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{
    Admitted, Asked, Kept, Origin, Proven, READING, Reader, Reading, Release, Sighting, UnverifiedHead,
    leaves_of, widen,
};
use crate::s3::error::{Code, S3Error};
use crate::s3::range::{Part, RangeHeader, Resolved};
use crate::store::{GetError, PartNumber, Span, VersionId, aside};
use crate::trust::Form;

/// How often a download begins again because the object changed between two reads of it.
const MAX_TRIES: usize = 3;

/// What is to be read, and how.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// Under which name it stands.
    pub name: &'w ObjectName,
    /// Which version of it; `None`: the current one.
    pub version: Option<&'w VersionId>,
    /// For whom.
    pub reader: Reader,
    /// As of when.
    pub recency: Recency,
    /// The client that wants it, to whom work and memory are charged.
    pub client: &'w str,
}

/// As of when something is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recency {
    /// As it is now.
    Now,
    /// As it was within the freshness of its bucket.
    Fresh,
}

/// An admitted artifact, and its bytes, of which none has been looked at.
pub struct Download {
    opened: Opened,
    held: Reservation,
}

/// The same, before memory for a leaf of it was set aside.
struct Opened {
    admitted: Admitted,
    selection: Result<Resolved, S3Error>,
    /// `None`: no byte was selected.
    origin: Option<Origin>,
    /// Others wait for what this one reads first.
    arrival: Option<Arrival>,
}

impl Gate {
    /// Proves and admits what stands under `name`, or one version of it, without its bytes. The store is asked, and `client`
    /// charged for what has to be done for that.
    ///
    /// # Errors
    /// It is not there, or must not be served to `reader`.
    pub async fn head(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        reader: Reader,
        client: &str,
    ) -> Result<Admitted, GateError> {
        let asked = self.kept().asking(name);
        let found = self.store.head(name, version).await?;
        self.admit(name, version, (found, asked), (reader, client)).await
    }

    /// The same as of when it is wanted.
    ///
    /// # Errors
    /// It is not there, or must not be served to the reader.
    pub async fn look(&self, wanted: Wanted<'_>) -> Result<Admitted, GateError> {
        let Wanted { name, version, reader, recency: _, client } = wanted;
        let remembered = self.recall(wanted).and_then(|sighting| self.still(&sighting, wanted));
        match remembered {
            Some(admitted) => Ok(admitted),
            None => self.head(name, version, reader, client).await,
        }
    }

    /// Proves and admits what is wanted and opens it for reading: whole, or the leaves that hold `range`. At most one
    /// request to the store, unless the range counts from the end, or signatures beside it are needed.
    ///
    /// # Errors
    /// It is not there, or must not be served to the reader.
    pub async fn get(&self, wanted: Wanted<'_>, range: Option<&RangeHeader>) -> Result<Download, GateError> {
        // Before anything is known of the object, for what the store sends ahead is there then; and all of it at once,
        // since requests that hold some memory and wait for more could wait for each other.
        let held = self.budget.reserve(wanted.client, READING).await?;
        self.get_holding(wanted, range, held).await
    }

    /// The same for who has set the memory aside.
    pub(super) async fn get_holding(
        &self,
        wanted: Wanted<'_>,
        range: Option<&RangeHeader>,
        held: Reservation,
    ) -> Result<Download, GateError> {
        for _ in 0..MAX_TRIES {
            match self.try_get(wanted, range).await {
                Err(TryError::Changed) => {}
                Err(TryError::Refused(error)) => return Err(error),
                Ok(opened) => return Ok(Download::new(opened, held)),
            }
        }
        Err(GetError::Changed.into())
    }

    /// Opens part `number` of the artifact for reading, as [`get`](Self::get) does a range. Two requests to the store:
    /// only the seal says where a part lies.
    ///
    /// # Errors
    /// As [`get`](Self::get); `InvalidPart`: the artifact has no such part.
    pub async fn get_part(&self, wanted: Wanted<'_>, number: PartNumber) -> Result<Download, GateError> {
        let held = self.budget.reserve(wanted.client, READING).await?;
        let mut recency = wanted.recency;
        for _ in 0..MAX_TRIES {
            let admitted = self.look(Wanted { recency, ..wanted }).await?;
            let selection = part_selection(&admitted, number)?;
            match self.open(wanted, admitted, Ok(selection)).await {
                // What was remembered is not there any more.
                Err(TryError::Changed) => recency = Recency::Now,
                Err(TryError::Refused(error)) => return Err(error),
                Ok(opened) => return Ok(Download::new(opened, held)),
            }
        }
        Err(GetError::Changed.into())
    }

    async fn try_get(&self, wanted: Wanted<'_>, range: Option<&RangeHeader>) -> Result<Opened, TryError> {
        let first = match range {
            None => Some(0),
            // From the end: which leaf that is, nobody knows yet.
            Some(range) => range.from_start().map(|wanted| leaves_of(&wanted).start),
        };
        let likely = self.likely(wanted, range);
        if let Some(opened) = self.get_kept(wanted, range, likely.as_ref()).await? {
            return Ok(opened);
        }
        let turn = match (first, likely) {
            // They do not fit: there is nothing to wait for.
            (_, Some(Likely { leaves: Some(leaves), .. })) if !self.kept().keeps(&leaves) => None,
            (Some(first), _) if self.kept().keeps(&(first..first + 1)) => {
                Some(self.arrivals.come(wanted.name, wanted.version, first))
            }
            (Some(_) | None, _) => None,
        };
        let arrival = match turn {
            None => None,
            Some(Turn::First(arrival)) => Some(arrival),
            Some(Turn::Later(before)) => {
                before.wait().await;
                let likely = self.likely(wanted, range);
                if let Some(opened) = self.get_kept(wanted, range, likely.as_ref()).await? {
                    return Ok(opened);
                }
                None
            }
        };
        let opened = self.get_stored(wanted, range).await?;
        let arrival = arrival.filter(|_| opened.is_kept(self.kept()));
        Ok(Opened { arrival, ..opened })
    }

    /// Opens what was selected from the store.
    async fn get_stored(&self, wanted: Wanted<'_>, range: Option<&RangeHeader>) -> Result<Opened, TryError> {
        let Wanted { name, version, reader, recency: _, client } = wanted;
        if self.is_sibling(name) {
            // What it is may have to be read first, and not while its body waits.
            let admitted = self.head(name, version, reader, client).await?;
            let selection = range.map_or(Ok(Resolved::Whole), |range| range.resolve(admitted.length()));
            return self.open(wanted, admitted, selection).await;
        }
        let asked = self.kept().asking(name);
        let resolve = |length| range.map_or(Ok(Resolved::Whole), |range| range.resolve(length));
        let span = match range {
            None => Some(Span::All),
            Some(range) => range.from_start().map(|wanted| Span::Bytes(widen(&wanted))),
        };
        let found = match span {
            None => None,
            Some(span) => match self.store.get(name, version, span, None).await {
                // By the sealed length it may be another range.
                Err(GetError::OutOfRange) if range.is_some() => None,
                found => Some(found?.split()),
            },
        };
        let (admitted, body) = match found {
            None => (self.head(name, version, reader, client).await?, None),
            Some((head, body)) => {
                self.admit_with(name, version, (head, asked), (reader, client), body).await?
            }
        };
        let selection = resolve(admitted.length());
        match body {
            Some(body) => Ok(Opened::new(admitted, selection, Some(Origin::Stored(body)))),
            None => self.open(wanted, admitted, selection).await,
        }
    }

    /// Opens what was selected without fetching it, if that is likely to be possible.
    async fn get_kept(
        &self,
        wanted: Wanted<'_>,
        range: Option<&RangeHeader>,
        likely: Option<&Likely>,
    ) -> Result<Option<Opened>, TryError> {
        let Some(Likely { sighting, leaves }) = likely else { return Ok(None) };
        let check = *sighting.seal().check_id();
        if !leaves.as_ref().is_none_or(|leaves| self.kept().has_at_hand(check, leaves)) {
            return Ok(None);
        }
        let still = match wanted.recency {
            Recency::Now => None,
            Recency::Fresh => self.still(sighting, wanted),
        };
        let admitted = match still {
            Some(admitted) => admitted,
            None => self.head(wanted.name, wanted.version, wanted.reader, wanted.client).await?,
        };
        let selection = range.map_or(Ok(Resolved::Whole), |range| range.resolve(admitted.length()));
        self.open(wanted, admitted, selection).await.map(Some)
    }

    /// Opens what was selected of an admitted artifact.
    async fn open(
        &self,
        wanted: Wanted<'_>,
        admitted: Admitted,
        selection: Result<Resolved, S3Error>,
    ) -> Result<Opened, TryError> {
        let Wanted { name, version, reader: _, recency: _, client: _ } = wanted;
        let (span, bytes) = match &selection {
            Ok(Resolved::Whole) => (Span::All, 0..admitted.length()),
            Ok(Resolved::Part(part)) => (Span::Bytes(widen(&part.span())), part.span()),
            Err(_) => return Ok(Opened::new(admitted, selection, None)),
        };
        let origin = match admitted.at_hand(self.kept(), &bytes) {
            Some(at_hand) => Origin::AtHand(at_hand),
            None => {
                Origin::Stored(self.store.get(name, version, span, Some(admitted.pin())).await?.split().1)
            }
        };
        Ok(Opened::new(admitted, selection, Some(origin)))
    }

    /// Verifies the seal of what the store said when it was asked, and keeps what was found.
    pub(super) async fn proven(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        found: UnverifiedHead,
        asked: Asked,
    ) -> Result<Proven, GateError> {
        let proven = self.prover.prove(&*self.store, name, version, found).await?;
        self.prover.note(&proven, asked, self.policy.freshness(&name.bucket));
        Ok(proven)
    }

    /// Judges what the store said when it was asked.
    async fn admit(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        said: (UnverifiedHead, Asked),
        whom: (Reader, &str),
    ) -> Result<Admitted, GateError> {
        Ok(self.admit_with(name, version, said, whom, ()).await?.0)
    }

    /// The same where a body came with it. That is given up, and has to be asked for again, if it would have to wait for a
    /// turn to look beside: it has a place at the store, which others want.
    async fn admit_with<B>(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        (found, asked): (UnverifiedHead, Asked),
        (reader, client): (Reader, &str),
        body: B,
    ) -> Result<(Admitted, Option<B>), GateError> {
        let proven = self.proven(name, version, found, asked).await?;
        let sealed = proven.sealed();
        let form = self.form_of(sealed.as_ref(), client).await?;
        let alone = proven.admit(&self.policy, reader, form, &[], self.prover.verdicts());
        let alone = alone.map_err(GateError::from);
        let (admitted, body) = match sealed.filter(|_| self.may_gain(&alone, name)) {
            None => (alone?, Some(body)),
            Some(artifact) => {
                let (turn, body) = match self.lookups.turn(client).now_or_never() {
                    Some(turn) => (turn?, Some(body)),
                    None => {
                        drop(body);
                        (self.lookups.turn(client).await?, None)
                    }
                };
                (self.admit_beside(&artifact, reader, turn).await?.verdict()?, body)
            }
        };
        self.check_mark(&admitted, version, asked, reader)?;
        Ok((admitted, body))
    }

    /// The same for a sibling that is about to be read as one: by what it bears itself.
    pub(super) async fn admit_alone(
        &self,
        name: &ObjectName,
        (found, asked): (UnverifiedHead, Asked),
    ) -> Result<Admitted, GateError> {
        let (form, reader) = (Form::Sibling, Reader::Trusting);
        let proven = self.proven(name, None, found, asked).await?;
        let admitted = proven.admit(&self.policy, reader, form, &[], self.prover.verdicts())?;
        self.check_mark(&admitted, None, asked, reader)?;
        Ok(admitted)
    }

    /// What the store said last, where the client takes that for an answer.
    fn recall(&self, wanted: Wanted<'_>) -> Option<Sighting> {
        match wanted.recency {
            Recency::Now => None,
            Recency::Fresh if self.policy.freshness(&wanted.name.bucket).is_zero() => None,
            Recency::Fresh => self.kept().recall(wanted.name, wanted.version),
        }
    }

    /// Judges what the store said before, if that was not too long ago. `None` also where it must not be served: what
    /// the store says now may be better.
    fn still(&self, sighting: &Sighting, wanted: Wanted<'_>) -> Option<Admitted> {
        let freshness = self.policy.freshness(&wanted.name.bucket);
        if !self.kept().is_fresh(sighting, freshness) {
            return None;
        }
        let proven = self.prover.renew(sighting)?;
        let form = match proven.sealed() {
            Some(artifact) => self.known_form(&artifact)?,
            None => Form::Any,
        };
        let admitted = proven.admit(&self.policy, wanted.reader, form, &[], self.prover.verdicts()).ok()?;
        // Who may see it untrusted is told what it is worth with what stands beside it.
        let lacks = !admitted.is_trusted() && !self.policy.siblings(wanted.name).is_empty();
        (!lacks && !self.is_behind(&admitted, wanted)).then_some(admitted)
    }

    /// What is likely to be read, as far as can be said without asking the store.
    fn likely(&self, wanted: Wanted<'_>, range: Option<&RangeHeader>) -> Option<Likely> {
        // What this instance has changed since is most likely another artifact by now.
        let sighting = self.kept().recall(wanted.name, wanted.version);
        let sighting = sighting.filter(|sighting| self.kept().is_unchanged(sighting))?;
        let length = sighting.length();
        let leaves = match range.map_or(Ok(Resolved::Whole), |range| range.resolve(length)) {
            Ok(Resolved::Whole) => Some(leaves_of(&(0..length))),
            Ok(Resolved::Part(part)) => Some(leaves_of(&part.span())),
            Err(_) => None,
        };
        Some(Likely { sighting, leaves })
    }

    /// Checks the first leaf of `download` and lets the rest follow as it is checked.
    ///
    /// # Errors
    /// The first leaf is not what was sealed, or cannot be read.
    pub async fn release(&self, download: Download) -> Result<Release, GateError> {
        let Download { opened: Opened { admitted, selection, origin, arrival }, held } = download;
        let wanted = match selection? {
            Resolved::Whole => 0..admitted.length(),
            Resolved::Part(part) => part.span(),
        };
        let origin = origin.ok_or(GetError::Changed)?;
        self.look_at_suspect(&admitted, &wanted).await?;
        let reader = admitted.read(self.reading(Some(held)), wanted, origin)?;
        let release = Release::open(reader).await?;
        // By now the first leaf is in memory, and the others are on their way.
        drop(arrival);
        Ok(release)
    }

    /// Checks the leaf of `wanted` that was found bad a moment ago, if there is one, so that who resumes a download that
    /// was cut off hears why.
    async fn look_at_suspect(&self, admitted: &Admitted, wanted: &Range<u64>) -> Result<(), GateError> {
        let Some(seal) = admitted.seal().map(Seal::id) else { return Ok(()) };
        let Some(leaf) = self.suspects.within(seal, admitted.length(), wanted) else { return Ok(()) };
        let check = admitted.seal().map(Seal::check_id);
        if check.is_some_and(|check| self.kept().has_leaf(*check, leaves_of(&leaf).start)) {
            // What is served is good, then.
            return Ok(());
        }
        let span = Span::Bytes(widen(&leaf));
        // The download itself is under way.
        aside(async {
            let (name, version) = (admitted.name(), admitted.version());
            let body = self.store.get(name, version, span, Some(admitted.pin())).await?.split().1;
            admitted.read(self.reading(None), leaf, Origin::Stored(body))?.next().await
        })
        .await?;
        self.suspects.clear(seal);
        Ok(())
    }

    pub(super) fn reading(&self, memory: Option<Reservation>) -> Reading {
        Reading {
            store: Arc::clone(&self.store),
            suspects: Arc::clone(&self.suspects),
            kept: Arc::clone(self.kept()),
            memory,
        }
    }
}

/// What is likely to be read.
struct Likely {
    /// What the store said last.
    sighting: Sighting,
    /// `None`: nothing of it.
    leaves: Option<Range<u64>>,
}

impl Opened {
    fn new(admitted: Admitted, selection: Result<Resolved, S3Error>, origin: Option<Origin>) -> Self {
        Self { admitted, selection, origin, arrival: None }
    }

    /// Whether others will find what this one reads.
    fn is_kept(&self, kept: &Kept) -> bool {
        let leaves = match &self.selection {
            Ok(Resolved::Whole) => leaves_of(&(0..self.admitted.length())),
            Ok(Resolved::Part(part)) => leaves_of(&part.span()),
            Err(_) => return false,
        };
        self.admitted.seal().is_some() && kept.keeps(&leaves)
    }
}

impl Download {
    fn new(opened: Opened, mut held: Reservation) -> Self {
        held.shrink(opened.admitted.length());
        Self { opened, held }
    }

    /// The artifact.
    pub fn admitted(&self) -> &Admitted {
        &self.opened.admitted
    }

    /// Which of its bytes, or why none.
    pub fn selection(&self) -> &Result<Resolved, S3Error> {
        &self.opened.selection
    }
}

/// The bytes of part `number`. An artifact that did not come in parts is its own first part.
///
/// # Errors
/// `InvalidPart`: there is no such part; `InvalidRange`: it is empty.
pub fn part_selection(admitted: &Admitted, number: PartNumber) -> Result<Resolved, GateError> {
    let length = admitted.length();
    let table = admitted.part_table()?;
    let span = match &table {
        Some(table) => table.parts().range(number.number()),
        None => (number.number() == 1).then_some(0..length),
    };
    let span = span.ok_or_else(|| {
        let message = "The requested partnumber is not satisfiable";
        S3Error::new(Code::InvalidPart, message).with("PartNumberRequested", number.number().to_string())
    })?;
    if length == 0 {
        return Ok(Resolved::Whole);
    }
    let part = Part::of(&span, length);
    let empty =
        || S3Error::new(Code::InvalidRange, "The part is empty").with("ActualObjectSize", length.to_string());
    Ok(Resolved::Part(part.ok_or_else(empty)?))
}

/// Whether it is worth beginning again.
enum TryError {
    Changed,
    Refused(GateError),
}

impl From<GetError> for TryError {
    fn from(error: GetError) -> Self {
        match error {
            GetError::Changed => Self::Changed,
            error => Self::Refused(error.into()),
        }
    }
}

impl From<GateError> for TryError {
    fn from(error: GateError) -> Self {
        Self::Refused(error)
    }
}
