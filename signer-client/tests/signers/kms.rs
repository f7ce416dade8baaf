//! Keys in AWS KMS, as moto's server has them. As it comes, moto hashes what it is given once more, though it is told that it
//! is a digest; `tests/clients/moto_kms.py` puts that right, and as it comes it is a keeper that signs something else.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Bench;

/// Not a measure of speed: a server that has not begun by then does not begin.
const DEADLINE: Duration = Duration::from_secs(60);

struct Moto {
    server: Child,
    endpoint: String,
}

impl Moto {
    /// Starts `program` with `arguments`, and what says where to listen.
    fn start(program: &str, arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(installed(program));
        command.args(arguments).args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().unwrap();
        let moto = Self { server, endpoint: format!("http://127.0.0.1:{port}") };
        let until = Instant::now() + DEADLINE;
        // It says that it listens before it does.
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "moto_server does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        moto
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Where a program of the Python environment is that `tests/run` makes.
fn installed(program: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/.venv/bin").join(program);
    assert!(path.is_file(), "tests/.venv has no {program}: run tests/run once, which makes it");
    path.display().to_string()
}

/// Makes a key in KMS; its ARN.
fn key(bench: &Bench, spec: &str, usage: &str, alias: &str) -> String {
    let script = format!(
        "import boto3; kms = boto3.client('kms')\n\
         key = kms.create_key(KeySpec='{spec}', KeyUsage='{usage}')['KeyMetadata']\n\
         kms.create_alias(AliasName='alias/{alias}', TargetKeyId=key['KeyId'])\n\
         print(key['Arn'], end='')"
    );
    bench.good(&installed("python"), &["-c", &script])
}

/// A bench whose AWS is there.
fn bench(moto: &Moto) -> Bench {
    let mut bench = Bench::new();
    for (name, value) in [
        ("AWS_ENDPOINT_URL", moto.endpoint.as_str()),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIATEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ] {
        bench.set(name, value);
    }
    bench
}

#[test]
fn a_signature_over_something_else_is_not_used() {
    let moto = Moto::start("moto_server", &[]);
    let bench = bench(&moto);
    key(&bench, "ECC_NIST_P256", "SIGN_VERIFY", "ci");
    let sign = ["sign", "--signer", "awskms:alias/ci", "app.tar"];
    bench.bad(&sign, 3, "its own public key does not verify", "");
}

#[test]
fn keys_in_kms_sign() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/moto_kms.py");
    let moto = Moto::start("python", &[&script.display().to_string()]);
    let mut bench = bench(&moto);
    let arn = key(&bench, "ECC_NIST_P256", "SIGN_VERIFY", "ci");
    let id = arn.rsplit('/').next().unwrap();
    key(&bench, "ECC_NIST_P384", "SIGN_VERIFY", "large");
    key(&bench, "RSA_2048", "SIGN_VERIFY", "rsa");
    bench.signs("awskms:alias/ci");
    bench.signs("awskms:///alias/ci");
    bench.signs(&format!("awskms:{id}"));
    // Many times: half of what KMS makes has the higher s.
    for _ in 0..6 {
        bench.signs(&format!("awskms:{arn}"));
    }
    let sign = |signer: &str| ["sign", "--signer", signer, "app.tar"].map(str::to_owned);
    let bad = |bench: &Bench, signer: &str, code, words, hint| {
        let arguments = sign(signer);
        bench.bad(&arguments.each_ref().map(String::as_str), code, words, hint);
    };
    bad(&bench, "awskms:alias/large", 2, "ECC_NIST_P384", "--key-spec ECC_NIST_P256");
    bad(&bench, "awskms:alias/rsa", 2, "RSA_2048", "--key-spec ECC_NIST_P256");
    bad(&bench, "awskms:alias/nobody", 2, "NotFoundException", "region");

    // The address says where KMS is; the environment says where Hallmark is.
    bench.set("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    bench.signs(&format!("awskms:alias/ci?endpoint={}", moto.endpoint));
    bad(&bench, "awskms:alias/ci", 1, "cannot get the public half", "AWS_ENDPOINT_URL");
    bench.set("AWS_ENDPOINT_URL_KMS", &moto.endpoint);
    bench.signs("awskms:alias/ci");
    // So does a profile.
    bench.write("config", format!("[profile keys]\nendpoint_url = {}\nregion = eu-west-1\n", moto.endpoint));
    bench.set("AWS_CONFIG_FILE", bench.path("config").display().to_string());
    bench.signs("awskms:alias/ci?profile=keys");
}
