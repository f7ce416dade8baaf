//! The least of an S3 client: signed requests whose answers come back raw.
//!
//! Here are whole objects; `multipart` is uploads in parts, `documents` is copies, versions, and what is said in XML.

mod checksums;
mod documents;
mod multipart;

use std::net::SocketAddr;

use percent_encoding::percent_decode_str;

pub use checksums::{checksum, composite, etag_of_parts, md5_hex};
pub use documents::copy_source;
pub use multipart::{Completed, Upload, completed, completion};

use crate::raw::{Asked, Connection, Response};
use crate::sigv4::{Request, Signer, UNSIGNED, encode, encode_path};

/// A client of one proxy with one credential.
#[derive(Debug, Clone)]
pub struct Client {
    /// Where the proxy listens.
    pub address: SocketAddr,
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret: String,
}

impl Client {
    /// Its signer, at this moment.
    pub fn signer(&self) -> Signer {
        Signer::new(&self.access_key, &self.secret)
    }

    /// A request for `target` (encoded path and query) with the host header.
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request::new(method, target).header("Host", self.address.to_string())
    }

    /// Signs, body included, and sends.
    pub fn send(&self, request: Request) -> Response {
        self.send_as_is(&self.signed(request))
    }

    /// The same on a connection that stays open.
    pub fn send_on(&self, connection: &mut Connection, request: Request) -> Response {
        let request = self.signed(request);
        connection.exchange(&[&request.head(), &request.body], Asked::by(&request.method))
    }

    fn signed(&self, mut request: Request) -> Request {
        if !request.body.is_empty() || request.method == "PUT" || request.method == "POST" {
            request.set_header("Content-Length", request.body.len().to_string());
        }
        self.signer().sign_body(&mut request);
        request
    }

    /// Sends without adding anything, on a connection of its own. Where nobody listens, nothing arrives.
    pub fn send_as_is(&self, request: &Request) -> Response {
        match Connection::try_open(self.address) {
            Some(mut connection) => {
                connection.exchange(&[&request.head(), &request.body], Asked::by(&request.method))
            }
            None => Response::nothing(),
        }
    }

    /// Makes a bucket.
    ///
    /// # Panics
    /// It cannot be made.
    #[track_caller]
    pub fn create_bucket(&self, bucket: &str) {
        let response = self.send(self.request("PUT", &format!("/{bucket}")));
        assert_eq!(response.status, 200, "{bucket}: {}", response.text());
    }

    /// Asks for anything: `target` is an encoded path and query.
    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let mut request = self.request(method, target);
        for (name, value) in headers {
            request.headers.push(((*name).to_owned(), (*value).to_owned()));
        }
        request.body = body.to_vec();
        self.send(request)
    }

    /// Uploads, with the SHA-256 of the body signed.
    pub fn put(&self, bucket: &str, key: &str, body: &[u8]) -> Response {
        self.put_with(bucket, key, body, &[])
    }

    /// Uploads with further headers.
    pub fn put_with(&self, bucket: &str, key: &str, body: &[u8], headers: &[(&str, &str)]) -> Response {
        self.ask("PUT", &object(bucket, key), headers, body)
    }

    /// Uploads on a connection that stays open.
    pub fn put_on(&self, connection: &mut Connection, bucket: &str, key: &str, body: &[u8]) -> Response {
        let mut request = self.request("PUT", &object(bucket, key));
        request.set_header("Content-Length", body.len().to_string());
        self.signer().sign(&mut request, &crate::sigv4::sha256_hex(body));
        connection.exchange(&[&request.head(), body], Asked::Other)
    }

    /// Downloads.
    pub fn get(&self, bucket: &str, key: &str) -> Response {
        self.send(self.request("GET", &object(bucket, key)))
    }

    /// Downloads a range, as the header has it (`bytes=0-9`).
    pub fn get_range(&self, bucket: &str, key: &str, range: &str) -> Response {
        self.send(self.request("GET", &object(bucket, key)).header("Range", range))
    }

    /// Downloads something about an object: `?{query}`.
    pub fn get_query(&self, bucket: &str, key: &str, query: &str) -> Response {
        self.send(self.request("GET", &format!("{}?{query}", object(bucket, key))))
    }

    /// Downloads with further headers, perhaps of `?{query}`.
    pub fn get_with(&self, bucket: &str, key: &str, query: &str, headers: &[(&str, &str)]) -> Response {
        self.ask("GET", &about(bucket, key, query), headers, &[])
    }

    /// Asks for the headers.
    pub fn head(&self, bucket: &str, key: &str) -> Response {
        self.send(self.request("HEAD", &object(bucket, key)))
    }

    /// Asks for the headers with further headers, perhaps of `?{query}`.
    pub fn head_with(&self, bucket: &str, key: &str, query: &str, headers: &[(&str, &str)]) -> Response {
        self.ask("HEAD", &about(bucket, key, query), headers, &[])
    }

    /// Deletes.
    pub fn delete(&self, bucket: &str, key: &str) -> Response {
        self.send(self.request("DELETE", &object(bucket, key)))
    }

    /// One page of a listing; `query` is encoded.
    pub fn list(&self, bucket: &str, query: &str) -> Response {
        self.send(self.request("GET", &format!("/{bucket}?{query}")))
    }

    /// All keys of a bucket that begin with `prefix`, page by page.
    ///
    /// # Panics
    /// A page is refused, or pages do not end.
    #[track_caller]
    pub fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let mut keys = Vec::new();
        let mut token = String::new();
        loop {
            let query = format!("list-type=2&encoding-type=url&prefix={}{token}", encode(prefix));
            let page = self.list(bucket, &query);
            assert_eq!(page.status, 200, "{}", page.text());
            let found = page.elements("Key");
            let truncated = page.element("IsTruncated") == "true";
            assert!(!(truncated && found.is_empty()), "a page without keys is the last");
            keys.extend(found.iter().map(|key| url_decode(key)));
            if !truncated {
                return keys;
            }
            token = format!("&continuation-token={}", encode(&page.element("NextContinuationToken")));
        }
    }

    /// A URL for `method`, good for an hour.
    pub fn presigned(&self, method: &str, bucket: &str, key: &str) -> String {
        let mut request = self.request(method, &object(bucket, key));
        self.signer().presign(&mut request, 3600);
        format!("http://{}{}", self.address, request.target())
    }

    /// Uploads a body that is not signed, given by its parts.
    pub fn put_unsigned(&self, bucket: &str, key: &str, parts: &[&[u8]]) -> Response {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut request =
            self.request("PUT", &object(bucket, key)).header("Content-Length", length.to_string());
        self.signer().sign(&mut request, UNSIGNED);
        let head = request.head();
        let mut all = vec![head.as_slice()];
        all.extend_from_slice(parts);
        Connection::open(self.address).exchange(&all, Asked::Other)
    }
}

/// The encoded path of an object.
pub fn object(bucket: &str, key: &str) -> String {
    format!("/{bucket}/{}", encode_path(key))
}

/// The target for something about an object; an empty query is none.
fn about(bucket: &str, key: &str, query: &str) -> String {
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{mark}{query}", object(bucket, key))
}

/// `encoding-type=url`: as in forms, a space may be `+`.
fn url_decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8().expect("keys are UTF-8").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_keys_are_decoded() {
        assert_eq!(url_decode("a+b%2Bc%252F%C3%BC/d"), "a b+c%2Fü/d");
    }
}
