//! What a form asks for, once its policy lets it.

use std::ops::RangeInclusive;

use hallmark_signer::{CONTENT_HEADERS, METADATA_PREFIX};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::fields::{Fields, shorten};
use super::success::Success;
use crate::name::{BucketName, ObjectKey, ObjectName};
use crate::s3::address::object_key;
use crate::s3::auth::Identity;
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::ChecksumAlgorithm;

/// An upload that a signed policy permits. Only [`Form::authorize`](super::Form::authorize) makes it.
#[derive(Debug)]
#[must_use]
pub struct Upload {
    identity: Identity,
    object: ObjectName,
    headers: HeaderMap,
    length: RangeInclusive<u64>,
    success: Success,
    tagging: Option<String>,
}

impl Upload {
    /// Reads the fields, all of which the policy permits.
    pub(super) fn new(
        fields: &Fields,
        identity: Identity,
        bucket: &BucketName,
        length: RangeInclusive<u64>,
    ) -> Result<Self, S3Error> {
        let object = ObjectName { bucket: bucket.clone(), key: key(fields)? };
        let tagging = fields.get("tagging").map(str::to_owned);
        Ok(Self {
            identity,
            object,
            headers: headers(fields)?,
            length,
            success: Success::of(fields),
            tagging,
        })
    }

    /// Who signed the policy. Anybody may have sent the form, as with a presigned URL, and so it is named.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What is written.
    pub fn object(&self) -> &ObjectName {
        &self.object
    }

    /// The fields that are headers of other uploads: content headers, user metadata, declared checksums. For
    /// [`sealed_headers`](crate::s3::headers::sealed_headers) and [`Payload::new`](crate::s3::payload::Payload::new).
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// How long the policy lets the file be, bytes. The [`FileBody`](super::FileBody) sees to it.
    pub fn length(&self) -> &RangeInclusive<u64> {
        &self.length
    }

    /// How the sender wants to be told.
    pub fn success(&self) -> &Success {
        &self.success
    }

    /// The text of a `Tagging` document, as it came.
    pub fn tagging(&self) -> Option<&str> {
        self.tagging.as_deref()
    }
}

/// The key that the form names.
pub(super) fn key(fields: &Fields) -> Result<ObjectKey, S3Error> {
    match fields.get("key") {
        None => Err(super::missing("key")),
        Some("") => {
            let message = "User key must have a length greater than 0.";
            Err(S3Error::new(Code::InvalidArgument, message).with("ArgumentName", "key"))
        }
        Some(key) => object_key(key),
    }
}

/// What becomes of a field.
enum Meaning {
    /// It is a header of other uploads.
    Header,
    /// It may have this value, which asks for nothing.
    Only(&'static str),
    /// It has its own place, or none: S3 ignores fields that it does not know.
    Elsewhere,
    /// It asks for something that is not done.
    Unknown,
}

impl Meaning {
    /// As with headers, nothing that begins `x-amz-` is ignored, nor is a condition: success would be taken for consent.
    fn of(name: &str) -> Self {
        let is_header = CONTENT_HEADERS.contains(&name)
            || name.starts_with(METADATA_PREFIX)
            || ChecksumAlgorithm::of_header(name).is_some();
        match name {
            _ if is_header => Self::Header,
            "content-md5" | "x-amz-sdk-checksum-algorithm" => Self::Header,
            "acl" | "x-amz-acl" => Self::Only("private"),
            "x-amz-storage-class" => Self::Only("STANDARD"),
            "x-amz-algorithm" | "x-amz-credential" | "x-amz-date" | "x-amz-signature" => Self::Elsewhere,
            "if-match" | "if-none-match" | "if-modified-since" | "if-unmodified-since" => Self::Unknown,
            _ if name.starts_with("x-amz-") => Self::Unknown,
            _ => Self::Elsewhere,
        }
    }
}

fn headers(fields: &Fields) -> Result<HeaderMap, S3Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter() {
        let refuse = |what: &str| {
            let name = shorten(name);
            let message = format!("The field `{name}`{what} asks for functionality that is not implemented.");
            Err(S3Error::new(Code::NotImplemented, message).with("ArgumentName", name))
        };
        match Meaning::of(name) {
            Meaning::Header => {
                let (name, value) = header(name, value)?;
                headers.insert(name, value);
            }
            Meaning::Only(known) if value == known => {}
            Meaning::Only(_) => return refuse(" with this value"),
            Meaning::Elsewhere => {}
            Meaning::Unknown => return refuse(""),
        }
    }
    Ok(headers)
}

/// A field as a header; line ends and other control characters have no place in one.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), S3Error> {
    let header = HeaderName::try_from(name).ok().zip(HeaderValue::from_bytes(value.as_bytes()).ok());
    header.ok_or_else(|| {
        let name = shorten(name);
        let message =
            format!("The field `{name}` cannot be a header: its name or value has characters that none has.");
        S3Error::new(Code::InvalidArgument, message).with("ArgumentName", name)
    })
}
