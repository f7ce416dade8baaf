//! Stores of every kind, made of one that behaves: what comes of asking them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hallmark_config::{Addressing, S3Store as Settings, StoreBucket, StoreCredentials};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::Body;
use s3s::service::{S3Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::{Findings, IfMatch, SourcePin};
use crate::store::s3::S3Store;
use crate::store::{StoreError, StoreFault};

/// What a store does to a request before it looks at it, or instead.
type Quirk = Arc<dyn Fn(&mut Parts) -> Option<Response<Body>> + Send + Sync>;

/// A store behind a port. It does one thing after another: a condition holds until its write is done.
struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    folder: TempDir,
}

impl Server {
    async fn start(quirk: impl Fn(&mut Parts) -> Option<Response<Body>> + Send + Sync + 'static) -> Self {
        let (quirk, requests) = (Arc::new(quirk) as Quirk, Arc::new(AtomicUsize::new(0)));
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let fs = s3s_fs::FileSystem::new(folder.path().join("data")).unwrap();
        let service = S3ServiceBuilder::new(fs).build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let turn = Arc::new(Mutex::new(()));
        let counted = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (quirk, service, turn) = (quirk.clone(), service.clone(), turn.clone());
                let counted = counted.clone();
                let answer = service_fn(move |request| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    answer(request, quirk.clone(), service.clone(), turn.clone())
                });
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(connection);
            }
        });
        Self { address, requests, folder }
    }

    /// One that behaves.
    async fn plain() -> Self {
        Self::start(|_| None).await
    }

    async fn store(&self) -> S3Store {
        let credentials = self.folder.path().join("credentials");
        write_private(&credentials, "[default]\naws_access_key_id = id\naws_secret_access_key = secret\n");
        let settings = Settings {
            endpoint: Some(format!("http://{}", self.address)),
            region: Some("us-east-1".to_owned()),
            addressing: Addressing::Path,
            credentials: StoreCredentials::File { path: credentials, profile: "default".to_owned() },
            ca_file: None,
            state_bucket: StoreBucket::parse("the-state").unwrap(),
            connect_timeout: Duration::from_secs(1),
            answer_timeout: Duration::from_secs(2),
            max_requests: 64,
            attempts: 3,
        };
        S3Store::connect(&settings, &BTreeMap::new()).await.unwrap()
    }

    async fn findings(&self) -> Findings {
        let store = self.store().await;
        store.report().await.unwrap();
        store.examine().await.unwrap().clone()
    }

    async fn failure(&self) -> StoreError {
        self.store().await.examine().await.unwrap_err()
    }

    /// How many objects there are.
    fn left(&self) -> usize {
        let (mut left, mut folders) = (0, vec![self.folder.path().join("data/the-state")]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => left += 1,
                }
            }
        }
        left
    }
}

/// Signatures are not this store's: what a quirk changes is not what was signed.
async fn answer(
    request: Request<Incoming>,
    quirk: Quirk,
    service: S3Service,
    turn: Arc<Mutex<()>>,
) -> Result<Response<Body>, s3s::HttpError> {
    let (mut parts, body) = request.into_parts();
    parts.headers.remove("authorization");
    if let Some(answer) = quirk(&mut parts) {
        return Ok(answer);
    }
    let _turn = turn.lock().await;
    service.call(Request::from_parts(parts, body.into())).await
}

