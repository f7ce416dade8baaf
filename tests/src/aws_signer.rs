//! AWS Signer, as far as its documentation goes: a server that speaks the documented API (`SignPayload`,
//! `GetRevocationStatus`) and signs with a chain of its own. AWS itself was not asked.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A signing profile that it knows.
pub const PROFILE: &str = "arn:aws:signer:eu-west-1:111122223333:/signing-profiles/Release";
/// The job by which it signs all that it is asked to.
pub const JOB: &str = "arn:aws:signer:eu-west-1:111122223333:/signing-jobs/1";

const VERSION: &str = "ABCDEFGHIJ";
const PAYLOAD_TYPE: &str = "application/vnd.cncf.notary.payload.v1+json";

/// What it says of what is revoked.
#[derive(Debug, Clone)]
pub enum Says {
    /// This, with this status.
    Answer(u16, String),
    /// Nothing, and keeps the connection.
    Nothing,
}

impl Says {
    /// That these are revoked.
    pub fn revoked(entities: &[&str]) -> Self {
        Self::Answer(200, json!({ "revokedEntities": entities }).to_string())
    }
}

/// The server. Until it is told otherwise it says that nothing is revoked. Ends with the test's process.
#[derive(Debug)]
pub struct AwsSigner {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// Root and signer, certificates and keys.
    chain: TempDir,
    says: Mutex<Says>,
    /// The heads of all requests about what is revoked.
    asked: Mutex<Vec<String>>,
}

