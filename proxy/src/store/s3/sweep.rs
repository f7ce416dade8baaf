//! Removes what nobody can come back to: stages and scratch state that are older than 8 days.
//!
//! All of it is in the state bucket, and nothing of it is named by anything that clients can see. Whoever removes it twice,
//! or at the same time as another one, does no harm: what is not there is removed already, and names are not used again.
//! Age is by the store's clock against ours; they may differ by hours.
//!
//! | in this order | |
//! |---|---|
//! | open uploads under `stages/` | are aborted |
//! | objects under `stages/` | are deleted: closed stages |
//! | objects under `scratch/promotes/` | the upload of a target that is written down there is aborted, then the object deleted |
//! | other objects under `scratch/` | are deleted |
//!
//! `records/` is never touched, nor is anything else.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;
use aws_sdk_s3::types::EncodingType;
use futures_util::{StreamExt as _, stream};
use tokio::time::sleep;

use super::S3Store;
use super::cold::error::Failure;
use super::cold::{Encoding, Legible};
use super::make::fence::PROMOTES;
use super::own_keys::OwnKey;
use super::places::{Place, STAGES, area_prefix};
use crate::store::{StateArea, StoreError, Swept};

/// So long stages and scratch state stay.
const STAY: Duration = Duration::from_secs(8 * 24 * 60 * 60);

/// What is listed at a time.
const PAGE: usize = 1000;

/// Pages of one kind in one sweep at most: what is left is for the next one.
const MAX_PAGES: usize = 10_000;

/// Requests at once: nobody waits for a sweep, and others wait for the store.
const AT_ONCE: usize = 4;

const WHAT: &str = "ListMultipartUploads of the state bucket";

/// What a sweep did until now.
#[derive(Default)]
struct Tally {
    swept: Swept,
    /// The first that could not be removed: the others are, all the same.
    failed: Option<StoreError>,
}

impl Tally {
    /// Counts what was removed; says how many.
    fn add(&mut self, removed: Vec<Result<(), StoreError>>) -> u64 {
        let mut count = 0;
        for result in removed {
            match result {
                Ok(()) => count += 1,
                Err(error) => drop(self.failed.get_or_insert(error)),
            }
        }
        count
    }
}

impl S3Store {
    pub(super) async fn sweep_scratch(&self, pause: Duration) -> Result<Swept, StoreError> {
        self.sweep_older_than(STAY, pause).await
    }

    /// [Sweeps](crate::store::Store::sweep) what is older than `age`.
    ///
    /// # Errors
    /// The state bucket cannot be listed, or something in it cannot be removed; the rest is, where it can be.
    pub async fn sweep_older_than(&self, age: Duration, pause: Duration) -> Result<Swept, StoreError> {
        let Some(before) = SystemTime::now().checked_sub(age) else { return Ok(Swept::default()) };
        let mut tally = Tally::default();
        // One kind that cannot be listed keeps no other from being removed.
        if let Err(error) = self.sweep_uploads(before, pause, &mut tally).await {
            tally.failed.get_or_insert(error);
        }
        tally.swept.stages += self.sweep_keys(STAGES, before, pause, &mut tally).await?;
        let scratch = area_prefix(StateArea::Scratch);
        tally.swept.scratch += self.sweep_keys(scratch, before, pause, &mut tally).await?;
        match tally.failed {
            None => Ok(tally.swept),
            Some(error) => Err(error),
        }
    }

    /// Removes objects of the state bucket that begin with `prefix`; says how many.
    async fn sweep_keys(
        &self,
        prefix: &str,
        before: SystemTime,
        pause: Duration,
        tally: &mut Tally,
    ) -> Result<u64, StoreError> {
        let (mut removed, mut after) = (0, None::<String>);
        for _ in 0..MAX_PAGES {
            let page = self.page_of_state(prefix, after.as_deref(), PAGE).await?;
            after = page.keys.last().map(|key| key.name.clone());
            // What has no age has not been there for long.
            let old = page.keys.into_iter().filter(|key| key.modified.is_some_and(|at| at <= before));
            let removals = stream::iter(old.map(|key| self.sweep_key(key)));
            removed += tally.add(removals.buffer_unordered(AT_ONCE).collect().await);
            if !page.more {
                break;
            }
            sleep(pause).await;
        }
        Ok(removed)
    }

