//! Rules, signatures and times: the verdict on an upload, and on the download of what is there. Through the gate, whose
//! clock the test sets, with caches that all configurations share: none may answer with another one's policy.

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
use hallmark_tests::data::content;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::site::{Options, Site};
use http_body_util::{BodyExt as _, Full};

const BUCKET: &str = "table";

/// 2026-01-01T00:00:00Z; tests count days from there.
const YEAR: u64 = 1_767_225_600_000;
const DAY: u64 = 24 * 60 * 60 * 1000;

/// The rule of most rows: two of three.
const TWO: &str = "signatures = \"required\", all_of = [\"two\"]";
const ONE: &str = "signatures = \"required\", keys = [\"a\"]";
const OPTIONAL: &str = "signatures = \"optional\", keys = [\"a\"]";
/// The same as [`TWO`], judged at downloads.
const LATER: &str = "signatures = \"required\", all_of = [\"two\"], enforce = \"download\"";

struct Lab {
    site: Site,
    store: Arc<MemoryStore>,
    kept: Arc<Kept>,
    clock: Arc<AtomicU64>,
}

/// What is expected: of whom the verdict says that they count, or the label of the refusal.
type Verdict = Result<&'static str, &'static str>;

/// What each key's table says beside the key: of `a`, `b` and `c`.
type Keys = [&'static str; 3];

impl Lab {
    fn new() -> Self {
        let site = Site::new(&Options::default());
        for key in ["a", "b", "c"] {
            site.make_key(key);
        }
        let kept = Arc::new(Kept::new(&Config::load(&site.config_file()).unwrap().cache));
        Self { site, store: Arc::new(MemoryStore::new()), kept, clock: Arc::new(AtomicU64::new(YEAR)) }
    }

    async fn make_bucket(&self) {
        let new = NewBucket { owner: None, object_lock: false };
        self.store.create_bucket(&name("any").bucket, new).await.unwrap();
    }

    /// A gate by these keys, this rule for everything, and these tables.
    fn gate(&self, keys: Keys, rule: Option<&str>, tables: &str) -> Gate {
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

    async fn put(&self, gate: &Gate, key: &str, body: &[u8], signed_by: &[&str]) -> Result<(), GateError> {
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

fn name(key: &str) -> ObjectName {
    ObjectName { bucket: BucketName::parse(BUCKET).unwrap(), key: ObjectKey::parse(key).unwrap() }
}

/// Who counts, as HEAD and GET say alike; from memory as from the store.
async fn read(gate: &Gate, key: &str) -> Result<String, &'static str> {
    let name = name(key);
    let mut verdicts = Vec::new();
    for recency in [Recency::Now, Recency::Fresh, Recency::Fresh] {
        let (reader, client) = (Reader::Trusting, "ci");
        let wanted = Wanted { name: &name, version: None, reader, recency, client };
        let looked =
            gate.look(wanted).await.map(|admitted| admitted.verified()).map_err(|error| error.label());
        let got = match gate.get(wanted, None).await {
            Ok(download) => {
                let verified = download.admitted().verified();
                gate.release(download).await.unwrap().carry().collect().await.unwrap();
                Ok(verified)
            }
            Err(error) => Err(error.label()),
        };
        verdicts.extend([looked, got]);
    }
    let first = verdicts[0].clone();
    assert!(verdicts.iter().all(|verdict| *verdict == first), "{verdicts:?}");
    first
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// One row: uploaded on that day of January under these keys and this rule; and, uploaded where nothing is asked for, read
/// under them.
struct Row {
    keys: Keys,
    rule: &'static str,
    signed_by: &'static [&'static str],
    day: u64,
    upload: Verdict,
    download: Verdict,
}

const VALID: &str = ", not_before = 2026-01-10T00:00:00Z, not_after = 2026-01-20T00:00:00Z";
const REVOKED: &str = ", revoked = \"lost\"";
const REVOKED_AT: &str = ", revoked = \"lost\", revoked_at = 2026-01-15T00:00:00Z";
const GOOD: Keys = ["", "", ""];

/// Upload and download agree.
fn row(
    keys: Keys,
    rule: &'static str,
    signed_by: &'static [&'static str],
    day: u64,
    verdict: Verdict,
) -> Row {
    Row { keys, rule, signed_by, day, upload: verdict, download: verdict }
}

/// It is taken, and judged when it is read.
fn later(keys: Keys, signed_by: &'static [&'static str], day: u64, download: Verdict) -> Row {
    Row { keys, rule: LATER, signed_by, day, upload: Ok(""), download }
}

#[test]
fn p5_rules_signatures_and_times() {
    let (soon, gone, gone_at) = ([VALID, "", ""], [REVOKED, "", ""], [REVOKED_AT, "", ""]);
    let op = |ops| match ops {
        "put" => "signatures = \"required\", keys = [\"a\"], refuse_ops = [\"put\", \"mpu\"]",
        _ => "signatures = \"required\", keys = [\"a\"], refuse_ops = [\"adopt\", \"copy\"]",
    };
    let from_15 = "signatures = \"required\", keys = [\"a\"], not_sealed_before = 2026-01-15T00:00:00Z";
    let rows = [
        row(GOOD, ONE, &["a"], 5, Ok("seal,a")),
        row(GOOD, ONE, &[], 5, Err("signature_missing")),
        row(GOOD, ONE, &["b"], 5, Err("signer_untrusted")),
        row(GOOD, ONE, &["b", "a"], 5, Ok("seal,a")),
        row(GOOD, OPTIONAL, &[], 5, Ok("seal")),
        row(GOOD, OPTIONAL, &["a"], 5, Ok("seal,a")),
        row(GOOD, OPTIONAL, &["b"], 5, Err("signer_untrusted")),
        row(gone, OPTIONAL, &["a"], 5, Err("key_revoked")),
        // Validity: from its beginning on, and before its end. Days count from 0.
        row(soon, ONE, &["a"], 0, Err("key_not_valid")),
        row(soon, ONE, &["a"], 9, Ok("seal,a")),
        row(soon, ONE, &["a"], 18, Ok("seal,a")),
        row(soon, ONE, &["a"], 19, Err("key_not_valid")),
        row(soon, ONE, &["a"], 300, Err("key_not_valid")),
        row(soon, OPTIONAL, &["a"], 300, Err("key_not_valid")),
        // Revocation: for ever, or from a time on.
        row(gone, ONE, &["a"], 5, Err("key_revoked")),
        row(gone_at, ONE, &["a"], 13, Ok("seal,a")),
        row(gone_at, ONE, &["a"], 14, Err("key_revoked")),
        row(gone_at, ONE, &["a"], 300, Err("key_revoked")),
        // Two of three.
        row(GOOD, TWO, &[], 5, Err("signature_missing")),
        row(GOOD, TWO, &["a"], 5, Err("role_unmet")),
        row(GOOD, TWO, &["a", "a"], 5, Err("role_unmet")),
        row(GOOD, TWO, &["a", "other"], 5, Err("role_unmet")),
        row(GOOD, TWO, &["other", "ci"], 5, Err("signer_untrusted")),
        row(GOOD, TWO, &["c", "a"], 5, Ok("seal,a,c")),
        row(GOOD, TWO, &["c", "b", "a"], 5, Ok("seal,a,b,c")),
        row(gone, TWO, &["a", "b"], 5, Err("role_unmet")),
        row(gone, TWO, &["a", "b", "c"], 5, Ok("seal,b,c")),
        row(gone_at, TWO, &["a", "b"], 13, Ok("seal,a,b")),
        row(gone_at, TWO, &["a", "b"], 14, Err("role_unmet")),
        row(soon, TWO, &["a", "b"], 300, Err("role_unmet")),
        row([REVOKED, REVOKED, VALID], TWO, &["a", "b", "c"], 300, Err("key_revoked")),
        // All of these, and one of those.
        row(GOOD, "signatures = \"required\", all_of = [\"a\", \"b\"]", &["a"], 5, Err("role_unmet")),
        row(GOOD, "signatures = \"required\", all_of = [\"a\", \"b\"]", &["a", "b"], 5, Ok("seal,a,b")),
        row(GOOD, "signatures = \"required\", any_of = [\"a\", \"b\"]", &["b"], 5, Ok("seal,b")),
        row(GOOD, "signatures = \"required\", any_of = [\"a\", \"b\"]", &["c"], 5, Err("signer_untrusted")),
        row(
            GOOD,
            "signatures = \"required\", all_of = [\"a\"], any_of = [\"b\", \"c\"]",
            &["b", "c"],
            5,
            Err("role_unmet"),
        ),
        row(
            GOOD,
            "signatures = \"required\", all_of = [\"a\"], any_of = [\"b\", \"c\"]",
            &["a"],
            5,
            Err("role_unmet"),
        ),
        row(
            GOOD,
            "signatures = \"required\", all_of = [\"a\"], any_of = [\"b\", \"c\"]",
            &["a", "c"],
            5,
            Ok("seal,a,c"),
        ),
        // One person in two roles counts for both.
        row(GOOD, "signatures = \"required\", all_of = [\"a\", \"two\"]", &["a", "b"], 5, Ok("seal,a,b")),
        // What made the seal, and when.
        row(GOOD, op("put"), &["a"], 5, Err("op_refused")),
        row(GOOD, op("copy"), &["a"], 5, Ok("seal,a")),
        row(GOOD, from_15, &["a"], 13, Err("sealed_too_early")),
        row(GOOD, from_15, &["a"], 14, Ok("seal,a")),
        // What waits: but not with signatures by the revoked.
        later(GOOD, &[], 5, Err("signature_missing")),
        later(GOOD, &["a"], 5, Err("role_unmet")),
        later(GOOD, &["other"], 5, Err("signer_untrusted")),
        later(GOOD, &["a", "b"], 5, Ok("seal,a,b")),
        later([VALID; 3], &["a", "b"], 300, Err("key_not_valid")),
        Row { upload: Err("key_revoked"), ..later(gone, &["a", "b"], 5, Err("role_unmet")) },
        Row { upload: Err("key_revoked"), ..later(gone, &["a"], 5, Err("key_revoked")) },
        later(gone, &["a", "b", "c"], 5, Ok("seal,b,c")),
        later(gone_at, &["a", "b"], 13, Ok("seal,a,b")),
    ];
    let lab = Lab::new();
    run(async {
        lab.make_bucket().await;
        for (index, row) in rows.iter().enumerate() {
            let Row { keys, rule, signed_by, day, upload, download } = row;
            let what = format!("row {index}: {keys:?} {rule} {signed_by:?} on day {day}");
            let body = content(index as u64, 500);
            lab.clock.store(YEAR + day * DAY, Ordering::SeqCst);
            let gate = lab.gate(*keys, Some(rule), "");
            let put = lab.put(&gate, "judged", &body, signed_by).await.map_err(|error| error.label());
            assert_eq!(put, upload.map(|_| ()), "upload, {what}");
            lab.store.remove(BUCKET, "judged");

            let free = lab.gate(GOOD, None, "");
            let key = format!("row-{index}");
            lab.put(&free, &key, &body, signed_by).await.unwrap();
            assert_eq!(read(&free, &key).await, Ok("seal".to_owned()), "{what}");
            // The times are those of the seal, whenever it is read.
            for now in [YEAR + day * DAY, YEAR + 1000 * DAY] {
                lab.clock.store(now, Ordering::SeqCst);
                let verdict = read(&gate, &key).await;
                assert_eq!(verdict.as_deref().map_err(|label| *label), *download, "download, {what}");
            }
        }
    });
}

/// One artifact, one set of caches, and a policy that changes: each reading is judged by the policy of its gate.
#[test]
fn p5_no_cache_answers_with_yesterdays_policy() {
    let lab = Lab::new();
    run(async {
        lab.make_bucket().await;
        let body = content(1, 500);
        lab.clock.store(YEAR + 5 * DAY, Ordering::SeqCst);
        let two = lab.gate(GOOD, Some(TWO), "");
        lab.put(&two, "artifact", &body, &["a", "b"]).await.unwrap();
        let sha256 = hallmark_signer::Sha256Digest::of(&body).to_hex();
        let deny = format!("[[deny]]\nsha256 = \"{sha256}\"\nreason = \"bad\"");
        let three = TWO.replace("all_of = [\"two\"]", "all_of = [\"a\", \"b\", \"c\"]");
        for (keys, rule, tables, expected) in [
            (GOOD, TWO, "", Ok("seal,a,b")),
            ([REVOKED, "", ""], TWO, "", Err("role_unmet")),
            (GOOD, three.as_str(), "", Err("role_unmet")),
            (GOOD, TWO, &deny, Err("denied")),
            ([VALID, VALID, ""], TWO, "", Err("key_not_valid")),
            (GOOD, "signatures = \"required\", keys = [\"c\"]", "", Err("signer_untrusted")),
            (
                GOOD,
                "signatures = \"required\", keys = [\"a\"], not_sealed_before = 2027-01-01T00:00:00Z",
                "",
                Err("sealed_too_early"),
            ),
            (
                GOOD,
                "signatures = \"required\", keys = [\"a\"], refuse_ops = [\"put\"]",
                "",
                Err("op_refused"),
            ),
        ] {
            let gate = lab.gate(keys, Some(rule), tables);
            let verdict = read(&gate, "artifact").await;
            assert_eq!(verdict.as_deref().map_err(|label| *label), expected, "{rule} {tables}");
            assert_eq!(read(&two, "artifact").await.as_deref(), Ok("seal,a,b"), "nothing of that was kept");
        }
    });
}
