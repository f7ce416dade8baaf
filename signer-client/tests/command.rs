//! The command `hallmark` where no endpoint is needed: keys and signatures, with openssl as the other side.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A directory in which commands run, without anything of the AWS tools' configuration.
struct Bench(TempDir);

/// What a command said, and its exit code.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

impl Bench {
    /// With `ci.key`, `ci.pub` and an artifact.
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        bench.write("app.tar", b"an artifact\n");
        bench.good("hallmark keygen ci");
        bench
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = self.0.path().read_dir().unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs `command`, split at spaces.
    fn run(&self, command: &str) -> Said {
        let mut words = command.split(' ');
        let program = match words.next().unwrap() {
            "hallmark" => env!("CARGO_BIN_EXE_hallmark"),
            other => other,
        };
        let mut command = Command::new(program);
        command.args(words).current_dir(self.0.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        let Output { status, stdout, stderr } =
            command.output().unwrap_or_else(|error| panic!("this test needs `{program}`: {error}"));
        let stderr = String::from_utf8(stderr).unwrap();
        let secret = std::fs::read_to_string(self.0.path().join("ci.key")).unwrap_or_default();
        for line in secret.lines().filter(|line| !line.starts_with('-')) {
            let shown = String::from_utf8_lossy(&stdout);
            assert!(!shown.contains(line) && !stderr.contains(line), "a secret was printed");
        }
        Said { code: status.code(), stdout, stderr }
    }

    fn good(&self, command: &str) -> Said {
        let said = self.run(command);
        assert_eq!(said.code, Some(0), "{command}: {said:?}");
        said
    }

    fn json(&self, command: &str) -> Value {
        serde_json::from_slice(&self.good(command).stdout).unwrap()
    }

    /// It ends with `code`, says why on stderr, and stdout stays empty; with `--json` it says the same in one object.
    fn bad(&self, command: &str, code: i32, words: &str) {
        let names = self.names();
        let said = self.run(command);
        assert_eq!((said.code, said.stdout.len()), (Some(code), 0), "{command}: {said:?}");
        assert!(said.stderr.starts_with("error: ") && said.stderr.contains(words), "{command}: {said:?}");
        let said = self.run(&format!("{command} --json"));
        assert_eq!(said.code, Some(code));
        let object: Value = serde_json::from_slice(&said.stdout).unwrap();
        assert_eq!(object["error"]["exit"], code);
        let refused_by = if code == 3 { Value::from("client") } else { Value::Null };
        assert_eq!(object["error"]["refused_by"], refused_by);
        assert_eq!(self.names(), names, "a failure leaves nothing");
    }
}

const OPENSSL_VERIFY: &str = "openssl dgst -sha256 -verify ci.pub -signature";

#[test]
fn keys_are_secret_and_openssl_reads_them() {
    let bench = Bench::new();
    bench.good("openssl pkey -in ci.key -check -noout");
    bench.good("openssl pkey -in ci.key -pubout -out again.pub");
    assert_eq!(bench.read("ci.pub"), bench.read("again.pub"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(bench.0.path().join("ci.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    std::fs::create_dir(bench.0.path().join("keys")).unwrap();
    let made = bench.json("hallmark --json keygen keys/release-1.2");
    assert_eq!(made["key"], "keys/release-1.2.key");
    bench.good("openssl pkey -pubin -in keys/release-1.2.pub -outform DER -out key.der");
    let id = bench.good("sha256sum key.der").stdout;
    assert_eq!(made["key_id"].as_str().unwrap().as_bytes(), &id[..64]);
    bench.bad("hallmark keygen no/such/directory", 1, "cannot write");
}

#[test]
fn no_key_is_overwritten() {
    let bench = Bench::new();
    let (secret, public) = (bench.read("ci.key"), bench.read("ci.pub"));
    bench.bad("hallmark keygen ci", 1, "exists already");
    assert_eq!((bench.read("ci.key"), bench.read("ci.pub")), (secret, public.clone()));
    std::fs::remove_file(bench.0.path().join("ci.key")).unwrap();
    bench.bad("hallmark keygen ci", 1, "exists already");
    assert_eq!(bench.read("ci.pub"), public);
}

#[test]
fn openssl_accepts_what_was_signed() {
    let bench = Bench::new();
    bench.good("hallmark sign --key ci.key app.tar");
    bench.good(&format!("{OPENSSL_VERIFY} app.tar.sig app.tar"));
    let verified = bench.json("hallmark verify --json --key ci.pub app.tar");
    assert_eq!((&verified["verified"], &verified["size"]), (&Value::from(true), &Value::from(12)));

    let signed = bench.json("hallmark sign --json --key ci.key --base64 --output app.b64 app.tar");
    let base64 = String::from_utf8(bench.read("app.b64")).unwrap();
    assert_eq!(base64.trim_end(), signed["signature"]);
    assert_eq!(signed["key_id"], verified["key_id"]);
    assert_eq!(signed["sha256"], verified["sha256"]);
    bench.good("openssl base64 -d -A -in app.b64 -out app.der");
    bench.good(&format!("{OPENSSL_VERIFY} app.der app.tar"));
    bench.good("hallmark verify --key ci.pub --signature app.b64 app.tar");

    let piped = bench.good("hallmark sign --key ci.key --output - app.tar");
    assert_eq!((piped.stdout, piped.stderr.as_str()), (bench.read("app.tar.sig"), ""));
    let piped = bench.good("hallmark sign --key ci.key --base64 --output - app.tar");
    assert_eq!(piped.stdout, base64.as_bytes());
}

/// As others read bundles, see tests/scenarios/clients/sigstore.rs.
#[test]
fn bundles_are_made_and_verified() {
    let bench = Bench::new();
    let signed = bench.json("hallmark sign --json --key ci.key --bundle app.tar");
    assert_eq!(signed["signature_file"], "app.tar.sigstore.json");
    let file = bench.read("app.tar.sigstore.json");
    let bundle: Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(bundle["messageSignature"]["signature"], signed["signature"]);
    assert_eq!(file.last(), Some(&b'\n'));
    let verify = "hallmark verify --key ci.pub --signature app.tar.sigstore.json app.tar";
    bench.good(verify);

    bench.good("hallmark keygen other");
    let other = verify.replace("ci.pub", "other.pub");
    bench.bad(&other, 3, "no signature over app.tar by other.pub");
    let text = String::from_utf8(file).unwrap();
    for (from, to, words) in [
        (",\"tlogEntries\":[]", "", ""),
        ("publicKey", "publickey", "unknown field"),
        ("bundle.v0.3", "bundle.v0.9", "media type"),
        ("}\n", "", "not a Sigstore bundle"),
        ("}\n", &format!("}}{}", " ".repeat(1 << 16)), "65536"),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        bench.write("app.tar.sigstore.json", changed);
        match words {
            "" => _ = bench.good(verify),
            words => bench.bad(verify, 3, words),
        }
    }
    assert_eq!(bench.run("hallmark sign --key ci.key --bundle --base64 app.tar").code, Some(2));
}

#[test]
fn signatures_of_openssl_are_accepted() {
    let bench = Bench::new();
    for file in ["app.tar", "empty", "large"] {
        match file {
            "empty" => bench.write(file, b""),
            "large" => bench.write(file, vec![7; (3 << 20) + 1]),
            _ => {}
        }
        bench.good(&format!("openssl dgst -sha256 -sign ci.key -out {file}.sig {file}"));
        bench.good(&format!("hallmark verify --key ci.pub {file}"));
        bench.good(&format!("openssl base64 -in {file}.sig -out lines.b64"));
        assert!(bench.read("lines.b64").iter().filter(|b| **b == b'\n').count() > 1);
        bench.good(&format!("hallmark verify --key ci.pub --signature lines.b64 {file}"));
    }
}

#[test]
fn what_was_not_signed_is_refused() {
    let bench = Bench::new();
    bench.good("hallmark keygen other");
    bench.good("hallmark sign --key ci.key app.tar");
    bench.bad("hallmark verify --key other.pub app.tar", 3, "no signature over app.tar by other.pub");
    bench.write("app.tar", b"an artifacT\n");
    bench.bad("hallmark verify --key ci.pub app.tar", 3, "no signature over app.tar by ci.pub");
    for bytes in [&b""[..], b"AAAA", &[b'A'; 5000], &[0x30; 72]] {
        bench.write("app.tar.sig", bytes);
        bench.bad("hallmark verify --key ci.pub app.tar", 3, "is no ECDSA P-256 signature");
    }
}

/// A signature over such a file would be one over a statement that nobody read.
#[test]
fn what_passes_for_an_attestation_is_not_signed() {
    let bench = Bench::new();
    bench.write("dsse", "DSSEv1 28 application/vnd.in-toto+json 2 {}");
    bench.bad("hallmark sign --key ci.key dsse", 3, "DSSEv1");
    bench.good("openssl dgst -sha256 -sign ci.key -out dsse.sig dsse");
    bench.bad("hallmark verify --key ci.pub dsse", 3, "DSSEv1");
}

#[test]
fn failures_have_their_exit_codes() {
    let bench = Bench::new();
    bench.bad("hallmark sign --key ci.key missing", 1, "cannot read missing");
    bench.bad("hallmark sign --key missing.key app.tar", 1, "cannot read missing.key");
    bench.bad("hallmark sign --key ci.key .", 2, "is not a file");
    bench.bad("hallmark sign --key ci.pub app.tar", 2, "hint: give the secret key");
    bench.bad("hallmark verify --key ci.pub app.tar", 1, "cannot read app.tar.sig");
    bench.good("hallmark sign --key ci.key app.tar");
    bench.bad("hallmark verify --key ci.key app.tar", 2, "hint: give the public key");
    bench.write("long.pub", vec![b'\n'; 100_000]);
    bench.bad("hallmark verify --key long.pub app.tar", 2, "too long");
    assert_eq!(bench.run("hallmark sign --json --key ci.key --output - app.tar").code, Some(2));
    for line in ["hallmark", "hallmark sign app.tar", "hallmark pull releases/app.tar", "hallmark nothing"] {
        assert_eq!(bench.run(line).code, Some(2), "{line}");
    }
}

#[test]
fn what_needs_an_endpoint_says_what_is_missing() {
    let bench = Bench::new();
    for command in ["push app.tar s3://b/k", "pull s3://b/k got", "inspect s3://b/k"] {
        bench.bad(&format!("hallmark {command}"), 2, "hint: set AWS_ENDPOINT_URL");
        let secret_url = "https://user:password@example.org";
        bench.bad(&format!("hallmark {command} --endpoint-url {secret_url}"), 2, "not of the form");
        assert!(
            !bench
                .run(&format!("hallmark {command} --endpoint-url {secret_url}"))
                .stderr
                .contains("password")
        );
        let named = "--endpoint-url http://127.0.0.1:1 --profile nobody";
        bench.bad(&format!("hallmark {command} {named}"), 2, "no credentials for profile `nobody`");
    }
    bench.bad("hallmark inspect s3://b/k --ca-bundle missing.pem", 1, "cannot read missing.pem");
    bench.write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for bundle in ["app.tar", "broken.pem"] {
        bench.bad(&format!("hallmark inspect s3://b/k --ca-bundle {bundle}"), 2, "no usable certificates");
    }
    bench.bad("hallmark pull s3://b/k -", 2, "standard output");
    bench.bad("hallmark pull s3://b/k/", 2, "does not end in the name of a file");
    let both = "hallmark pull --signer ci.pub --seal-key ci.pub --realm local s3://b/k";
    bench.bad(both, 2, "a key has one use");
}
