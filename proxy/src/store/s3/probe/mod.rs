//! Finds out what this store can do, by trying.
//!
//! Documentation of stores says what they should do, and so does their name; neither says what is behind an endpoint. So
//! everything that Hallmark relies on and that stores are known to differ in is tried out at each start, in a folder of the
//! state bucket: what a condition stops and lets through, what comes back of what was put, what a copy keeps.

mod bucket;
mod checksums;
mod copies;
mod essentials;
mod findings;
mod governance;
mod keys;
mod lab;
mod metadata;
mod parts;
mod report;
mod uploads;
mod writes;

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::timeout;

pub use findings::Findings;
#[allow(unused_imports, reason = "read by those who write")]
pub(super) use findings::{Checksums, IfMatch, Keys, Parts, SourcePin, Writes};
pub use report::{Report, Row};

use self::lab::Lab;
use self::writes::Way;
use super::S3Store;
use crate::store::{StoreError, StoreFault};

/// How long all of it may take.
const TIME: Duration = Duration::from_secs(20);
/// How long it may take to clean up; what is left then is removed with other scratch state.
const CLEANING_TIME: Duration = Duration::from_secs(5);
/// A store that fails while it is asked is asked again, so often in all.
const ATTEMPTS: usize = 2;

/// When what was tried out is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cleaning {
    /// Before the findings are told.
    Before,
    /// Meanwhile: somebody waits for them.
    Meanwhile,
}

impl S3Store {
    /// Tries out what the store can do, once; later calls are answered from memory.
    ///
    /// # Errors
    /// It cannot be reached, or lacks what nothing works without.
    pub async fn examine(&self) -> Result<&Findings, StoreError> {
        self.find_out(Cleaning::Meanwhile).await
    }

    /// What was found out, for people. As [`examine`](Self::examine), and leaves nothing behind.
    ///
    /// # Errors
    /// See there.
    pub async fn report(&self) -> Result<Report, StoreError> {
        Ok(Report::new(self.find_out(Cleaning::Before).await?, self.places.state_bucket()))
    }

    /// What is known of the store: nothing good, before it was examined.
    pub(super) fn findings(&self) -> &Findings {
        self.found.get().unwrap_or(&Findings::CAREFUL)
    }

    async fn find_out(&self, cleaning: Cleaning) -> Result<&Findings, StoreError> {
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let mut attempt = 1;
        let found = loop {
            match self.try_out(cleaning).await {
                Ok(found) => break found,
                Err(error) if attempt < ATTEMPTS && error.fault == StoreFault::Unavailable => attempt += 1,
                Err(error) => return Err(error),
            }
        };
        Ok(self.found.get_or_init(|| found))
    }

    async fn try_out(&self, cleaning: Cleaning) -> Result<Findings, StoreError> {
        let late = |_| StoreError::new(StoreFault::Timeout, format!("no answer within {TIME:?}"));
        let lab = Lab::new(&self.sdk, self.places.state_bucket().as_str())?;
        let found = async {
            bucket::ensure(&lab).await?;
            ask(&lab).await
        };
        let found = timeout(TIME, found).await.map_err(late).flatten();
        let clean = async move {
            let _ = timeout(CLEANING_TIME, lab.clean_up()).await;
        };
        match cleaning {
            Cleaning::Before => clean.await,
            Cleaning::Meanwhile => drop(tokio::spawn(clean)),
        }
        found
    }
}

async fn ask(lab: &Lab) -> Result<Findings, StoreError> {
    // First: where this fails, nothing else says anything.
    essentials::ask(lab).await?;
    // In boxes: what it takes to make a call is large, and all of it together larger than a thread's stack.
    let (
        put,
        copy,
        complete,
        (copy_replaces, copy_source),
        parts,
        checksums,
        (max_key_bytes, keys),
        metadata,
        governance,
    ) = tokio::try_join!(
        Box::pin(Way::Put.ask(lab)),
        Box::pin(Way::Copy.ask(lab)),
        Box::pin(Way::Complete.ask(lab)),
        Box::pin(copies::ask(lab)),
        Box::pin(parts::ask(lab)),
        Box::pin(checksums::ask(lab)),
        Box::pin(keys::ask(lab)),
        Box::pin(metadata::ask(lab)),
        Box::pin(governance::ask(lab)),
    )?;
    Ok(Findings {
        put,
        copy,
        complete,
        delete_if_match: governance.delete_if_match,
        copy_replaces,
        copy_source,
        part_copy: parts.part_copy,
        copy_keeps_multipart_etag: parts.copy_keeps_etag,
        parts: parts.parts,
        checksums,
        max_key_bytes,
        keys,
        metadata,
        versions: governance.versions,
        object_lock: governance.object_lock,
        tags: governance.tags,
        state_versioned: governance.state_versioned,
    })
}
