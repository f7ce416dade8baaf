//! Whole answers, true or false.

use std::fmt::Write as _;

use bytes::Bytes;

use super::head::Head;

/// A whole answer, sent as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its head.
    pub head: Head,
    /// Its body, without framing: the head gives its length, or says that it is chunked.
    pub body: Bytes,
}

impl Answer {
    /// An answer with this body and its length.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let head = Head { first: format!("HTTP/1.1 {status} Answered"), headers: Vec::new() };
        Self { head, body }.with("Content-Length", "").measured()
    }

    /// An error as S3 has them.
    pub fn error(status: u16, code: &str) -> Self {
        let said = "said by the store, and not for clients";
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{said}</Message>\
             <Resource>/somewhere</Resource><RequestId>4442587FB7D0A2F9</RequestId></Error>"
        );
        Self::new(status, body).with("Content-Type", "application/xml")
    }

    /// An error whose document is so long, bytes.
    pub fn long_error(status: u16, code: &str, length: usize) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>{}</Message></Error>", "m".repeat(length));
        Self::new(status, body).with("Content-Type", "application/xml")
    }

    /// To somewhere else.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::error(status, "PermanentRedirect").with("Location", location)
    }

    /// A page of a listing after which more is promised, wherever it was to begin; `after` is where it was.
    pub fn endless_list(bucket: &str, after: &str) -> Self {
        let mut body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>{bucket}</Name><Prefix></Prefix>\
             <KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>\
             <IsTruncated>true</IsTruncated>"
        );
        write!(
            body,
            "<NextContinuationToken>{after}z</NextContinuationToken><Contents><Key>{after}z</Key><Size>1</Size>\
             <LastModified>2026-01-01T00:00:00.000Z</LastModified>\
             <ETag>&quot;0cc175b9c0f1b6a831c399e269772661&quot;</ETag><StorageClass>STANDARD</StorageClass>\
             </Contents></ListBucketResult>"
        )
        .expect("writing to a string");
        Self::new(200, body).with("Content-Type", "application/xml")
    }

    /// The same with one more header, in place of one of that name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.head.set(name, value);
        self
    }

    /// The same with the length of the body that it has.
    #[must_use]
    pub fn measured(mut self) -> Self {
        self.head.remove("Transfer-Encoding");
        self.head.set("Content-Length", self.body.len().to_string());
        self
    }
}
