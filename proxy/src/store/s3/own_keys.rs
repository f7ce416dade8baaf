//! Lists of the state bucket.

use std::time::SystemTime;

use aws_sdk_s3::types::EncodingType;

use super::S3Store;
use super::cold::error::Failure;
use super::cold::{Encoding, Legible};
use crate::store::StoreError;

const WHAT: &str = "ListObjectsV2 of the state bucket";

/// The most that a page has.
const MAX_PAGE: usize = 1000;

/// A page of keys.
#[derive(Debug)]
pub(super) struct OwnPage {
    /// In byte order.
    pub(super) keys: Vec<OwnKey>,
    /// There is more after the last of them.
    pub(super) more: bool,
}

/// A key of the state bucket.
#[derive(Debug)]
pub(super) struct OwnKey {
    pub(super) name: String,
    /// When it was written, by the store's clock.
    pub(super) modified: Option<SystemTime>,
}

impl S3Store {
    /// Keys that begin with `prefix`, after `after`, at most `limit`. They are in order, so that whoever asks for the next
    /// page gets on.
    pub(super) async fn page_of_state(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<OwnPage, StoreError> {
        let malformed = |why| StoreError::from(Failure::malformed(WHAT, why));
        let limit = i32::try_from(limit.clamp(1, MAX_PAGE)).unwrap_or(1);
        let call = self.sdk.list_objects_v2().bucket(self.places.state_bucket().as_str()).prefix(prefix);
        let call = call.set_start_after(after.map(str::to_owned)).max_keys(limit);
        // Others may have put there what XML cannot hold.
        let call = call.encoding_type(EncodingType::Url).customize().interceptor(Legible);
        let page = call.send().await.map_err(|error| Failure::of(WHAT, &error))?;
        let encoding = Encoding::of(page.encoding_type()).map_err(|odd| malformed(odd.0))?;
        let mut keys: Vec<OwnKey> = Vec::new();
        for object in page.contents() {
            let name = object.key().ok_or_else(|| malformed("an object without a key"))?;
            let name = encoding.text(name).map_err(|odd| malformed(odd.0))?;
            let before = keys.last().map(|key| key.name.as_str()).or(after);
            if !name.starts_with(prefix) || before.is_some_and(|before| name.as_str() <= before) {
                return Err(malformed("keys out of order, or that nobody asked for"));
            }
            let modified = object.last_modified().and_then(|at| SystemTime::try_from(*at).ok());
            keys.push(OwnKey { name, modified });
        }
        let more = page.is_truncated() == Some(true);
        if more && keys.is_empty() {
            return Err(malformed("an empty page, and more to come"));
        }
        Ok(OwnPage { keys, more })
    }
}
