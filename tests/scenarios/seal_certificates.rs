//! `hallmark` verifies seals by keys that live shortly: certificates come from the endpoint or from files, and keys are refused.

use std::fs;
use std::sync::Arc;

use hallmark_signer::PublicKey;
use hallmark_tests::command::Sandbox;
use hallmark_tests::proxy::{Options, Proxy, program};
use hallmark_tests::site::Site;

const BUCKET: &str = "artifacts";
const PLAIN: &str = "key_file = \"seal.key\"";
const CERTIFIER: &str = "certifier_file = \"seal.key\"";

struct Lab {
    site: Arc<Site>,
    proxy: Proxy,
    sandbox: Sandbox,
    /// All of the id of the key that made the seal of `app.tar`, and its certificate.
    key: String,
    certificate: String,
}

impl Lab {
    fn new() -> Self {
        let site = Arc::new(Site::new(&Options::default()));
        site.edit_config(|text| text.replace(PLAIN, CERTIFIER));
        let proxy = Proxy::start_at(Arc::clone(&site));
        let client = proxy.client();
        client.create_bucket(BUCKET);
        assert_eq!(client.put(BUCKET, "app.tar", b"an artifact").status, 200);
        let exported = client.ask("GET", &format!("/{BUCKET}/app.tar?hallmark=seal"), &[], b"").text();
        let key = exported.split("\"keyid\":\"").nth(1).unwrap()[..64].to_owned();
        let certificate = client.ask("GET", &format!("/.hallmark/seal-keys/{}", &key[..16]), &[], b"").text();
        let sandbox = Sandbox::new(proxy.address());
        fs::copy(site.path().join("seal.pub"), sandbox.path("seal.pub")).unwrap();
        fs::write(sandbox.path("seal.json"), exported).unwrap();
        Self { site, proxy, sandbox, key, certificate }
    }

    /// How a command with these options ends, and what it says of it.
    fn run(&self, command: &str, options: &[&str], place: &str) -> (Option<i32>, String) {
        let trusted = [command, "--seal-key", "seal.pub", "--realm", "test"];
        let ran = self.sandbox.run(program("hallmark"), &[&trusted[..], options, &[place]].concat());
        let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), ran.stderr);
        (ran.status.code(), said)
    }

    #[track_caller]
    fn pulls(&self, options: &[&str], code: i32, why: &str) {
        let (ended, said) = self.run("pull", options, "s3://artifacts/app.tar");
        assert!(ended == Some(code) && said.contains(why), "{options:?}: {ended:?} {said}");
        let there = fs::remove_file(self.sandbox.path("app.tar")).is_ok();
        assert_eq!(there, code == 0, "{options:?}");
    }

    /// How often the endpoint was asked for a certificate.
    fn asked(&self) -> usize {
        self.proxy.log().matches("operation=\"GetSealKeyCertificate\"").count()
    }
}

#[test]
fn a_certificate_that_is_given_is_not_asked_for() {
    let lab = Lab::new();
    // As an editor leaves it.
    fs::write(lab.sandbox.path("given.json"), format!("{}\n", lab.certificate)).unwrap();
    let asked = lab.asked();
    lab.pulls(&["--seal-certificate", "given.json"], 0, "");
    assert_eq!(lab.asked(), asked);
    lab.pulls(&[], 0, "");
    assert_eq!(lab.asked(), asked + 1);

    // What is none is not taken: a seal, or one that was changed. The payload begins with `{"_` in base64.
    fs::write(lab.sandbox.path("changed.json"), lab.certificate.replacen("eyJf", "eyJg", 1)).unwrap();
    for bad in ["seal.json", "changed.json"] {
        lab.pulls(&["--seal-certificate", bad], 2, "not the certificate of a seal key");
    }
    // One of another key helps nobody, and does no harm.
    fs::copy(lab.site.path().join("other.pub"), lab.sandbox.path("seal.pub")).unwrap();
    lab.pulls(&["--seal-certificate", "given.json"], 3, "is not by a trusted certifier");
}

#[test]
fn a_key_that_is_refused_is_refused_whoever_certifies_it() {
    let lab = Lab::new();
    fs::write(lab.sandbox.path("given.json"), &lab.certificate).unwrap();
    let why = "it is refused: --refuse-seal-key says so";
    let refusing = ["--refuse-seal-key", lab.key.as_str()];
    lab.pulls(&refusing, 3, why);
    lab.pulls(&[&refusing[..], &["--seal-certificate", "given.json"]].concat(), 3, why);
    for (command, place) in
        [("inspect", "s3://artifacts/app.tar"), ("audit", "s3://artifacts"), ("checksums", "s3://artifacts")]
    {
        let (ended, said) = lab.run(command, &refusing, place);
        assert!(ended == Some(3) && said.contains(why), "{command}: {ended:?} {said}");
        assert_eq!(lab.run(command, &[], place).0, Some(0), "{command}");
    }
    lab.pulls(&["--refuse-seal-key", &"0".repeat(64)], 0, "");
    // So is one of the keys that are given, as among those of `/.hallmark/seal-keys.pem`.
    let pem = fs::read_to_string(lab.sandbox.path("seal.pub")).unwrap();
    let certifier = PublicKey::from_pem(&pem).unwrap().id().to_hex();
    lab.pulls(&["--refuse-seal-key", &certifier], 3, "no trusted seal key begins with");
}