fn write_private(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn refusal(status: u16, code: &str) -> Response<Body> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn is_put(parts: &Parts) -> bool {
    parts.method == Method::PUT && parts.uri.query().is_none_or(|query| query.contains("x-id=PutObject"))
}

fn is_copy(parts: &Parts) -> bool {
    parts.headers.contains_key("x-amz-copy-source")
}

fn is_complete(parts: &Parts) -> bool {
    parts.method == Method::POST && parts.uri.query().is_some_and(|query| query.contains("uploadId"))
}

/// A header under another name, or none.
fn rename(parts: &mut Parts, from: &'static str, to: Option<&'static str>) {
    let value = parts.headers.remove(from);
    if let (Some(value), Some(to)) = (value, to) {
        parts.headers.insert(HeaderName::from_static(to), value);
    }
}

#[tokio::test]
async fn a_store_that_behaves_is_found_to() {
    let server = Server::plain().await;
    let found = server.findings().await;
    assert!(found.put.absent);
    assert_eq!(found.put.if_match, IfMatch::Quoted);
    assert!(found.complete.absent);
    assert!(found.copy_replaces);
    assert_eq!(found.copy_source, SourcePin::Standard);
    assert!(found.checksums.content_md5 && found.checksums.crc32);
    assert!(found.metadata.underscores && found.metadata.max_bytes >= 4096);
    assert!(!found.versions && !found.object_lock && !found.tags);
    // It takes any ETag for a part's.
    assert!(!found.parts.etags_compared);
    assert!(found.capabilities().guards.absent && found.capabilities().guards.matches);
}

/// Else who may write the one could write the other.
#[tokio::test]
async fn a_store_that_folds_the_case_of_keys_cannot_be_used() {
    let server = Server::start(|parts| {
        let folded = parts.uri.to_string().replace("ROUND", "round");
        parts.uri = folded.parse().unwrap();
        None
    });
    let error = server.await.failure().await;
    assert_eq!(error.fault, StoreFault::Protocol);
    assert!(error.message.contains("differ in case"), "{}", error.message);
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let server = Server::plain().await;
    server.store().await.report().await.unwrap();
    assert_eq!(server.left(), 0);
}

#[tokio::test]
async fn those_who_start_at_once_find_the_same() {
    let server = Server::plain().await;
    let alone = server.findings().await;
    let stores = [server.store().await, server.store().await, server.store().await];
    let found = futures_util::future::join_all(stores.iter().map(S3Store::report)).await;
    for (store, report) in stores.iter().zip(found) {
        report.unwrap();
        assert_eq!(*store.examine().await.unwrap(), alone);
    }
    assert_eq!(server.left(), 0);
}

#[tokio::test]
async fn a_store_is_asked_once_and_not_without_end() {
    let server = Server::plain().await;
    let store = server.store().await;
    store.report().await.unwrap();
    let asked = server.requests.load(Ordering::Relaxed);
    assert!((50..300).contains(&asked), "{asked} requests");
    store.examine().await.unwrap();
    store.report().await.unwrap();
    assert_eq!(server.requests.load(Ordering::Relaxed), asked);
}

#[tokio::test]
async fn conditions_that_are_ignored_are_found_out() {
    let found = Server::start(|parts| {
        if is_put(parts) || is_copy(parts) || is_complete(parts) {
            rename(parts, "if-none-match", None);
            rename(parts, "if-match", None);
        }
        None
    });
    let found = found.await.findings().await;
    for writes in [found.put, found.copy, found.complete] {
        assert!(!writes.absent);
        assert_eq!(writes.if_match, IfMatch::Ignored);
    }
    let guards = found.capabilities().guards;
    assert!(!guards.absent && !guards.matches && !guards.deletes);
}

/// Each looks, and then all of them write.
#[tokio::test]
async fn conditions_that_are_not_judged_together_with_the_write_are_found_out() {
    let server = Server::start(|parts| {
        let raced = ["put-fresh", "put-quoted"].iter().any(|name| parts.uri.path().ends_with(name));
        if is_put(parts) && raced {
            rename(parts, "if-none-match", None);
            // What does not match is still refused.
            if parts
                .headers
                .get("if-match")
                .is_some_and(|etag| etag.as_bytes() != b"\"00000000000000000000000000000000\"")
            {
                rename(parts, "if-match", None);
            }
        }
        None
    });
    let found = server.await.findings().await;
    assert!(!found.put.absent);
    assert_eq!(found.put.if_match, IfMatch::Ignored);
    assert!(found.complete.absent, "nothing is wrong with that one");
}

/// As in Ceph's gateway up to its version 17, at least.
#[tokio::test]
async fn if_match_without_quotes_is_found_out() {
    let server = Server::start(|parts| {
        let etag = parts.headers.get("if-match").and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        if is_put(parts)
            && let Some(etag) = etag
        {
            let quoted =
                if etag.starts_with('"') { "\"no such ETag\"".to_owned() } else { format!("\"{etag}\"") };
            parts.headers.insert("if-match", HeaderValue::try_from(quoted).unwrap());
        }
        None
    });
    let found = server.await.findings().await;
    assert_eq!(found.put.if_match, IfMatch::Bare);
    assert_eq!(found.put.if_match.value("e").as_deref(), Some("e"));
}

#[tokio::test]
async fn the_header_that_binds_a_copy_is_found_out() {
    const STANDARD: &str = "x-amz-copy-source-if-match";
    const CEPH: &str = "x-amz-copy-if-match";
    for (standard, ceph, expected) in [
        (Some(STANDARD), Some(STANDARD), SourcePin::Standard),
        (None, Some(STANDARD), SourcePin::Ceph),
        (None, None, SourcePin::Ignored),
    ] {
        let server = Server::start(move |parts| {
            let (standards, cephs) = (parts.headers.remove(STANDARD), parts.headers.remove(CEPH));
            for (value, name) in [(standards, standard), (cephs, ceph)] {
                if let (Some(value), Some(name)) = (value, name) {
                    parts.headers.insert(name, value);
                }
            }
            None
        });
        assert_eq!(server.await.findings().await.copy_source, expected);
    }
}

/// As Ceph's gateway does.
#[tokio::test]
async fn metadata_that_comes_back_under_another_name_is_found_out() {
    let server = Server::start(|parts| {
        rename(parts, "x-amz-meta-probe_a", Some("x-amz-meta-probe-a"));
        None
    });
    let metadata = server.await.findings().await.metadata;
    assert!(!metadata.underscores && metadata.empty);
}

#[tokio::test]
async fn the_most_metadata_is_found_out() {
    for (most, expected) in [(usize::MAX, 4096), (3000, 2048), (2048, 2048)] {
        let server = Server::start(move |parts| {
            let metadata = parts.headers.iter().filter_map(|(name, value)| {
                Some(name.as_str().strip_prefix("x-amz-meta-")?.len() + value.len())
            });
            (metadata.sum::<usize>() > most).then(|| refusal(400, "MetadataTooLarge"))
        });
        assert_eq!(server.await.findings().await.metadata.max_bytes, expected, "{most}");
    }
}

/// As Garage does, and others with other limits; also with refusals that look like failures.
#[tokio::test]
async fn the_longest_key_is_found_out_to_the_byte() {
    for (longest, status) in [(479, 503), (300, 400), (1023, 400), (100, 500)] {
        let server = Server::start(move |parts| {
            // Not all names that a file can have are of one folder: this store has no such limit of its own.
            let long = parts.uri.path().strip_prefix("/the-state/")?.len();
            let probing = parts.uri.path().ends_with("lllll");
            if long > longest {
                return Some(refusal(status, "KeyTooLong"));
            }
            (probing && is_put(parts)).then(|| {
                let mut done = Response::new(Body::empty());
                done.headers_mut().insert("etag", HeaderValue::from_static("\"e\""));
                done
            })
        });
        assert_eq!(server.await.findings().await.max_key_bytes, longest);
    }
}

/// As Garage does.
#[tokio::test]
async fn keys_that_become_others_are_found_out() {
    let server = Server::start(|parts| {
        let uri = parts.uri.to_string().replace("/the-state//", "/the-state/");
        parts.uri = uri.parse().unwrap();
        None
    });
    assert!(!server.await.findings().await.keys.leading_slash);
    let server = Server::start(|parts| {
        let uri = parts.uri.to_string().replace("/a//b", "/a/b");
        parts.uri = uri.parse().unwrap();
        None
    });
    assert!(!server.await.findings().await.keys.double_slash);
}

#[tokio::test]
async fn a_store_that_changes_what_it_is_given_cannot_be_used() {
    type Change = fn(&mut Parts);
    let changes: [(Change, &str); 2] = [
        (|parts| drop(parts.headers.remove("content-language")), "`content-language`"),
        (|parts| drop(parts.headers.remove("x-amz-meta-hallmark")), "`x-amz-meta-hallmark`"),
    ];
    for (change, header) in changes {
        let server = Server::start(move |parts| {
            change(parts);
            None
        });
        let error = server.await.failure().await;
        assert_eq!(error.fault, StoreFault::Protocol);
        let expected = format!("the store cannot be used: the header {header} does not come back as it went");
        assert_eq!(error.message, expected);
    }
}

#[tokio::test]
async fn a_state_bucket_that_cannot_be_used_is_named() {
    let denied = Server::start(|_| Some(refusal(403, "AccessDenied"))).await.failure().await;
    assert_eq!(
        denied.message,
        "the state bucket `the-state` cannot be used: the credentials may not use it, or are wrong"
    );
    let unmade = Server::start(|parts| {
        let making = parts.method == Method::PUT && parts.uri.path().trim_end_matches('/') == "/the-state";
        making.then(|| refusal(403, "AccessDenied"))
    });
    let unmade = unmade.await.failure().await.message;
    assert!(
        unmade
            .starts_with("the state bucket `the-state` cannot be used: it is not there, and cannot be made"),
        "{unmade}"
    );
}

#[tokio::test]
async fn a_store_that_fails_is_asked_again_but_not_for_ever() {
    let server = Server::start(|_| Some(refusal(503, "SlowDown"))).await;
    assert_eq!(server.failure().await.fault, StoreFault::Unavailable);
    assert_eq!(server.requests.load(Ordering::Relaxed), 2);

    let failed = AtomicUsize::new(0);
    let server = Server::start(move |parts| {
        let first = parts.uri.path().ends_with("round") && failed.fetch_add(1, Ordering::Relaxed) == 0;
        first.then(|| refusal(503, "SlowDown"))
    });
    assert!(server.await.findings().await.put.absent);
}

#[tokio::test]
async fn a_store_that_says_nothing_is_not_waited_for_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = Server {
        address: listener.local_addr().unwrap(),
        requests: Arc::default(),
        folder: tempfile::tempdir().unwrap(),
    };
    let begin = Instant::now();
    let error = silent.failure().await;
    assert_eq!(error.fault, StoreFault::Timeout, "{error}");
    assert!(begin.elapsed() < Duration::from_secs(10));
}
