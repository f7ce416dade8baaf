//! The proof that the parts of an upload are what their client sent.

use std::sync::Arc;

use hallmark_signer::Content;
use tokio::sync::Semaphore;

use super::readback::read_back;
use super::selection::Selection;
use super::window::Prefix;
use crate::gate::GateError;
use crate::s3::error::S3Error;
use crate::store::{StageId, Store};

/// So many read-backs are under way at once. Whoever waits holds a request, which is answered meanwhile, and the memory
/// for a list of parts.
pub(super) const READ_BACKS: usize = 4;

/// Parts that their client named, and the hash of all of them in that order: of the bytes as they came in, or as they were
/// read back and found to be what came in. Only [`verify`] makes it.
pub(in crate::gate) struct CheckedParts {
    selection: Selection,
    content: Content,
}

impl CheckedParts {
    /// Which parts.
    pub(in crate::gate) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// What they are together.
    pub(in crate::gate) fn content(&self) -> &Content {
        &self.content
    }
}

/// Hashes what `prefix` does not hold of the selected parts. Their stage must be closed, unless it holds them all.
///
/// # Errors
/// A part is not what its record says, or the store failed.
pub(super) async fn verify(
    store: &dyn Store,
    read_backs: &Arc<Semaphore>,
    stage: &StageId,
    selection: Selection,
    prefix: Prefix,
) -> Result<CheckedParts, GateError> {
    let hasher = if prefix.parts == selection.list().len() {
        prefix.hasher
    } else {
        let _turn = read_backs.acquire().await.map_err(|_| S3Error::internal())?;
        read_back(store, stage, selection.list(), prefix).await?
    };
    let content = hasher.finish().map_err(|_| S3Error::internal())?;
    if content.size() != selection.size() {
        tracing::error!("the hash of an upload is of other bytes than its parts have");
        return Err(S3Error::internal().into());
    }
    Ok(CheckedParts { selection, content })
}
