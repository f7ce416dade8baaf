//! The headers of an artifact that its seal covers, and their digest (`hdr`).

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::digest::Sha256Digest;

/// Content headers that a seal covers, beside user metadata.
pub const CONTENT_HEADERS: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];

/// What every user metadata header begins with.
pub const METADATA_PREFIX: &str = "x-amz-meta-";

/// The user metadata that keeps the checksum which an uploader declared.
pub const CHECKSUM_HEADER: &str = "x-amz-meta-hallmark-sum";

/// The user metadata that keeps the [`PartTable`](crate::PartTable) of an artifact of at most 2^23 bytes that came in
/// parts.
pub const PARTS_HEADER: &str = "x-amz-meta-hallmark-parts";

/// Metadata that stands outside of `hdr`: the seal itself, and the place reserved for a transparency log's proof.
const OUTSIDE: [&str; 2] = ["x-amz-meta-hallmark", "x-amz-meta-hallmark-log"];

/// Content headers and user metadata of one artifact, by lower-case full name.
///
/// Invariants: every name is one of [`CONTENT_HEADERS`] or begins with [`METADATA_PREFIX`] and is made of visible
/// ASCII without upper case; neither `x-amz-meta-hallmark` nor `x-amz-meta-hallmark-log` is among them; values are
/// visible ASCII and inner spaces or tabs. Content headers are never empty; user metadata may be, and is sealed as such.
///
/// ```
/// use hallmark_signer::SealedHeaders;
/// let mut headers = SealedHeaders::default();
/// headers.insert("content-type", "text/plain")?;
/// headers.insert("x-amz-meta-commit", "4f2a")?;
/// assert_eq!(headers.get("content-type"), Some("text/plain"));
/// assert!(headers.insert("content-type", "text/html").is_err(), "given twice");
/// assert!(headers.insert("x-amz-meta-hallmark", "v=1").is_err(), "the seal is not covered by itself");
/// # Ok::<(), hallmark_signer::HeaderError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedHeaders(BTreeMap<Box<str>, Box<str>>);

/// A header that a seal cannot cover.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not a content header or user metadata, or not in lower case.
    #[error("`{0}` is not a header that a seal covers")]
    Name(String),
    /// The same name twice.
    #[error("`{0}` is given twice")]
    Duplicate(String),
    /// Empty (a content header), or characters that do not survive HTTP unchanged.
    #[error(
        "the value of `{0}` is empty, has spaces around it, or holds characters other than visible ASCII"
    )]
    Value(String),
}

impl SealedHeaders {
    /// Adds a header.
    ///
    /// # Errors
    /// The name is not one that seals cover, it is there already, or the value would not survive HTTP.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        let metadata = name.strip_prefix(METADATA_PREFIX);
        let known = match metadata {
            Some(rest) => !rest.is_empty() && !OUTSIDE.contains(&name) && rest.bytes().all(is_name_byte),
            None => CONTENT_HEADERS.contains(&name),
        };
        if !known {
            return Err(HeaderError::Name(name.to_owned()));
        }
        let empty_ok = metadata.is_some();
        if (value.is_empty() && !empty_ok)
            || value.trim_matches([' ', '\t']) != value
            || !value.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t'))
        {
            return Err(HeaderError::Value(name.to_owned()));
        }
        match self.0.insert(name.into(), value.into()) {
            None => Ok(()),
            Some(_) => Err(HeaderError::Duplicate(name.to_owned())),
        }
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref)
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// `hdr`: SHA-256 of `hallmark-hdr-v1\n` and a line `name:<decimal byte length>:value\n` for each header.
    pub fn digest(&self) -> Sha256Digest {
        let mut hash = Sha256::new();
        hash.update(b"hallmark-hdr-v1\n");
        for (name, value) in self.iter() {
            hash.update(format!("{name}:{}:{value}\n", value.len()));
        }
        Sha256Digest::new(hash.finalize().into())
    }
}

