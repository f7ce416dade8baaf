//! A certifier of seal keys that does not answer: what is sealed is served all the same. KMS is played by a server that speaks
//! its protocol as far as it is needed, and fails as it is told to.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_tests::proxy::{Proxy, aws_environment, program};
use hallmark_tests::raw::{Asked, exchange};
use hallmark_tests::site::{FULL, Options, Site};
use serde_json::{Value, json};

const BUCKET: &str = "artifacts";
const PLAIN: &str = "key_file = \"seal.key\"";

/// What the service is asked for.
const PUBLIC_KEY: &str = "TrentService.GetPublicKey";
const SIGN: &str = "TrentService.Sign";

/// Status and code of an answer.
type Error = (u16, &'static str);

const DOWN: Error = (500, "KMSInternalException");
const DENIED: Error = (400, "AccessDeniedException");

/// A service with the key `seal.key`.
struct Kms {
    address: SocketAddr,
    site: Arc<Site>,
    errors: Mutex<BTreeMap<&'static str, Error>>,
    asked: Mutex<Vec<String>>,
}

impl Kms {
    fn start(site: &Arc<Site>) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, site) = (listener.local_addr().unwrap(), Arc::clone(site));
        let kms = Arc::new(Self { address, site, errors: Mutex::default(), asked: Mutex::default() });
        let server = Arc::clone(&kms);
        // It ends with the process.
        std::thread::spawn(move || listener.incoming().for_each(|stream| server.answer(stream.unwrap())));
        kms
    }

    fn fails(&self, errors: &[(&'static str, Error)]) {
        *self.errors.lock().unwrap() = errors.iter().copied().collect();
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut target, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                break;
            }
            let (name, value) = line.trim().split_once(": ").unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "x-amz-target" => value.clone_into(&mut target),
                "content-length" => length = value.parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() || target.is_empty() {
            return;
        }
        let error = self.errors.lock().unwrap().get(target.as_str()).copied();
        let (status, answer) = match error {
            Some((status, code)) => (status, json!({ "__type": code, "message": "told so" })),
            None if target == PUBLIC_KEY => (200, self.public_key()),
            None => (200, self.sign(&serde_json::from_slice(&body).unwrap())),
        };
        self.asked.lock().unwrap().push(target);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} Told\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            answer.len()
        );
        // Who asked may have gone.
        let _ = stream.write_all(format!("{head}{answer}").as_bytes());
    }

    fn public_key(&self) -> Value {
        let pem = fs::read_to_string(self.site.path().join("seal.pub")).unwrap();
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        json!({
            "KeyId": "key", "PublicKey": der, "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY",
            "SigningAlgorithms": ["ECDSA_SHA_256"],
        })
    }

    fn sign(&self, asked: &Value) -> Value {
        let digest = STANDARD.decode(asked["Message"].as_str().unwrap()).unwrap();
        fs::write(self.site.path().join("digest"), digest).unwrap();
        self.site.openssl(&["pkeyutl", "-sign", "-inkey", "seal.key", "-in", "digest", "-out", "signature"]);
        let signature = fs::read(self.site.path().join("signature")).unwrap();
        json!({ "KeyId": "key", "Signature": STANDARD.encode(signature), "SigningAlgorithm": "ECDSA_SHA_256" })
    }

    /// How often it was asked for this since the last time.
    fn asked(&self, what: &str) -> usize {
        std::mem::take(&mut *self.asked.lock().unwrap()).iter().filter(|asked| *asked == what).count()
    }
}

/// A deployment whose seal keys are certified by that service, and what else stands in `[seal]`.
fn deployment(more: &str) -> (Arc<Site>, Arc<Kms>) {
    let tables = "[admin]\nlisten = \"127.0.0.1:0\"\n".to_owned();
    let site = Arc::new(Site::new(&Options { tables, ..Options::default() }));
    let kms = Kms::start(&site);
    let certifier =
        format!("certifier = \"awskms:key?region=eu-west-1&endpoint=http://{}\"\n{more}", kms.address);
    site.write_private("state.secret", &"5c1f0e3b7a29d846".repeat(4));
    site.edit_config(|text| {
        format!("state.secret_file = \"state.secret\"\n{}", text.replace(PLAIN, &certifier))
    });
    (site, kms)
}

fn environment(kms: &Kms) -> Vec<(&'static str, String)> {
    let mut environment = aws_environment(kms.address, FULL);
    // The service fails when it is told to, and need not be asked again for that.
    environment.push(("AWS_MAX_ATTEMPTS", "1".to_owned()));
    environment
}

/// What the admin listener says.
fn told(proxy: &Proxy, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\n\r\n");
    let response = exchange(proxy.admin(), request.as_bytes(), Asked::by("GET"));
    (response.status, response.text())
}

