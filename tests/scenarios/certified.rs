//! A certifier certifies seal keys that live shortly: every instance makes its own.

use std::sync::Arc;

use bytes::Bytes;
use hallmark_proxy::store::{Guard, Span, StateArea, StateName, Store, StoreFault};
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::{Call, MemoryStore, Mishap};
use hallmark_tests::raw::{Asked, Connection, Response, exchange};
use hallmark_tests::s3::{Client, completed};
use hallmark_tests::site::{Options, Site};
use tokio::runtime::Runtime;

const BUCKET: &str = "artifacts";
const ACTIVE: &str = "key_file = \"seal.key\"";
const CERTIFIER: &str = "certifier_file = \"seal.key\"\nlifetime = \"1h\"";

/// What a configuration of this `[seal]` is for; the key of all instances is the first one's.
fn site(like: Option<&Site>, seal: &str) -> Site {
    let site = Site::new(&Options::nothing_kept());
    if let Some(like) = like {
        for name in ["seal.key", "seal.pub", "other.key", "other.pub", "state.secret"] {
            std::fs::copy(like.path().join(name), site.path().join(name)).unwrap();
        }
    }
    site.edit_config(|text| text.replace(ACTIVE, seal));
    site
}

struct Lab {
    store: Arc<MemoryStore>,
    first: InProcess,
    runtime: Runtime,
}

impl Lab {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let first = InProcess::start_at(site(None, CERTIFIER), Arc::clone(&store) as Arc<dyn Store>);
        first.client().create_bucket(BUCKET);
        Self { store, first, runtime: Runtime::new().unwrap() }
    }

    /// Another instance of the deployment, which has nothing in common with the first but keys and store.
    fn another(&self, seal: &str) -> InProcess {
        let site = site(Some(&self.first.site), seal);
        InProcess::start_at(site, Arc::clone(&self.store) as Arc<dyn Store>)
    }

    fn certificates(&self) -> Vec<String> {
        let list = self.store.state_list(StateArea::Records, "seal-keys/", None, 100);
        self.runtime.block_on(list).unwrap()
    }

    fn certificate(&self, client: &Client, key: &str) -> String {
        let got = client.ask("GET", &format!("/.hallmark/seal-keys/{key}"), &[], b"");
        assert_eq!(got.status, 200, "{}", got.text());
        got.text()
    }

    fn replace_certificate(&self, key: &str, text: Option<&str>) {
        let name = StateName::new(StateArea::Records, format!("seal-keys/{key}")).unwrap();
        self.runtime.block_on(async {
            match text {
                Some(text) => {
                    let bytes = Bytes::copy_from_slice(text.as_bytes());
                    self.store.state_put(&name, bytes, Guard::Any).await.unwrap();
                }
                None => self.store.state_delete(&name).await.unwrap(),
            }
        });
    }
}

/// By which key an object is sealed.
#[track_caller]
fn key_of(client: &Client, key: &str) -> String {
    let head = client.head(BUCKET, key);
    let seal = head.header("x-amz-meta-hallmark").unwrap_or_else(|| panic!("{}: no seal", head.status));
    seal.split(' ').find_map(|field| field.strip_prefix("key=")).unwrap().to_owned()
}

/// All of that key's id.
#[track_caller]
fn key_id_of(client: &Client, key: &str) -> String {
    let exported = client.ask("GET", &format!("/{BUCKET}/{key}?hallmark=seal"), &[], b"").text();
    let id = exported.split("\"keyid\":\"").nth(1).unwrap()[..64].to_owned();
    assert!(id.starts_with(&key_of(client, key)), "{id}");
    id
}

#[track_caller]
fn refused(response: &Response, why: &str) {
    assert_eq!(
        (response.status, response.header("x-hallmark-refused")),
        (403, Some("ArtifactSealInvalid")),
        "{}",
        response.text()
    );
    assert!(response.text().contains(why), "{}", response.text());
}

#[test]
fn p6_each_instance_seals_with_a_key_of_its_own_and_reads_the_others() {
    let lab = Lab::new();
    let second = lab.another(CERTIFIER);
    let clients = [lab.first.client(), second.client()];
    for (number, length) in [1000, 3 * MIB, 9 * MIB].into_iter().enumerate() {
        let body = content(number as u64, length);
        let keys = clients.each_ref().map(|client| {
            assert_eq!(client.put(BUCKET, "key", &body).status, 200);
            for reader in &clients {
                assert_same(&reader.get(BUCKET, "key").body, &body, "read by both");
            }
            key_of(client, "key")
        });
        assert_ne!(keys[0], keys[1]);
    }
    let both = lab.certificates();
    assert_eq!(both.len(), 2);

    // It died: what it sealed is served, by one that was started in its place as well, which has another key.
    drop(second);
    let third = lab.another(CERTIFIER);
    assert_eq!(third.client().get(BUCKET, "key").status, 200);
    assert_eq!(third.client().put(BUCKET, "key", b"new").status, 200);
    assert!(both.iter().all(|name| !name.ends_with(&key_of(&third.client(), "key"))));
    assert_eq!(lab.first.client().get(BUCKET, "key").status, 200);
    // No more of them than there were processes.
    assert_eq!(lab.certificates().len(), 3);
}

