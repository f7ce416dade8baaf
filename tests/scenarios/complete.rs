//! Completing multipart uploads, at the gate: every step may fail, or the process die after it, and whoever repeats the
//! request ends with the same artifact or with none.

use std::sync::Arc;

use bytes::Bytes;
use hallmark_config::Config;
use hallmark_proxy::gate::multipart::{Completion, Marker, NewUpload, PartRecord};
use hallmark_proxy::gate::{Gate, GateError, Recency, Uploaded, Wanted};
use hallmark_proxy::name::{BucketName, ObjectKey, ObjectName};
use hallmark_proxy::proof::Reader;
use hallmark_proxy::s3::auth::PayloadClaim;
use hallmark_proxy::s3::condition::PutCondition;
use hallmark_proxy::s3::documents::CompletePart;
use hallmark_proxy::s3::error::S3Error;
use hallmark_proxy::s3::operation::{ChecksumKind, ChecksumPlan, CompleteUpload, WholeChecksum};
use hallmark_proxy::s3::payload::{ChecksumAlgorithm, Payload};
use hallmark_proxy::store::{Lock, PartNumber, StateArea, Store, StoreFault, Tags};
use hallmark_signer::{By, Claims, PrivateKey, SealId, SealedHeaders, Sealer, Sha256Digest};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::{Call, Gate as StoreGate, MemoryStore, Mishap};
use hallmark_tests::site::{Options, Site};
use http::HeaderMap;
use http_body_util::Full;

const BUCKET: &str = "artifacts";
const CLIENT: &str = "ci";

/// Two instances over one store, which share nothing else.
struct Lab {
    store: Arc<MemoryStore>,
    one: Gate,
    other: Gate,
    site: Site,
}

impl Lab {
    async fn new() -> Self {
        let site = Site::new(&Options::default());
        let store = Arc::new(MemoryStore::new());
        store.create_bucket(&BucketName::parse(BUCKET).unwrap(), Default::default()).await.unwrap();
        let config = Config::load(&site.config_file()).unwrap();
        let gate = || hallmark_proxy::gate_before(&config, Arc::clone(&store) as Arc<dyn Store>).unwrap();
        let (one, other) = (gate(), gate());
        Self { store, one, other, site }
    }

    /// An upload whose parts came through the first instance.
    async fn upload(&self, key: &str, checksum: Option<ChecksumPlan>, parts: &[Bytes]) -> Begun {
        let object = object(key);
        let mut headers = SealedHeaders::default();
        headers.insert("content-type", "application/x-test").unwrap();
        let new = NewUpload {
            object,
            by: By::client(CLIENT).unwrap(),
            headers,
            tags: Tags::default(),
            lock: Lock::default(),
            checksum,
        };
        let marker = self.one.create_upload(new, CLIENT).await.unwrap();
        let mut records = Vec::new();
        for (number, bytes) in (1..).zip(parts) {
            records.push(self.part(&marker, number, bytes).await);
        }
        Begun { marker, records, content: parts.concat() }
    }

    async fn part(&self, marker: &Marker, number: u64, bytes: &Bytes) -> PartRecord {
        let number = PartNumber::new(number).unwrap();
        self.one.upload_part(marker, number, payload(bytes)).await.unwrap()
    }

    /// What stands there is `begun`, whole and sealed.
    async fn assert_stands(&self, begun: &Begun, uploaded: &Uploaded) {
        let found = self.other.head(&begun.marker.object, None, Reader::Trusting, "ci").await.unwrap();
        let seal = found.seal().unwrap();
        assert_eq!(*seal.sha256(), Sha256Digest::of(&begun.content));
        assert_eq!(seal.etag(), uploaded.etag);
        let key = begun.marker.object.key.as_str();
        assert!(self.store.object(BUCKET, key).bytes == begun.content);
        let (name, reader) = (&begun.marker.object, Reader::Trusting);
        let wanted = Wanted { name, version: None, reader, recency: Recency::Now, client: "ci" };
        let download = self.other.get(wanted, None).await.unwrap();
        self.other.release(download).await.unwrap();
    }

