//! Verdicts by the gate, whose clock the test sets, with caches that all configurations share: none may answer with another
//! one's policy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hallmark_config::{BucketName, Config};
use hallmark_proxy::gate::{Clock, Gate, GateError, Recency, Upload, Wanted};
use hallmark_proxy::name::{ObjectKey, ObjectName};
use hallmark_proxy::proof::{Kept, Reader};
use hallmark_proxy::s3::auth::PayloadClaim;
use hallmark_proxy::s3::condition::PutCondition;
use hallmark_proxy::s3::payload::Payload;
use hallmark_proxy::store::{Lock, NewBucket, Store, Tags};
use hallmark_signer::{By, SIGNATURE_HEADER, SealedHeaders};
use hallmark_tests::memory::{MemoryStore, StoredObject};
use hallmark_tests::site::{Options, Site};
use http_body_util::{BodyExt as _, Full};

pub(super) const BUCKET: &str = "table";

/// 2026-01-01T00:00:00Z; tests count days from there.
const YEAR: u64 = 1_767_225_600_000;
const DAY: u64 = 24 * 60 * 60 * 1000;

pub(super) struct Lab {
    pub(super) site: Site,
    store: Arc<MemoryStore>,
    kept: Arc<Kept>,
    clock: Arc<AtomicU64>,
}

/// What is expected: of whom the verdict says that they count, or why it is refused.
pub(super) type Verdict = Result<&'static str, Why>;

/// The label of a refusal, and how the reason ends that clients are told; `…` stands for anything.
pub(super) type Why = (&'static str, &'static str);

pub(super) const MISSING: Why = ("signature_missing", "requires a publisher's signature and there is none");
pub(super) const UNTRUSTED: Why =
    ("signer_untrusted", "no signature is by a key that the rule for this key trusts");
pub(super) const A_REVOKED: Why = ("key_revoked", "the only good signature is by `a`, and revoked: lost");

