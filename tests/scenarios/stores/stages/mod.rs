//! Stages, promotions and copies over stores that fail in between: whatever answer is lost, what is done is done once and
//! what is over is over.

pub(super) mod fence;
pub(super) mod lost;
pub(super) mod sweep;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use bytes::Bytes;
use hallmark_config::S3Store as Settings;
use hallmark_proxy::name::{BucketName, ObjectKey, ObjectName};
use hallmark_proxy::proof::dissect;
use hallmark_proxy::store::s3::S3Store;
use hallmark_proxy::store::{
    Attributes, Body, Committed, GetError, Guard, NewBucket, PartNumber, Pin, PutError, Source, Span,
    StageId, StagedPart, Store as _, Write,
};
use hallmark_tests::fault::FaultProxy;
use hallmark_tests::s3::Client;
use hallmark_tests::stores::{Account, Kind, STATE_BUCKET, settings};
use tempfile::TempDir;

const BUCKET: &str = "artifacts";
const MIB: usize = 1 << 20;

/// A store in this process that reaches a real one through a proxy that can make it fail.
struct Lab {
    fault: FaultProxy,
    store: S3Store,
    account: Account,
    _credentials: TempDir,
}

/// Runs a test over an account of its own.
fn over(kind: Kind, test: impl AsyncFnOnce(&Lab)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let lab = runtime.block_on(Lab::new(Account::new(kind)));
    runtime.block_on(test(&lab));
}

impl Lab {
    async fn new(account: Account) -> Self {
        let fault = FaultProxy::start(account.address());
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("credentials");
        fs::write(&file, account.credentials()).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let settings =
            Settings { answer_timeout: Duration::from_secs(5), ..settings(fault.endpoint(), file) };
        let store = S3Store::connect(&settings, &BTreeMap::new()).await.expect("it can be reached");
        store.probe().await.expect("it can be probed");
        let bucket = BucketName::parse(BUCKET).unwrap();
        assert!(store.create_bucket(&bucket, NewBucket::default()).await.unwrap());
        fault.take_calls();
        Self { fault, store, account, _credentials: directory }
    }

    fn behind(&self) -> Client {
        self.account.client()
    }

    /// What stands in the state bucket, but for what the probe may have left.
    async fn state(&self) -> Vec<String> {
        let client = self.behind();
        let keys = tokio::task::spawn_blocking(move || {
            ["stages/", "scratch/", "records/"].map(|prefix| client.keys(STATE_BUCKET, prefix)).concat()
        });
        keys.await.unwrap().into_iter().filter(|key| !key.contains("probe")).collect()
    }

    /// The multipart uploads that are open in a bucket.
    async fn uploads(&self, bucket: &'static str) -> Vec<String> {
        let client = self.behind();
        let list = tokio::task::spawn_blocking(move || {
            client.ask("GET", &format!("/{bucket}?uploads"), &[], &[]).elements("UploadId")
        });
        list.await.unwrap()
    }

    /// A closed stage of two parts, and its bytes.
    async fn closed(&self) -> (StageId, Vec<StagedPart>, Bytes) {
        let (stage, parts, bytes) = self.staged().await;
        self.store.stage_close(&stage, &parts).await.expect("it can be closed");
        self.fault.take_calls();
        (stage, parts, bytes)
    }

    /// A stage of two parts that is still open.
    async fn staged(&self) -> (StageId, Vec<StagedPart>, Bytes) {
        let stage = self.store.stage_open().await.expect("a stage can be opened");
        let bytes: Bytes = (0..5 * MIB + 7).map(|n| (n / 251) as u8).collect();
        let mut parts = Vec::new();
        for (number, part) in [(1, bytes.slice(..5 * MIB)), (2, bytes.slice(5 * MIB..))] {
            let (number, length) = (PartNumber::new(number).unwrap(), part.len() as u64);
            let pin = self.store.stage_part(&stage, number, length, Body::whole(part, "part")).await;
            parts.push(StagedPart { number, length, pin: pin.expect("a part can be stored") });
        }
        (stage, parts, bytes)
    }

    async fn promote(&self, stage: &StageId, parts: &[StagedPart]) -> Result<Committed, PutError> {
        self.store.promote(stage, parts, &object("made"), write("promoted"), "etag").await
    }

    /// Puts an object to be copied.
    async fn source(&self, bytes: &Bytes) -> Pin {
        let body = Body::whole(bytes.clone(), "etag");
        let put = self.store.put(&object("source"), write("source"), bytes.len() as u64, body).await;
        put.expect("it can be put").pin
    }

    async fn copy(&self, pin: &Pin, while_staged: Option<StageId>) -> Result<Committed, PutError> {
        let source = Source { object: object("source"), version: None, pin: pin.clone(), while_staged };
        self.store.copy(&source, &object("made"), write("copied"), "etag").await
    }

    /// What stands under the name of what is made: whose it is, and its bytes.
    async fn made(&self) -> Option<(String, Bytes)> {
        match self.store.get(&object("made"), None, Span::All, None).await {
            Ok(found) => {
                let found = dissect::object(found).await.expect("it can be read");
                Some((found.attributes.hallmark.expect("it says whose it is"), found.bytes))
            }
            Err(GetError::NoSuchKey) => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn expect_made(&self, by: &str, bytes: &Bytes) {
        let (whose, found) = self.made().await.expect("it is there");
        assert_eq!(whose, by);
        assert!(found == *bytes, "other bytes");
    }

    /// Checks that nothing is left of a stage.
    async fn expect_gone(&self, stage: &StageId, parts: &[StagedPart]) {
        // As something else than what stands there: that is found to have been made, whatever became of its stage.
        let again = self.store.promote(stage, parts, &object("made"), write("again"), "etag").await;
        assert!(matches!(again, Err(PutError::NoSuchStage)), "{again:?}");
        assert_eq!(self.state().await, [""; 0]);
        assert_eq!(self.uploads(STATE_BUCKET).await, [""; 0]);
        assert_eq!(self.uploads(BUCKET).await, [""; 0]);
    }
}

fn object(key: &str) -> ObjectName {
    ObjectName { bucket: BucketName::parse(BUCKET).unwrap(), key: ObjectKey::parse(key).unwrap() }
}

/// A write without a condition, that says whose it is.
fn write(by: &str) -> Write {
    let mut attributes = Attributes { headers: Default::default(), hallmark: Some(by.to_owned()) };
    attributes.headers.insert("content-type", "application/x-test").unwrap();
    Write::new(attributes, Guard::Any)
}
