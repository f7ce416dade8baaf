//! An object as it is stored.

use std::time::SystemTime;

use bytes::Bytes;
use hallmark_proxy::store::{Attributes, Pin};
use hallmark_signer::SealedHeaders;

use super::content::Content;

/// An object as it is stored; a test may change any of it.
#[derive(Debug, Clone)]
pub struct StoredObject {
    /// What is kept beside the bytes.
    pub attributes: Attributes,
    /// The bytes.
    pub bytes: Bytes,
    /// The ETag for listings.
    pub etag: String,
    /// When it was written, for listings.
    pub modified: SystemTime,
    /// The length that the store speaks of; `None`: the true one.
    pub claimed_length: Option<u64>,
    /// What names these bytes towards the proxy.
    pub pin: Pin,
    /// Instead of `bytes` there are zeros, `claimed_length` of them.
    zeros: bool,
}

impl StoredObject {
    /// Flips a bit of the byte at `offset`.
    pub fn flip(&mut self, offset: usize) {
        let mut bytes = self.bytes.to_vec();
        bytes[offset] ^= 0x10;
        self.bytes = bytes.into();
    }

    /// Sets a header that the seal covers, or with `None` removes it.
    pub fn set_header(&mut self, name: &str, value: Option<&str>) {
        let mut headers = SealedHeaders::default();
        for (known, old) in self.attributes.headers.iter().filter(|(known, _)| *known != name) {
            headers.insert(known, old).expect("it was accepted before");
        }
        if let Some(value) = value {
            headers.insert(name, value).expect("the test gives a header that can be stored");
        }
        self.attributes.headers = headers;
    }

    /// The value of the metadata `hallmark`.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub fn hallmark(&self) -> &str {
        self.attributes.hallmark.as_deref().expect("the object has a seal")
    }

    pub(super) fn new(attributes: Attributes, content: Content, etag: &str, pin: Pin) -> Self {
        let (bytes, claimed_length, zeros) = match content {
            Content::Bytes(bytes) => (bytes, None, false),
            Content::Zeros(length) => (Bytes::new(), Some(length), true),
        };
        let (etag, modified) = (etag.to_owned(), SystemTime::now());
        Self { attributes, bytes, etag, modified, claimed_length, pin, zeros }
    }

    pub(super) fn length(&self) -> u64 {
        self.claimed_length.unwrap_or(self.bytes.len() as u64)
    }

    pub(super) fn content(&self) -> Content {
        if self.zeros { Content::Zeros(self.length()) } else { Content::Bytes(self.bytes.clone()) }
    }
}
