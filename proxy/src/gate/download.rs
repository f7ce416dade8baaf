//! The path of a download, up to its first byte.
//!
//! Three ways lead there. **Cold**: one GET of the store, proven, admitted, released leaf by leaf. **Kept**: where all
//! leaves that are wanted are in memory ([`Kept`](crate::proof::Kept)), or somebody else is just reading them, the store is asked by a HEAD,
//! and if the same seal stands there the leaves need not be fetched. **Fresh**: where the bucket has a `freshness` and the
//! store was asked within it, not even that. Seal, keys and policy are judged on each of them.

mod admitting;
mod opening;

use std::ops::Range;
use std::sync::Arc;

use hallmark_signer::Seal;

use self::opening::{Opened, TryError};
use super::budget::Reservation;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{Admitted, Origin, READING, Reader, Reading, Release, leaves_of, widen};
use crate::s3::error::{Code, S3Error};
use crate::s3::range::{Part, RangeHeader, Resolved};
use crate::store::{GetError, PartNumber, Span, VersionId, aside};

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
