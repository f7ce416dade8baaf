//! securesystemslib, which in-toto and TUF verify with: it accepts the statements that we sign.

use std::fs;
use std::net::SocketAddr;

use hallmark_signer::evidence::{APPROVAL, NewStatement};
use hallmark_signer::{Envelope, PrivateKey, Sha256Digest};
use hallmark_tests::command::{Ran, Sandbox, script};
use serde_json::json;

fn verify(sandbox: &Sandbox, envelope: &Envelope) -> Ran {
    fs::write(sandbox.path("envelope.json"), envelope.to_json()).unwrap();
    sandbox.run_installed(
        "python",
        &[script("dsse_verify.py"), sandbox.path("key.pub"), sandbox.path("envelope.json")],
    )
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
        assert_eq!(verify(&sandbox, &envelope).good(), payload);
        envelope.payload.push(b' ');
        let said = verify(&sandbox, &envelope).bad();
        assert!(said.contains("Found: 0"), "{said}");
    }
}
