//! AWS Signature Version 4 for S3, written from its documentation and sharing nothing with the proxy's own code, so
//! that one checks the other. Signs what it is given, right or wrong.
//!
//! Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)" and its subpages on the
//! authorization header, query parameters, chunked uploads and trailing headers.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

/// `x-amz-content-sha256` of a body that is not signed.
pub const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// … of signed chunks.
pub const CHUNKED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
/// … of signed chunks and signed trailers.
pub const CHUNKED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
/// … of unsigned chunks and trailers.
pub const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Everything but the unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same, but a slash stays.
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// A request in the making. Path and query stand as they are sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET` and the like.
    pub method: String,
    /// The target's path, encoded.
    pub path: String,
    /// The target's query, encoded, without `?`; may be empty.
    pub query: String,
    /// In the order in which they are sent.
    pub headers: Vec<(String, String)>,
    /// The body, framed as it is sent.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without body and headers for `target`: path and perhaps query, encoded.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Puts `value` in the place of the header's value, or adds it.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        match self.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value.into(),
            None => self.headers.push((name.to_owned(), value.into())),
        }
    }

    /// Drops a header.
    pub fn remove_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// The path and the query, as they stand in the request line.
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The request up to its body.
    pub fn head(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target());
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").expect("writing to a string");
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    /// All of it.
    pub fn bytes(&self) -> Vec<u8> {
        [self.head(), self.body.clone()].concat()
    }
}

/// Who signs, for what, and when.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret: String,
    /// The scope's region.
    pub region: String,
    /// The scope's service.
    pub service: String,
    /// The scope's last word.
    pub terminator: String,
    /// The time of signing.
    pub time: SystemTime,
}

impl Signer {
    /// A signer for S3 in `us-east-1`, now.
    pub fn new(access_key: &str, secret: &str) -> Self {
        Self {
            access_key: access_key.to_owned(),
            secret: secret.to_owned(),
            region: "us-east-1".to_owned(),
            service: "s3".to_owned(),
            terminator: "aws4_request".to_owned(),
            time: SystemTime::now(),
        }
    }

    /// The same, `seconds` later (or, below 0, earlier).
    #[must_use]
    pub fn shifted(mut self, seconds: i64) -> Self {
        let by = Duration::from_secs(seconds.unsigned_abs());
        self.time = if seconds < 0 { self.time - by } else { self.time + by };
        self
    }

    /// Adds date, payload hash and `Authorization`, signing every header that is there. What is added to the request
    /// afterwards is unsigned.
    pub fn sign(&self, request: &mut Request, payload: &str) -> Chain {
        let date = self.date();
        request.set_header("x-amz-date", date.clone());
        request.set_header("x-amz-content-sha256", payload);
        let (names, signature) = self.signature(request, payload, &date);
        let authorization = format!(
            "{ALGORITHM} Credential={}/{},SignedHeaders={names},Signature={signature}",
            self.access_key,
            self.scope()
        );
        request.headers.push(("Authorization".to_owned(), authorization));
        Chain { key: self.key(), date, scope: self.scope(), previous: signature }
    }

    /// Signs with the SHA-256 of the body.
    pub fn sign_body(&self, request: &mut Request) -> Chain {
        let digest = sha256_hex(&request.body);
        self.sign(request, &digest)
    }

    /// The signature of a form's policy, given as it stands in the form.
    pub fn sign_policy(&self, policy: &str) -> String {
        hex::encode(hmac(&self.key(), policy.as_bytes()))
    }

    /// Makes the request a presigned one: everything stands in the query.
    pub fn presign(&self, request: &mut Request, expires: u64) {
        let date = self.date();
        let mut parameters = vec![
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", format!("{}/{}", self.access_key, self.scope())),
            ("X-Amz-Date", date.clone()),
            ("X-Amz-Expires", expires.to_string()),
        ];
        parameters.push(("X-Amz-SignedHeaders", canonical_headers(request).0));
        for (name, value) in parameters {
            push_parameter(&mut request.query, name, &value);
        }
        let (_, signature) = self.signature(request, UNSIGNED, &date);
        push_parameter(&mut request.query, "X-Amz-Signature", &signature);
    }

