//! What a store can do, as it was found out.

use crate::name::MAX_KEY_BYTES;
use crate::store::{Capabilities, Guards, Metadata};

/// The shortest part but the last of an upload on AWS, and on those who keep to it.
pub(super) const AWS_MIN_PART_BYTES: u64 = 5 << 20;

/// What this store can do. Read where its stores differ; everything else takes it from [`capabilities`](Self::capabilities).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// What PutObject minds.
    pub put: Writes,
    /// What CopyObject minds of what is said about its target.
    pub copy: Writes,
    /// What CompleteMultipartUpload minds; labels are given when the upload is created.
    pub complete: Writes,
    /// How DeleteObject takes `If-Match`.
    pub delete_if_match: IfMatch,
    /// Whether CopyObject gives the attributes it is told to, and no others.
    pub copy_replaces: bool,
    /// How CopyObject is bound to one version of its source.
    pub copy_source: SourcePin,
    /// How UploadPartCopy is; `None`: there is no UploadPartCopy.
    pub part_copy: Option<SourcePin>,
    /// Whether a copy of an object that came in parts has its ETag, `-N` and all.
    pub copy_keeps_multipart_etag: bool,
    /// What completes an upload.
    pub parts: Parts,
    /// Which digests of a body are compared with what arrives.
    pub checksums: Checksums,
    /// The longest key, bytes.
    pub max_key_bytes: usize,
    /// Which keys are kept as they are.
    pub keys: Keys,
    /// Which user metadata is kept as it is.
    pub metadata: Metadata,
    /// Whether buckets can keep versions.
    pub versions: bool,
    /// Whether versions can be locked.
    pub object_lock: bool,
    /// Whether objects can have tags.
    pub tags: bool,
    /// Whether the state bucket keeps versions: then nothing in it is ever gone, and it grows for ever.
    pub state_versioned: bool,
}

/// What a way to write an object minds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writes {
    /// `If-None-Match: *`, atomically with the write as far as trying can tell.
    pub absent: bool,
    /// `If-Match`, likewise.
    pub if_match: IfMatch,
    /// Tags and locks given with it. Found out by tags: a store that drops the ones drops the others.
    pub labels: bool,
}

/// How `If-Match` names an ETag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// In quotes, as the standard says.
    Quoted,
    /// Without quotes; in quotes it never matches.
    Bare,
    /// Not at all: such a request is done, or never done, whatever stands there.
    Ignored,
}

/// How a copy is bound to one version of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourcePin {
    /// By `x-amz-copy-source-if-match`.
    Standard,
    /// By `x-amz-copy-if-match`, the name that older versions of Ceph's gateway know.
    Ceph,
    /// Not at all.
    Ignored,
}

/// What completes an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// The shortest part but the last, bytes.
    pub min_bytes: u64,
    /// The shortest object that UploadPartCopy takes, bytes.
    pub copied_min_bytes: u64,
    /// Whether parts that were uploaded can be left out.
    pub left_out: bool,
    /// Whether the ETags of the parts are compared.
    pub etags_compared: bool,
    /// Whether an upload that was aborted cannot be completed.
    pub aborted_for_good: bool,
    /// Whether uploads under way are listed: what is not found there is not removed when it is over.
    pub uploads_listed: bool,
    /// Whether a part's ETag is the MD5 of its bytes, and an object's the MD5 of those of its parts, `-N` behind it.
    pub composed: bool,
    /// Whether a part can be empty.
    pub empty: bool,
}

/// Which digests of a body are compared with what arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksums {
    /// `x-amz-content-sha256`.
    pub content_sha256: bool,
    /// `Content-MD5`.
    pub content_md5: bool,
    /// `x-amz-checksum-crc32`.
    pub crc32: bool,
}

/// Which keys are kept as they are. Others are not for this store: two of them could be one there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// Those that begin with `/`.
    pub leading_slash: bool,
    /// Those with two `/` in a row.
    pub double_slash: bool,
    /// Those that end in `/`.
    pub trailing_slash: bool,
    /// Those with characters beyond letters, digits and a few signs.
    pub unusual: bool,
    /// Those with control characters.
    pub controls: bool,
}

/// The longest body of a PutObject, as S3 has it: nobody sends 5 GiB to try it out.
const MAX_PUT_BYTES: u64 = 5 << 30;

impl Findings {
    /// What is assumed of a store that has not been asked yet: nothing that it could lack.
    pub const CAREFUL: Self = {
        let writes = Writes { absent: false, if_match: IfMatch::Ignored, labels: false };
        Self {
            put: writes,
            copy: writes,
            complete: writes,
            delete_if_match: IfMatch::Ignored,
            copy_replaces: false,
            copy_source: SourcePin::Ignored,
            part_copy: None,
            copy_keeps_multipart_etag: false,
            parts: Parts {
                min_bytes: AWS_MIN_PART_BYTES,
                copied_min_bytes: AWS_MIN_PART_BYTES,
                left_out: false,
                etags_compared: false,
                aborted_for_good: false,
                uploads_listed: false,
                composed: false,
                empty: false,
            },
            checksums: Checksums { content_sha256: false, content_md5: false, crc32: false },
            max_key_bytes: 255,
            keys: Keys {
                leading_slash: false,
                double_slash: false,
                trailing_slash: false,
                unusual: false,
                controls: false,
            },
            metadata: Metadata {
                underscores: false,
                signs: false,
                tabs: false,
                empty: false,
                max_bytes: 2048,
            },
            versions: false,
            object_lock: false,
            tags: false,
            state_versioned: false,
        }
    };

    /// What follows for whoever uses the store.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            // Where a copy minds no guard, its bytes are carried into a PutObject, which does.
            guards: Guards {
                absent: self.put.absent,
                matches: self.put.if_match != IfMatch::Ignored,
                deletes: self.delete_if_match != IfMatch::Ignored,
            },
            max_key_bytes: self.max_key_bytes.min(MAX_KEY_BYTES),
            max_put_bytes: MAX_PUT_BYTES,
            min_part_bytes: self.parts.min_bytes,
            leaves_parts_out: self.parts.left_out,
            promotes_once: false,
            governance: self.versions,
            metadata: self.metadata,
        }
    }
}

impl IfMatch {
    /// The header's value for an ETag without quotes; `None`: there is no use in sending it.
    pub fn value(self, etag: &str) -> Option<String> {
        match self {
            Self::Quoted => Some(format!("\"{etag}\"")),
            Self::Bare => Some(etag.to_owned()),
            Self::Ignored => None,
        }
    }
}

impl SourcePin {
    /// The name of the header; `None`: there is none. Its value is an ETag in quotes, or not.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Self::Standard => Some("x-amz-copy-source-if-match"),
            Self::Ceph => Some("x-amz-copy-if-match"),
            Self::Ignored => None,
        }
    }
}
