//! What the tests of this module share.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use hallmark_config::{BucketName, Config};
use hallmark_signer::{By, SealedHeaders};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use http_body_util::StreamBody;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{Marker, NewUpload, PartRecord};
use crate::gate::{Gate, GateError};
use crate::name::{ObjectKey, ObjectName};
use crate::s3::auth::PayloadClaim;
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::Payload;
use crate::store::local::LocalStore;
use crate::store::{Lock, NewBucket, PartNumber, StateArea, Store, Tags};

pub(super) fn object(bucket: &str, key: &str) -> ObjectName {
    ObjectName { bucket: BucketName::parse(bucket).unwrap(), key: ObjectKey::parse(key).unwrap() }
}

pub(super) fn number(number: u64) -> PartNumber {
    PartNumber::new(number).unwrap()
}

/// Keys around the length at which names cut them, often with the same beginning.
pub(super) fn any_key() -> impl Strategy<Value = String> {
    let begin = prop_oneof![Just(0usize), Just(90), Just(94), Just(95), Just(96), Just(97)];
    (begin, "[a-b/~é]{1,4}").prop_map(|(begin, end)| format!("{}{end}", "k".repeat(begin)))
}

/// A deployment with the embedded store and the buckets `bbb` and `ccc`.
pub(super) struct Site {
    pub(super) gate: Gate,
    pub(super) store: Arc<dyn Store>,
    config: Config,
    _dir: TempDir,
}

pub(super) type TestBody = StreamBody<BoxStream<'static, Result<Frame<Bytes>, S3Error>>>;

impl Site {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hallmark");
        let config = Config::load(&crate::bootstrap::prepare(&path).unwrap()).unwrap();
        let store: Arc<dyn Store> = Arc::new(LocalStore::open(&path.join("store")).unwrap());
        for bucket in ["bbb", "ccc"] {
            assert!(
                store.create_bucket(&BucketName::parse(bucket).unwrap(), NewBucket::default()).await.unwrap()
            );
        }
        let gate = crate::app::gate_before(&config, store.clone()).unwrap();
        Self { gate, store, config, _dir: dir }
    }

    /// Another instance of the same deployment.
    pub(super) fn another(&self) -> Gate {
        crate::app::gate_before(&self.config, self.store.clone()).unwrap()
    }

    pub(super) async fn create(&self, key: &str) -> Marker {
        self.gate.create_upload(new_upload(key), "ci").await.unwrap()
    }

    /// All names in the scratch area.
    pub(super) async fn scratch(&self) -> Vec<String> {
        self.store.state_list(StateArea::Scratch, "", None, 10_000).await.unwrap()
    }

    pub(super) async fn records(&self, marker: &Marker) -> BTreeMap<PartNumber, PartRecord> {
        self.gate.part_records(marker).await.unwrap().clone()
    }
}

pub(super) fn new_upload(key: &str) -> NewUpload {
    NewUpload {
        object: object("bbb", key),
        by: By::client("ci").unwrap(),
        headers: SealedHeaders::default(),
        tags: Tags::default(),
        lock: Lock::default(),
        checksum: None,
    }
}

/// A body of these bytes, in pieces as they come off a network.
pub(super) fn payload(bytes: &[u8], headers: &[(&'static str, &str)]) -> Payload<TestBody> {
    let pieces: Vec<_> =
        bytes.chunks(60_000).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let headers = headers.iter().copied().map(|(name, value)| (name, value.to_owned()));
    of_stream(Box::pin(stream::iter(pieces)), headers.chain([("content-length", bytes.len().to_string())]))
}

/// A body of `length` bytes whose pieces are still to be sent.
pub(super) fn sending(length: usize) -> (mpsc::UnboundedSender<Vec<u8>>, Payload<TestBody>) {
    let (sender, receiver) = mpsc::unbounded_channel::<Vec<u8>>();
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (Ok(Frame::data(piece.into())), receiver))
    });
    (sender, of_stream(Box::pin(pieces), [("content-length", length.to_string())]))
}

/// A body of unknown length.
pub(super) fn unannounced(bytes: &[u8]) -> Payload<TestBody> {
    let pieces: Vec<_> =
        bytes.chunks(60_000).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    of_stream(Box::pin(stream::iter(pieces)), [])
}

fn of_stream(
    pieces: BoxStream<'static, Result<Frame<Bytes>, S3Error>>,
    headers: impl IntoIterator<Item = (&'static str, String)>,
) -> Payload<TestBody> {
    let header = |(name, value): (&'static str, String)| {
        (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap())
    };
    let headers: HeaderMap = headers.into_iter().map(header).collect();
    Payload::new(StreamBody::new(pieces), PayloadClaim::Unsigned, &headers).unwrap()
}

/// The code that clients see.
#[track_caller]
pub(super) fn code<T>(result: Result<T, GateError>) -> Code {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => S3Error::from(error).code,
    }
}
