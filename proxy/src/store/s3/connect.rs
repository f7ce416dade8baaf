//! From settings to a store that can be spoken to.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use hallmark_config::{Bucket, S3Store as Settings};

use super::cold::Births;
use super::hot::Hot;
use super::places::Places;
use super::{S3Store, unbuilt};
use crate::name::BucketName;
use crate::store::StoreError;

/// Why the store cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings do not lead to a store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl S3Store {
    /// Finds region and credentials, and makes the clients. Asks nothing of the store itself.
    ///
    /// # Errors
    /// There are no credentials or no region, or a file cannot be used.
    pub async fn connect(
        settings: &Settings,
        buckets: &BTreeMap<BucketName, Bucket>,
    ) -> Result<Self, ConnectError> {
        let places = Places::new(settings.state_bucket.clone(), buckets);
        let hot = Hot::default();
        let sdk = sdk(settings).await?;
        Ok(Self { hot, sdk, places, found: OnceLock::new(), births: Births::default() })
    }
}

async fn sdk(_settings: &Settings) -> Result<aws_sdk_s3::Client, StoreError> {
    Err(unbuilt("connecting"))
}
