//! Uploads whose length nobody says, at the gate: they go through a stage, and nothing of that is seen.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use hallmark_config::Config;
use hallmark_proxy::gate::{Gate, GateError, Recency, Upload, Uploaded, Wanted};
use hallmark_proxy::name::{BucketName, ObjectKey, ObjectName};
use hallmark_proxy::proof::Reader;
use hallmark_proxy::s3::auth::PayloadClaim;
use hallmark_proxy::s3::condition::PutCondition;
use hallmark_proxy::s3::error::S3Error;
use hallmark_proxy::s3::payload::Payload;
use hallmark_proxy::store::{Lock, StateArea, Store, StoreFault, Tags};
use hallmark_signer::{By, Md5Digest, Op, SealedHeaders, Sha256Digest};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::{Call, MemoryStore, Mishap};
use hallmark_tests::site::{Options, Site};
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;

const BUCKET: &str = "artifacts";

struct Lab {
    store: Arc<MemoryStore>,
    gate: Gate,
    _site: Site,
}

impl Lab {
    async fn new() -> Self {
        let site = Site::new(&Options {
            tables: "[limits]\nmax_object_size = \"32 MiB\"\n".into(),
            ..Options::default()
        });
        let store = Arc::new(MemoryStore::new());
        store.create_bucket(&BucketName::parse(BUCKET).unwrap(), Default::default()).await.unwrap();
        let config = Config::load(&site.config_file()).unwrap();
        let gate = hallmark_proxy::gate_before(&config, Arc::clone(&store) as Arc<dyn Store>).unwrap();
        Self { store, gate, _site: site }
    }

    /// Sends `bytes`, and then what `end` says: nothing, or that the connection broke.
    async fn put(
        &self,
        bytes: &[u8],
        end: Option<std::io::Error>,
        headers: &HeaderMap,
    ) -> Result<Uploaded, GateError> {
        let pieces: Vec<_> =
            bytes.chunks(100_000).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
        let body = StreamBody::new(stream::iter(pieces.into_iter().chain(end.map(Err))));
        let payload = Payload::new(body, PayloadClaim::Unsigned, headers).unwrap();
        let upload = Upload {
            name: object(),
            by: By::client("ci").unwrap(),
            headers: SealedHeaders::default(),
            condition: PutCondition::None,
            tags: Tags::default(),
            lock: Lock::default(),
        };
        self.gate.put(upload, payload, "ci").await
    }

    async fn stands(&self) -> Option<Sha256Digest> {
        let found = self.gate.head(&object(), None, Reader::Trusting, "ci").await.ok()?;
        found.seal().map(|seal| *seal.sha256())
    }

    fn assert_nothing_is_left(&self) {
        assert_eq!(self.store.stage_names(), Vec::<String>::new());
        assert!(self.store.state_names(StateArea::Scratch).is_empty());
    }
}

fn object() -> ObjectName {
    ObjectName { bucket: BucketName::parse(BUCKET).unwrap(), key: ObjectKey::parse("key").unwrap() }
}