/// One question to the store for a key, however many artifacts it has sealed and whatever their names.
#[test]
fn a_certificate_is_asked_for_once() {
    let lab = Lab::new();
    let client = lab.first.client();
    for key in ["a", "b"] {
        assert_eq!(client.put(BUCKET, key, b"1").status, 200);
    }
    let another = lab.another(CERTIFIER);
    let second = another.client();
    let calls = |key: &str| {
        lab.store.take_calls();
        assert_eq!(second.get(BUCKET, key).status, 200);
        lab.store.take_calls()
    };
    assert_eq!(calls("a"), [Call::Get, Call::StateGet]);
    assert_eq!((calls("a"), calls("b")), (vec![Call::Get], vec![Call::Get]));

    // Nor is it asked each time for what is not there.
    let key = key_of(&client, "a");
    lab.replace_certificate(&key, None);
    let third = lab.another(CERTIFIER);
    let third = third.client();
    lab.store.take_calls();
    for _ in 0..3 {
        refused(&third.get(BUCKET, "a"), &format!("no trusted seal key begins with {key}"));
    }
    let asked = lab.store.take_calls();
    assert_eq!(asked.iter().filter(|call| **call == Call::StateGet).count(), 1, "{asked:?}");
}

#[test]
fn p4_without_its_certificate_a_key_is_not_trusted() {
    let lab = Lab::new();
    let client = lab.first.client();
    let body = content(1, 9 * MIB);
    assert_eq!((client.put(BUCKET, "a", b"1").status, client.put(BUCKET, "large", &body).status), (200, 200));
    let key = key_of(&client, "a");
    let good = lab.certificate(&client, &key);
    let another = lab.another(CERTIFIER);
    assert_eq!(another.client().put(BUCKET, "other", b"1").status, 200);
    let others = lab.certificate(&client, &key_of(&client, "other"));
    // By a certifier that nobody trusts.
    let stranger = lab.another(&CERTIFIER.replace("seal.key", "other.key"));
    assert_eq!(stranger.client().put(BUCKET, "strange", b"1").status, 200);
    let strange = key_of(&stranger.client(), "strange");
    // The payload begins with `{"_` in base64.
    let damaged = good.replacen("eyJf", "eyJg", 1);
    assert_ne!(damaged, good);
    for (what, text, why) in [
        ("damaged", Some(damaged), "its certificate is damaged"),
        ("cut", Some(good[..good.len() - 1].to_owned()), "its certificate is damaged"),
        ("longer", Some(format!("{good}{}", " ".repeat(5000))), "its certificate is damaged"),
        ("another's", Some(others), "its certificate is damaged"),
        ("none", None, "no trusted seal key begins with"),
    ] {
        lab.replace_certificate(&key, text.as_deref());
        let fresh = lab.another(CERTIFIER);
        let client = fresh.client();
        for object in ["a", "large"] {
            refused(&client.get(BUCKET, object), why);
        }
        let shown = client.ask("GET", &format!("/.hallmark/seal-keys/{key}"), &[], b"");
        assert_eq!((shown.status, shown.code().as_str()), (404, "NoSuchKey"), "{what}");
    }
    lab.replace_certificate(&key, Some(&good));
    let fresh = lab.another(CERTIFIER);
    assert_same(&fresh.client().get(BUCKET, "large").body, &body, "it is there again");
    refused(&fresh.client().get(BUCKET, "strange"), "is not by a trusted certifier");
    assert_eq!(fresh.client().ask("GET", &format!("/.hallmark/seal-keys/{strange}"), &[], b"").status, 404);

    // A store that does not answer has not said that it is not there.
    let unsure = lab.another(CERTIFIER);
    lab.store.go_wrong(Call::StateGet.naming("seal-keys/"), Mishap::Fails(StoreFault::Unavailable));
    assert_eq!(unsure.client().get(BUCKET, "a").status, 503);
    assert_eq!(unsure.client().get(BUCKET, "a").status, 200);
}

