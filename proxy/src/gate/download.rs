//! The path of a download, up to its first byte.

use std::ops::Range;

use hallmark_signer::{LEAF_SIZE, Seal};

use super::budget::Reservation;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{Admitted, Reader, Release, UnverifiedBody, UnverifiedHead, widen};
use crate::s3::error::{Code, S3Error};
use crate::s3::range::{Part, RangeHeader, Resolved};
use crate::store::{GetError, PartNumber, Span, VersionId};

/// How often a download begins again because the object changed between two reads of it.
const MAX_TRIES: usize = 3;

/// The most that a download holds beside one leaf: what the store sent beyond it.
const CHUNK: u64 = 256 * 1024;

/// An admitted artifact, and its bytes, of which none has been looked at.
pub struct Download {
    admitted: Admitted,
    selection: Result<Resolved, S3Error>,
    body: Option<UnverifiedBody>,
    held: Reservation,
}

/// The same, before memory for a leaf of it was set aside.
struct Opened {
    admitted: Admitted,
    selection: Result<Resolved, S3Error>,
    body: Option<UnverifiedBody>,
}

impl Gate {
    /// Proves and admits what stands under `name`, or one version of it, without its bytes.
    ///
    /// # Errors
    /// It is not there, or must not be served to `reader`.
    pub async fn head(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        reader: Reader,
    ) -> Result<Admitted, GateError> {
        let found = self.store.head(name, version).await?;
        self.admit(name, version, found, reader).await
    }

    /// Proves and admits what stands under `name`, or one version of it, and opens it for reading: whole, or the leaves that hold `range`.
    /// One request to the store, unless the range counts from the end. `client` is charged for the memory.
    ///
    /// # Errors
    /// It is not there, or must not be served to `reader`.
    pub async fn get(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        range: Option<&RangeHeader>,
        reader: Reader,
        client: &str,
    ) -> Result<Download, GateError> {
        // Before anything is known of the object, for what the store sends ahead is there then; and all of it at once,
        // since requests that hold some memory and wait for more could wait for each other.
        let mut held = self.budget.reserve(client, LEAF_SIZE + CHUNK).await?;
        for _ in 0..MAX_TRIES {
            match self.try_get(name, version, range, reader).await {
                Err(TryError::Changed) => {}
                Err(TryError::Refused(error)) => return Err(error),
                Ok(Opened { admitted, selection, body }) => {
                    held.shrink(admitted.length());
                    return Ok(Download { admitted, selection, body, held });
                }
            }
        }
        Err(GetError::Changed.into())
    }

    /// Opens part `number` of the artifact for reading, as [`get`](Self::get) does a range. Two requests to the store:
    /// only the seal says where a part lies.
    ///
    /// # Errors
    /// As [`get`](Self::get); `InvalidPart`: the artifact has no such part.
    pub async fn get_part(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        number: PartNumber,
        reader: Reader,
        client: &str,
    ) -> Result<Download, GateError> {
        let mut held = self.budget.reserve(client, LEAF_SIZE + CHUNK).await?;
        for _ in 0..MAX_TRIES {
            let admitted = self.head(name, version, reader).await?;
            let selection = part_selection(&admitted, number)?;
            match self.open(name, version, admitted, Ok(selection)).await {
                Err(TryError::Changed) => {}
                Err(TryError::Refused(error)) => return Err(error),
                Ok(Opened { admitted, selection, body }) => {
                    held.shrink(admitted.length());
                    return Ok(Download { admitted, selection, body, held });
                }
            }
        }
        Err(GetError::Changed.into())
    }

    async fn try_get(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        range: Option<&RangeHeader>,
        reader: Reader,
    ) -> Result<Opened, TryError> {
        let Some(range) = range else {
            let (head, body) = self.store.get(name, version, Span::All, None).await?.split();
            let admitted = self.admit(name, version, head, reader).await?;
            return Ok(Opened { admitted, selection: Ok(Resolved::Whole), body: Some(body) });
        };
        if let Some(wanted) = range.from_start() {
            match self.store.get(name, version, Span::Bytes(widen(&wanted)), None).await {
                Err(GetError::OutOfRange) => {}
                found => {
                    let (head, body) = found?.split();
                    let admitted = self.admit(name, version, head, reader).await?;
                    let selection = range.resolve(admitted.length());
                    return Ok(Opened { admitted, selection, body: Some(body) });
                }
            }
        }
        let admitted = self.head(name, version, reader).await?;
        let selection = range.resolve(admitted.length());
        self.open(name, version, admitted, selection).await
    }

    /// Opens what was selected of an admitted artifact.
    async fn open(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        admitted: Admitted,
        selection: Result<Resolved, S3Error>,
    ) -> Result<Opened, TryError> {
        let span = match &selection {
            Ok(Resolved::Whole) => Some(Span::All),
            Ok(Resolved::Part(part)) => Some(Span::Bytes(widen(&part.span()))),
            Err(_) => None,
        };
        let body = match span {
            Some(span) => Some(self.store.get(name, version, span, Some(admitted.pin())).await?.split().1),
            None => None,
        };
        Ok(Opened { admitted, selection, body })
    }

    async fn admit(
        &self,
        name: &ObjectName,
        version: Option<&VersionId>,
        found: UnverifiedHead,
        reader: Reader,
    ) -> Result<Admitted, GateError> {
        let proven = self.prover.prove(&*self.store, name, version, found).await?;
        Ok(proven.admit(&self.policy, reader, self.prover.verdicts())?)
    }

    /// Checks the first leaf of `download` and lets the rest follow as it is checked.
    ///
    /// # Errors
    /// The first leaf is not what was sealed, or cannot be read.
    pub async fn release(&self, download: Download) -> Result<Release, GateError> {
        let Download { admitted, selection, body, held } = download;
        let wanted = match selection? {
            Resolved::Whole => 0..admitted.length(),
            Resolved::Part(part) => part.span(),
        };
        let body = body.ok_or(GetError::Changed)?;
        self.look_at_suspect(&admitted, &wanted).await?;
        let reader = admitted.read(self.store.clone(), self.suspects.clone(), wanted, body)?;
        Ok(Release::open(reader, held).await?)
    }

    /// Checks the leaf of `wanted` that was found bad a moment ago, if there is one, so that who resumes a download that
    /// was cut off hears why.
    async fn look_at_suspect(&self, admitted: &Admitted, wanted: &Range<u64>) -> Result<(), GateError> {
        let Some(seal) = admitted.seal().map(Seal::id) else { return Ok(()) };
        let Some(leaf) = self.suspects.within(seal, admitted.length(), wanted) else { return Ok(()) };
        let span = Span::Bytes(widen(&leaf));
        let body =
            self.store.get(admitted.name(), admitted.version(), span, Some(admitted.pin())).await?.split().1;
        admitted.read(self.store.clone(), self.suspects.clone(), leaf, body)?.next().await?;
        self.suspects.clear(seal);
        Ok(())
    }
}

impl Download {
    /// The artifact.
    pub fn admitted(&self) -> &Admitted {
        &self.admitted
    }

    /// Which of its bytes, or why none.
    pub fn selection(&self) -> &Result<Resolved, S3Error> {
        &self.selection
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