    async fn sweep_key(&self, key: OwnKey) -> Result<(), StoreError> {
        let scratch = key.name.strip_prefix(area_prefix(StateArea::Scratch));
        if let Some(promote) = scratch.filter(|name| name.starts_with(PROMOTES)) {
            return self.cut_off(promote).await;
        }
        let place = Place { bucket: self.places.state_bucket().clone(), key: key.name };
        Ok(self.remove(&place).await?)
    }

    /// Aborts uploads of stages.
    async fn sweep_uploads(
        &self,
        before: SystemTime,
        pause: Duration,
        tally: &mut Tally,
    ) -> Result<(), StoreError> {
        let mut after = None;
        for _ in 0..MAX_PAGES {
            let page = self.page_of_uploads(after.as_ref()).await?;
            let malformed = |why| StoreError::from(Failure::malformed(WHAT, why));
            let encoding = Encoding::of(page.encoding_type()).map_err(|odd| malformed(odd.0))?;
            let old = page.uploads().iter().filter(|upload| {
                let at = upload.initiated().and_then(|at| SystemTime::try_from(*at).ok());
                at.is_some_and(|at| at <= before)
            });
            let old: Vec<(Place, String)> = old
                .filter_map(|upload| {
                    let key = encoding.text(upload.key()?).ok().filter(|key| key.starts_with(STAGES))?;
                    let place = Place { bucket: self.places.state_bucket().clone(), key };
                    Some((place, upload.upload_id()?.to_owned()))
                })
                .collect();
            let aborts = stream::iter(old.into_iter().map(|upload| self.sweep_upload(upload)));
            tally.swept.stages += tally.add(aborts.buffer_unordered(AT_ONCE).collect().await);
            if page.is_truncated() != Some(true) {
                break;
            }
            after = Some(after_page(&page, after.as_ref(), encoding).map_err(malformed)?);
            sleep(pause).await;
        }
        Ok(())
    }

    async fn sweep_upload(&self, (place, upload): (Place, String)) -> Result<(), StoreError> {
        Ok(self.abort(&place, &upload).await?)
    }

    async fn page_of_uploads(
        &self,
        after: Option<&(String, String)>,
    ) -> Result<ListMultipartUploadsOutput, StoreError> {
        let call = self.sdk.list_multipart_uploads().bucket(self.places.state_bucket().as_str());
        let call = call.prefix(STAGES).max_uploads(1000);
        let call = match after {
            Some((key, upload)) => call.key_marker(key).upload_id_marker(upload),
            None => call,
        };
        // Others may have put there what XML cannot hold.
        let call = call.encoding_type(EncodingType::Url).customize().interceptor(Legible);
        Ok(call.send().await.map_err(|error| Failure::of(WHAT, &error))?)
    }
}

/// Where the next page begins: behind where this one did. Uploads are listed in the order of their keys, and each stage has a
/// key of its own, so that is behind the key.
fn after_page(
    page: &ListMultipartUploadsOutput,
    before: Option<&(String, String)>,
    encoding: Encoding,
) -> Result<(String, String), &'static str> {
    let last = page.uploads().last();
    let key = page.next_key_marker().or_else(|| last?.key());
    let upload = page.next_upload_id_marker().or_else(|| last?.upload_id());
    let (key, upload) = key.zip(upload).ok_or("more to come, and nothing to go on from")?;
    let key = encoding.text(key).map_err(|odd| odd.0)?;
    match before {
        Some((before, _)) if key <= *before => Err("more to come, and no page leads on"),
        Some(_) | None => Ok((key, upload.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_uploads_lead_on() {
        let page = |key: &str| {
            let page = ListMultipartUploadsOutput::builder().next_key_marker(key);
            page.next_upload_id_marker("id").build()
        };
        let (mut at, mut pages) = (None, 0);
        for key in ["stages/a", "stages/b", "stages/a"] {
            match after_page(&page(key), at.as_ref(), Encoding::Url) {
                Ok(next) => at = Some(next),
                Err(_) => break,
            }
            pages += 1;
        }
        assert_eq!((pages, at), (2, Some(("stages/b".to_owned(), "id".to_owned()))));
        let before = ("stages/b".to_owned(), "other".to_owned());
        after_page(&page("stages/b"), Some(&before), Encoding::Plain).unwrap_err();
        after_page(&ListMultipartUploadsOutput::builder().build(), None, Encoding::Plain).unwrap_err();
    }
}
