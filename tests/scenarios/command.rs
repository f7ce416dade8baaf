//! The command `hallmark` against a running proxy, a store that was tampered with, and an endpoint that lies.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallmark_proxy::store::Store;
use hallmark_tests::command::{Ran, Sandbox};
use hallmark_tests::data::{self, MIB, assert_same};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::proxy::program;
use hallmark_tests::raw::Response;
use hallmark_tests::s3::Client;
use hallmark_tests::sigv4::sha256_hex;
use hallmark_tests::site::{NOBODY, Options, REALM};
use serde_json::Value;

const BUCKET: &str = "releases";
const KEY: &str = "app/1.0/app v1.tar";
const LOCATION: &str = "s3://releases/app/1.0/app v1.tar";

/// Exit codes, as `hallmark --help` documents them.
const FAILED: i32 = 1;
const REFUSED: i32 = 3;
const NOT_FOUND: i32 = 4;

/// How artifacts are kept: whole in one leaf, with a few hashes in the seal, and with a record.
const LENGTHS: [u64; 3] = [300_000, 3 * MIB + 5, 9 * MIB + 5];

struct Lab {
    proxy: InProcess,
    store: Arc<MemoryStore>,
    client: Client,
    sandbox: Sandbox,
}

/// A proxy that wants signatures by a key which `hallmark keygen` made. The keys lie where the command runs.
fn lab() -> Lab {
    let mut sandbox = Sandbox::new("127.0.0.1:1".parse().unwrap());
    for key in ["team", "stranger"] {
        ran(&sandbox, &["keygen", key]).good();
    }
    let tables = format!(
        "[keys.team]\npublic_key_file = \"{}\"\n[buckets.{BUCKET}]\n\
         rules = [{{ prefix = \"app/\", signatures = \"required\", keys = [\"team\"] }}]\n",
        sandbox.path("team.pub").display()
    );
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start_with(
        &Options { tables, ..Options::default() },
        Arc::clone(&store) as Arc<dyn Store>,
    );
    let client = proxy.client();
    client.create_bucket(BUCKET);
    fs::copy(proxy.site.path().join("seal.pub"), sandbox.path("seal.pub")).unwrap();
    sandbox.set("AWS_ENDPOINT_URL", format!("http://{}", proxy.address()));
    Lab { proxy, store, client, sandbox }
}

fn ran(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.run(program("hallmark"), arguments)
}