    /// Has one instance complete an upload, and another abort it while a call of the first is held.
    async fn aborted_while_held(&self, begun: &Begun, held: StoreGate) -> Result<Uploaded, GateError> {
        let abort = async {
            held.reached().await;
            let aborted = self.other.abort_upload(&begun.marker).await;
            held.release();
            aborted
        };
        let (answer, aborted) = tokio::join!(begun.complete(&self.one), abort);
        aborted.unwrap_or_else(|error| panic!("{}", code(error)));
        answer
    }

    /// An instance with further lines in the table of the bucket.
    fn reconfigured(&self, lines: &str) -> Gate {
        let path = self.site.path().join("changed.toml");
        let text = std::fs::read_to_string(self.site.config_file()).unwrap();
        std::fs::write(&path, format!("{text}\n[buckets.{BUCKET}]\n{lines}\n")).unwrap();
        let config = Config::load(&path).unwrap();
        hallmark_proxy::gate_before(&config, Arc::clone(&self.store) as Arc<dyn Store>).unwrap()
    }

    /// What stands there gets a seal of a clock that runs `ahead` milliseconds ahead.
    async fn seal_again(&self, key: &str, ahead: u64) {
        let found = self.one.head(&object(key), None, Reader::Trusting, "ci").await.unwrap();
        let seal = found.seal().unwrap();
        let claims = Claims {
            id: SealId::random().unwrap(),
            op: seal.op(),
            at: seal.at() + ahead,
            by: seal.by().clone(),
            src: seal.src(),
            content: seal.content().clone(),
            parts: seal.parts().copied(),
            etag: seal.etag(),
        };
        let pem = std::fs::read_to_string(self.site.path().join("seal.key")).unwrap();
        let sealer = Sealer::new(PrivateKey::from_pem(&pem).unwrap().into_seal_key());
        let line = sealer.seal(claims, &seal.observed()).unwrap();
        self.store.edit(BUCKET, key, |object| object.attributes.hallmark = Some(line.to_string()));
    }

    async fn stands(&self, key: &str) -> Option<Sha256Digest> {
        let found = self.other.head(&object(key), None, Reader::Trusting, "ci").await.ok()?;
        found.seal().map(|seal| *seal.sha256())
    }
}

struct Begun {
    marker: Marker,
    records: Vec<PartRecord>,
    content: Vec<u8>,
}

impl Begun {
    fn completion(&self) -> Completion {
        let parts = self.records.iter().map(|record| CompletePart {
            number: record.number,
            etag: record.etag.to_hex().into(),
            checksums: Vec::new(),
        });
        Completion { parts: parts.collect(), whole: CompleteUpload::default() }
    }

    async fn complete(&self, gate: &Gate) -> Result<Uploaded, GateError> {
        self.complete_with(gate, &self.completion()).await
    }

    async fn complete_with(&self, gate: &Gate, completion: &Completion) -> Result<Uploaded, GateError> {
        let held = gate.reserve(CLIENT, 0).await?;
        gate.complete_upload(&self.marker.object, self.marker.id.as_str(), CLIENT, completion, held).await
    }
}

fn object(key: &str) -> ObjectName {
    ObjectName { bucket: BucketName::parse(BUCKET).unwrap(), key: ObjectKey::parse(key).unwrap() }
}

fn payload(bytes: &Bytes) -> Payload<Full<Bytes>> {
    let mut headers = HeaderMap::new();
    headers.insert("content-length", bytes.len().into());
    Payload::new(Full::new(bytes.clone()), PayloadClaim::Unsigned, &headers).unwrap()
}

fn parts(seed: u64, lengths: &[u64]) -> Vec<Bytes> {
    (seed..).zip(lengths).map(|(seed, length)| content(seed, *length).into()).collect()
}

fn code(error: GateError) -> &'static str {
    S3Error::from(error).code.as_str()
}