fn code(error: GateError) -> &'static str {
    S3Error::from(error).code.as_str()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_length_becomes_an_upload_like_any_other() {
    let lab = Lab::new().await;
    for length in [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 16 * MIB, 17 * MIB + 5, 32 * MIB] {
        let bytes = content(1, length);
        let uploaded = lab.put(&bytes, None, &HeaderMap::new()).await.unwrap();
        assert_eq!(uploaded.etag.to_string(), Md5Digest::of(&bytes).to_hex(), "{length}");
        let found = lab.gate.head(&object(), None, Reader::Trusting, "ci").await.unwrap();
        let seal = found.seal().unwrap();
        assert_eq!((*seal.sha256(), seal.op()), (Sha256Digest::of(&bytes), Op::Put), "{length}");
        assert!(lab.store.object(BUCKET, "key").bytes == bytes);
        let (name, reader) = (object(), Reader::Trusting);
        let wanted = Wanted { name: &name, version: None, reader, recency: Recency::Now, client: "ci" };
        let download = lab.gate.get(wanted, None).await.unwrap();
        lab.gate.release(download).await.unwrap();
        lab.assert_nothing_is_left();
    }
    let longer = lab.put(&content(1, 32 * MIB + 1), None, &HeaderMap::new()).await.unwrap_err();
    assert_eq!(code(longer), "EntityTooLarge");
    assert_eq!(lab.stands().await, Some(Sha256Digest::of(&content(1, 32 * MIB))));
    lab.assert_nothing_is_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_what_breaks_off_or_is_not_what_was_declared_leaves_nothing() {
    let lab = Lab::new().await;
    let bytes = content(1, 17 * MIB);
    for sent in [9 * MIB, 16 * MIB, 17 * MIB] {
        let sent = &bytes[..usize::try_from(sent).unwrap()];
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(code(lab.put(sent, Some(broken), &HeaderMap::new()).await.unwrap_err()), "IncompleteBody");
    }
    let mut headers = HeaderMap::new();
    headers.insert("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==".parse().unwrap());
    assert_eq!(code(lab.put(&bytes, None, &headers).await.unwrap_err()), "BadDigest");
    assert_eq!(lab.stands().await, None);
    lab.assert_nothing_is_left();
}

/// Each call fails in turn.
#[tokio::test(flavor = "multi_thread")]
async fn p2_what_the_store_does_not_take_leaves_what_was_there() {
    let (old, new) = (content(2, 10), content(1, 17 * MIB));
    let fault = StoreFault::Unavailable;
    for call in
        [Call::StageOpen, Call::StagePart, Call::StageClose, Call::StatePut, Call::Promote, Call::StageDrop]
    {
        for mishap in [Mishap::Fails(fault), Mishap::PersistsAndFails(fault)] {
            let lab = Lab::new().await;
            lab.put(&old, None, &HeaderMap::new()).await.unwrap();
            lab.store.go_wrong(call, mishap);
            let answer = lab.put(&new, None, &HeaderMap::new()).await;
            let expected = if answer.is_ok() { &new } else { &old };
            assert_eq!(lab.stands().await, Some(Sha256Digest::of(expected)), "{call:?} {mishap:?}");
        }
    }
}

/// The client goes away, and with it everything that waited for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_no_stage() {
    let lab = Arc::new(Lab::new().await);
    let gate = lab.store.hold(Call::StagePart);
    let sending = tokio::spawn({
        let lab = Arc::clone(&lab);
        async move { lab.put(&content(1, 9 * MIB), None, &HeaderMap::new()).await.map(|_| ()) }
    });
    gate.reached().await;
    sending.abort();
    let _ = sending.await;
    gate.release();
    for _ in 0..1000 {
        if lab.store.stage_names().is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    lab.assert_nothing_is_left();
}

/// A refusal that is not the store's last word takes nothing away from what stands there.
#[tokio::test(flavor = "multi_thread")]
async fn p6_what_is_refused_and_stands_there_keeps_its_record() {
    let lab = Lab::new().await;
    let bytes = content(1, 9 * MIB);
    lab.store.go_wrong(Call::Promote, Mishap::PersistsAndRefuses);
    lab.put(&bytes, None, &HeaderMap::new()).await.unwrap();
    assert_eq!(lab.stands().await, Some(Sha256Digest::of(&bytes)));
    lab.assert_nothing_is_left();
}

/// Many at once take all the memory that their client may hold, and each needs a little more for its parts: they do not wait
/// for each other for ever, which all of them would do.
#[tokio::test(flavor = "multi_thread")]
async fn p7_uploads_that_need_more_memory_do_not_all_wait_for_each_other() {
    let lab = Lab::new().await;
    let bytes = content(1, 17 * MIB);
    let headers = HeaderMap::new();
    let puts = (0..16).map(|_| lab.put(&bytes, None, &headers));
    let puts = futures_util::future::join_all(puts).await;
    // Those for which there is memory; the others may be told to slow down.
    let done = puts.iter().filter(|put| put.is_ok()).count();
    assert!(done >= 4, "{done}: {puts:?}");
}
