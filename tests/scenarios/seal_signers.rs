//! Seal keys that are not a plain file: in a token (SoftHSM), encrypted, and made in memory and certified by a key in a file, a
//! token or AWS KMS (moto). `tests/run` installs SoftHSM and moto; `--quick` leaves those in `pkcs11` and `kms` out.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use hallmark_tests::command::Sandbox;
use hallmark_tests::proxy::program;

/// A proxy with this `[seal]`, and a place where `hallmark` and openssl run.
struct Lab {
    sandbox: Sandbox,
    proxy: Child,
    endpoint: String,
}

impl Lab {
    fn start(sandbox: Sandbox, seal: &str, environment: &[(&str, String)]) -> Self {
        let mut sandbox = sandbox;
        private(&sandbox, "client.secret", "secret-of-the-client-that-may-do-everything\n");
        private(&sandbox, "state.secret", &format!("{}\n", "5c1f0e3b7a29d846".repeat(4)));
        let config = format!(
            "realm = \"test\"\nserver.listen = \"127.0.0.1:0\"\nstore.path = \"store\"\n\
             state.secret_file = \"state.secret\"\n[seal]\n{seal}\n[[clients]]\nname = \"ci\"\n\
             access_key = \"AKIATEST\"\nsecret_file = \"client.secret\"\n\
             grants = [{{ bucket = \"*\", permissions = [\"read\", \"write\", \"list\", \"admin\"] }}]\n"
        );
        fs::write(sandbox.path("hallmark.toml"), config).unwrap();
        let mut command = Command::new(program("hallmark-proxy"));
        command.args(["--config", "hallmark.toml"]).current_dir(sandbox.home());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let mut proxy = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let said = BufReader::new(proxy.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let endpoint = said.split_whitespace().last().unwrap().to_owned();
        assert!(endpoint.starts_with("http://"), "{said}");
        sandbox.set("AWS_ENDPOINT_URL", &endpoint);
        Self { sandbox, proxy, endpoint }
    }

    fn good(&self, command: &str, arguments: &[&str]) -> String {
        let program = if command == "hallmark" { program("hallmark") } else { command.into() };
        self.sandbox.run(program, arguments).good()
    }

    /// What is uploaded bears a seal by the key in `seal.pub`.
    fn seals(&self) {
        fs::write(self.sandbox.path("app.tar"), "an artifact\n").unwrap();
        let bucket = self.sandbox.run(
            "curl",
            &[
                "-sS",
                "--fail-with-body",
                "--aws-sigv4",
                "aws:amz:us-east-1:s3",
                "--user",
                "AKIATEST:secret-of-the-client-that-may-do-everything",
                "-H",
                "x-amz-content-sha256: UNSIGNED-PAYLOAD",
                "-X",
                "PUT",
                &format!("{}/releases", self.endpoint),
            ],
        );
        bucket.good();
        for _ in 0..3 {
            self.good("hallmark", &["push", "app.tar", "s3://releases/app.tar"]);
            let pull =
                ["pull", "--seal-key", "seal.pub", "--realm", "test", "s3://releases/app.tar", "pulled.tar"];
            self.good("hallmark", &pull);
            assert_eq!(fs::read(self.sandbox.path("pulled.tar")).unwrap(), b"an artifact\n");
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn private(sandbox: &Sandbox, name: &str, text: &str) {
    fs::write(sandbox.path(name), text).unwrap();
    fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(0o600)).unwrap();
}

fn sandbox() -> Sandbox {
    Sandbox::new("127.0.0.1:1".parse().unwrap())
}

#[test]
fn an_encrypted_key_seals() {
    let sandbox = sandbox();
    let make = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "plain.key"];
    sandbox.run("openssl", &make).good();
    sandbox.run("openssl", &["pkey", "-in", "plain.key", "-pubout", "-out", "seal.pub"]).good();
    let encrypt = [
        "pkcs8",
        "-topk8",
        "-v2",
        "aes-256-cbc",
        "-in",
        "plain.key",
        "-out",
        "seal.key",
        "-passout",
        "pass:x y",
    ];
    sandbox.run("openssl", &encrypt).good();
    fs::set_permissions(sandbox.path("seal.key"), fs::Permissions::from_mode(0o600)).unwrap();
    private(&sandbox, "seal.passphrase", "x y\n");
    Lab::start(sandbox, "key_file = \"seal.key\"\npassphrase_file = \"seal.passphrase\"", &[]).seals();
}

/// The command takes the certifier's public key for the seal key's, and asks the endpoint for the certificate.
#[test]
fn a_key_in_a_file_certifies() {
    let sandbox = sandbox();
    let make = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "root.key"];
    sandbox.run("openssl", &make).good();
    sandbox.run("openssl", &["pkey", "-in", "root.key", "-pubout", "-out", "seal.pub"]).good();
    fs::set_permissions(sandbox.path("root.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let lab = Lab::start(sandbox, "certifier_file = \"root.key\"", &[]);
    lab.seals();
    // Whoever trusts somebody else finds nothing that helps.
    lab.good("hallmark", &["keygen", "other"]);
    let pull = ["pull", "--seal-key", "other.pub", "--realm", "test", "s3://releases/app.tar", "no.tar"];
    let refused = lab.sandbox.run(program("hallmark"), &pull);
    assert!(
        !refused.status.success() && refused.stderr.contains("is not by a trusted certifier"),
        "{}",
        refused.stderr
    );
    assert!(!lab.sandbox.path("no.tar").exists());
    let inspect = ["inspect", "--seal-key", "seal.pub", "--realm", "elsewhere", "s3://releases/app.tar"];
    let refused = lab.sandbox.run(program("hallmark"), &inspect);
    assert!(!refused.status.success() && refused.stderr.contains("for another realm"), "{}", refused.stderr);
    lab.good("hallmark", &["audit", "--seal-key", "seal.pub", "--realm", "test", "s3://releases"]);
}

mod kms {
    use std::net::{TcpListener, TcpStream};
    use std::path::Path;
    use std::time::{Duration, Instant};

    use hallmark_tests::command::installed;

    use super::*;

    /// Not a measure of speed: a server that has not begun by then does not begin.
    const DEADLINE: Duration = Duration::from_secs(60);

    /// A server that ends when this is dropped.
    struct Moto(Child);

    impl Drop for Moto {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn moto(port: u16) -> Moto {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/moto_kms.py");
        let mut command = Command::new(installed("python"));
        command.arg(script).args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let moto = Moto(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let until = Instant::now() + DEADLINE;
        // It says that it listens before it does.
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "moto_server does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        moto
    }

    #[test]
    fn a_key_in_kms_certifies_and_is_not_asked_for_uploads() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (moto, mut sandbox) = (moto(port), sandbox());
        let endpoint = format!("http://127.0.0.1:{port}");
        for (name, value) in
            [("AWS_ENDPOINT_URL_KMS", endpoint.as_str()), ("AWS_DEFAULT_REGION", "eu-west-1")]
        {
            sandbox.set(name, value);
        }
        let script = "import boto3; kms = boto3.client('kms')\n\
             key = kms.create_key(KeySpec='ECC_NIST_P256', KeyUsage='SIGN_VERIFY')['KeyMetadata']\n\
             kms.create_alias(AliasName='alias/seals', TargetKeyId=key['KeyId'])";
        sandbox.run(installed("python"), &["-c", script]).good();
        let address = format!("awskms:alias/seals?region=eu-west-1&endpoint={endpoint}");
        let public = sandbox.run(program("hallmark"), &["public-key", "--signer", &address]).good();
        fs::write(sandbox.path("seal.pub"), public).unwrap();
        let environment =
            [("AWS_ACCESS_KEY_ID", "AKIATEST".to_owned()), ("AWS_SECRET_ACCESS_KEY", "secret".to_owned())];
        let lab = Lab::start(sandbox, &format!("certifier = \"{address}\""), &environment);
        lab.seals();
        drop(moto);
        lab.good("hallmark", &["push", "app.tar", "s3://releases/again.tar"]);
        let check = lab.sandbox.run(program("hallmark-proxy"), &["check-config", "hallmark.toml"]);
        assert!(!check.status.success() && check.stderr.contains("seal.certifier: "), "{}", check.stderr);
    }
}

mod pkcs11 {
    use super::*;

    const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

    #[test]
    fn a_key_in_a_token_seals() {
        seals_with("signer");
    }

    #[test]
    fn a_key_in_a_token_certifies() {
        seals_with("certifier");
    }

    /// `setting`: what a key in a token is named as.
    fn seals_with(setting: &str) {
        let mut sandbox = sandbox();
        fs::create_dir(sandbox.path("tokens")).unwrap();
        let config = sandbox.path("softhsm2.conf");
        fs::write(&config, format!("directories.tokendir = {}\n", sandbox.path("tokens").display())).unwrap();
        sandbox.set("SOFTHSM2_CONF", &config);
        let token =
            ["--init-token", "--free", "--label", "hallmark", "--so-pin", "314159", "--pin", "271828"];
        sandbox.run("softhsm2-util", &token).good();
        let key = [
            "--module",
            MODULE,
            "--token-label",
            "hallmark",
            "--login",
            "--pin",
            "271828",
            "--keypairgen",
            "--key-type",
            "EC:prime256v1",
            "--label",
            "seal",
            "--id",
            "01",
            "--usage-sign",
        ];
        sandbox.run("pkcs11-tool", &key).good();
        sandbox.set("HALLMARK_PIN", "271828");
        let address = format!("pkcs11:token=hallmark;object=seal?module-path={MODULE}");
        let public = sandbox.run(program("hallmark"), &["public-key", "--signer", &address]).good();
        fs::write(sandbox.path("seal.pub"), public).unwrap();
        private(&sandbox, "pin", "271828\n");
        let seal = format!("{setting} = \"{address}\"\npassphrase_file = \"pin\"");
        let environment = [("SOFTHSM2_CONF", config.display().to_string())];
        Lab::start(sandbox, &seal, &environment).seals();
    }
}
