use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hallmark_signer::{
    By, ContentDigests, KeyHint, KeyId, Op, PrivateKey, PublicKey, SealId, SealKeys, SealedEtag,
    SealedHeaders, UploadHasher,
};
use tempfile::TempDir;

use super::*;
use crate::metrics::Metrics;
use crate::store::local::LocalStore;
use crate::store::{StateArea, StoreFault, forward};

const NOW: u64 = 1_795_000_000_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// A store that takes no state while it is told so, or takes it and says that it did not.
struct Moody {
    store: LocalStore,
    unwilling: Arc<AtomicBool>,
    denying: Arc<AtomicBool>,
}

macro_rules! moody {
    ($self:ident, StatePut, changes[], $call:expr) => {{
        if $self.unwilling.load(Ordering::SeqCst) {
            return Err(PutError::NotStored(StoreError::new(StoreFault::Unavailable, "told so")));
        }
        let put = $call.await;
        if $self.denying.load(Ordering::SeqCst) {
            return Err(PutError::Unknown(StoreError::new(StoreFault::Timeout, "told so")));
        }
        put
    }};
    ($self:ident, $name:ident, changes[$($changed:ident)?], $call:expr) => {
        $call.await
    };
}

forward!(Moody, moody);

/// An instance: its clock, its certifier and its store.
struct Lab {
    seals: Seals,
    around: Surroundings,
    certifier: Arc<Certifier>,
    prover: Prover,
    clock: Arc<AtomicU64>,
    unwilling: Arc<AtomicBool>,
    denying: Arc<AtomicBool>,
    metrics: Metrics,
    _dir: TempDir,
}

fn trusting(certifiers: &[&PublicKey], refused: Option<KeyId>, kept: &Arc<Kept>) -> Prover {
    let keys = SealKeys::default().certified_by(certifiers.iter().copied().cloned());
    let keys = keys.refusing(refused.map(|key| (key, Arc::from("it leaked"))));
    Prover::new(Realm::parse("test").unwrap(), keys, Arc::clone(kept))
}

fn sealing(certifier: &Arc<Certifier>) -> Sealing {
    Sealing::Certified { certifier: Arc::clone(certifier), lifetime: Duration::from_hours(24) }
}

fn certifier() -> Arc<Certifier> {
    Arc::new(Signer::from(PrivateKey::generate().unwrap()).into_certifier())
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (clock, unwilling) = (Arc::new(AtomicU64::new(NOW)), Arc::new(AtomicBool::new(false)));
        let denying = Arc::<AtomicBool>::default();
        let store = LocalStore::open(&dir.path().join("store")).unwrap();
        let sizes = hallmark_config::Cache { verdicts: 1 << 20, heads: 0, records: 0, leaves: 0 };
        let (metrics, told) = (Metrics::new(), Arc::clone(&clock));
        let around = Surroundings {
            store: Arc::new(Moody {
                store,
                unwilling: Arc::clone(&unwilling),
                denying: Arc::clone(&denying),
            }),
            kept: Arc::new(Kept::new(&sizes)),
            realm: Realm::parse("test").unwrap(),
            clock: Clock::new(move || told.load(Ordering::SeqCst)),
            metrics: metrics.seal_keys(),
        };
        let certifier = certifier();
        let seals = Seals::new(sealing(&certifier), around.clone());
        seals.take_over(None);
        let prover = trusting(&[certifier.public_key()], None, &around.kept);
        Self { seals, around, certifier, prover, clock, unwilling, denying, metrics, _dir: dir }
    }

    /// By which key something is sealed at this moment; `None`: by none.
    async fn sealed_at(&self, at: u64, prover: &Prover) -> Option<KeyHint> {
        let (content, md5) = UploadHasher::exactly(0).finish().unwrap();
        let claims = Claims {
            id: SealId::random().unwrap(),
            op: Op::Put,
            at,
            by: By::anonymous(),
            src: None,
            content: ContentDigests::of(&content).unwrap(),
            parts: None,
            etag: SealedEtag::single(md5),
        };
        let headers = SealedHeaders::default().digest();
        let observed = Observed { realm: "test", bucket: "b", key: "k", length: 0, headers };
        match self.seals.seal(claims, &observed, prover).await {
            Ok(line) => Some(line.key_hint()),
            Err(NotSealed::NoKey) => None,
            Err(NotSealed::Sealing(error)) => panic!("{error}"),
        }
    }

    /// The same after the clock was set.
    async fn at(&self, now: u64) -> Option<KeyHint> {
        self.clock.store(now, Ordering::SeqCst);
        self.sealed_at(now, &self.prover).await
    }

    /// All of a key's id.
    async fn id_of(&self, key: KeyHint) -> KeyId {
        let found = self.prover.accepted_certificate(&*self.around.store, key).await.unwrap().unwrap();
        let payload = hallmark_signer::Envelope::parse(found.to_json().as_bytes()).unwrap().payload;
        let statement: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        KeyId::from_hex(statement["subject"][0]["digest"]["sha256"].as_str().unwrap()).unwrap()
    }

    /// How many keys were certified.
    async fn certified(&self) -> usize {
        self.around.store.state_list(StateArea::Records, "seal-keys/", None, 100).await.unwrap().len()
    }

    fn metric(&self, series: &str) -> u64 {
        let text = self.metrics.text();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap().parse().unwrap()
    }

    fn renewals(&self) -> (u64, u64) {
        let of = |result| self.metric(&format!("hallmark_seal_key_renewals_total{{result=\"{result}\"}}"));
        (of("made"), of("failed"))
    }
}