impl Lab {
    fn hallmark(&self, arguments: &[&str]) -> Ran {
        ran(&self.sandbox, arguments)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.hallmark(&[&["--json"], arguments].concat()).good();
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    fn file(&self, seed: u64, length: u64) -> (PathBuf, Vec<u8>) {
        let file = data::file(self.sandbox.home(), seed, length);
        let bytes = fs::read(&file).unwrap();
        (file, bytes)
    }

    /// Pushes a signed artifact.
    fn push(&self, file: &Path) -> Value {
        self.json(&["push", "--key", "team.key", &file.to_string_lossy(), LOCATION])
    }

    /// An empty directory to download to.
    fn folder(&self) -> PathBuf {
        let folder = self.sandbox.path("downloads");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        folder
    }

    /// Sees a download refused, and nothing left of it.
    #[track_caller]
    fn refused(&self, what: &str, options: &[&str], code: &str, by: &str) {
        for error in self.without_a_trace(what, options) {
            assert_eq!((&error["exit"], &error["code"]), (&REFUSED.into(), &code.into()), "{what}: {error}");
            assert_eq!(error["refused_by"], by, "{what}: {error}");
        }
    }

    /// Sees a download fail twice: to a new file, of which nothing is left, and over one that stays as it is. What it
    /// says of both.
    #[track_caller]
    fn without_a_trace(&self, what: &str, options: &[&str]) -> Vec<Value> {
        let mut errors = Vec::new();
        for existing in [None, Some("what was there")] {
            let folder = self.folder();
            let destination = folder.join("app.tar");
            if let Some(text) = existing {
                fs::write(&destination, text).unwrap();
            }
            let to = destination.to_string_lossy();
            let ran = self.hallmark(&[&["--json", "pull"], options, &[LOCATION, &to]].concat());
            let said = ran.bad();
            assert!(ran.stderr.contains("error: "), "{what}: {said}");
            let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
            let error = told["error"].clone();
            assert_eq!(error["exit"], ran.status.code().unwrap(), "{what}: {said}");
            errors.push(error);
            let left: Vec<_> =
                fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            match existing {
                None => assert_eq!(left, Vec::<std::ffi::OsString>::new(), "{what}"),
                Some(text) => {
                    assert_eq!(left, ["app.tar"], "{what}");
                    assert_eq!(fs::read_to_string(&destination).unwrap(), text, "{what}");
                }
            }
        }
        errors
    }
}

#[test]
fn an_artifact_goes_up_signed_and_comes_back_verified() {
    let lab = lab();
    for (seed, length) in LENGTHS.into_iter().enumerate() {
        let (file, bytes) = lab.file(seed as u64, length);
        let path = file.to_string_lossy().into_owned();
        let digest = sha256_hex(&bytes);

        // The signature by itself, which openssl takes as well.
        let signed = lab.json(&["sign", "--key", "team.key", &path]);
        assert_eq!(signed["sha256"], digest.as_str());
        lab.hallmark(&["verify", "--key", "team.pub", &path]).good();
        let signature = format!("{path}.sig");
        let openssl = ["dgst", "-sha256", "-verify", "team.pub", "-signature", &signature, &path];
        assert_eq!(lab.sandbox.run("openssl", &openssl).good(), "Verified OK\n");
        let ran = lab.hallmark(&["verify", "--key", "stranger.pub", &path]);
        assert_eq!(ran.status.code(), Some(REFUSED), "{}", ran.bad());

        let pushed = lab.push(&file);
        assert_eq!((&pushed["sha256"], &pushed["size"]), (&digest.as_str().into(), &length.into()));
        assert_eq!(pushed["seal"]["by"], "ci");
        assert_eq!(lab.client.get(BUCKET, KEY).header("x-hallmark-verified"), Some("seal,team"));

        let trust = ["--signer", "team.pub", "--seal-key", "seal.pub", "--realm", REALM];
        let folder = lab.folder();
        let to = folder.to_string_lossy();
        let options = [&["pull", "--sha256", &digest], &trust[..], &[LOCATION, &to]].concat();
        let pulled = lab.json(&options);
        assert_eq!((&pulled["seal_verified"], &pulled["signers"][0]["signed"]), (&true.into(), &true.into()));
        // Under the last part of the key, in the directory that was named.
        assert_same(&fs::read(folder.join("app v1.tar")).unwrap(), &bytes, "what was pulled");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "and nothing else");

        let both = [&["inspect", "--signer", "stranger.pub"], &trust[..], &[LOCATION]].concat();
        let inspected = lab.json(&both);
        assert_eq!(inspected["seal"]["id"], pushed["seal"]["id"]);
        assert_eq!(
            (&inspected["seal"]["sha256"], &inspected["seal_verified"]),
            (&digest.as_str().into(), &true.into())
        );
        let signers: Vec<_> =
            inspected["signers"].as_array().unwrap().iter().map(|signer| &signer["signed"]).collect();
        assert_eq!(signers, [false, true]);
        assert_eq!(inspected["server_verified"], "seal,team");
    }
}