/// What is kept of a key's certificate makes it trusted no longer than its certifier is.
#[test]
fn p5_a_certifier_that_is_not_trusted_any_more_counts_at_the_next_request_no_more() {
    let lab = Lab::new();
    let client = lab.first.client();
    let edit = |from: &str, to: &str| {
        lab.first.site.edit_config(|text| text.replace(from, to));
        lab.first.renew().unwrap();
    };
    assert_eq!(client.put(BUCKET, "old", b"1").status, 200);
    let old = key_of(&client, "old");

    // The key goes on where nothing of the certifier has changed.
    edit(CERTIFIER, &format!("{CERTIFIER}\ntrusted_certifier_files = [\"other.pub\"]"));
    assert_eq!(client.put(BUCKET, "between", b"1").status, 200);
    assert_eq!(key_of(&client, "between"), old);

    // To the next one, which is trusted by all.
    edit("certifier_file = \"seal.key\"", "certifier_file = \"other.key\"");
    edit("trusted_certifier_files = [\"other.pub\"]", "trusted_certifier_files = [\"seal.pub\"]");
    assert_eq!(client.put(BUCKET, "new", b"1").status, 200);
    assert_ne!(key_of(&client, "new"), old);
    let keys = client.ask("GET", "/.hallmark/seal-keys.pem", &[], b"").text();
    let pem = |name: &str| std::fs::read_to_string(lab.first.site.path().join(name)).unwrap();
    assert_eq!(keys, format!("{}{}", pem("other.pub"), pem("seal.pub")));
    assert_eq!(client.get(BUCKET, "old").status, 200);

    edit("trusted_certifier_files = [\"seal.pub\"]", "");
    refused(&client.get(BUCKET, "old"), "is not by a trusted certifier");
    refused(&client.get(BUCKET, "between"), "is not by a trusted certifier");
    assert_eq!(client.get(BUCKET, "new").status, 200);

    // The certifier's own key makes no seals that count, and is back as a seal key if somebody says so.
    edit("certifier_file = \"other.key\"\nlifetime = \"1h\"", ACTIVE);
    assert_eq!(client.put(BUCKET, "plain", b"1").status, 200);
    refused(&client.get(BUCKET, "new"), "no trusted seal key begins with");
    edit(ACTIVE, CERTIFIER);
    refused(&client.get(BUCKET, "plain"), "no trusted seal key begins with");
    assert_eq!((client.get(BUCKET, "old").status, client.put(BUCKET, "old", b"2").status), (200, 200));
}

#[test]
fn p5_a_leaked_key_is_refused_and_followed_by_another() {
    let lab = Lab::new();
    let client = lab.first.client();
    assert_eq!(client.put(BUCKET, "key", b"1").status, 200);
    let (key, keyid) = (key_of(&client, "key"), key_id_of(&client, "key"));
    lab.first.site.edit_config(|text| {
        format!("{text}\n[[seal.refused]]\nkey = \"{keyid}\"\nreason = \"the machine was taken over\"\n")
    });
    lab.first.renew().unwrap();
    refused(&client.get(BUCKET, "key"), "it is refused: the machine was taken over");
    assert_eq!(client.put(BUCKET, "key", b"1").status, 200);
    assert_ne!(key_of(&client, "key"), key);
}

/// Nothing is taken over halfway where the first key cannot be certified.
#[test]
fn a_configuration_whose_certificates_cannot_be_stored_is_refused() {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start_at(site(None, ACTIVE), Arc::clone(&store) as Arc<dyn Store>);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let certified = format!("{CERTIFIER}\ntrusted_key_files = [\"seal.pub\"]");
    proxy.site.edit_config(|text| text.replace(ACTIVE, &certified));
    for mishap in [Mishap::Fails(StoreFault::Unavailable), Mishap::Pretends] {
        store.go_wrong(Call::StatePut.naming("seal-keys/"), mishap);
        let errors = proxy.renew().unwrap_err().to_string();
        assert!(
            errors.contains("seal.certifier_file: the certificate of a seal key could not be stored"),
            "{errors}"
        );
        assert_eq!(client.put(BUCKET, "key", b"1").status, 200);
    }
    let old = key_of(&client, "key");
    proxy.renew().unwrap();
    assert_eq!(client.get(BUCKET, "key").status, 200, "by the key that sealed before");
    assert_eq!(client.put(BUCKET, "key", b"1").status, 200);
    assert_ne!(key_of(&client, "key"), old);
    let name = StateName::new(StateArea::Records, format!("seal-keys/{}", key_of(&client, "key"))).unwrap();
    let found = Runtime::new().unwrap().block_on(store.state_get(&name, Span::All)).unwrap();
    assert!(found.is_some());
}

/// Whoever can write to the store can keep certificates out of it. What a configuration revokes is revoked all the same, also
/// where it changes more than that.
#[test]
fn p5_what_is_refused_is_refused_though_no_other_key_can_be_certified() {
    for (from, to, why) in [
        ("", "", "stolen"),
        ("lifetime = \"1h\"", "lifetime = \"2h\"", "stolen"),
        ("\"seal.key\"", "\"other.key\"", "is not by a trusted certifier"),
    ] {
        refused_at_once(from, to, why);
    }
}