#[tokio::test]
async fn a_key_is_certified_and_stored_before_it_seals() {
    let lab = Lab::new();
    assert_eq!(lab.at(NOW).await, None);
    lab.unwilling.store(true, Ordering::SeqCst);
    assert!(matches!(lab.seals.ready(&lab.prover).await, Err(NoSealKey::Store(_))));
    assert_eq!(lab.at(NOW).await, None, "its certificate is not there");
    lab.unwilling.store(false, Ordering::SeqCst);
    lab.seals.ready(&lab.prover).await.unwrap();
    let key = lab.at(NOW).await.unwrap();
    // Whoever knows nothing finds it.
    let other = Arc::new(Kept::new(&hallmark_config::Cache { verdicts: 0, heads: 0, records: 0, leaves: 0 }));
    let prover = trusting(&[lab.certifier.public_key()], None, &other);
    let certificate = prover.accepted_certificate(&*lab.around.store, key).await.unwrap().unwrap();
    assert_eq!(certificate.hint(), key);
    assert_eq!(certificate.lifetime().not_after(), NOW + 24 * HOUR);
    assert_eq!(lab.metric("hallmark_seal_key_expires_timestamp_seconds"), (NOW + 24 * HOUR) / 1000);
    // It was there already.
    lab.seals.ready(&lab.prover).await.unwrap();
    assert_eq!((lab.at(NOW).await, lab.renewals()), (Some(key), (1, 1)));
}

#[tokio::test]
async fn the_next_key_comes_in_time() {
    let lab = Lab::new();
    lab.seals.ready(&lab.prover).await.unwrap();
    let first = lab.at(NOW).await;
    for (hours, renewed) in [(12, false), (16, true)] {
        lab.clock.store(NOW + hours * HOUR - 1, Ordering::SeqCst);
        lab.seals.renew_if_due().await;
        assert_eq!(lab.at(NOW + hours * HOUR - 1).await != first, renewed, "after {hours} hours");
    }
    // A clock that was put back by hours makes nobody wait until it is where it was.
    lab.clock.store(NOW - 24 * HOUR, Ordering::SeqCst);
    lab.seals.renew_if_due().await;
    assert!(lab.at(NOW - 24 * HOUR).await.is_some());
    assert_eq!(lab.renewals(), (3, 0));
}