#[test]
fn what_may_not_be_pushed_is_refused_and_leaves_what_was_there() {
    let lab = lab();
    let (first, bytes) = lab.file(1, 300_000);
    let (second, _) = lab.file(2, 9 * MIB);
    lab.push(&first);
    let path = second.to_string_lossy();
    for (options, code) in
        [(&[][..], "ArtifactSignatureMissing"), (&["--key", "stranger.key"], "ArtifactSignerUntrusted")]
    {
        let ran = lab.hallmark(&[&["--json", "push"], options, &[&path, LOCATION]].concat());
        assert_eq!(ran.status.code(), Some(REFUSED), "{}", ran.bad());
        let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!((&told["error"]["code"], &told["error"]["refused_by"]), (&code.into(), &"server".into()));
        assert_same(&lab.client.get(BUCKET, KEY).body, &bytes, "what was there");
    }
    // Nor by whom.
    let mut sandbox = Sandbox::new(lab.proxy.address());
    sandbox.set("AWS_ACCESS_KEY_ID", NOBODY.0);
    sandbox.set("AWS_SECRET_ACCESS_KEY", NOBODY.1);
    let ran = ran(&sandbox, &["push", &path, LOCATION]);
    assert_eq!(ran.status.code(), Some(FAILED), "{}", ran.bad());
    assert_same(&lab.client.get(BUCKET, KEY).body, &bytes, "what was there");
}

#[test]
fn p1_nothing_is_left_of_an_artifact_that_was_tampered_with() {
    for length in LENGTHS {
        let lab = lab();
        let (file, bytes) = lab.file(1, length);
        let unsigned = lab.client.put(BUCKET, "unsigned", &bytes);
        assert_eq!(unsigned.status, 200, "{}", unsigned.text());
        lab.push(&file);
        let sealed = lab.store.object(BUCKET, KEY);
        lab.store.edit(BUCKET, KEY, |object| object.flip(0));
        lab.refused("the first byte", &[], "ArtifactDigestMismatch", "server");
        lab.store.place(BUCKET, KEY, sealed.clone());
        lab.store.edit(BUCKET, KEY, |object| object.flip(bytes.len() - 1));
        // Found late in a large artifact: the download is reset, and who resumes hears why.
        lab.refused("the last byte", &[], "ArtifactDigestMismatch", "server");
        lab.store.place(BUCKET, KEY, sealed.clone());
        lab.store.edit(BUCKET, KEY, |object| object.attributes.hallmark = None);
        lab.refused("no seal", &[], "ArtifactUnsealed", "server");
        lab.store.place(BUCKET, KEY, lab.store.object(BUCKET, "unsigned"));
        lab.refused("another object", &[], "ArtifactSealInvalid", "server");
        lab.store.place(BUCKET, KEY, sealed);

        // What the command itself is told to demand.
        let other = sha256_hex(b"other");
        lab.refused("another digest", &["--sha256", &other], "ArtifactDigestMismatch", "client");
        let strangers = ["--signer", "stranger.pub"];
        lab.refused("another signer", &strangers, "ArtifactSignerUntrusted", "client");
        for (key, realm) in [("stranger.pub", REALM), ("seal.pub", "elsewhere")] {
            let trust = ["--seal-key", key, "--realm", realm];
            lab.refused("another deployment", &trust, "ArtifactSealInvalid", "client");
        }
        let to = lab.folder().join("app.tar");
        lab.hallmark(&["pull", LOCATION, &to.to_string_lossy()]).good();
        assert_same(&fs::read(to).unwrap(), &bytes, "put back as it was");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let lab = lab();
    let folder = lab.folder();
    for (command, location) in [
        ("pull", LOCATION),
        ("inspect", LOCATION),
        ("pull", "s3://nowhere/key"),
        ("inspect", "s3://nowhere/key"),
    ] {
        let mut arguments = vec![command, location];
        let to = folder.join("file");
        let to = to.to_string_lossy();
        if command == "pull" {
            arguments.push(&to);
        }
        let ran = lab.hallmark(&arguments);
        assert_eq!(ran.status.code(), Some(NOT_FOUND), "{command} {location}: {}", ran.bad());
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

/// An endpoint that gives every request the same answer, which is dropped with it.
pub(crate) struct Liar(pub(crate) SocketAddr);

impl Liar {
    pub(crate) fn answering(head: &[(String, String)], body: &[u8]) -> Self {
        let mut answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n".to_vec();
        for (name, value) in head {
            write!(answer, "{name}: {value}\r\n").unwrap();
        }
        write!(answer, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
        answer.extend_from_slice(body);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // It ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut request = [0; 8192];
                let mut read = 0;
                while read < request.len() && !request[..read].windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut request[read..]) {
                        Ok(length) if length > 0 => read += length,
                        _ => break,
                    }
                }
                // Whoever hung up has seen enough.
                let _ = stream.write_all(&answer);
            }
        });
        Self(address)
    }
}

