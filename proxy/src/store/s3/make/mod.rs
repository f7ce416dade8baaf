//! An object is made of bytes that the store has: a closed stage is promoted, an object is copied.
//!
//! | way | how | what it cannot do |
//! |---|---|---|
//! | [`duplicate`] | CopyObject | more than 5 GiB; conditions, tags and locks that the store ignores there |
//! | [`assemble`] | a multipart upload of the target, [UploadPartCopy](pieces), CompleteMultipartUpload | the same, but for the size; an empty object |
//! | [`carry`] | the bytes are read and sent back, as one PutObject | more than 5 GiB |
//!
//! What none of them can do is unsupported. The first two move no bytes through here, so they come first. Where
//! CopyObject makes an ETag of its own of what came in parts, the second does: it looks like the source's in lists.
//!
//! | store | guards, tags, locks | without | over 5 GiB |
//! |---|---|---|---|
//! | AWS | assemble | assemble | assemble |
//! | Ceph's gateway 16 | carry | duplicate | assemble, without them |
//! | Garage 2 | unsupported | duplicate | assemble |

pub(super) mod assemble;
mod carry;
mod duplicate;
pub(super) mod fence;
mod look;
mod made;
pub(super) mod pieces;
mod source;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http::HeaderMap;

use super::S3Store;
use super::probe::{IfMatch, SourcePin, Writes};
use crate::store::{Guard, Lock, PutError, Write};

pub(super) use source::{Bytes, Unmade};

/// The most that CopyObject copies and PutObject takes, bytes.
const MAX_WHOLE: u64 = 5 << 30;

/// How an object is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By CopyObject.
    Duplicate,
    /// By a multipart upload.
    Assemble,
    /// Through here.
    Carry,
}

impl S3Store {
    /// How an object of these bytes is made with `write`. `ways`: those that come into question, the best first.
    ///
    /// # Errors
    /// [`PutError::Unsupported`]: by none of them.
    pub(super) fn way(&self, bytes: &Bytes<'_>, write: &Write, ways: &[Way]) -> Result<Way, PutError> {
        let found = self.findings();
        let can = |way: &Way| match way {
            Way::Duplicate => {
                let bound = bytes.version.is_some() || bytes.stays || found.copy_source != SourcePin::Ignored;
                bound && bytes.length <= MAX_WHOLE && minds(found.copy, write)
            }
            Way::Assemble => {
                let copied = found.part_copy.is_some() || bytes.length <= pieces::SMALL;
                copied && bytes.length > 0 && minds(found.complete, write)
            }
            Way::Carry => bytes.length <= MAX_WHOLE && minds(found.put, write),
        };
        if let Some(way) = ways.iter().find(|way| can(way)) {
            return Ok(*way);
        }
        Err(PutError::Unsupported(match (&write.guard, labels(write)) {
            (Guard::Absent, _) => "such writes only if nothing stands there",
            (Guard::Matches(_), _) => "such writes only in place of a certain version",
            (Guard::Any, true) => "tags and locks of such objects",
            (Guard::Any, false) => "copies of more than 5 GiB",
        }))
    }
}

/// Whether a way to write minds all that this write says.
fn minds(writes: Writes, write: &Write) -> bool {
    let guarded = match &write.guard {
        Guard::Any => true,
        Guard::Absent => writes.absent,
        Guard::Matches(_) => writes.if_match != IfMatch::Ignored,
    };
    guarded && (writes.labels || !labels(write))
}

/// Whether a write labels or locks what it makes.
fn labels(write: &Write) -> bool {
    !write.tags.is_empty() || write.lock != Lock::default()
}

/// Has the SDK send these headers just as they are: it has types of its own for some, which would make others of them.
fn with_headers(headers: HeaderMap) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    move |request| {
        for (name, value) in &headers {
            // They were made of texts.
            if let Ok(value) = value.to_str() {
                request.headers_mut().insert(name.as_str().to_owned(), value.to_owned());
            }
        }
    }
}
