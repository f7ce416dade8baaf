//! Which bucket and key a request is about: path style and virtual-host style.

use std::net::IpAddr;

use hallmark_signer::KeyHint;

use super::error::{Code, S3Error};
use super::uri::RawPath;
use crate::name::{BucketName, KeyError, MAX_KEY_BYTES, ObjectKey, ObjectName};

/// The path of the public seal keys. No bucket's: its first segment begins with a dot, and no name of a bucket does. With
/// virtual-host style the path is a key like any other.
pub const SEAL_KEYS: &str = "/.hallmark/seal-keys.pem";

/// Before the beginning of a seal key's id: the path of its certificate.
pub const CERTIFICATES: &str = "/.hallmark/seal-keys/";

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The endpoint itself.
    Service,
    /// [`SEAL_KEYS`].
    SealKeys,
    /// One of [`CERTIFICATES`].
    Certificate(KeyHint),
    /// A bucket.
    Bucket(BucketName),
    /// An object.
    Object(ObjectName),
}

impl Address {
    /// Reads host and path. With `bucket.<domain>` for a host, `domain` being one of `domains` (lower case, without
    /// port), the whole path is the key; with any other host the path's first segment is the bucket.
    ///
    /// # Errors
    /// `InvalidBucketName`, `KeyTooLongError`, or `InvalidURI` for a key that cannot be one.
    pub fn parse(host: &str, domains: &[String], path: &RawPath) -> Result<Self, S3Error> {
        // The path begins with `/`: RawPath's invariant.
        let whole = path.as_str();
        let path = whole.strip_prefix('/').unwrap_or_default();
        let (bucket, key) = match host_bucket(host, domains) {
            Some(bucket) => (bucket, path),
            None if path.is_empty() => return Ok(Self::Service),
            None if whole == SEAL_KEYS => return Ok(Self::SealKeys),
            None if let Some(key) =
                whole.strip_prefix(CERTIFICATES).and_then(|key| KeyHint::parse(key).ok()) =>
            {
                return Ok(Self::Certificate(key));
            }
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                (bucket.to_owned(), key)
            }
        };
        let bucket = BucketName::parse(&bucket).map_err(|error| {
            S3Error::new(Code::InvalidBucketName, format!("The specified bucket is not valid: {error}."))
                .with("BucketName", bucket)
        })?;
        if key.is_empty() {
            return Ok(Self::Bucket(bucket));
        }
        Ok(Self::Object(ObjectName { bucket, key: object_key(key)? }))
    }
}

/// Checks a key that a client sent, decoded.
///
/// # Errors
/// `KeyTooLongError`; `InvalidURI` for segments `.` and `..`, NUL, and the empty key.
pub fn object_key(text: &str) -> Result<ObjectKey, S3Error> {
    ObjectKey::parse(text).map_err(|error| match error {
        KeyError::TooLong => S3Error::new(Code::KeyTooLongError, "Your key is too long")
            .with("Size", text.len().to_string())
            .with("MaxSizeAllowed", MAX_KEY_BYTES.to_string()),
        KeyError::Empty | KeyError::DotSegment | KeyError::Nul => {
            S3Error::new(Code::InvalidURI, format!("Couldn't parse the specified URI: {error}."))
        }
    })
}

/// The bucket that a host names, unchecked. A host that is a domain itself names none, even below another domain;
/// where domains nest, the longest counts.
fn host_bucket(host: &str, domains: &[String]) -> Option<String> {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let host = host.to_ascii_lowercase();
    if domains.contains(&host) || host.starts_with('[') || host.parse::<IpAddr>().is_ok() {
        return None;
    }
    let below = |domain: &String| Some(host.strip_suffix(domain.as_str())?.strip_suffix('.')?.to_owned());
    domains.iter().filter_map(below).min_by_key(String::len)
}