    /// `<date>/<region>/<service>/aws4_request`.
    pub fn scope(&self) -> String {
        format!("{}/{}/{}/{}", &self.date()[..8], self.region, self.service, self.terminator)
    }

    /// The time of signing, as `x-amz-date` has it.
    pub fn date(&self) -> String {
        let time = OffsetDateTime::from(self.time);
        format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            time.year(),
            u8::from(time.month()),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    }

    fn signature(&self, request: &Request, payload: &str, date: &str) -> (String, String) {
        let (names, headers) = canonical_headers(request);
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{names}\n{payload}",
            request.method,
            canonical_path(&request.path),
            canonical_query(&request.query)
        );
        let to_sign = format!("{ALGORITHM}\n{date}\n{}\n{}", self.scope(), sha256_hex(canonical.as_bytes()));
        (names, hex::encode(hmac(&self.key(), to_sign.as_bytes())))
    }

    fn key(&self) -> Vec<u8> {
        [&self.date()[..8], &self.region, &self.service, &self.terminator]
            .iter()
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, word| hmac(&key, word.as_bytes()))
    }
}

/// Signs chunk after chunk, each over the one before.
#[derive(Debug, Clone)]
pub struct Chain {
    key: Vec<u8>,
    date: String,
    scope: String,
    /// The last signature made; at first the request's own.
    pub previous: String,
}

impl Chain {
    /// The next chunk with its framing. The one without data is the last.
    pub fn chunk(&mut self, data: &[u8]) -> Vec<u8> {
        let to_sign = format!(
            "{ALGORITHM}-PAYLOAD\n{}\n{}\n{}\n{}\n{}",
            self.date,
            self.scope,
            self.previous,
            sha256_hex(b""),
            sha256_hex(data)
        );
        self.previous = hex::encode(hmac(&self.key, to_sign.as_bytes()));
        frame(&format!("{:x};chunk-signature={}", data.len(), self.previous), data)
    }

    /// Trailers and their signature, with the line that ends them; follows a [`last`](Self::last) chunk.
    pub fn trailers(&mut self, trailers: &[(&str, &str)]) -> Vec<u8> {
        let lines: String = trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let to_sign = format!(
            "{ALGORITHM}-TRAILER\n{}\n{}\n{}\n{}",
            self.date,
            self.scope,
            self.previous,
            sha256_hex(lines.as_bytes())
        );
        self.previous = hex::encode(hmac(&self.key, to_sign.as_bytes()));
        let mut all = trailers.to_vec();
        all.push(("x-amz-trailer-signature", &self.previous));
        trailer_lines(&all)
    }

    /// The last chunk where trailers follow: without the empty line that would end the body.
    pub fn last(&mut self) -> Vec<u8> {
        let mut frame = self.chunk(b"");
        frame.truncate(frame.len() - 2);
        frame
    }
}

/// A chunk without signature; the one without data is the last.
pub fn unsigned_chunk(data: &[u8]) -> Vec<u8> {
    frame(&format!("{:x}", data.len()), data)
}

/// Trailers without signature, after the `0` line, with the line that ends them.
pub fn unsigned_trailers(trailers: &[(&str, &str)]) -> Vec<u8> {
    [b"0\r\n".to_vec(), trailer_lines(trailers)].concat()
}

fn trailer_lines(trailers: &[(&str, &str)]) -> Vec<u8> {
    let lines: String = trailers.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
    (lines + "\r\n").into_bytes()
}

fn frame(line: &str, data: &[u8]) -> Vec<u8> {
    [line.as_bytes(), b"\r\n", data, b"\r\n"].concat()
}

/// Encodes one word of a query, or a segment of a path.
pub fn encode(text: &str) -> String {
    percent_encode(text.as_bytes(), ENCODED).to_string()
}

/// Encodes a path: all but unreserved characters and slashes.
pub fn encode_path(text: &str) -> String {
    percent_encode(text.as_bytes(), ENCODED_PATH).to_string()
}