#[track_caller]
fn serves_and_takes_nothing(proxy: &Proxy) {
    let client = proxy.client();
    assert_eq!(client.get(BUCKET, "before").body, b"sealed before");
    let refused = client.put(BUCKET, "meanwhile", b"1");
    assert_eq!((refused.status, refused.code().as_str()), (503, "ServiceUnavailable"));
    assert!(refused.text().contains("There is no seal key"), "{}", refused.text());
    assert_eq!(client.get(BUCKET, "meanwhile").status, 404);
    let (status, ready) = told(proxy, "/readyz");
    assert_eq!((status, ready.as_str()), (200, "ok, but uploads are refused: there is no seal key\n"));
    let metrics = told(proxy, "/metrics").1;
    assert!(metrics.contains("\nhallmark_seal_key_ready 0\n"), "{metrics}");
    assert!(!metrics.contains("\nhallmark_seal_key_renewals_total{result=\"failed\"} 0\n"), "{metrics}");
}

#[test]
fn what_is_sealed_is_served_by_a_proxy_whose_certifier_has_not_answered_yet() {
    let (site, kms) = deployment("trusted_certifier_files = [\"seal.pub\"]");
    let mut proxy = Proxy::start_in(Arc::clone(&site), environment(&kms));
    proxy.client().create_bucket(BUCKET);
    assert_eq!(proxy.client().put(BUCKET, "before", b"sealed before").status, 200);
    assert_eq!(told(&proxy, "/readyz"), (200, "ok\n".to_owned()));
    // It is asked for its key once, and for one signature.
    assert_eq!(kms.asked(PUBLIC_KEY), 1);

    // It does not even say who it is.
    kms.fails(&[(PUBLIC_KEY, DOWN)]);
    proxy.restart();
    serves_and_takes_nothing(&proxy);
    assert!(proxy.log().contains("the certifier of seal keys does not answer"), "{}", proxy.log());
    // What is revoked meanwhile is revoked.
    let id = hallmark_signer::Sha256Digest::of(b"sealed before").to_hex();
    let deny = format!("\n[[deny]]\nsha256 = \"{id}\"\nreason = \"withdrawn\"\n");
    site.edit_config(|text| text + &deny);
    assert!(proxy.reload());
    let denied = proxy.client().get(BUCKET, "before");
    assert!(denied.header("x-hallmark-untrusted").is_some_and(|why| why.contains("withdrawn")), "{denied:?}");
    site.edit_config(|text| text.replace(&deny, ""));
    assert!(proxy.reload());
    serves_and_takes_nothing(&proxy);
    // It is asked whenever the configuration is read.
    kms.fails(&[]);
    assert!(proxy.reload());
    assert_eq!(proxy.client().put(BUCKET, "after", b"1").status, 200);
    assert_eq!(told(&proxy, "/readyz"), (200, "ok\n".to_owned()));

    // It says who it is, and signs nothing.
    kms.fails(&[(SIGN, DOWN)]);
    proxy.restart();
    serves_and_takes_nothing(&proxy);
    assert_eq!(proxy.client().get(BUCKET, "after").status, 200);
}

#[test]
fn a_certifier_that_can_never_be_used_stops_the_start() {
    for (more, errors, why) in [
        // What it has certified could not be served, and would be refused as if it were forged.
        ("", (PUBLIC_KEY, DOWN), "`seal.trusted_certifier_files`"),
        ("trusted_certifier_files = [\"seal.pub\"]", (PUBLIC_KEY, DENIED), "told so [AccessDeniedException]"),
        ("trusted_certifier_files = [\"seal.pub\"]", (SIGN, DENIED), "told so [AccessDeniedException]"),
    ] {
        let (site, kms) = deployment(more);
        kms.fails(&[errors]);
        let mut start = Command::new(program("hallmark-proxy"));
        start.arg("--config").arg(site.config_file()).current_dir(site.path());
        let ended = start.envs(environment(&kms)).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success() && said.contains(why), "{said}");
        assert!(!String::from_utf8_lossy(&ended.stdout).contains("listening"), "{said}");
    }
}

/// A list of certifiers that was kept for what is old does not name the one of today.
#[test]
fn p4_what_its_certifier_has_certified_is_not_called_bad_before_it_has_answered() {
    let (site, kms) = deployment("trusted_certifier_files = [\"old.pub\"]");
    site.make_key("old");
    let mut proxy = Proxy::start_in(Arc::clone(&site), environment(&kms));
    proxy.client().create_bucket(BUCKET);
    assert_eq!(proxy.client().put(BUCKET, "before", b"sealed before").status, 200);
    kms.fails(&[(PUBLIC_KEY, DOWN)]);
    proxy.restart();
    for _ in 0..2 {
        let got = proxy.client().get(BUCKET, "before");
        assert_eq!((got.status, got.header("retry-after")), (503, Some("2")), "{}", got.text());
        assert!(got.text().contains("who certifies seal keys has not answered yet"), "{}", got.text());
        assert_eq!(proxy.client().head(BUCKET, "before").status, 503);
        // Nothing takes its place, and nothing is begun that could not be ended.
        assert_eq!(proxy.client().put(BUCKET, "before", b"1").status, 503);
        assert_eq!(proxy.client().ask_for_upload(BUCKET, "before", &[]).status, 503);
    }
    kms.fails(&[]);
    assert!(proxy.reload());
    assert_eq!(proxy.client().get(BUCKET, "before").body, b"sealed before");
}
