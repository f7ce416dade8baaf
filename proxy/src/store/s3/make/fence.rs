//! What cuts off makers of objects when what they belong to is over.
//!
//! Who [assembles](super::assemble) an object has an upload of the target open, and may be stopped at any moment and go on
//! when nobody expects it any more. So he writes down which upload it is, under the name of the stage that it belongs to,
//! **before** he looks whether that stage is there; and whoever drops a stage aborts the uploads that he finds there
//! **after** the stage is gone. Either he finds it written, and the other one's upload is over; or it was written after
//! that, and then the other one finds no stage.
//!
//! Uploads that belong to no stage are written down under a name of their own, so that they are swept up some day.

use std::collections::BTreeSet;

use hallmark_config::StoreBucket;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::super::S3Store;
use super::super::cold::error::Failure;
use super::super::cold::reason::Reason;
use super::super::places::Place;
use super::super::random_name;
use crate::store::{Guard, PutError, Span, StateArea, StateName, StoreError, StoreFault};

/// What the names of all of them begin with.
pub(in crate::store::s3) const PROMOTES: &str = "promotes/";

/// The longest of them, bytes: a key has 1024 bytes, and six times that when escaped; so has the id of an upload.
const MAX_BYTES: u64 = 16 << 10;

/// Asked for at once.
const PAGE: usize = 100;

/// Pages at most: each has uploads of one stage, of which there is one for each try to complete it.
const MAX_PAGES: usize = 5;

/// An upload that is written down.
#[derive(Debug)]
pub(super) struct Fence {
    name: StateName,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    bucket: String,
    key: String,
    upload: String,
}

impl S3Store {
    /// Writes down that `upload` of `target` belongs to what is called `of`: a stage, or something of its own.
    pub(super) async fn raise_fence(
        &self,
        of: &str,
        target: &Place,
        upload: &str,
    ) -> Result<Fence, PutError> {
        let fields = Fields {
            bucket: target.bucket.as_str().to_owned(),
            key: target.key.clone(),
            upload: upload.to_owned(),
        };
        let unwritable = || StoreError::new(StoreFault::Protocol, "an upload that cannot be written down");
        let value = serde_json::to_vec(&fields).ok().filter(|value| value.len() as u64 <= MAX_BYTES);
        let value = value.ok_or_else(|| PutError::NotStored(unwritable()))?;
        let random = random_name().map_err(PutError::NotStored)?;
        let name = StateName::new(StateArea::Scratch, format!("{PROMOTES}{of}/{random}"));
        let name = name.ok_or_else(|| PutError::NotStored(unwritable()))?;
        self.put_state(&name, value.into(), Guard::Any).await?;
        Ok(Fence { name })
    }

    /// The upload is over.
    pub(super) async fn lower_fence(&self, fence: Fence) {
        if let Err(error) = self.delete_state(&fence.name).await {
            warn!(%error, "what was written down of an upload that is over stays behind");
        }
    }

    /// Ends all uploads that belong to a stage. To be called when the stage is gone.
    pub(in crate::store::s3) async fn fence_off(&self, stage: &str) -> Result<(), StoreError> {
        let prefix = format!("{PROMOTES}{stage}/");
        let mut forgotten = BTreeSet::new();
        for _ in 0..MAX_PAGES {
            // Others may have been written down meanwhile, and their names may be before those that were seen.
            let names = self.list_state(StateArea::Scratch, &prefix, None, PAGE).await?;
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                self.cut_off(&name).await?;
                if !forgotten.insert(name) {
                    let message = "what was deleted is listed again";
                    return Err(StoreError::new(StoreFault::Protocol, message));
                }
            }
        }
        Err(StoreError::new(StoreFault::Protocol, "the uploads that belong to a stage have no end"))
    }

    /// Ends the upload that is written down under this name, and forgets it.
    pub(in crate::store::s3) async fn cut_off(&self, name: &str) -> Result<(), StoreError> {
        let unnamed = || StoreError::new(StoreFault::Protocol, "a name that no state can have");
        let name = StateName::new(StateArea::Scratch, name).ok_or_else(unnamed)?;
        let read = self.state_bytes(&name, &Span::Bytes(0..MAX_BYTES)).await?;
        match read.map(|value| self.written_down(&value)) {
            Some(Some((target, upload))) => {
                self.abort(&target, &upload).await.or_else(harmless)?;
            }
            Some(None) => {
                warn!(name = name.name(), "what was written down of an upload is not what was written");
            }
            None => {}
        }
        self.delete_state(&name).await
    }

    /// An upload to a place where clients' objects stand: whoever can write to the state bucket must not have others
    /// aborted.
    fn written_down(&self, value: &[u8]) -> Option<(Place, String)> {
        let Fields { bucket, key, upload } = serde_json::from_slice(value).ok()?;
        let bucket = StoreBucket::parse(&bucket).ok()?;
        let ours = !upload.is_empty() && !key.is_empty() && self.places.holds(&bucket);
        ours.then_some((Place { bucket, key }, upload))
    }
}

/// The bucket may be gone, and the upload with it.
fn harmless(failure: Failure) -> Result<(), Failure> {
    match failure.reason() {
        Some(Reason::NoSuchBucket) => Ok(()),
        Some(_) | None => Err(failure),
    }
}