/// More than 8 MiB, and parts that are no multiples of a leaf.
const LARGE: [u64; 2] = [5 * MIB + 7, 4 * MIB];
/// At most 8 MiB.
const SMALL: [u64; 2] = [5 * MIB, 1];

#[tokio::test(flavor = "multi_thread")]
async fn parts_become_an_artifact_with_and_without_the_window() {
    for lengths in [&LARGE[..], &SMALL, &[3], &[0], &[5 * MIB, 0]] {
        let lab = Lab::new().await;
        let begun = lab.upload("window", None, &parts(1, lengths)).await;
        lab.store.take_calls();
        let uploaded = begun.complete(&lab.one).await.unwrap();
        assert!(!lab.store.take_calls().contains(&Call::StageRead), "the window has it all");
        lab.assert_stands(&begun, &uploaded).await;
        assert_eq!(uploaded.etag.parts().map(usize::from), Some(lengths.len()));

        let begun = lab.upload("read-back", None, &parts(9, lengths)).await;
        let uploaded = begun.complete(&lab.other).await.unwrap();
        let read_back = lab.store.take_calls().contains(&Call::StageRead);
        assert_eq!(read_back, !begun.content.is_empty());
        lab.assert_stands(&begun, &uploaded).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_complete_gives_the_same_answer_and_another_list_finds_no_upload() {
    let lab = Lab::new().await;
    let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
    let first = begun.complete(&lab.one).await.unwrap();
    let later = lab.upload("key", None, &parts(5, &SMALL)).await;
    let overwritten = later.complete(&lab.one).await.unwrap();
    for gate in [&lab.one, &lab.other] {
        assert_eq!(begun.complete(gate).await.unwrap().etag, first.etag);
        let mut fewer = begun.completion();
        fewer.parts.pop();
        assert_eq!(code(begun.complete_with(gate, &fewer).await.unwrap_err()), "NoSuchUpload");
    }
    // A late repetition does not bring the older artifact back.
    lab.assert_stands(&later, &overwritten).await;
    assert_eq!(lab.store.stage_names(), Vec::<String>::new());
}

/// Each call of a Complete, in turn, fails: before its work, after it, or it only pretends. What is answered is true, and
/// whoever repeats the request elsewhere ends with the artifact.
#[tokio::test(flavor = "multi_thread")]
async fn p6_every_step_can_fail_and_be_repeated_elsewhere() {
    for lengths in [LARGE, SMALL] {
        let calls = {
            let lab = Lab::new().await;
            let begun = lab.upload("key", None, &parts(1, &lengths)).await;
            lab.store.take_calls();
            begun.complete(&lab.other).await.unwrap();
            lab.store.take_calls()
        };
        let fault = StoreFault::Unavailable;
        for (at, call) in calls.iter().enumerate() {
            let nth = calls[..at].iter().filter(|before| *before == call).count();
            for mishap in [Mishap::Fails(fault), Mishap::PersistsAndFails(fault), Mishap::Pretends] {
                let reads = matches!(
                    call,
                    Call::StateGet
                        | Call::StateList
                        | Call::Head
                        | Call::StageRead
                        | Call::Get
                        | Call::Bucket
                );
                if reads && mishap != Mishap::Fails(fault) {
                    continue;
                }
                let lab = Lab::new().await;
                let old = lab.upload("key", None, &parts(7, &[100])).await;
                old.complete(&lab.one).await.unwrap();
                let begun = lab.upload("key", None, &parts(1, &lengths)).await;
                lab.store.take_calls();
                lab.store.go_wrong(call.after(nth), mishap);
                let what = format!("{call:?} {nth}: {mishap:?}");
                let answer = begun.complete(&lab.other).await;
                match &answer {
                    Ok(uploaded) => lab.assert_stands(&begun, uploaded).await,
                    // A store that has lost the record has lost the artifact: no success is told.
                    Err(_) if mishap == Mishap::Pretends => {}
                    Err(_) => {
                        let stands = lab.stands("key").await;
                        let legal = [Sha256Digest::of(&old.content), Sha256Digest::of(&begun.content)];
                        assert!(stands.is_some_and(|stands| legal.contains(&stands)), "{what}");
                    }
                }
                lab.store.forget_mishaps();
                match begun.complete(&lab.one).await {
                    Ok(uploaded) => lab.assert_stands(&begun, &uploaded).await,
                    // A store that says it did what it did not breaks its contract: then nothing is promised but that
                    // no wrong success is told.
                    Err(error) if mishap == Mishap::Pretends => println!("{what}: {}", code(error)),
                    Err(error) => panic!("{what}: {answer:?}, then {error:?}"),
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_part_that_was_altered_in_the_store_is_found_by_the_read_back_or_by_the_first_download() {
    let lab = Lab::new().await;
    let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
    let stage = lab.store.stage_names().remove(0);
    lab.store.edit_staged(&stage, 2, |bytes| bytes[77] ^= 1);
    let refused = begun.complete(&lab.other).await.unwrap_err();
    assert_eq!(code(refused), "ArtifactDigestMismatch");
    assert_eq!(lab.stands("key").await, None);
    // The window saw what the client sent. That is what is sealed, so what the store has is served to nobody.
    let uploaded = begun.complete(&lab.one).await.unwrap();
    let found = lab.one.head(&begun.marker.object, None, Reader::Trusting, "ci").await.unwrap();
    assert_eq!(*found.seal().unwrap().sha256(), Sha256Digest::of(&begun.content));
    assert_eq!(found.seal().unwrap().etag(), uploaded.etag);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_back_goes_on_where_the_store_broke_off_but_not_for_ever() {
    let lab = Lab::new().await;
    let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
    lab.store.go_wrong(Call::StageRead, Mishap::BreaksAfter(3_000_005));
    let uploaded = begun.complete(&lab.other).await.unwrap();
    lab.assert_stands(&begun, &uploaded).await;

    let begun = lab.upload("key", None, &parts(3, &LARGE)).await;
    lab.store.keep_going_wrong(Call::StageRead, Mishap::BreaksAfter(0));
    let refused = code(begun.complete(&lab.other).await.unwrap_err());
    assert!(["ServiceUnavailable", "BadGateway", "GatewayTimeout"].contains(&refused), "{refused}");
    lab.store.forget_mishaps();
    let uploaded = begun.complete(&lab.other).await.unwrap();
    lab.assert_stands(&begun, &uploaded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_two_completes_at_once_make_one_artifact() {
    for held in [Call::StagePart, Call::StageClose, Call::Promote, Call::StageDrop] {
        let lab = Lab::new().await;
        let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
        if held != Call::StagePart {
            let gate = lab.store.hold(held);
            tokio::spawn(async move {
                gate.reached().await;
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                gate.release();
            });
        }
        let (one, other) = tokio::join!(begun.complete(&lab.one), begun.complete(&lab.other));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.etag, other.etag);
        lab.assert_stands(&begun, &one).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_judged_and_a_refused_upload_stays_open() {
    let lab = Lab::new().await;
    let old = lab.upload("key", None, &parts(7, &[100])).await;
    old.complete(&lab.one).await.unwrap();
    let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
    let mut absent = begun.completion();
    absent.whole.condition = PutCondition::Absent;
    lab.store.take_calls();
    assert_eq!(code(begun.complete_with(&lab.one, &absent).await.unwrap_err()), "PreconditionFailed");
    assert!(!lab.store.take_calls().contains(&Call::Promote), "that is seen before anything is done");
    assert_eq!(lab.stands("key").await, Some(Sha256Digest::of(&old.content)));

    // It comes between the look and the write.
    lab.store.remove(BUCKET, "key");
    let back = lab.upload("key", None, &parts(8, &[100])).await;
    let gate = lab.store.hold(Call::Promote);
    let racing = async {
        gate.reached().await;
        back.complete(&lab.other).await.unwrap();
        gate.release();
    };
    let (answer, ()) = tokio::join!(begun.complete_with(&lab.one, &absent), racing);
    assert_eq!(code(answer.unwrap_err()), "PreconditionFailed");
    assert_eq!(lab.stands("key").await, Some(Sha256Digest::of(&back.content)));
    // The upload is still there, and without the condition it may be completed.
    let uploaded = begun.complete(&lab.other).await.unwrap();
    lab.assert_stands(&begun, &uploaded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_the_clients_and_must_fit() {
    let lab = Lab::new().await;
    let plan = |algorithm, kind| Some(ChecksumPlan { algorithm, kind });
    let crc = plan(ChecksumAlgorithm::Crc32, ChecksumKind::Composite);
    let begun = lab.upload("key", crc, &parts(1, &LARGE)).await;
    let refusal = async |edit: &dyn Fn(&mut Completion)| {
        let mut completion = begun.completion();
        for (part, record) in completion.parts.iter_mut().zip(&begun.records) {
            let hallmark_proxy::gate::multipart::PartContent::Staged { checksum: Some(sum), .. } =
                &record.content
            else {
                panic!("every part has a checksum")
            };
            part.checksums = vec![WholeChecksum { algorithm: sum.algorithm(), value: sum.value().into() }];
        }
        edit(&mut completion);
        begun.complete_with(&lab.one, &completion).await.map_err(code)
    };
    let refused = async |edit: &dyn Fn(&mut Completion)| refusal(edit).await.unwrap_err();
    assert_eq!(refused(&|c| c.parts.clear()).await, "MalformedXML");
    assert_eq!(refused(&|c| c.parts.reverse()).await, "InvalidPartOrder");
    assert_eq!(refused(&|c| c.parts[1] = c.parts[0].clone()).await, "InvalidPartOrder");
    assert_eq!(refused(&|c| c.parts[1].number = PartNumber::new(3).unwrap()).await, "InvalidPart");
    assert_eq!(refused(&|c| c.parts[1].etag = c.parts[0].etag.clone()).await, "InvalidPart");
    assert_eq!(refused(&|c| c.parts[1].etag = "no etag".into()).await, "InvalidPart");
    assert_eq!(refused(&|c| c.parts[1].checksums[0].value = "AAAAAA==".into()).await, "InvalidPart");
    assert_eq!(refused(&|c| c.whole.size = Some(7)).await, "InvalidRequest");
    assert_eq!(refused(&|c| c.whole.kind = Some(ChecksumKind::FullObject)).await, "InvalidRequest");
    let wrong = |value: &str| {
        let value = value.into();
        let algorithm = ChecksumAlgorithm::Crc32;
        Some(WholeChecksum { algorithm, value })
    };
    assert_eq!(refused(&|c| c.whole.checksum = wrong("AAAAAA==-2")).await, "BadDigest");
    assert_eq!(lab.stands("key").await, None);
    let uploaded = refusal(&|c| c.whole.size = Some(begun.content.len() as u64)).await.unwrap();
    assert!(uploaded.checksum.as_ref().unwrap().value().ends_with("-2"));
    lab.assert_stands(&begun, &uploaded).await;

    let small = lab.upload("key", None, &parts(1, &[100, 100])).await;
    assert_eq!(code(small.complete(&lab.one).await.unwrap_err()), "EntityTooSmall");
}

/// Plans and answers that are not ours are as if they were not there.
#[tokio::test(flavor = "multi_thread")]
async fn p3_forged_state_gives_no_success() {
    let lab = Lab::new().await;
    let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
    begun.complete(&lab.one).await.unwrap();
    let done =
        lab.store.state_names(StateArea::Scratch).into_iter().find(|name| name.name().starts_with("done/"));
    let done = done.unwrap();
    let answer = lab.store.state(&done);
    let victim = lab.upload("victim", None, &parts(1, &LARGE)).await;
    let theirs = hallmark_proxy::store::StateName::new(
        StateArea::Scratch,
        format!("done/{}", victim.marker.id.short()),
    )
    .unwrap();
    lab.store.set_state(&theirs, Some(answer));
    let uploaded = victim.complete(&lab.other).await.unwrap();
    lab.assert_stands(&victim, &uploaded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn abort_wins_before_the_promotion_and_loses_after_it() {
    let lab = Lab::new().await;
    let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
    let gate = lab.store.hold(Call::Promote);
    let answer = lab.aborted_while_held(&begun, gate).await;
    assert_eq!(code(answer.unwrap_err()), "NoSuchUpload");
    assert_eq!(lab.stands("key").await, None);

    let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
    let gate = lab.store.hold_answer(Call::Promote);
    let answer = lab.aborted_while_held(&begun, gate).await;
    lab.assert_stands(&begun, &answer.unwrap()).await;
}

/// What is left of an upload is removed only when its answer is kept: until then a repetition needs it.
#[tokio::test(flavor = "multi_thread")]
async fn p6_an_answer_that_was_not_kept_can_be_had_again() {
    let lab = Lab::new().await;
    let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
    lab.store.go_wrong(Call::StatePut.naming("done/"), Mishap::Fails(StoreFault::Unavailable));
    let first = begun.complete(&lab.one).await.unwrap();
    // As the service does when it has answered.
    lab.one.clear_upload(&begun.marker.object, begun.marker.id.as_str(), CLIENT).await;
    for gate in [&lab.other, &lab.one] {
        let again = begun.complete(gate).await.unwrap_or_else(|error| panic!("{}", code(error)));
        lab.assert_stands(&begun, &again).await;
        assert_eq!(again.etag, first.etag);
        gate.clear_upload(&begun.marker.object, begun.marker.id.as_str(), CLIENT).await;
    }
    let left = lab.store.state_names(StateArea::Scratch);
    assert!(left.iter().all(|name| name.name().starts_with("done/")), "{left:?}");
}

/// Whose clock runs ahead may have sealed what stands there in the future. That it is later says nothing then: a Complete
/// is not told that it came first.
#[tokio::test(flavor = "multi_thread")]
async fn p2_what_was_sealed_in_the_future_overtakes_nothing() {
    let lab = Lab::new().await;
    let old = lab.upload("key", None, &parts(7, &[100])).await;
    old.complete(&lab.one).await.unwrap();
    lab.seal_again("key", 60 * 60 * 1000).await;
    assert_eq!(lab.stands("key").await, Some(Sha256Digest::of(&old.content)));

    let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
    lab.store.go_wrong(Call::Promote, Mishap::Fails(StoreFault::Timeout));
    if let Ok(uploaded) = begun.complete(&lab.one).await {
        lab.assert_stands(&begun, &uploaded).await;
    }
    let uploaded = begun.complete(&lab.other).await.unwrap();
    lab.assert_stands(&begun, &uploaded).await;
}

/// A plan that was made under another configuration is carried out by today's.
#[tokio::test(flavor = "multi_thread")]
async fn p5_a_plan_that_waited_is_judged_again() {
    let lab = Lab::new().await;
    let old = lab.upload("key", None, &parts(7, &[100])).await;
    old.complete(&lab.one).await.unwrap();
    let begun = lab.upload("key", None, &parts(1, &LARGE)).await;
    lab.store.go_wrong(Call::Promote, Mishap::Fails(StoreFault::Unavailable));
    begun.complete(&lab.one).await.unwrap_err();

    let immutable = lab.reconfigured("immutable = true\n");
    assert_eq!(code(begun.complete(&immutable).await.unwrap_err()), "AccessDenied");
    assert_eq!(lab.stands("key").await, Some(Sha256Digest::of(&old.content)));

    lab.store.go_wrong(Call::Promote, Mishap::Fails(StoreFault::Unavailable));
    begun.complete(&lab.one).await.unwrap_err();
    let ruled = lab.reconfigured(r#"rules = [{ prefix = "", signatures = "required", keys = ["ci"] }]"#);
    assert_eq!(code(begun.complete(&ruled).await.unwrap_err()), "ArtifactSignatureMissing");
    assert_eq!(lab.stands("key").await, Some(Sha256Digest::of(&old.content)));
    let uploaded = begun.complete(&lab.other).await.unwrap();
    lab.assert_stands(&begun, &uploaded).await;
}
