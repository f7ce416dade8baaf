//! AWS Signer, as far as its documentation goes: a server of this test that speaks the documented API (`SignPayload`) and
//! signs with a chain of its own. AWS itself was not asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Bench;

const PAYLOAD_TYPE: &str = "application/vnd.cncf.notary.payload.v1+json";

/// Signs what it is asked to, but for profiles of other names.
struct Server {
    chain: PathBuf,
}

impl Server {
    /// Makes a chain (P-384) with openssl and answers from then on; the endpoint.
    fn start(bench: &Bench) -> String {
        let openssl = |arguments: &str| bench.good("openssl", &arguments.split(' ').collect::<Vec<_>>());
        openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout root.key -out root.crt -days 2 \
             -subj /O=Test/CN=root",
        );
        openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout leaf.key -out leaf.csr -subj /O=Test/CN=signer",
        );
        bench.write("leaf.ext", "keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n");
        openssl(
            "x509 -req -in leaf.csr -CA root.crt -CAkey root.key -CAcreateserial -extfile leaf.ext -days 1 -out leaf.crt",
        );
        openssl("verify -CAfile root.crt leaf.crt");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { chain: bench.path("") };
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                server.answer(stream.unwrap());
            }
        });
        endpoint
    }

    fn answer(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap() == 0 {
                return;
            }
        }
        let lower = head.to_ascii_lowercase();
        assert!(head.starts_with("POST /signing-jobs/with-payload HTTP/1.1\r\n"), "{head}");
        assert!(
            lower.contains("authorization: aws4-hmac-sha256 ") && lower.contains("/eu-west-1/signer/"),
            "{head}"
        );
        let (_, length) = lower.split_once("content-length: ").unwrap();
        let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let payload = STANDARD.decode(asked["payload"].as_str().unwrap()).unwrap();
        assert!((1..=4096).contains(&payload.len()));
        assert_eq!(asked["payloadFormat"], PAYLOAD_TYPE);
        let (status, kind, said) = match asked["profileName"].as_str().unwrap() {
            "Release" => ("200 OK", "", self.signed(&payload)),
            "Liar" => ("200 OK", "", self.signed(&payload.to_ascii_uppercase())),
            name => (
                "404 Not Found",
                "x-amzn-errortype: ResourceNotFoundException\r\n",
                json!({ "message": format!("no profile {name}"), "code": "ResourceNotFoundException" }),
            ),
        };
        let said = said.to_string();
        let mut stream = reader.into_inner();
        let head = format!(
            "HTTP/1.1 {status}\r\n{kind}content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            said.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(said.as_bytes())).unwrap();
    }

    /// What `SignPayload` returns.
    fn signed(&self, payload: &[u8]) -> Value {
        let protected = json!({
            "alg": "ES384",
            "cty": PAYLOAD_TYPE,
            "crit": ["io.cncf.notary.signingScheme"],
            "io.cncf.notary.signingScheme": "notary.x509.signingAuthority",
            "io.cncf.notary.authenticSigningTime": "2026-11-21T12:00:00Z",
        });
        let protected = URL_SAFE_NO_PAD.encode(protected.to_string());
        let payload = URL_SAFE_NO_PAD.encode(payload);
        std::fs::write(self.chain.join("input"), format!("{protected}.{payload}")).unwrap();
        let signature = raw(&openssl(&self.chain, &["dgst", "-sha384", "-sign", "leaf.key", "input"]));
        let certificate =
            |name: &str| STANDARD.encode(openssl(&self.chain, &["x509", "-in", name, "-outform", "DER"]));
        let envelope = json!({
            "payload": payload,
            "protected": protected,
            "header": { "x5c": [certificate("leaf.crt"), certificate("root.crt")] },
            "signature": URL_SAFE_NO_PAD.encode(signature),
        });
        json!({
            "jobId": "job-1",
            "jobOwner": "111122223333",
            "metadata": {},
            "signature": STANDARD.encode(envelope.to_string()),
        })
    }
}

fn openssl(directory: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
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

#[test]
fn a_signing_profile_signs_a_descriptor() {
    let mut bench = Bench::new();
    let endpoint = Server::start(&bench);
    bench.set("AWS_ACCESS_KEY_ID", "AKIATEST");
    bench.set("AWS_SECRET_ACCESS_KEY", "secret");
    let profile = |name: &str| format!("awssigner:{name}?region=eu-west-1&endpoint={endpoint}");

    let said = bench.json(&["sign", "--signer", &profile("Release"), "app.tar"]);
    assert_eq!((&said["job"], &said["profile"]), (&"job-1".into(), &"Release".into()));
    let envelope: Value = serde_json::from_slice(&bench.read("app.tar.jws.sig")).unwrap();
    let text = |name: &str| envelope[name].as_str().unwrap().to_owned();
    let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text("payload")).unwrap()).unwrap();
    let sum = bench.good("sha256sum", &["app.tar"]);
    let digest = format!("sha256:{}", sum.split(' ').next().unwrap());
    assert_eq!(
        payload,
        json!({ "targetArtifact": { "mediaType": "application/octet-stream", "digest": digest, "size": 12 } })
    );

    // The other way: it stays beside what is signed, and nothing that did not sign well is written.
    let sign = |name: &str| ["sign".to_owned(), "--signer".to_owned(), profile(name), "app.tar".to_owned()];
    std::fs::remove_file(bench.path("app.tar.jws.sig")).unwrap();
    let bad = |name: &str, code, words, hint| {
        bench.bad(&sign(name).each_ref().map(String::as_str), code, words, hint);
        assert!(!bench.path("app.tar.jws.sig").exists());
    };
    bad("Nobody", 2, "ResourceNotFoundException", "region");
    bad("Liar", 3, "signature", "");
    bench.bad(&["public-key", "--signer", &profile("Release")], 2, "no public key", "ARN");
    bench.write("push.txt", "x");
    let push = ["push", "--signer", &profile("Release"), "push.txt", "s3://b/k"].map(str::to_owned);
    bench.bad(&push.each_ref().map(String::as_str), 2, "signs no digests", "hallmark sign");
}
