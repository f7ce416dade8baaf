//! What a signature is made over: the canonical request and the string to sign.
//! (AWS, "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk".)

use http::{HeaderMap, Method};
use sha2::{Digest, Sha256};

use super::credential::Scope;
use super::date::Timestamp;
use super::mechanism::ALGORITHM;
use super::signed_headers::SignedHeaders;
use crate::s3::uri::{Query, RawPath};

/// The parts of a request that are signed.
pub(super) struct Request<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a RawPath,
    pub(super) query: &'a Query,
    pub(super) headers: &'a HeaderMap,
    pub(super) host: &'a str,
    pub(super) signed_headers: &'a SignedHeaders,
    pub(super) payload: &'a str,
}

impl Request<'_> {
    /// The canonical request. Bytes, because header values need not be UTF-8.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        for line in
            [self.method.as_str(), &self.path.canonical(), &self.query.canonical(Some("X-Amz-Signature"))]
        {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
        for name in self.signed_headers.names() {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            if name == "host" {
                // The one host that routing sees, wherever it stood.
                collapse(self.host.as_bytes(), &mut out);
            } else {
                for (index, value) in self.headers.get_all(name.as_str()).iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    collapse(value.as_bytes(), &mut out);
                }
            }
            out.push(b'\n');
        }
        out.push(b'\n');
        out.extend_from_slice(self.signed_headers.names().join(";").as_bytes());
        out.push(b'\n');
        out.extend_from_slice(self.payload.as_bytes());
        out
    }
}

/// Appends the value of a header as it is signed: trimmed, each run of spaces in it as one.
pub(crate) fn collapse(value: &[u8], out: &mut Vec<u8>) {
    let mut after_space = false;
    for &byte in value.trim_ascii() {
        if byte != b' ' || !after_space {
            out.push(byte);
        }
        after_space = byte == b' ';
    }
}

/// The string to sign for `canonical`.
pub(super) fn string_to_sign(timestamp: &Timestamp, scope: &Scope, canonical: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(canonical));
    format!("{ALGORITHM}\n{}\n{}\n{digest}", timestamp.as_str(), scope.text())
}
