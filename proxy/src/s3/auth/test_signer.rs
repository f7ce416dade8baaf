//! A signer for tests, written straight from AWS's description and sharing no code with the verifier.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use hallmark_config::{Client, ClientName, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Holds a key and signs what it is given.
#[derive(Clone)]
pub(crate) struct TestSigner {
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) time: String,
    pub(crate) scope: String,
}

impl TestSigner {
    /// The key, time and scope of the examples in AWS's documentation.
    pub(crate) fn example() -> Self {
        Self {
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            time: "20130524T000000Z".into(),
            scope: "20130524/us-east-1/s3/aws4_request".into(),
        }
    }

    /// 2013-05-24 00:00:00 UTC and `seconds`.
    pub(crate) fn now(seconds: i64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600_u64.checked_add_signed(seconds).unwrap())
    }

    /// The client whose key it is.
    pub(crate) fn client(&self) -> Client {
        Client {
            name: ClientName::parse("ci@example.org").unwrap(),
            access_key: self.access_key.clone(),
            secret: Secret::new(self.secret.clone()),
            grants: Vec::new(),
        }
    }

    /// Signs a request given by its decoded path and query and the headers to be signed (names in lower case).
    pub(crate) fn sign(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        payload: &str,
    ) -> String {
        let mut query: Vec<_> =
            query.iter().map(|(name, value)| (encode(name, ""), encode(value, ""))).collect();
        query.sort();
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!(
            "{method}\n{}\n{}\n{lines}\n{}\n{payload}",
            encode(path, "/"),
            query.join("&"),
            names(headers)
        );
        let digest = hex::encode(Sha256::digest(canonical));
        self.hmac(&format!("AWS4-HMAC-SHA256\n{}\n{}\n{digest}", self.time, self.scope))
    }

    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self, headers: &[(&str, &str)], signature: &str) -> String {
        let (key, scope, names) = (&self.access_key, &self.scope, names(headers));
        format!("AWS4-HMAC-SHA256 Credential={key}/{scope},SignedHeaders={names},Signature={signature}")
    }

    /// Signs the policy of a form, as it is in its field.
    pub(crate) fn sign_policy(&self, policy: &str) -> String {
        self.hmac(policy)
    }

    /// Frames `chunks` with signatures chained from `seed`, and a trailer if there is one.
    pub(crate) fn frame(&self, seed: &str, chunks: &[&[u8]], trailer: Option<(&str, &str)>) -> Vec<u8> {
        let mut previous = seed.to_owned();
        let mut out = Vec::new();
        for chunk in chunks.iter().copied().chain([&b""[..]]) {
            previous = self.chain("PAYLOAD", &previous, &[b"", chunk]);
            out.extend_from_slice(format!("{:x};chunk-signature={previous}\r\n", chunk.len()).as_bytes());
            if !chunk.is_empty() || trailer.is_none() {
                out.extend_from_slice(chunk);
                out.extend_from_slice(b"\r\n");
            }
        }
        if let Some((name, value)) = trailer {
            let signature = self.chain("TRAILER", &previous, &[format!("{name}:{value}\n").as_bytes()]);
            out.extend_from_slice(
                format!("{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n\r\n").as_bytes(),
            );
        }
        out
    }

    fn chain(&self, kind: &str, previous: &str, hashed: &[&[u8]]) -> String {
        let mut text = format!("AWS4-HMAC-SHA256-{kind}\n{}\n{}\n{previous}", self.time, self.scope);
        for bytes in hashed {
            write!(text, "\n{}", hex::encode(Sha256::digest(bytes))).unwrap();
        }
        self.hmac(&text)
    }

    fn hmac(&self, text: &str) -> String {
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for word in self.scope.split('/').chain([text]) {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(word.as_bytes());
            key = mac.finalize().into_bytes().to_vec();
        }
        hex::encode(key)
    }
}

fn names(headers: &[(&str, &str)]) -> String {
    headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
}

/// Percent-encodes all but unreserved characters and those of `keep`.
pub(crate) fn encode(text: &str, keep: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let char = char::from(byte);
        if char.is_ascii_alphanumeric() || "-_.~".contains(char) || keep.contains(char) {
            out.push(char);
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}