/// What each key's table says beside the key: of `a`, `b` and `c`.
pub(super) type Keys = [&'static str; 3];

impl Lab {
    pub(super) fn new() -> Self {
        let site = Site::new(&Options::default());
        for key in ["a", "b", "c"] {
            site.make_key(key);
        }
        let kept = Arc::new(Kept::new(&Config::load(&site.config_file()).unwrap().cache));
        Self { site, store: Arc::new(MemoryStore::new()), kept, clock: Arc::new(AtomicU64::new(YEAR)) }
    }

    pub(super) async fn make_bucket(&self) {
        let new = NewBucket { owner: None, object_lock: false };
        self.store.create_bucket(&name("any").bucket, new).await.unwrap();
    }

    /// It is so many days after the beginning of the year.
    pub(super) fn day(&self, day: u64) {
        self.clock.store(YEAR + day * DAY, Ordering::SeqCst);
    }

    /// As somebody with access to the store takes it away.
    pub(super) fn remove(&self, key: &str) {
        self.store.remove(BUCKET, key);
    }

    /// What the store holds under this key.
    pub(super) fn object(&self, key: &str) -> StoredObject {
        self.store.object(BUCKET, key)
    }

    /// Puts that there again.
    pub(super) fn place(&self, key: &str, object: StoredObject) {
        self.store.place(BUCKET, key, object);
    }

    /// A gate by these keys, this rule for everything, and these tables.
    pub(super) fn gate(&self, keys: Keys, rule: Option<&str>, tables: &str) -> Gate {
        let keys: String = ["a", "b", "c"]
            .iter()
            .zip(keys)
            .map(|(name, more)| format!("keys.{name} = {{ public_key_file = \"{name}.pub\"{more} }}\n"))
            .collect();
        let rules = rule.map(|rule| format!("rules = [{{ prefix = \"\", {rule} }}]")).unwrap_or_default();
        let text = format!(
            "realm = \"test\"\nseal.key_file = \"seal.key\"\nstore.path = \"data\"\n{keys}\
             roles.two = {{ signers = [\"a\", \"b\", \"c\"], threshold = 2 }}\n\
             roles.a.signers = [\"a\"]\nroles.b.signers = [\"b\"]\nroles.c.signers = [\"c\"]\n{tables}\n\
             [buckets.{BUCKET}]\nfreshness = \"5m\"\n{rules}\n"
        );
        let path = self.site.path().join("row.toml");
        std::fs::write(&path, text).unwrap();
        let config = Config::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let gate = hallmark_proxy::gate_keeping(&config, store, Arc::clone(&self.kept)).unwrap();
        let clock = Arc::clone(&self.clock);
        gate.with_clock(Clock::new(move || clock.load(Ordering::SeqCst)))
    }

    pub(super) async fn put(
        &self,
        gate: &Gate,
        key: &str,
        body: &[u8],
        signed_by: &[&str],
    ) -> Result<(), GateError> {
        let mut headers = SealedHeaders::default();
        if !signed_by.is_empty() {
            let signatures: Vec<_> = signed_by.iter().map(|key| self.site.signature(key, body)).collect();
            headers.insert(SIGNATURE_HEADER, &signatures.join(",")).unwrap();
        }
        headers.insert("content-type", "application/octet-stream").unwrap();
        let upload = Upload {
            name: name(key),
            by: By::client("ci").unwrap(),
            headers,
            condition: PutCondition::None,
            tags: Tags::default(),
            lock: Lock::default(),
        };
        let length = http::HeaderMap::from_iter([(http::header::CONTENT_LENGTH, body.len().into())]);
        let body = Full::new(Bytes::copy_from_slice(body));
        let payload = Payload::new(body, PayloadClaim::Unsigned, &length).unwrap();
        gate.put(upload, payload, "ci").await.map(drop)
    }
}

pub(super) fn name(key: &str) -> ObjectName {
    ObjectName { bucket: BucketName::parse(BUCKET).unwrap(), key: ObjectKey::parse(key).unwrap() }
}

/// What came of something: who counts, or label and reason of the refusal.
pub(super) type Told = Result<String, (&'static str, String)>;

fn told<T>(result: Result<T, GateError>, good: impl FnOnce(T) -> String) -> Told {
    result.map(good).map_err(|error| (error.label(), error.to_string()))
}

/// What becomes of an upload, with signatures by these in its header: nothing is there to be told if it is good.
pub(super) async fn put(lab: &Lab, gate: &Gate, key: &str, body: &[u8], signed_by: &[&str]) -> Told {
    told(lab.put(gate, key, body, signed_by).await, |()| String::new())
}

/// Whether `reason` ends so.
fn ends(reason: &str, end: &str) -> bool {
    match end.split_once('…') {
        None => reason.ends_with(end),
        Some((first, rest)) => reason.split_once(first).is_some_and(|(_, reason)| ends(reason, rest)),
    }
}

/// Whether that is what was expected.
pub(super) fn agree(told: &Told, expected: Result<&str, (&str, &str)>) -> bool {
    match (told, expected) {
        (Ok(verified), Ok(who)) => verified == who,
        (Err((label, reason)), Err((expected, end))) => *label == expected && ends(reason, end),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

/// Who counts, as HEAD and GET say alike; from memory as from the store.
pub(super) async fn read(gate: &Gate, key: &str) -> Told {
    let name = name(key);
    let mut verdicts = Vec::new();
    for recency in [Recency::Now, Recency::Fresh, Recency::Fresh] {
        let (reader, client) = (Reader::Trusting, "ci");
        let wanted = Wanted { name: &name, version: None, reader, recency, client };
        let looked = told(gate.look(wanted).await, |admitted| admitted.verified());
        let got = match gate.get(wanted, None).await {
            Ok(download) => {
                let verified = download.admitted().verified();
                gate.release(download).await.unwrap().carry().collect().await.unwrap();
                Ok(verified)
            }
            Err(error) => told(Err(error), |(): ()| String::new()),
        };
        verdicts.extend([looked, got]);
    }
    let first = verdicts[0].clone();
    assert!(verdicts.iter().all(|verdict| *verdict == first), "{verdicts:?}");
    first
}

pub(super) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// From day 9 on, and before day 19.
pub(super) const VALID: &str = ", not_before = 2026-01-10T00:00:00Z, not_after = 2026-01-20T00:00:00Z";
pub(super) const REVOKED: &str = ", revoked = \"lost\"";
/// From day 14 on.
pub(super) const REVOKED_AT: &str = ", revoked = \"lost\", revoked_at = 2026-01-15T00:00:00Z";
pub(super) const GOOD: Keys = ["", "", ""];
