//! Documents: the XML that clients send, read strictly and within bounds, and the XML that they get, in S3's shape.

mod attributes;
mod buckets;
mod checksum;
mod complete;
mod copy;
mod delete;
mod error;
mod listing;
mod location;
mod lock;
mod plain;
mod post;
mod read;
mod tagging;
mod uploads;
mod versioning;
mod versions;
mod write;

use std::ops::Range;

use bytes::Bytes;
use hallmark_signer::{Certificate, ChecksumLine, Seal};
use write::Xml;

use crate::s3::range::Part;

pub use attributes::{KnownAttributes, KnownPart, KnownParts, object_attributes};
pub use buckets::list_buckets;
pub use complete::{CompletePart, CompleteRequest, complete_result};
pub use copy::{copy_object_result, copy_part_result};
pub use delete::{
    DeleteRequest, DeleteTarget, DeletedTarget, MAX_OBJECTS, Reporting, Undeleted, delete_result,
};
pub use error::error_document;
pub use listing::list_objects;
pub use location::{create_bucket, location_constraint};
pub use lock::{
    legal_hold, legal_hold_document, object_lock, object_lock_configuration, retention, retention_document,
};
pub use plain::{acl, owner_only, plain};
pub use post::post_response;
pub use tagging::{bucket_tags, object_tags, tagging};
pub use uploads::{ListedPart, PartsPage, UploadEntry, UploadsPage, initiated, list_parts, list_uploads};
pub use versioning::{versioning, versioning_configuration};
pub use versions::list_versions;
pub use write::DECLARATION;

use crate::seal_keys::{self, SealKeyBundle};

/// The namespace of S3's documents.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// The largest document that is read, bytes: a deletion of 1000 keys of 1024 bytes takes a little more than half of
/// it. Whoever collects a body stops here.
pub const MAX_REQUEST_BYTES: usize = 2 << 20;

/// A whole body of our own making: the only bytes beside verified ones that the server sends.
///
/// Made by the functions of this module alone, from typed values; there is no way to put a store's bytes into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    content_type: &'static str,
    bytes: Bytes,
}

impl Document {
    fn new(content_type: &'static str, text: String) -> Self {
        Self { content_type, bytes: text.into() }
    }

    /// `Content-Type`.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The body without [`DECLARATION`], for an answer that has begun with that already.
    pub fn rest(&self) -> Bytes {
        let begins_so = self.bytes.starts_with(DECLARATION.as_bytes());
        self.bytes.slice(if begins_so { DECLARATION.len() } else { 0 }..)
    }

    /// A document of these bytes of it alone; `None`: it has not so many.
    pub fn part(&self, part: &Part) -> Option<Self> {
        let Range { start, end } = part.span();
        let span = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
        let bytes = self.bytes.slice_ref(self.bytes.get(span)?);
        Some(Self { content_type: self.content_type, bytes })
    }

    /// The body.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// Who owns buckets and objects, as lists have to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// `ID`.
    pub id: String,
    /// `DisplayName`.
    pub display_name: String,
}

fn owner_element(xml: &mut Xml, name: &str, owner: &Owner) {
    xml.element(name, |xml| {
        xml.text("ID", &owner.id);
        xml.text("DisplayName", &owner.display_name);
    });
}

/// `?hallmark=seal`: the sealed statement in a DSSE envelope.
pub fn seal_envelope(seal: &Seal) -> Document {
    Document::new("application/vnd.dsse.envelope.v1+json", seal.envelope().to_json())
}

/// The public seal keys.
pub fn seal_keys(keys: &SealKeyBundle) -> Document {
    Document { content_type: seal_keys::CONTENT_TYPE, bytes: keys.pem().clone() }
}

/// The certificate of a seal key, a DSSE envelope.
pub fn certificate(certificate: &Certificate) -> Document {
    Document::new("application/json", certificate.to_json())
}

/// The list of a folder, for `sha256sum -c` there.
pub fn sha256_lines(lines: &[ChecksumLine]) -> Document {
    let text = lines.iter().map(|line| format!("{line}\n")).collect();
    Document::new("text/plain; charset=utf-8", text)
}

/// `?hallmark=sha256`: a line for `sha256sum -c`.
pub fn sha256_line(seal: &Seal) -> Document {
    Document::new("text/plain; charset=utf-8", seal.sha256sum_line())
}