impl AwsSigner {
    /// Makes a chain (P-384) with openssl and answers from then on.
    ///
    /// # Panics
    /// openssl is not installed.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be bound");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State {
            chain: tempfile::tempdir().expect("a directory can be made"),
            says: Mutex::new(Says::revoked(&[])),
            asked: Mutex::default(),
        });
        state.make_chain();
        let serving = Arc::clone(&state);
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                kept.extend(serving.serve(stream.expect("connections can be taken")));
            }
        });
        Self { address, state }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The root of its chain, a PEM file.
    pub fn root(&self) -> PathBuf {
        self.state.chain.path().join("root.crt")
    }

    /// Has it say something else from now on.
    pub fn says(&self, says: Says) {
        *lock(&self.state.says) = says;
    }

    /// The heads of all requests about what is revoked.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.state.asked).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn make_chain(&self) {
        let openssl = |arguments: &str| self.openssl(&arguments.split(' ').collect::<Vec<_>>());
        let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes";
        openssl(&format!(
            "req -x509 {new} -keyout root.key -out root.crt -days 2 -subj /C=US/ST=WA/O=Test/CN=root -addext \
             keyUsage=critical,keyCertSign"
        ));
        openssl(&format!("req {new} -keyout leaf.key -out leaf.csr -subj /C=US/ST=WA/O=Test/CN=signer"));
        let extensions = "keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n";
        fs::write(self.chain.path().join("leaf.ext"), extensions).expect("a file can be written");
        openssl(
            "x509 -req -in leaf.csr -CA root.crt -CAkey root.key -CAcreateserial -extfile leaf.ext -days 1 -out leaf.crt",
        );
        openssl("verify -CAfile root.crt leaf.crt");
    }

    /// Answers one request; or keeps its connection.
    fn serve(&self, stream: TcpStream) -> Option<BufReader<TcpStream>> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).is_ok_and(|read| read == 0) {
                return None;
            }
        }
        let says = if head.starts_with("GET /revocations?") {
            lock(&self.asked).push(head);
            lock(&self.says).clone()
        } else {
            let (status, said) = self.sign(&head, &mut reader);
            Says::Answer(status, said.to_string())
        };
        match says {
            Says::Nothing => return Some(reader),
            Says::Answer(status, text) => {
                let head = format!(
                    "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n",
                    text.len()
                );
                // Who does not wait for it has given up.
                let _ = reader.get_mut().write_all((head + &text).as_bytes());
            }
        }
        None
    }

    /// `SignPayload`, for two profiles: one that signs, one that signs something else.
    fn sign(&self, head: &str, reader: &mut BufReader<TcpStream>) -> (u16, Value) {
        let lower = head.to_ascii_lowercase();
        assert!(head.starts_with("POST /signing-jobs/with-payload HTTP/1.1\r\n"), "{head}");
        assert!(
            lower.contains("authorization: aws4-hmac-sha256 ") && lower.contains("/eu-west-1/signer/"),
            "{head}"
        );
        let (_, length) = lower.split_once("content-length: ").expect("its length is told");
        let length = length.lines().next().and_then(|length| length.parse().ok()).expect("it is a number");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the body comes");
        let asked: Value = serde_json::from_slice(&body).expect("it is JSON");
        let payload = asked["payload"].as_str().and_then(|payload| STANDARD.decode(payload).ok());
        let payload =
            payload.filter(|payload| (1..=4096).contains(&payload.len())).expect("it has a payload");
        assert_eq!(asked["payloadFormat"], PAYLOAD_TYPE);
        match asked["profileName"].as_str().expect("it names a profile") {
            "Release" => (200, self.signed(&payload)),
            "Liar" => (200, self.signed(&payload.to_ascii_uppercase())),
            name => (
                404,
                json!({ "message": format!("no profile {name}"), "code": "ResourceNotFoundException",
                        "__type": "ResourceNotFoundException" }),
            ),
        }
    }

    /// What `SignPayload` returns.
    fn signed(&self, payload: &[u8]) -> Value {
        let now = OffsetDateTime::now_utc().format(&Rfc3339).expect("it has a form");
        let mut protected = json!({
            "alg": "ES384",
            "cty": PAYLOAD_TYPE,
            "io.cncf.notary.signingScheme": "notary.x509.signingAuthority",
            "io.cncf.notary.authenticSigningTime": now,
            "io.cncf.notary.verificationPlugin": "com.amazonaws.signer.notation.plugin",
            "io.cncf.notary.verificationPluginMinVersion": "1.0.0",
            "com.amazonaws.signer.signingProfileVersion": format!("{PROFILE}/{VERSION}"),
            "com.amazonaws.signer.signingJob": JOB,
        });
        let names = protected.as_object().into_iter().flat_map(serde_json::Map::keys);
        let critical: Vec<_> = names.filter(|name| name.contains('.')).cloned().collect();
        protected["crit"] = critical.into();
        let protected = URL_SAFE_NO_PAD.encode(protected.to_string());
        let payload = URL_SAFE_NO_PAD.encode(payload);
        fs::write(self.chain.path().join("input"), format!("{protected}.{payload}"))
            .expect("it can be written");
        let signature = raw(&self.openssl(&["dgst", "-sha384", "-sign", "leaf.key", "input"]));
        let certificate =
            |name: &str| STANDARD.encode(self.openssl(&["x509", "-in", name, "-outform", "DER"]));
        let envelope = json!({
            "payload": payload,
            "protected": protected,
            "header": { "x5c": [certificate("leaf.crt"), certificate("root.crt")] },
            "signature": URL_SAFE_NO_PAD.encode(signature),
        });
        json!({
            "jobId": "1",
            "jobOwner": "111122223333",
            "metadata": {},
            "signature": STANDARD.encode(envelope.to_string()),
        })
    }

    fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("openssl").args(arguments).current_dir(self.chain.path()).output();
        let output = output.expect("openssl is installed (tests/run sees to it)");
        assert!(output.status.success(), "openssl {arguments:?}: {output:?}");
        output.stdout
    }
}

/// r || s of a signature on P-384 in DER.
fn raw(der: &[u8]) -> Vec<u8> {
    let number = |at: usize| {
        let length = usize::from(der[at + 1]);
        let digits = &der[at + 2..at + 2 + length];
        let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
        ([vec![0; 48 - digits.len()], digits.to_vec()].concat(), at + 2 + length)
    };
    let (r, next) = number(2);
    let (s, _) = number(next);
    [r, s].concat()
}
