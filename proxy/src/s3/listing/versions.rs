//! The parameters of ListObjectVersions.

use super::{Encoding, MAX_KEYS, encoding, invalid, number, text};
use crate::name::BucketName;
use crate::s3::error::S3Error;
use crate::s3::uri::Query;
use crate::store::{ListVersionsRequest, VersionId, VersionMarker};

/// Parameters of ListObjectVersions, beside `versions`.
pub(in crate::s3) const VERSION_PARAMETERS: &[&str] =
    &["prefix", "delimiter", "max-keys", "encoding-type", "key-marker", "version-id-marker"];

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
    /// Reads the parameters.
    ///
    /// # Errors
    /// `InvalidArgument`: a value that S3 does not know, a version without its key, or a repeated parameter.
    pub fn parse(query: &Query) -> Result<Self, S3Error> {
        const VERSION: &str = "version-id-marker";
        let key_marker = text(query, "key-marker")?.unwrap_or_default();
        let version_marker = match query.get(VERSION)? {
            None | Some("") => None,
            Some(_) if key_marker.is_empty() => {
                let message = "A version-id marker cannot be specified without a key marker.";
                return Err(invalid(VERSION, "", message));
            }
            Some(version) => Some(
                VersionId::parse(version)
                    .ok_or_else(|| invalid(VERSION, version, "Invalid version id specified"))?,
            ),
        };
        Ok(Self {
            prefix: text(query, "prefix")?.unwrap_or_default(),
            delimiter: text(query, "delimiter")?.filter(|delimiter| !delimiter.is_empty()),
            key_marker,
            version_marker,
            max_keys: number(query, "max-keys")?.unwrap_or(MAX_KEYS).min(MAX_KEYS),
            encoding: encoding(query)?,
        })
    }

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
