//! The parameters of ListMultipartUploads.

use super::{Encoding, encoding, number, text};
use crate::s3::error::S3Error;
use crate::s3::uri::Query;

/// The largest page of uploads, and the default.
pub const MAX_UPLOADS: usize = 1000;

/// Parameters of ListMultipartUploads, beside `uploads`.
pub(in crate::s3) const UPLOAD_PARAMETERS: &[&str] =
    &["prefix", "delimiter", "max-uploads", "encoding-type", "key-marker", "upload-id-marker"];

/// Which uploads to list, and how to say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadListing {
    /// Only keys that begin with this; may be empty.
    pub prefix: String,
    /// Where keys are rolled up. Never empty.
    pub delimiter: Option<String>,
    /// Begin after this key; may be empty.
    pub key_marker: String,
    /// Or after this upload of it; unchecked. Counts only with a key, as in S3; never empty.
    pub upload_id_marker: Option<String>,
    /// Uploads and rolled-up prefixes on the page: 0 to [`MAX_UPLOADS`].
    pub max_uploads: usize,
    /// How keys are written.
    pub encoding: Encoding,
}

impl UploadListing {
    /// Reads the parameters.
    ///
    /// # Errors
    /// `InvalidArgument`: a value that S3 does not know, or a repeated parameter.
    pub fn parse(query: &Query) -> Result<Self, S3Error> {
        let key_marker = text(query, "key-marker")?.unwrap_or_default();
        let upload_id_marker =
            text(query, "upload-id-marker")?.filter(|marker| !marker.is_empty() && !key_marker.is_empty());
        Ok(Self {
            prefix: text(query, "prefix")?.unwrap_or_default(),
            delimiter: text(query, "delimiter")?.filter(|delimiter| !delimiter.is_empty()),
            key_marker,
            upload_id_marker,
            max_uploads: number(query, "max-uploads")?.unwrap_or(MAX_UPLOADS).min(MAX_UPLOADS),
            encoding: encoding(query)?,
        })
    }
}
