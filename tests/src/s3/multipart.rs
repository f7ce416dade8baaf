//! Uploads in parts.

use std::fmt::Write as _;

use super::{Client, about, copy_source, object};
use crate::raw::Response;
use crate::sigv4::encode;

/// An upload in parts. A test may change any of it: parts may come through another instance, or for another key.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Through whom it goes on.
    pub client: Client,
    /// Where to.
    pub bucket: String,
    /// Under which key.
    pub key: String,
    /// The `UploadId`.
    pub id: String,
}

/// A line of a request to complete an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The number of the part.
    pub number: u64,
    /// Its ETag.
    pub etag: String,
    /// Its checksum: the algorithm as S3's elements have it (`CRC32`, `SHA256`) and the value.
    pub checksum: Option<(String, String)>,
}

impl Client {
    /// Begins an upload in parts.
    ///
    /// # Panics
    /// It is refused.
    #[track_caller]
    pub fn create_upload(&self, bucket: &str, key: &str, headers: &[(&str, &str)]) -> Upload {
        let response = self.ask_for_upload(bucket, key, headers);
        assert_eq!(response.status, 200, "{}", response.text());
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Upload { client: self.clone(), bucket, key, id: response.element("UploadId") }
    }

    /// The same, refused or not.
    pub fn ask_for_upload(&self, bucket: &str, key: &str, headers: &[(&str, &str)]) -> Response {
        self.ask("POST", &format!("{}?uploads", object(bucket, key)), headers, &[])
    }

    /// Uploads in parts, one after the other: what the completion says.
    ///
    /// # Panics
    /// What comes before the completion is refused.
    #[track_caller]
    pub fn put_parts(&self, bucket: &str, key: &str, parts: &[&[u8]], headers: &[(&str, &str)]) -> Response {
        let upload = self.create_upload(bucket, key, headers);
        let completed: Vec<_> =
            parts.iter().zip(1..).map(|(part, number)| upload.send_part(number, part)).collect();
        upload.complete(&completed)
    }

    /// One page of the uploads in progress; `query` is encoded, and may be empty.
    pub fn uploads(&self, bucket: &str, query: &str) -> Response {
        let mark = if query.is_empty() { "" } else { "&" };
        self.ask("GET", &format!("/{bucket}?uploads{mark}{query}"), &[], &[])
    }
}

impl Upload {
    /// The same upload through another client or instance.
    #[must_use]
    pub fn through(&self, client: &Client) -> Self {
        Self { client: client.clone(), ..self.clone() }
    }

    /// The target for `query` and this upload's id.
    pub fn target(&self, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "&" };
        about(&self.bucket, &self.key, &format!("{query}{mark}uploadId={}", encode(&self.id)))
    }

    /// Uploads a part.
    pub fn part(&self, number: u64, body: &[u8]) -> Response {
        self.part_with(number, body, &[])
    }

    /// Uploads a part with further headers.
    pub fn part_with(&self, number: u64, body: &[u8], headers: &[(&str, &str)]) -> Response {
        self.client.ask("PUT", &self.target(&format!("partNumber={number}")), headers, body)
    }

    /// Uploads a part; what the completion has to say of it.
    ///
    /// # Panics
    /// It is refused.
    #[track_caller]
    pub fn send_part(&self, number: u64, body: &[u8]) -> Completed {
        let response = self.part(number, body);
        assert_eq!(response.status, 200, "part {number}: {}", response.text());
        Completed::new(number, response.header("etag").expect("a part has an ETag"))
    }

    /// Makes a part of an object, or with the header `x-amz-copy-source-range` of some of its bytes.
    pub fn copy_part(
        &self,
        number: u64,
        source: (&str, &str, Option<&str>),
        headers: &[(&str, &str)],
    ) -> Response {
        let source = copy_source(source.0, source.1, source.2);
        let headers = [&[("x-amz-copy-source", source.as_str())], headers].concat();
        self.part_with(number, &[], &headers)
    }

    /// Completes it. It may answer 200 and yet have failed: see [`completed`].
    pub fn complete(&self, parts: &[Completed]) -> Response {
        self.complete_with(parts, &[])
    }

    /// Completes it with further headers.
    pub fn complete_with(&self, parts: &[Completed], headers: &[(&str, &str)]) -> Response {
        self.client.ask("POST", &self.target(""), headers, completion(parts).as_bytes())
    }

    /// Gives it up.
    pub fn abort(&self) -> Response {
        self.client.ask("DELETE", &self.target(""), &[], &[])
    }

    /// One page of its parts; `query` is encoded, and may be empty.
    pub fn parts(&self, query: &str) -> Response {
        self.client.ask("GET", &self.target(query), &[], &[])
    }
}

impl Completed {
    /// A part without a checksum.
    pub fn new(number: u64, etag: &str) -> Self {
        Self { number, etag: etag.to_owned(), checksum: None }
    }

    /// The same with a checksum.
    #[must_use]
    pub fn with_checksum(self, algorithm: &str, value: &str) -> Self {
        Self { checksum: Some((algorithm.to_owned(), value.to_owned())), ..self }
    }
}

/// What came of a completion: the ETag of the object without quotes, or the code of the error, which may stand in an
/// answer that began as a success.
///
/// # Errors
/// The error code.
pub fn completed(response: &Response) -> Result<String, String> {
    match response.code() {
        code if code.is_empty() => Ok(response.element("ETag").trim_matches('"').to_owned()),
        code => Err(code),
    }
}

/// The body of a completion.
pub fn completion(parts: &[Completed]) -> String {
    let mut text = String::from("<CompleteMultipartUpload>");
    for Completed { number, etag, checksum } in parts {
        write!(text, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>")
            .expect("writing to a string");
        if let Some((algorithm, value)) = checksum {
            write!(text, "<Checksum{algorithm}>{value}</Checksum{algorithm}>").expect("writing to a string");
        }
        text.push_str("</Part>");
    }
    text + "</CompleteMultipartUpload>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_say_what_was_uploaded() {
        let parts = [Completed::new(1, "\"a\""), Completed::new(20, "b").with_checksum("CRC32", "AAAAAA==")];
        assert_eq!(
            completion(&parts),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>\
             <Part><PartNumber>20</PartNumber><ETag>b</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>\
             </CompleteMultipartUpload>"
        );
    }
}