#[tokio::test]
async fn a_key_goes_on_to_its_end_and_no_further() {
    let lab = Lab::new();
    lab.seals.ready(&lab.prover).await.unwrap();
    let first = lab.at(NOW).await;
    lab.unwilling.store(true, Ordering::SeqCst);
    for (now, tries) in [
        (NOW + 20 * HOUR, 1),
        // Not at every look: there are four hours left.
        (NOW + 20 * HOUR + MINUTE, 1),
        (NOW + 20 * HOUR + 15 * MINUTE, 2),
        (NOW + 24 * HOUR, 3),
    ] {
        lab.clock.store(now, Ordering::SeqCst);
        lab.seals.renew_if_due().await;
        assert_eq!((lab.at(now).await, lab.renewals()), (first, (1, tries)), "{}", now - NOW);
    }
    assert_eq!(lab.at(NOW + 24 * HOUR + 1).await, None, "it has ended");
    // Put back a little, the clock does no harm.
    assert_eq!(lab.at(NOW - 5 * MINUTE).await, first);
    assert_eq!(lab.at(NOW - 5 * MINUTE - 1).await, None);
    lab.unwilling.store(false, Ordering::SeqCst);
    lab.clock.store(NOW + 25 * HOUR, Ordering::SeqCst);
    lab.seals.renew_if_due().await;
    let next = lab.at(NOW + 25 * HOUR).await;
    assert!(next.is_some() && next != first);
}

/// Nothing is sealed that the configuration of the same moment would refuse.
#[tokio::test]
async fn what_is_not_trusted_any_more_seals_no_more() {
    let lab = Lab::new();
    lab.seals.ready(&lab.prover).await.unwrap();
    let first = lab.at(NOW).await.unwrap();
    let id = lab.id_of(first).await;
    let kept = &lab.around.kept;

    // It leaked: another one is made.
    let refusing = trusting(&[lab.certifier.public_key()], Some(id), kept);
    assert_eq!(lab.sealed_at(NOW, &refusing).await, None);
    assert!(refusing.accepted_certificate(&*lab.around.store, first).await.unwrap().is_none());
    lab.seals.ready(&refusing).await.unwrap();
    let second = lab.sealed_at(NOW, &refusing).await.unwrap();
    assert_ne!(second, first);

    // Its certifier is not trusted: no key that it certifies is of any use.
    let other = certifier();
    let elsewhere = trusting(&[other.public_key()], None, kept);
    assert_eq!(lab.sealed_at(NOW, &elsewhere).await, None);
    assert!(matches!(lab.seals.ready(&elsewhere).await, Err(NoSealKey::NotAccepted)));

    // A changed configuration keeps the key, another certifier's does not.
    let same = lab.seals.followed_by(sealing(&lab.certifier));
    let changed = lab.seals.followed_by(sealing(&other));
    for (seals, kept) in [(&same, true), (&changed, false)] {
        let Kind::ShortLived(keys) = &seals.kind else { panic!() };
        assert_eq!(keys.key_for(NOW, &lab.prover).is_some(), kept);
    }
}

/// Each signature of a certifier may be paid for, and is looked at by whoever watches it.
#[tokio::test]
async fn what_is_certified_is_not_certified_again_because_the_store_did_not_take_it() {
    let lab = Lab::new();
    lab.denying.store(true, Ordering::SeqCst);
    for now in [NOW, NOW + MINUTE, NOW + HOUR] {
        lab.clock.store(now, Ordering::SeqCst);
        assert!(matches!(lab.seals.ready(&lab.prover).await, Err(NoSealKey::Store(_))));
        assert_eq!((lab.at(now).await, lab.certified().await), (None, 1));
    }
    lab.denying.store(false, Ordering::SeqCst);
    lab.seals.renew_if_due().await;
    assert!(lab.at(NOW + HOUR).await.is_some());
    assert_eq!((lab.certified().await, lab.renewals()), (1, (1, 3)));

    // But not when it would be time for the next one.
    lab.denying.store(true, Ordering::SeqCst);
    for (hours, certified) in [(16, 2), (17, 2), (40, 3)] {
        lab.clock.store(NOW + hours * HOUR, Ordering::SeqCst);
        lab.seals.renew_if_due().await;
        assert_eq!(lab.certified().await, certified, "after {hours} hours");
    }
}

