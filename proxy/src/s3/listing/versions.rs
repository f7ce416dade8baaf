//! The parameters of ListObjectVersions.

use super::Encoding;
use crate::name::BucketName;
use crate::store::{ListVersionsRequest, VersionId, VersionMarker};

/// Which versions to list, and how to say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionListing {
    /// Only keys that begin with this; may be empty.
    pub prefix: String,
    /// Where keys are rolled up. Never empty.
    pub delimiter: Option<String>,
    /// Begin after this key; may be empty.
    pub key_marker: String,
    /// Or after this version of it.
    pub version_marker: Option<VersionId>,
    /// Versions and rolled-up prefixes on the page: 0 to [`MAX_KEYS`](super::MAX_KEYS).
    pub max_keys: usize,
    /// How keys are written.
    pub encoding: Encoding,
}

impl VersionListing {
    /// What to ask the store for. `None`: nothing (`max-keys=0`); the answer is an empty page.
    pub fn request(&self, bucket: &BucketName) -> Option<ListVersionsRequest> {
        let marker = || VersionMarker { key: self.key_marker.clone(), version: self.version_marker.clone() };
        (self.max_keys > 0).then(|| ListVersionsRequest {
            bucket: bucket.clone(),
            prefix: self.prefix.clone(),
            delimiter: self.delimiter.clone(),
            after: (!self.key_marker.is_empty()).then(marker),
            limit: self.max_keys,
        })
    }
}
