//! The path of a download, up to its first byte.

use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{Admitted, Reader, Release, UnverifiedBody, UnverifiedHead, widen};
use crate::s3::error::S3Error;
use crate::s3::range::{RangeHeader, Resolved};
use crate::store::{GetError, Span};

/// How often a download begins again because the object changed between two reads of it.
const MAX_TRIES: usize = 3;

/// The most that a download holds beside one leaf: what the store sent beyond it.
const CHUNK: u64 = 256 * 1024;

/// An admitted artifact, and its bytes, of which none has been looked at.
pub struct Download {
    admitted: Admitted,
    selection: Result<Resolved, S3Error>,
    body: Option<UnverifiedBody>,
}

impl Gate {
    /// Proves and admits what stands under `name`, without its bytes.
    ///
    /// # Errors
    /// It is not there, or must not be served to `reader`.
    pub async fn head(&self, name: &ObjectName, reader: Reader) -> Result<Admitted, GateError> {
        let found = self.store.head(name).await?;
        self.admit(name, found, reader).await
    }

    /// Proves and admits what stands under `name` and opens it for reading: whole, or the leaves that hold `range`.
    /// One request to the store, unless the range counts from the end.
    ///
    /// # Errors
    /// It is not there, or must not be served to `reader`.
    pub async fn get(
        &self,
        name: &ObjectName,
        range: Option<&RangeHeader>,
        reader: Reader,
    ) -> Result<Download, GateError> {
        for _ in 0..MAX_TRIES {
            match self.try_get(name, range, reader).await {
                Err(TryError::Changed) => {}
                Err(TryError::Refused(error)) => return Err(error),
                Ok(download) => return Ok(download),
            }
        }
        Err(GetError::Changed.into())
    }

    async fn try_get(
        &self,
        name: &ObjectName,
        range: Option<&RangeHeader>,
        reader: Reader,
    ) -> Result<Download, TryError> {
        let Some(range) = range else {
            let (head, body) = self.store.get(name, Span::All, None).await?.split();
            let admitted = self.admit(name, head, reader).await?;
            return Ok(Download { admitted, selection: Ok(Resolved::Whole), body: Some(body) });
        };
        if let Some(wanted) = range.from_start() {
            match self.store.get(name, Span::Bytes(widen(&wanted)), None).await {
                Err(GetError::OutOfRange) => {}
                found => {
                    let (head, body) = found?.split();
                    let admitted = self.admit(name, head, reader).await?;
                    let selection = range.resolve(admitted.length());
                    return Ok(Download { admitted, selection, body: Some(body) });
                }
            }
        }
        let admitted = self.head(name, reader).await?;
        let selection = range.resolve(admitted.length());
        let span = match &selection {
            Ok(Resolved::Whole) => Some(Span::All),
            Ok(Resolved::Part(part)) => Some(Span::Bytes(widen(&part.span()))),
            Err(_) => None,
        };
        let body = match span {
            Some(span) => Some(self.store.get(name, span, Some(admitted.pin())).await?.split().1),
            None => None,
        };
        Ok(Download { admitted, selection, body })
    }

    async fn admit(
        &self,
        name: &ObjectName,
        found: UnverifiedHead,
        reader: Reader,
    ) -> Result<Admitted, GateError> {
        let proven = self.prover.prove(&*self.store, name, found).await?;
        Ok(proven.admit(&self.policy, reader, self.prover.verdicts())?)
    }

    /// Checks the first leaf of `download` and lets the rest follow as it is checked. `client` is charged for the
    /// memory.
    ///
    /// # Errors
    /// The first leaf is not what was sealed, or cannot be read.
    pub async fn release(&self, download: Download, client: &str) -> Result<Release, GateError> {
        let Download { admitted, selection, body } = download;
        let wanted = match selection? {
            Resolved::Whole => 0..admitted.length(),
            Resolved::Part(part) => part.span(),
        };
        let body = body.ok_or(GetError::Changed)?;
        let held = admitted.length().min(hallmark_signer::LEAF_SIZE + CHUNK);
        let reservation = self.budget.reserve(client, held).await?;
        let reader = admitted.read(self.store.clone(), wanted, body)?;
        Ok(Release::open(reader, reservation).await?)
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