/// With another change beside.
fn refused_at_once(from: &str, to: &str, why: &str) {
    let lab = Lab::new();
    let (proxy, client) = (&lab.first, lab.first.client());
    assert_eq!(client.put(BUCKET, "key", b"by the stolen key").status, 200);
    let key = key_of(&client, "key");
    let id = key_id_of(&client, "key");
    lab.store.keep_going_wrong(Call::StatePut.naming("seal-keys/"), Mishap::Fails(StoreFault::Unavailable));
    proxy.site.edit_config(|text| {
        let text = if from.is_empty() { text } else { text.replace(from, to) };
        format!("{text}\n[[seal.refused]]\nkey = \"{id}\"\nreason = \"stolen\"\n")
    });
    proxy.renew().unwrap();
    refused(&client.get(BUCKET, "key"), why);
    assert_eq!(client.put(BUCKET, "new", b"1").status, 503, "there is no key");
    lab.store.forget_mishaps();
    proxy.renew().unwrap();
    assert_eq!(client.put(BUCKET, "new", b"1").status, 200);
    assert_ne!(key_of(&client, "new"), key);
}

/// What is refused here is refused only where a certifier certified it: another key has to be taken out.
#[test]
fn a_key_that_seal_itself_names_is_not_refused_silently() {
    let lab = Lab::new();
    let pem = std::fs::read_to_string(lab.first.site.path().join("seal.pub")).unwrap();
    let id = hallmark_signer::PublicKey::from_pem(&pem).unwrap().id().to_hex();
    lab.first
        .site
        .edit_config(|text| format!("{text}\n[[seal.refused]]\nkey = \"{id}\"\nreason = \"stolen\"\n"));
    let errors = lab.first.renew().unwrap_err().to_string();
    assert!(errors.contains("seal.refused[0].key: is a key that [seal] itself names"), "{errors}");
}

/// What nobody would be served does not take the place of anything.
#[test]
fn p2_what_was_planned_by_a_key_that_is_refused_since_is_not_made_visible() {
    let lab = Lab::new();
    let (proxy, client) = (&lab.first, lab.first.client());
    assert_eq!(client.put(BUCKET, "other", b"by the same key").status, 200);
    let id = key_id_of(&client, "other");
    let upload = client.create_upload(BUCKET, "key", &[]);
    let parts = [upload.send_part(1, b"part")];
    lab.store.keep_going_wrong(Call::Promote, Mishap::Fails(StoreFault::Unavailable));
    assert!(completed(&upload.complete(&parts)).is_err());
    lab.store.forget_mishaps();
    proxy.site.edit_config(|text| format!("{text}\n[[seal.refused]]\nkey = \"{id}\"\nreason = \"leaked\"\n"));
    proxy.renew().unwrap();
    let again = completed(&upload.complete(&parts)).unwrap_err();
    assert!(again.contains("ServiceUnavailable"), "{again}");
    assert!(lab.store.find(BUCKET, "key").is_none());
    assert_eq!(upload.abort().status, 204);
    assert_eq!(client.put(BUCKET, "key", b"by the next key").status, 200);
}

/// Who asks for keys that nobody has must not keep others from those that there are.
#[test]
fn a_certificate_that_is_known_is_told_while_others_are_asked_for() {
    let lab = Lab::new();
    let client = lab.first.client();
    assert_eq!(client.put(BUCKET, "key", b"1").status, 200);
    let known = format!("/.hallmark/seal-keys/{}", key_of(&client, "key"));
    lab.store.keep_going_wrong(Call::StateGet.naming("seal-keys/"), Mishap::NeverAnswers);
    lab.store.take_calls();
    let address = lab.first.address();
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    // As many as one client may have answered at once.
    let mut asking = Vec::new();
    for number in 0..4 {
        let mut connection = Connection::open(address);
        assert!(connection.send(ask(&format!("/.hallmark/seal-keys/000000000000000{number}")).as_bytes()));
        asking.push(connection);
    }
    let mut calls = 0;
    while calls < asking.len() {
        calls += lab.store.take_calls().iter().filter(|call| **call == Call::StateGet).count();
        std::thread::yield_now();
    }
    let told = exchange(address, ask(&known).as_bytes(), Asked::by("GET"));
    assert_eq!(told.status, 200, "{}", told.text());
    let unknown =
        exchange(address, ask("/.hallmark/seal-keys/0000000000000004").as_bytes(), Asked::by("GET"));
    assert_eq!((unknown.status, unknown.code().as_str()), (503, "SlowDown"));
}
