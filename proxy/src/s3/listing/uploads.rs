//! The parameters of ListMultipartUploads.

use super::Encoding;

/// The largest page of uploads, and the default.
pub const MAX_UPLOADS: usize = 1000;

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
