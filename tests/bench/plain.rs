//! The embedded store without the proxy: behind a bare HTTP server, and driven from within the same process.
//!
//! It checks nothing, hashes nothing and seals nothing, but hands bodies to the store as the proxy does: piece by piece
//! through a channel, and then the word to keep them. Of S3 it knows as much as [`crate::transfer`] asks for.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use hallmark_proxy::name::{BucketName, ObjectKey, ObjectName};
use hallmark_proxy::store::local::LocalStore;
use hallmark_proxy::store::{
    Attributes, Body, BodyWriter, Guard, NewBucket, PartNumber, Pin, Source, StageId, StagedPart, Store as _,
    Write,
};
use hallmark_signer::SealedHeaders;
use http::{Method, Request, Response};
use http_body_util::{BodyDataStream, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::content::{Block, Pattern};
use crate::load::BUCKET;

/// What the store is told to keep as an ETag; nobody asks for it.
const ETAG: &str = "00000000000000000000000000000000";

/// The store, and what a client of it has to remember.
struct Plain {
    store: LocalStore,
    block: Block,
    /// The parts that lie in each stage.
    parts: Mutex<HashMap<StageId, BTreeMap<PartNumber, StagedPart>>>,
    /// What the store calls the objects, by key.
    pins: Mutex<HashMap<String, Pin>>,
}

/// Serves the store in `directory` until it is killed. Prints its address when it takes connections.
pub(crate) async fn serve(directory: &Path) {
    let plain = Arc::new(Plain {
        store: LocalStore::open(directory).expect("the directory can be used"),
        block: Block::make(),
        parts: Mutex::default(),
        pins: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be bound");
    println!("listening on http://{}", listener.local_addr().expect("it has an address"));
    loop {
        let (stream, _) = listener.accept().await.expect("connections can be accepted");
        stream.set_nodelay(true).expect("an open socket has options");
        let plain = plain.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&plain, request));
            // A client that goes away is no matter.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(plain: &Plain, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let query: HashMap<&str, &str> = head.uri.query().unwrap_or_default().split('&').map(pair).collect();
    let key = head.uri.path().rsplit('/').next().unwrap_or_default();
    let length = || header("content-length").and_then(|text| text.parse().ok()).expect("bodies have lengths");
    let pieces = BodyDataStream::new(body).map(|piece| piece.expect("the client stays"));
    let stage = query.get("uploadId").map(|text| StageId::parse(text).expect("it was given out here"));
    let text = match (&head.method, stage) {
        (&Method::POST, Some(stage)) => plain.complete(key, &stage).await,
        (&Method::POST, None) if query.contains_key("uploads") => {
            format!("<UploadId>{}</UploadId>", plain.begin().await.as_str())
        }
        (&Method::POST, None) => plain.drive(key, &query).await,
        (&Method::PUT, Some(stage)) => {
            plain.part(&stage, number(query["partNumber"]), length(), pieces).await;
            answer_etag()
        }
        (&Method::PUT, None) if key.is_empty() || key == BUCKET => plain.make_bucket().await,
        (&Method::PUT, None) => match header("x-amz-copy-source") {
            Some(source) => plain.copy(source.rsplit('/').next().unwrap_or_default(), key).await,
            None => plain.put(key, length(), pieces).await,
        },
        _ => panic!("nobody asks for this"),
    };
    Ok(Response::new(Full::new(text.into())))
}

fn pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

fn answer_etag() -> String {
    format!("<ETag>{ETAG}</ETag>")
}

impl Plain {
    async fn make_bucket(&self) -> String {
        let bucket = object("any").bucket;
        self.store.create_bucket(&bucket, NewBucket::default()).await.expect("the store works");
        String::new()
    }

    /// Stores what it makes itself, so that nothing but the store takes processor time.
    async fn drive(&self, what: &str, query: &HashMap<&str, &str>) -> String {
        let of = |name| query[name].parse::<u64>().expect("a number");
        let pattern = self.block.pattern(0, of("length"));
        match what {
            "put" => self.put(query["key"], pattern.length(), stream::iter(pattern.pieces())).await,
            "parts" => {
                let stage = self.begin().await;
                let parts = pattern.parts(of("part")).into_iter().zip(1..);
                let at_once = usize::try_from(of("connections")).expect("not many");
                let store = |(part, number): (Pattern, u64)| {
                    let number = PartNumber::new(number).expect("not that many");
                    self.part(&stage, number, part.length(), stream::iter(part.pieces()))
                };
                stream::iter(parts).map(store).buffer_unordered(at_once).collect::<()>().await;
                self.complete(query["key"], &stage).await
            }
            _ => panic!("nobody asks for this"),
        }
    }

    async fn put(&self, key: &str, length: u64, pieces: impl Stream<Item = Bytes>) -> String {
        let (writer, body) = Body::channel(1);
        let name = object(key);
        let put = self.store.put(&name, write(), length, body);
        let (committed, ()) = tokio::join!(put, feed(writer, pieces));
        self.keep(key, committed.expect("the store works").pin);
        answer_etag()
    }

    async fn begin(&self) -> StageId {
        self.store.stage_open().await.expect("the store works")
    }

    async fn part(
        &self,
        stage: &StageId,
        number: PartNumber,
        length: u64,
        pieces: impl Stream<Item = Bytes>,
    ) {
        let (writer, body) = Body::channel(1);
        let put = self.store.stage_part(stage, number, length, body);
        let (pin, ()) = tokio::join!(put, feed(writer, pieces));
        let part = StagedPart { number, length, pin: pin.expect("the store works") };
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.entry(stage.clone()).or_default().insert(number, part);
    }

    async fn complete(&self, key: &str, stage: &StageId) -> String {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner).remove(stage);
        let parts: Vec<_> = parts.expect("parts were sent").into_values().collect();
        self.store.stage_close(stage, &parts).await.expect("the store works");
        let promoted = self.store.promote(stage, &parts, &object(key), write(), ETAG).await;
        self.keep(key, promoted.expect("the store works").pin);
        answer_etag()
    }

    async fn copy(&self, source: &str, key: &str) -> String {
        let pin = self.pins.lock().unwrap_or_else(PoisonError::into_inner).get(source).cloned();
        let pin = pin.expect("it was stored");
        let source = Source { object: object(source), version: None, pin, while_staged: None };
        let copied = self.store.copy(&source, &object(key), write(), ETAG).await;
        self.keep(key, copied.expect("the store works").pin);
        answer_etag()
    }

    fn keep(&self, key: &str, pin: Pin) {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), pin);
    }
}

/// Hands a body over, as the proxy does.
async fn feed(writer: BodyWriter, pieces: impl Stream<Item = Bytes>) {
    let mut pieces = std::pin::pin!(pieces);
    while let Some(piece) = pieces.next().await {
        writer.data(piece).await.expect("the store takes it");
    }
    writer.commit(ETAG).await.expect("the store takes it");
}

fn object(key: &str) -> ObjectName {
    ObjectName {
        bucket: BucketName::parse(BUCKET).expect("it is one"),
        key: ObjectKey::parse(key).expect("keys here are plain"),
    }
}

fn write() -> Write {
    Write::new(Attributes { headers: SealedHeaders::default(), hallmark: None }, Guard::Any)
}

fn number(text: &str) -> PartNumber {
    PartNumber::new(text.parse().expect("a number")).expect("not that many")
}
