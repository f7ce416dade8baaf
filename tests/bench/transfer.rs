//! What a client does with a large artifact: whole, in parts, and copies.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hallmark_tests::s3::copy_source;
use hallmark_tests::sigv4::encode;
use hallmark_tests::site::FULL;
use http::Response;
use hyper::body::Incoming;

use crate::content::{Block, Pattern, digests};
use crate::load::{BUCKET, Connection, Payload, text};

/// What a client says of a part instead of its digest, as they do over TLS.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// A content in parts, and the digest of the whole.
#[derive(Debug, Clone)]
pub(crate) struct Artifact {
    pub(crate) whole: Pattern,
    pub(crate) sha256: String,
    pub(crate) parts: Arc<Vec<Pattern>>,
}

impl Artifact {
    /// So many bytes, in parts of this size.
    pub(crate) async fn make(size: u64, part: u64) -> Self {
        let whole = Block::make().pattern(0, size);
        let sha256 = digests(std::iter::once(whole.clone())).await.concat();
        Self { parts: whole.parts(part).into(), whole, sha256 }
    }
}

/// An upload in parts that are all there.
#[derive(Debug)]
pub(crate) struct Sent {
    target: String,
    etags: Vec<String>,
}

/// What a part is made of.
#[derive(Debug, Clone)]
enum Parts {
    /// Bytes that are sent.
    Bytes(Arc<Vec<Pattern>>),
    /// These ranges of a stored object.
    Ranges(String, Arc<Vec<String>>),
}

/// A client of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    /// Where the server is.
    pub(crate) address: SocketAddr,
    /// How many parts are sent at a time.
    pub(crate) at_once: usize,
}

impl Client {
    pub(crate) async fn open(self) -> Connection {
        Connection::open(self.address, FULL).await
    }

    /// Makes the bucket.
    pub(crate) async fn make_bucket(self) {
        text(self.open().await.send("PUT", &format!("/{BUCKET}"), None).await).await;
    }

    /// Uploads an object by one request.
    pub(crate) async fn put(self, key: &str, artifact: &Artifact) {
        self.open().await.put(&target(key), artifact.whole.payload(&artifact.sha256)).await;
    }

    /// Begins an upload and sends its parts.
    pub(crate) async fn send_parts(self, key: &str, artifact: &Artifact) -> Sent {
        self.make_parts(key, Parts::Bytes(artifact.parts.clone())).await
    }

    /// Begins an upload and makes its parts of those of `source`.
    pub(crate) async fn copy_parts(self, source: &str, key: &str, artifact: &Artifact) -> Sent {
        let mut start = 0;
        let ranges = artifact.parts.iter().map(|part| {
            let end = start + part.length();
            let range = format!("bytes={start}-{}", end - 1);
            start = end;
            range
        });
        let ranges = Arc::new(ranges.collect());
        self.make_parts(key, Parts::Ranges(copy_source(BUCKET, source, None), ranges)).await
    }

    async fn make_parts(self, key: &str, parts: Parts) -> Sent {
        let begun = self.open().await.send("POST", &format!("{}?uploads", target(key)), None).await;
        let id = element(&text(begun).await, "UploadId");
        let target = format!("{}?uploadId={}", target(key), encode(&id));
        let next = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..self.at_once)
            .map(|_| tokio::spawn(work(self, target.clone(), parts.clone(), next.clone())))
            .collect();
        let mut etags = Vec::new();
        for worker in workers {
            etags.extend(worker.await.expect("a worker says why it failed"));
        }
        etags.sort_unstable();
        Sent { target, etags: etags.into_iter().map(|(_, etag)| etag).collect() }
    }

    /// Has an object made of parts.
    pub(crate) async fn complete(self, sent: Sent) {
        let lines = sent.etags.iter().zip(1..).map(|(etag, number): (_, u64)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        });
        let document =
            format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", lines.collect::<String>());
        let answer = self.open().await.send("POST", &sent.target, Some(Payload::text(document))).await;
        // It may fail after it began as a success.
        element(&text(answer).await, "ETag");
    }

    /// Copies an object by one request.
    pub(crate) async fn copy(self, source: &str, key: &str) {
        let source = copy_source(BUCKET, source, None);
        let headers = [("x-amz-copy-source", source.as_str())];
        let answer = self.open().await.send_with("PUT", &target(key), &headers, None).await;
        element(&text(answer).await, "ETag");
    }

    /// Makes sure that a sealed object is the artifact.
    pub(crate) async fn check(self, key: &str, artifact: &Artifact) {
        let line = self.open().await.send("GET", &format!("{}?hallmark=sha256", target(key)), None).await;
        let line = text(line).await;
        assert!(line.starts_with(&artifact.sha256), "{key} was sealed as {line}");
    }
}

/// Makes parts until none is left; gives their numbers and ETags.
async fn work(client: Client, target: String, parts: Parts, next: Arc<AtomicUsize>) -> Vec<(usize, String)> {
    let mut connection = client.open().await;
    let mut etags = Vec::new();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let number = index + 1;
        let target = format!("{target}&partNumber={number}");
        let answer = match &parts {
            Parts::Bytes(parts) => {
                let Some(part) = parts.get(index) else { return etags };
                connection.send("PUT", &target, Some(part.payload(UNSIGNED))).await
            }
            Parts::Ranges(source, ranges) => {
                let Some(range) = ranges.get(index) else { return etags };
                let headers =
                    [("x-amz-copy-source", source.as_str()), ("x-amz-copy-source-range", range.as_str())];
                connection.send_with("PUT", &target, &headers, None).await
            }
        };
        etags.push((number, etag(answer).await));
    }
}

async fn etag(answer: Response<Incoming>) -> String {
    let header = answer.headers().get("etag").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let text = text(answer).await;
    header.unwrap_or_else(|| element(&text, "ETag"))
}

fn target(key: &str) -> String {
    format!("/{BUCKET}/{key}")
}

/// # Panics
/// There is no such element.
fn element(document: &str, name: &str) -> String {
    let found = document.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once("</"));
    found.unwrap_or_else(|| panic!("no {name} in {document}")).0.to_owned()
}
