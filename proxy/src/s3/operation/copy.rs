//! What a copy is made of.

use std::ops::Range;

use hallmark_signer::SealedHeaders;

use crate::name::ObjectName;
use crate::s3::condition::{CopyConditions, PutCondition};
use crate::store::{Lock, Tags, VersionId};

/// `x-amz-copy-source`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    /// What is copied.
    pub object: ObjectName,
    /// Which version of it; `None`: the current one.
    pub version: Option<VersionId>,
}

/// How CopyObject copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRequest {
    /// What is copied.
    pub source: CopySource,
    /// Whether at all: `x-amz-copy-source-if-*`, about the source.
    pub conditions: CopyConditions,
    /// Content headers and user metadata of the copy.
    pub headers: HeaderDirective,
    /// Its tags.
    pub tags: TagDirective,
    /// What protects it.
    pub lock: Lock,
    /// On what the write depends.
    pub condition: PutCondition,
}

/// `x-amz-metadata-directive`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderDirective {
    /// Those of the source.
    Copy,
    /// These.
    Replace(SealedHeaders),
}

/// `x-amz-tagging-directive`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagDirective {
    /// Those of the source.
    Copy,
    /// These.
    Replace(Tags),
}

/// How UploadPartCopy copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartCopyRequest {
    /// What is copied.
    pub source: CopySource,
    /// Whether at all.
    pub conditions: CopyConditions,
    /// Which bytes of it: never empty; whether the source has them all is not known here. `None`: all.
    pub range: Option<Range<u64>>,
}