/// A change to an answer of the proxy's.
type Lie = fn(&mut Response);

fn set(response: &mut Response, name: &str, change: impl Fn(&str) -> String) {
    let header = response.headers.iter_mut().find(|(known, _)| known == name).expect("the header is there");
    header.1 = change(&header.1);
}

/// The command relies on the endpoint for nothing that it can check itself.
#[test]
fn p1_an_endpoint_that_lies_is_found_out() {
    const SEAL: &str = "x-amz-meta-hallmark";
    let trust = ["--signer", "team.pub", "--seal-key", "seal.pub", "--realm", REALM];
    for length in LENGTHS {
        let mut lab = lab();
        let (file, bytes) = lab.file(1, length);
        lab.push(&file);
        let honest = lab.client.get(BUCKET, KEY);
        let lies: [(&str, Lie, &str); 8] = [
            ("another byte", |response| *response.body.last_mut().unwrap() ^= 1, "ArtifactDigestMismatch"),
            (
                "a byte less",
                |response| response.body.truncate(response.body.len() - 1),
                "ArtifactSealInvalid",
            ),
            ("a byte more", |response| response.body.push(0), "ArtifactSealInvalid"),
            ("no seal", |response| response.headers.retain(|(name, _)| name != SEAL), "ArtifactUnsealed"),
            (
                "a seal for other bytes",
                |response| {
                    response.body[0] ^= 1;
                    let digest = sha256_base64url(&response.body);
                    set(response, SEAL, |seal| with_field(seal, "sha256", &digest));
                },
                "ArtifactSealInvalid",
            ),
            (
                "another uploader",
                |response| set(response, SEAL, |seal| with_field(seal, "by", "somebody")),
                "ArtifactSealInvalid",
            ),
            (
                "another type",
                |response| set(response, "content-type", |_| "text/html".into()),
                "ArtifactSealInvalid",
            ),
            (
                "another ETag",
                |response| set(response, "etag", |_| format!("\"{}\"", "0".repeat(32))),
                "ArtifactSealInvalid",
            ),
        ];
        let answer = |response: &Response| {
            let skipped = ["content-length", "connection", "date"];
            let head: Vec<_> = response
                .headers
                .iter()
                .filter(|(name, _)| !skipped.contains(&name.as_str()))
                .cloned()
                .collect();
            Liar::answering(&head, &response.body)
        };
        for (what, lie, code) in lies {
            let mut response = honest.clone();
            lie(&mut response);
            let liar = answer(&response);
            lab.sandbox.set("AWS_ENDPOINT_URL", format!("http://{}", liar.0));
            lab.refused(&format!("{length}, {what}"), &trust, code, "client");
        }
        let liar = answer(&honest);
        lab.sandbox.set("AWS_ENDPOINT_URL", format!("http://{}", liar.0));
        let to = lab.folder().join("app.tar");
        lab.hallmark(&[&["pull"], &trust[..], &[LOCATION, &to.to_string_lossy()]].concat()).good();
        assert_same(&fs::read(to).unwrap(), &bytes, "the answer as it was");
    }
}

fn sha256_base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(bytes))
}

/// The seal line with another value for a field.
fn with_field(seal: &str, name: &str, value: &str) -> String {
    let field = |field: &str| match field.split_once('=') {
        Some((known, _)) if known == name => format!("{name}={value}"),
        _ => field.to_owned(),
    };
    seal.split(' ').map(field).collect::<Vec<_>>().join(" ")
}
