//! securesystemslib, which in-toto and TUF verify with: it accepts the statements that we sign, and those that are served.

use std::fs;
use std::net::SocketAddr;

use hallmark_signer::evidence::{APPROVAL, NewStatement};
use hallmark_signer::{PrivateKey, Sha256Digest};
use hallmark_tests::command::{Ran, Sandbox, script};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::proxy::{Proxy, program};
use hallmark_tests::site::{Options, REALM};
use serde_json::{Value, json};

use super::BUCKET;

/// By the key in `key.pub`.
fn verify(sandbox: &Sandbox, envelope: &str) -> Ran {
    fs::write(sandbox.path("envelope.json"), envelope).unwrap();
    sandbox.run_installed(
        "python",
        &[script("dsse_verify.py"), sandbox.path("key.pub"), sandbox.path("envelope.json")],
    )
}

/// What the envelope says, which is good; and is not if anything else is said under the same signature.
#[track_caller]
fn verified(sandbox: &Sandbox, envelope: &str) -> Value {
    let said = serde_json::from_str(&verify(sandbox, envelope).good()).unwrap();
    let mut other: Value = serde_json::from_str(envelope).unwrap();
    // The payload begins with `{"_` in base64.
    let payload = other["payload"].as_str().unwrap().replacen("eyJf", "eyAg", 1);
    assert_ne!(other["payload"], payload.as_str());
    other["payload"] = payload.into();
    let refused = verify(sandbox, &other.to_string()).bad();
    assert!(refused.contains("Found: 0"), "{refused}");
    said
}

#[test]
fn p8_securesystemslib_verifies_our_statements() {
    // It asks no server.
    let sandbox = Sandbox::new(SocketAddr::from(([127, 0, 0, 1], 1)));
    let key = PrivateKey::generate().unwrap().into_dsse_key();
    fs::write(sandbox.path("key.pub"), key.public_key().to_pem()).unwrap();
    for name in ["releases/app.tar", "releases/a \"b\" \\ ключ"] {
        let subject = [(name, Sha256Digest::of(name.as_bytes()))];
        let statement = NewStatement::new(subject, APPROVAL, &json!({"role": "release"})).unwrap();
        let mut envelope = key.sign(&statement);
        let payload = String::from_utf8(statement.payload().to_vec()).unwrap();
        assert_eq!(verify(&sandbox, &envelope.to_json()).good(), payload);
        envelope.payload.push(b' ');
        let said = verify(&sandbox, &envelope.to_json()).bad();
        assert!(said.contains("Found: 0"), "{said}");
    }
}

#[test]
fn p8_securesystemslib_verifies_seals_as_they_are_served() {
    let proxy = Proxy::start();
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let sandbox = Sandbox::new(proxy.address());
    fs::copy(proxy.site.path().join("seal.pub"), sandbox.path("key.pub")).unwrap();
    for (key, length) in [("app.tar", 1000), ("large.tar", 3 * MIB), ("of a \"name\" \\ ключ", 9 * MIB)] {
        let body = content(1, length);
        assert_eq!(client.put(BUCKET, key, &body).status, 200);
        let served = client.get_query(BUCKET, key, "hallmark=seal");
        assert_eq!(served.status, 200, "{}", served.text());
        let said = verified(&sandbox, &served.text());
        let subject = json!([{"name": format!("{BUCKET}/{key}"), "digest": {"sha256": Sha256Digest::of(&body).to_hex()}}]);
        assert_eq!((&said["subject"], &said["predicate"]["realm"]), (&subject, &REALM.into()));
    }
    // By another key of the deployment it is not.
    fs::copy(proxy.site.path().join("ci.pub"), sandbox.path("key.pub")).unwrap();
    let served = client.get_query(BUCKET, "app.tar", "hallmark=seal").text();
    assert!(verify(&sandbox, &served).bad().contains("Found: 0"));
}

#[test]
fn p8_securesystemslib_verifies_approvals_as_they_are_stored() {
    let rule = "rules = [{ prefix = \"\", signatures = \"required\", all_of = [\"release\"], siblings = [\"intoto\"], \
        enforce = \"download\", bind = \"name\", attestation = \"approval\" }]";
    let tables = format!(
        "[keys.b]\npublic_key_file = \"b.pub\"\nuse = \"dsse\"\n[roles.release]\nsigners = [\"b\"]\n\
         [attestations.approval]\npredicate_type = \"{APPROVAL}\"\n[buckets.{BUCKET}]\n{rule}\n"
    );
    let site = hallmark_tests::site::Site::new(&Options { tables, ..Options::default() });
    site.make_key("b");
    let proxy = Proxy::start_at(site);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let body = content(1, 1000);
    assert_eq!(client.put(BUCKET, "app.tar", &body).status, 200);
    let sandbox = Sandbox::new(proxy.address());
    for (name, as_name) in [("seal.pub", "seal.pub"), ("b.key", "b.key"), ("b.pub", "key.pub")] {
        fs::copy(proxy.site.path().join(name), sandbox.path(as_name)).unwrap();
    }
    let location = format!("s3://{BUCKET}/app.tar");
    let approve = ["approve", "--role", "release", "--statement", "--key", "b.key", "--seal-key", "seal.pub"];
    sandbox.run(program("hallmark"), &[&approve[..], &["--realm", REALM, &location]].concat()).good();
    let stored = client.get(BUCKET, "app.tar.intoto.jsonl");
    assert_eq!(stored.status, 200, "{}", stored.text());
    let stored = stored.text();
    let [line] = stored.lines().collect::<Vec<_>>()[..] else { panic!("{stored}") };
    let said = verified(&sandbox, line);
    let subject = json!([{"name": format!("{BUCKET}/app.tar"), "digest": {"sha256": Sha256Digest::of(&body).to_hex()}}]);
    assert_eq!(said["subject"], subject);
    assert_eq!((&said["predicateType"], &said["predicate"]["role"]), (&APPROVAL.into(), &"release".into()));
}
