//! Nobody needs Hallmark to check (P8): keys, signatures and exports, with openssl and sha256sum.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

use hallmark_signer::evidence::{APPROVAL, NewStatement};
use hallmark_signer::{
    BlobHasher, By, Claims, ContentDigests, KeyError, NoVerdicts, Observed, Op, PrivateKey, PublicKey,
    PublisherSignatures, Seal, SealId, SealKeys, SealedEtag, SealedHeaders, Sealer, Sha256Digest,
    UploadHasher, dsse, verify,
};
use tempfile::TempDir;

const ARTIFACT: &[u8] = b"an artifact\n";

/// A directory in which tools run.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    fn read_text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Runs `command`, split at spaces; what it says, and whether it succeeded.
    fn try_run(&self, command: &str) -> (bool, String) {
        let mut words = command.split(' ');
        let program = words.next().unwrap();
        let output = Command::new(program)
            .args(words)
            .current_dir(self.path())
            .output()
            .unwrap_or_else(|error| panic!("this test needs `{program}`: {error}"));
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    fn run(&self, command: &str) -> String {
        let (success, said) = self.try_run(command);
        assert!(success, "{command}: {said}");
        said
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The DSSE pre-authentication encoding, put together from the specification once more.
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

fn seal(key: &str) -> Seal {
    let mut hasher = UploadHasher::exactly(ARTIFACT.len() as u64);
    hasher.update(ARTIFACT);
    let (content, md5) = hasher.finish().unwrap();
    let claims = Claims {
        id: SealId::random().unwrap(),
        op: Op::Put,
        at: 1_795_000_000_123,
        by: By::client("ci").unwrap(),
        src: None,
        content: ContentDigests::of(&content).unwrap(),
        parts: None,
        etag: SealedEtag::single(md5),
    };
    let headers = SealedHeaders::default().digest();
    let observed = Observed { realm: "prod", bucket: "releases", key, length: content.size(), headers };
    let sealer = Sealer::new(PrivateKey::generate().unwrap().into_seal_key());
    let line = sealer.seal(claims, &observed).unwrap();
    let keys = SealKeys::new([sealer.public_key().clone()]).unwrap();
    verify(&line, &observed, &keys, &NoVerdicts).unwrap()
}

#[test]
fn openssl_reads_our_keys() {
    let bench = Bench::new();
    let private = PrivateKey::generate().unwrap();
    bench.write("key.pem", &*private.to_pem().unwrap());
    let public = private.into_blob_key().public_key().clone();
    assert_eq!(bench.run("openssl pkey -in key.pem -check -noout").trim(), "Key is valid");
    bench.run("openssl pkey -in key.pem -pubout -out public.pem");
    bench.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
    assert_eq!(bench.read_text("public.pem"), public.to_pem());
    assert_eq!(bench.read("public.der"), public.to_der());
    let id = bench.run("sha256sum public.der");
    assert_eq!(id.split(' ').next(), Some(public.id().to_hex().as_str()));
}

#[test]
fn openssl_verifies_our_blob_signatures() {
    let bench = Bench::new();
    let key = PrivateKey::generate().unwrap().into_blob_key();
    let mut hasher = BlobHasher::new();
    hasher.update(ARTIFACT);
    bench.write("artifact", ARTIFACT);
    bench.write("sig", key.sign(&hasher.finish().unwrap()).to_der());
    bench.write("public.pem", key.public_key().to_pem());
    bench.run("openssl dgst -sha256 -verify public.pem -signature sig artifact");
    bench.write("artifact", b"another");
    assert!(!bench.try_run("openssl dgst -sha256 -verify public.pem -signature sig artifact").0);
}

/// Keys in both forms, as publishers make them. Half of openssl's signatures have the higher s.
#[test]
fn openssl_keys_and_signatures_are_accepted() {
    for make in [
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
        "openssl ecparam -name prime256v1 -genkey -out key.pem",
        "openssl ecparam -name prime256v1 -genkey -noout -out key.pem",
    ] {
        let bench = Bench::new();
        bench.run(make);
        bench.run("openssl pkey -in key.pem -pubout -out public.pem");
        bench.write("artifact", ARTIFACT);
        let public = PublicKey::from_pem(&bench.read_text("public.pem")).unwrap();
        let private = PrivateKey::from_pem(&bench.read_text("key.pem")).unwrap();
        assert_eq!(private.into_blob_key().public_key(), &public);
        for _ in 0..4 {
            bench.run("openssl dgst -sha256 -sign key.pem -out sig artifact");
            let value = bench.run("openssl base64 -A -in sig");
            let signatures = PublisherSignatures::parse(&value).unwrap();
            let names =
                signatures.verified_by(&Sha256Digest::of(ARTIFACT), [("release", &public)], &NoVerdicts);
            assert_eq!(names, Ok(vec!["release"]));
            let names =
                signatures.verified_by(&Sha256Digest::of(b"another"), [("release", &public)], &NoVerdicts);
            assert_eq!(names, Ok(vec![]));
        }
    }
}

#[test]
fn other_keys_are_refused() {
    let bench = Bench::new();
    let private = |command: &str| {
        bench.run(command);
        PrivateKey::from_pem(&bench.read_text("key.pem")).err()
    };
    for command in [
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem",
        "openssl genpkey -algorithm ed25519 -out key.pem",
        "openssl ecparam -name secp384r1 -genkey -out key.pem",
        "openssl ecparam -name secp256k1 -genkey -out key.pem",
    ] {
        assert_eq!(private(command), Some(KeyError::Private), "{command}");
        bench.run("openssl pkey -in key.pem -pubout -out public.pem");
        assert_eq!(PublicKey::from_pem(&bench.read_text("public.pem")), Err(KeyError::Public), "{command}");
    }
    let encrypted =
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:word -out key.pem";
    assert!(matches!(private(encrypted), Some(KeyError::Encrypted)));
    let compressed = "openssl ec -in plain.pem -pubout -conv_form compressed -out public.pem";
    bench.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out plain.pem");
    bench.run(compressed);
    assert_eq!(PublicKey::from_pem(&bench.read_text("public.pem")), Err(KeyError::PublicEncoding));
    bench.run("openssl ec -pubin -in public.pem -conv_form uncompressed -out usual.pem");
    assert!(PublicKey::from_pem(&bench.read_text("usual.pem")).is_ok(), "what the message advises works");
}

#[test]
fn openssl_verifies_a_seal() {
    let bench = Bench::new();
    let seal = seal("app/1.2.3/ключ \"1\".tar");
    let envelope: serde_json::Value = serde_json::from_str(&seal.envelope().to_json()).unwrap();
    bench.write("payload.b64", envelope["payload"].as_str().unwrap());
    bench.write("sig.b64", envelope["signatures"][0]["sig"].as_str().unwrap());
    bench.run("openssl base64 -d -A -in payload.b64 -out payload");
    bench.run("openssl base64 -d -A -in sig.b64 -out sig");
    let payload = bench.read("payload");
    bench.write("pae", pae(envelope["payloadType"].as_str().unwrap(), &payload));
    bench.write("public.pem", seal.signer().to_pem());
    bench.run("openssl dgst -sha256 -verify public.pem -signature sig pae");
    assert_eq!(dsse::pae(dsse::IN_TOTO, &payload), bench.read("pae"));
    let statement: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(statement["subject"][0]["name"], "releases/app/1.2.3/ключ \"1\".tar");
    assert_eq!(statement["subject"][0]["digest"]["sha256"], Sha256Digest::of(ARTIFACT).to_hex());
}

#[test]
fn openssl_verifies_a_statement() {
    let bench = Bench::new();
    let key = PrivateKey::generate().unwrap().into_dsse_key();
    let subject = [("releases/app.tar", Sha256Digest::of(ARTIFACT))];
    let statement = NewStatement::new(subject, APPROVAL, &serde_json::json!({"role": "release"})).unwrap();
    let envelope: serde_json::Value = serde_json::from_str(&key.sign(&statement).to_json()).unwrap();
    bench.write("payload.b64", envelope["payload"].as_str().unwrap());
    bench.write("sig.b64", envelope["signatures"][0]["sig"].as_str().unwrap());
    bench.run("openssl base64 -d -A -in payload.b64 -out payload");
    bench.run("openssl base64 -d -A -in sig.b64 -out sig");
    bench.write("pae", pae(envelope["payloadType"].as_str().unwrap(), &bench.read("payload")));
    bench.write("public.pem", key.public_key().to_pem());
    bench.run("openssl dgst -sha256 -verify public.pem -signature sig pae");
    let payload: serde_json::Value = serde_json::from_slice(&bench.read("payload")).unwrap();
    assert_eq!(payload["subject"][0]["digest"]["sha256"], Sha256Digest::of(ARTIFACT).to_hex());
    assert_eq!(envelope["signatures"][0]["keyid"], key.public_key().id().to_hex());
}

#[test]
fn sha256sum_checks_our_line() {
    for (key, file) in [
        ("a/app.tar", "app.tar"),
        ("a/ two  spaces*", " two  spaces*"),
        ("a/back\\slash", "back\\slash"),
        ("a/new\nline\rreturn", "new\nline\rreturn"),
        ("a/-", "-"),
        ("a/ключ", "ключ"),
    ] {
        let bench = Bench::new();
        bench.write("sums", seal(key).sha256sum_line());
        bench.write(file, ARTIFACT);
        bench.run("sha256sum --strict --check sums");
        bench.write(file, b"another");
        assert!(!bench.try_run("sha256sum --strict --check sums").0, "{key:?}");
    }
}