/// Characters of an HTTP field name (RFC 9110, `token`), without upper case.
fn is_name_byte(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Result<SealedHeaders, HeaderError> {
        let mut headers = SealedHeaders::default();
        pairs.iter().try_for_each(|(name, value)| headers.insert(name, value))?;
        Ok(headers)
    }

    #[test]
    fn names_and_values_that_a_seal_cannot_cover_are_refused() {
        for name in CONTENT_HEADERS.into_iter().chain([
            "x-amz-meta-a",
            "x-amz-meta-hallmark-sum",
            "x-amz-meta-hallmark-parts",
            "x-amz-meta-hallmark-signature",
            "x-amz-meta-hallmark-logs",
            "x-amz-meta-!#$%&'*+-.^_`|~",
        ]) {
            assert!(headers(&[(name, "a \t~!b")]).is_ok(), "{name}");
        }
        for name in [
            "",
            "Content-Type",
            "content-length",
            "etag",
            "x-amz-meta-",
            "x-amz-meta-A",
            "x-amz-meta-a b",
            "x-amz-meta-a:",
            "x-amz-meta-\u{e9}",
            "x-amz-meta-hallmark",
            "x-amz-meta-hallmark-log",
            "x-amz-tagging",
        ] {
            assert_eq!(headers(&[(name, "a")]), Err(HeaderError::Name(name.to_owned())));
        }
        for value in [" a", "a ", "\ta", "a\n", "a\0", "\u{7f}", "\u{e9}", " ", "a\r\nb: c"] {
            for name in ["content-type", "x-amz-meta-a"] {
                assert_eq!(headers(&[(name, value)]), Err(HeaderError::Value(name.to_owned())), "{value:?}");
            }
        }
    }

    #[test]
    fn empty_metadata_is_sealed_and_an_empty_content_header_is_refused() {
        let empty = headers(&[("x-amz-meta-a", "")]).unwrap();
        assert_ne!(empty.digest(), SealedHeaders::default().digest());
        assert_eq!(empty.digest(), Sha256Digest::of(b"hallmark-hdr-v1\nx-amz-meta-a:0:\n"));
        assert_eq!(headers(&[("expires", "")]), Err(HeaderError::Value("expires".to_owned())));
    }

    #[test]
    fn duplicates_are_refused() {
        for name in ["content-type", "x-amz-meta-a"] {
            let twice = headers(&[(name, "a"), (name, "a")]);
            assert_eq!(twice, Err(HeaderError::Duplicate(name.to_owned())));
        }
    }

    #[test]
    fn the_digest_is_over_sorted_lines_with_lengths() {
        let pairs =
            [("x-amz-meta-b", "x\ty"), ("expires", "0"), ("x-amz-meta-a-b", "1"), ("x-amz-meta-a", "ab")];
        let expected =
            "hallmark-hdr-v1\nexpires:1:0\nx-amz-meta-a:2:ab\nx-amz-meta-a-b:1:1\nx-amz-meta-b:3:x\ty\n";
        let digest = headers(&pairs).unwrap().digest();
        assert_eq!(digest, Sha256Digest::of(expected.as_bytes()));
        let mut reversed = pairs;
        reversed.reverse();
        assert_eq!(headers(&reversed).unwrap().digest(), digest);
        assert_eq!(SealedHeaders::default().digest(), Sha256Digest::of(b"hallmark-hdr-v1\n"));
    }

    /// Texts that look alike when names and values are run together.
    #[test]
    fn values_cannot_pass_for_other_headers() {
        let digests = [
            &[("x-amz-meta-a", "1:b")][..],
            &[("x-amz-meta-a", "1"), ("x-amz-meta-b", "")],
            &[("x-amz-meta-a", "1 x-amz-meta-b:0:")],
            &[("x-amz-meta-a", "")],
        ]
        .map(|pairs| headers(pairs).unwrap().digest());
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[index + 1..].contains(digest));
        }
    }
}