/// SHA-256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn push_parameter(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    write!(query, "{name}={}", encode(value)).expect("writing to a string");
}

/// S3 encodes once and normalises nothing.
fn canonical_path(path: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    percent_encode(&decoded, ENCODED_PATH).to_string()
}

fn canonical_query(query: &str) -> String {
    let recoded =
        |text: &str| percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), ENCODED).to_string();
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recoded(name), recoded(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The names for `SignedHeaders`, and the block of lines.
fn canonical_headers(request: &Request) -> (String, String) {
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|(name, value)| {
            (name.to_ascii_lowercase(), value.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect();
    headers.sort();
    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let lines = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    (names, lines)
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The user, the bucket and the day of the documentation's examples.
    fn example() -> Signer {
        Signer {
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600),
            ..Signer::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        }
    }

    fn to_example_bucket(method: &str, target: &str) -> Request {
        Request::new(method, target).header("Host", "examplebucket.s3.amazonaws.com")
    }

    #[test]
    fn signed_headers_are_as_published() {
        let put = to_example_bucket("PUT", "/test%24file.text")
            .header("Date", "Fri, 24 May 2013 00:00:00 GMT")
            .header("x-amz-storage-class", "REDUCED_REDUNDANCY");
        let put = Request { body: b"Welcome to Amazon S3.".to_vec(), ..put };
        for (mut request, signature) in [
            (
                to_example_bucket("GET", "/test.txt").header("Range", "bytes=0-9"),
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (put, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
            (
                to_example_bucket("GET", "/?lifecycle"),
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                to_example_bucket("GET", "/?prefix=J&max-keys=2"),
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            assert_eq!(example().sign_body(&mut request).previous, signature, "{}", request.target());
        }
    }

    #[test]
    fn presigned_urls_are_as_published() {
        let mut request = to_example_bucket("GET", "/test.txt");
        example().presign(&mut request, 86_400);
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(request.query.ends_with(&format!("&X-Amz-Signature={signature}")), "{}", request.query);
    }

    fn chunked_upload() -> Request {
        Request::new("PUT", "/examplebucket/chunkObject.txt")
            .header("Host", "s3.amazonaws.com")
            .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
            .header("Content-Encoding", "aws-chunked")
            .header("x-amz-decoded-content-length", "66560")
    }

    #[test]
    fn chunk_signatures_are_as_published() {
        let mut request = chunked_upload().header("Content-Length", "66824");
        let mut chain = example().sign(&mut request, CHUNKED);
        assert_eq!(chain.previous, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
        let mut length = 0;
        for (data, signature) in [
            (vec![b'a'; 65_536], "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (vec![b'a'; 1024], "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (vec![], "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ] {
            length += chain.chunk(&data).len();
            assert_eq!(chain.previous, signature);
        }
        assert_eq!(length, 66_824, "as announced");
    }

    #[test]
    fn trailer_signatures_are_as_published() {
        let mut request = chunked_upload().header("x-amz-trailer", "x-amz-checksum-crc32c");
        let mut chain = example().sign(&mut request, CHUNKED_TRAILER);
        assert_eq!(chain.previous, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
        chain.chunk(&[b'a'; 65_536]);
        chain.chunk(&[b'a'; 1024]);
        let last = chain.last();
        assert_eq!(chain.previous, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992");
        assert!(last.ends_with(format!("{}\r\n", chain.previous).as_bytes()));
        chain.trailers(&[("x-amz-checksum-crc32c", "sOO8/Q==")]);
        assert_eq!(chain.previous, "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435");
    }

    #[test]
    fn paths_and_queries_are_encoded_once() {
        assert_eq!(canonical_path("/b/a%2Fb%20c+d"), "/b/a/b%20c%2Bd");
        assert_eq!(canonical_query("b&a=%2f&a=%20"), "a=%20&a=%2F&b=");
        assert_eq!(encode_path("/b/ü+~"), "/b/%C3%BC%2B~");
    }
}