/// While a refused key waits for the store, the configuration may refuse that one, too.
#[tokio::test]
async fn what_is_certified_and_not_trusted_is_not_waited_for() {
    let lab = Lab::new();
    lab.denying.store(true, Ordering::SeqCst);
    assert!(lab.seals.ready(&lab.prover).await.is_err());
    let name = lab.around.store.state_list(StateArea::Records, "seal-keys/", None, 1).await.unwrap();
    let key = KeyHint::parse(name[0].rsplit('/').next().unwrap()).unwrap();
    lab.denying.store(false, Ordering::SeqCst);
    let refusing = trusting(&[lab.certifier.public_key()], Some(lab.id_of(key).await), &lab.around.kept);
    lab.seals.ready(&refusing).await.unwrap();
    assert!(lab.sealed_at(NOW, &refusing).await.is_some_and(|other| other != key));
}

#[tokio::test]
async fn who_did_not_answer_is_asked_again_at_every_look_where_there_is_no_key() {
    let lab = Lab::new();
    let ready = || lab.metric("hallmark_seal_key_ready");
    lab.unwilling.store(true, Ordering::SeqCst);
    assert!(lab.seals.ready(&lab.prover).await.is_err_and(|error| error.may_pass()));
    for looks in 1..4 {
        lab.seals.renew_if_due().await;
        assert_eq!((lab.renewals(), ready()), ((0, 1 + looks), 0));
    }
    lab.unwilling.store(false, Ordering::SeqCst);
    lab.seals.renew_if_due().await;
    assert_eq!((lab.at(NOW).await.is_some(), lab.renewals(), ready()), (true, (1, 4), 1));

    // A key that has ended is none, before anybody notices that there is no other.
    lab.unwilling.store(true, Ordering::SeqCst);
    lab.clock.store(NOW + 24 * HOUR + 1, Ordering::SeqCst);
    lab.seals.renew_if_due().await;
    assert_eq!((ready(), lab.metric("hallmark_seal_key_expires_timestamp_seconds")), (0, 0));
}

/// It seals what began with it, and that is all.
#[tokio::test]
async fn what_was_replaced_makes_no_keys_any_more() {
    let lab = Lab::new();
    lab.seals.ready(&lab.prover).await.unwrap();
    let other = certifier();
    let prover = trusting(&[other.public_key(), lab.certifier.public_key()], None, &lab.around.kept);
    let next = lab.seals.followed_by(sealing(&other));
    next.ready(&prover).await.unwrap();
    let ends = || lab.metric("hallmark_seal_key_expires_timestamp_seconds") * 1000;
    // Until it is taken over, its configuration may be refused: then the key before goes on.
    let end = NOW + 24 * HOUR;
    lab.clock.store(NOW + 17 * HOUR, Ordering::SeqCst);
    lab.seals.renew_if_due().await;
    assert_eq!((lab.certified().await, ends()), (3, end + 17 * HOUR));
    next.take_over(Some(&lab.seals));
    assert_eq!(ends(), end);
    lab.clock.store(NOW + 40 * HOUR, Ordering::SeqCst);
    for seals in [&next, &lab.seals] {
        seals.renew_if_due().await;
        assert_eq!((lab.certified().await, ends(), lab.renewals()), (4, end + 40 * HOUR, (4, 0)));
    }
    assert!(lab.at(NOW + 40 * HOUR).await.is_some(), "what began before");
    // Where the next one is not there yet, that is told.
    next.followed_by(Sealing::Unanswered).take_over(Some(&next));
    next.renew_if_due().await;
    assert_eq!((ends(), lab.metric("hallmark_seal_key_ready"), lab.renewals()), (0, 0, (4, 1)));
}
