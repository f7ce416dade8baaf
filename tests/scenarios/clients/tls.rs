//! The same over TLS, with a certificate that the clients are told to trust.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use hallmark_proxy::store::Store;
use hallmark_tests::command::{Ran, script};
use hallmark_tests::data::{self, MIB, assert_same, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::proxy::program;
use hallmark_tests::raw::Connection;
use hallmark_tests::sigv4::sha256_hex;
use hallmark_tests::site::{FULL, Options, READER, Site};
use serde_json::{Value, json};

use super::boto3::Boto3;
use super::{BUCKET, Session, Tool as _};

const KEY: &str = "app.tar";

/// Two instances over one store: one with TLS, which the clients of the session are sent to, and one without, to look
/// at what they did.
struct Lab {
    tls: InProcess,
    plain: InProcess,
    store: Arc<MemoryStore>,
    session: Session,
}

fn lab() -> Lab {
    let store = Arc::new(MemoryStore::new());
    let plain = InProcess::start(Arc::clone(&store) as Arc<dyn Store>);
    plain.client().create_bucket(BUCKET);
    let server = "tls = { certificate_file = \"tls.crt\", key_file = \"tls.key\" }".into();
    let site = Site::new(&Options { server, ..Options::default() });
    fs::copy(plain.site.path().join("seal.key"), site.path().join("seal.key")).unwrap();
    site.openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "tls.key",
        "-out",
        "tls.crt",
        "-days",
        "2",
        "-subj",
        "/CN=hallmark",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        // rustls takes no authority's certificate for a server's.
        "basicConstraints=critical,CA:FALSE",
    ]);
    fs::set_permissions(site.path().join("tls.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let tls = InProcess::start_at(site, Arc::clone(&store) as Arc<dyn Store>);
    let mut session = Session::with(tls.address());
    session.sandbox.set("AWS_ENDPOINT_URL", format!("https://{}", tls.address()));
    session.sandbox.set("AWS_CA_BUNDLE", tls.site.path().join("tls.crt"));
    Lab { tls, plain, store, session }
}

impl Lab {
    fn certificate(&self) -> String {
        self.tls.site.path().join("tls.crt").to_string_lossy().into_owned()
    }

    /// A URL of an object, signed for `method`.
    fn presigned(&self, method: &str) -> String {
        self.session.client.presigned(method, BUCKET, KEY).replacen("http://", "https://", 1)
    }

    fn curl(&self, arguments: &[&str]) -> Ran {
        let common = ["-sS", "--fail-with-body", "--cacert", &self.certificate()];
        self.session.sandbox.run("curl", &[&common[..], arguments].concat())
    }

    /// Uploads an artifact, whose last byte is then changed.
    fn with_a_bad_leaf(&self) -> Vec<u8> {
        let body = content(1, 20 * MIB);
        assert_eq!(self.plain.client().put(BUCKET, KEY, &body).status, 200);
        self.store.edit(BUCKET, KEY, |object| object.flip(object.bytes.len() - 1));
        body
    }

    fn get_by_the_byte(&self) -> Value {
        let url = self.presigned("GET");
        let (_, target) = url.split_once(&self.tls.address().to_string()).unwrap();
        let (host, port) = (self.tls.address().ip().to_string(), self.tls.address().port().to_string());
        let script = script("tls_get.py");
        let arguments = [&script.to_string_lossy(), host.as_str(), &port, &self.certificate(), target];
        serde_json::from_str(&self.session.sandbox.run_installed("python", &arguments).good()).unwrap()
    }
}

/// Over https boto3 leaves the body unsigned and sends its checksum as a trailer.
#[test]
fn boto3() {
    let lab = lab();
    let tool = Boto3(&lab.session);
    for length in [0, 70_000, 8 * MIB, 9 * MIB] {
        let file = data::file(lab.session.sandbox.home(), length, length);
        let want = fs::read(&file).unwrap();
        let form = tool.put(&file, KEY).good();
        assert_eq!(form.trim(), "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "{length}");
        let seen = lab.plain.client().get(BUCKET, KEY);
        assert_same(&seen.body, &want, &format!("{length} bytes as we see them"));
        assert_eq!(seen.header("x-hallmark-verified"), Some("seal"));
        let back = lab.session.file("back");
        tool.get(KEY, &back).good();
        assert_same(&fs::read(&back).unwrap(), &want, &format!("{length} bytes as boto3 sees them"));
        // Also of a body that is streamed, whose headers the store has by then.
        let shown = tool.run("head", json!({ "key": KEY })).good();
        assert!(shown.contains("ChecksumCRC32"), "{length}: {shown}");
    }
}

#[test]
fn curl() {
    let lab = lab();
    let file = data::file(lab.session.sandbox.home(), 1, 9 * MIB);
    let path = file.to_string_lossy();
    let want = fs::read(&file).unwrap();
    lab.curl(&["--upload-file", &path, &lab.presigned("PUT")]).good();
    let back = lab.session.file("back");
    lab.curl(&["-o", &back.to_string_lossy(), &lab.presigned("GET")]).good();
    assert_same(&fs::read(&back).unwrap(), &want, "by a signed URL");
    let (user, sign) = (format!("{}:{}", FULL.0, FULL.1), "aws:amz:us-east-1:s3");
    let url = format!("https://{}/{BUCKET}/{KEY}", lab.tls.address());
    for payload in ["UNSIGNED-PAYLOAD", &sha256_hex(&want)] {
        let header = format!("x-amz-content-sha256: {payload}");
        let signing = ["--aws-sigv4", sign, "--user", &user, "-H", &header];
        lab.curl(&[&signing[..], &["--upload-file", &path, &url]].concat()).good();
        assert_same(&lab.plain.client().get(BUCKET, KEY).body, &want, payload);
    }
    // Who does not trust the certificate does not get as far as to speak.
    let stranger = lab.session.sandbox.run("curl", &["-sS", &lab.presigned("GET")]);
    assert!(stranger.bad().contains("certificate"));
}

/// The goodbye of TLS comes before the rest of the body is thrown away.
#[test]
fn the_command_says_why_a_large_push_was_refused() {
    let mut lab = lab();
    lab.session.sandbox.set("AWS_ACCESS_KEY_ID", READER.0);
    lab.session.sandbox.set("AWS_SECRET_ACCESS_KEY", READER.1);
    let file = data::file(lab.session.sandbox.home(), 1, 100 * MIB);
    let location = format!("s3://{BUCKET}/{KEY}");
    let ran = lab.session.sandbox.run(program("hallmark"), &["push", &file.to_string_lossy(), &location]);
    let said = ran.bad();
    assert!(said.contains("lacks the permission `write`"), "{said}");
}

/// A download that must not be taken for complete ends without the goodbye of TLS.
#[test]
fn p1_a_bad_leaf_ends_the_connection_without_close_notify() {
    let lab = lab();
    let body = lab.with_a_bad_leaf();
    let got = lab.get_by_the_byte();
    assert_eq!(got["status"], "HTTP/1.1 200 OK");
    assert!(got["end"] == "cut" || got["end"] == "reset", "{got}");
    assert!(got["length"].as_u64().unwrap() <= 20 * MIB - MIB, "{got}");
    // An artifact that is whole ends with it.
    lab.store.edit(BUCKET, KEY, |object| object.flip(object.bytes.len() - 1));
    let got = lab.get_by_the_byte();
    assert_eq!((&got["end"], &got["length"]), (&"closed".into(), &body.len().into()), "{got}");
}

#[test]
fn p1_a_bad_leaf_is_an_error_to_every_client() {
    let lab = lab();
    let body = lab.with_a_bad_leaf();
    let check = |name: &str, download: &dyn Fn(&Path) -> Ran| {
        let to = lab.session.file(name);
        println!("{name}: {}", download(&to).bad());
        if let Ok(got) = fs::read(&to) {
            assert!(got.len() < body.len(), "{name}: a file of full length is left");
        }
    };
    check("curl", &|to| lab.curl(&["-o", &to.to_string_lossy(), &lab.presigned("GET")]));
    check("boto3", &|to| Boto3(&lab.session).get(KEY, to));
    check("boto3-download", &|to| Boto3(&lab.session).run("download", json!({ "key": KEY, "file": to })));
    check("wget", &|to| {
        let (to, certificate) = (to.to_string_lossy(), format!("--ca-certificate={}", lab.certificate()));
        let options = ["--tries=3", "--waitretry=1", "-nv", &certificate];
        lab.session.sandbox.run("wget", &[&options[..], &["-O", &to, &lab.presigned("GET")]].concat())
    });
}

/// Plain HTTP on the port of TLS gets no answer that could be taken for one.
#[test]
fn plain_http_is_not_answered() {
    let lab = lab();
    let mut request = lab.session.client.request("GET", &format!("/{BUCKET}/{KEY}"));
    lab.session.client.signer().sign_body(&mut request);
    let mut connection = Connection::open(lab.tls.address());
    connection.send(&request.head());
    let answer = connection.rest();
    assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(lab.plain.client().get(BUCKET, KEY).status, 404);
}
