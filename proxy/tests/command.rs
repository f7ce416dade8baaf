//! The program's command line, and all that it says about a configuration that cannot work.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use hallmark_signer::PrivateKey;
use tempfile::TempDir;

/// Of a key that nobody has any more.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUcgH8/HpzHR6oOS3WKjXrJ9APi2swCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA0MzEzMloYDzIxMjYxMDI4
MDQzMTMyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQR/8pTiZSmSqgbQwXKQTnPuhJh+azof//8Z5U0QjkjIP5HC8j0uzva
yPvZKktXX7J+35nWDpLZcOOYwRE6APxYo1MwUTAdBgNVHQ4EFgQUkL1qUQOOQxn4
XzJ2bKPPlMSlKsEwHwYDVR0jBBgwFoAUkL1qUQOOQxn4XzJ2bKPPlMSlKsEwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA8hedAX4GmX/IBKyc0KCv
wxSpGbD/0I/W8+8Wz3VqlhQCIFgEVziM/1rEtsIXazk9korxuMp5LClAYoBREyWu
j1qm
-----END CERTIFICATE-----
";

/// A well-formed PEM block and no key on P-256.
const NO_KEY: &str = "-----BEGIN PUBLIC KEY-----\nQUFBQUFB\n-----END PUBLIC KEY-----\n";

/// A folder with keys, a certificate and a configuration.
fn folder(config: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode| {
        fs::write(dir.path().join(name), text).unwrap();
        fs::set_permissions(dir.path().join(name), Permissions::from_mode(mode)).unwrap();
    };
    for name in ["seal", "ci"] {
        let key = PrivateKey::generate().unwrap();
        write(&format!("{name}.key"), &key.to_pem().unwrap(), 0o600);
        write(&format!("{name}.pub"), &key.into_blob_key().public_key().to_pem(), 0o644);
    }
    write("open.key", "", 0o644);
    write("none.pub", NO_KEY, 0o644);
    write("tls.crt", CERTIFICATE, 0o644);
    write("hallmark.toml", config, 0o644);
    dir
}

fn run(dir: &TempDir, arguments: &[&str], log: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hallmark-proxy"));
    command.args(arguments).current_dir(dir.path()).env_remove("HALLMARK_CONFIG").env_remove("HALLMARK_LOG");
    command.envs(log.map(|log| ("HALLMARK_LOG", log))).stdin(Stdio::null());
    command.output().unwrap()
}

/// What it says when it fails.
#[track_caller]
fn failure(dir: &TempDir, arguments: &[&str], log: Option<&str>) -> String {
    let ran = run(dir, arguments, log);
    assert!(!ran.status.success(), "{arguments:?}");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "");
    String::from_utf8(ran.stderr).unwrap()
}

/// Both the check and the start say exactly this.
#[track_caller]
fn check(config: &str, expected: &str) {
    let dir = folder(config);
    for arguments in [["check-config", "hallmark.toml"], ["--config", "hallmark.toml"]] {
        assert_eq!(failure(&dir, &arguments, None), expected, "{arguments:?}\n{config}");
    }
    assert!(
        !dir.path().join("data").exists(),
        "nothing is touched before the configuration is known to work"
    );
}

#[test]
fn a_configuration_that_works_is_ok() {
    let dir = folder(
        "realm = \"r\"\nstore.path = \"data\"\nkeys.ci.public_key_file = \"ci.pub\"\n\
         seal = { key_file = \"seal.key\", trusted_key_files = [\"seal.pub\"] }\n",
    );
    let ran = run(&dir, &["check-config", "hallmark.toml"], None);
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "hallmark.toml: ok\n");
}

#[test]
fn a_seal_key_is_in_a_file_or_in_a_token() {
    const BASE: &str = "realm = \"r\"\nstore.path = \"data\"\nstate.secret_file = \"state.secret\"\n";
    for (seal, said) in [
        (
            "seal.signer = \"awskms:alias/seal\"",
            "have it certify short-lived keys (`certifier` in the place of `signer`)",
        ),
        ("seal.signer = \"file:seal.key\"", "a key file is named by `key_file`"),
        ("seal.signer = \"pkcs11:token=x\"", "the PKCS#11 URI names no key"),
        ("seal.key_file = \"encrypted.key\"", "name a file with its passphrase (`passphrase_file`)"),
        (
            "seal = { key_file = \"encrypted.key\", passphrase_file = \"wrong\" }",
            "the passphrase is wrong, or the key file damaged",
        ),
        ("seal = { key_file = \"encrypted.key\", passphrase_file = \"right\" }", ""),
    ] {
        let dir = folder(&format!("{BASE}{seal}\n"));
        let passphrase = hallmark_signer::signer::Passphrase::new("right").unwrap();
        let encrypted = PrivateKey::generate().unwrap().to_encrypted_pem(&passphrase).unwrap();
        let state = "5c1f0e3b7a29d846".repeat(4);
        for (name, text) in [
            ("encrypted.key", encrypted.as_str()),
            ("right", "right\n"),
            ("wrong", "wrong\n"),
            ("state.secret", &state),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
            fs::set_permissions(dir.path().join(name), Permissions::from_mode(0o600)).unwrap();
        }
        let ran = run(&dir, &["check-config", "hallmark.toml"], None);
        let stderr = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.success(), said.is_empty(), "{seal}: {stderr}");
        assert!(stderr.contains(said), "{seal}: {stderr}");
    }
}

#[test]
fn every_file_that_cannot_be_used_is_reported_at_once() {
    check(
        r#"realm = "r"
store.path = "data"
[server]
tls = { certificate_file = "ci.pub", key_file = "gone.key" }
[seal]
key_file = "gone.key"
trusted_key_files = ["seal.pub", "gone.pub", "seal.key"]
[keys."a.b"]
public_key_file = "none.pub"
[keys.ci]
public_key_file = "seal.pub"
"#,
        "error: hallmark.toml has 7 errors:\n\
         hallmark.toml:4:28: server.tls.certificate_file: the file holds no certificate in PEM \
         (`-----BEGIN CERTIFICATE-----`)\n\
         hallmark.toml:4:49: server.tls.key_file: there is no such file; a relative name begins at this file's folder\n\
         hallmark.toml:6:12: seal.key_file: there is no such file; a relative name begins at this file's folder\n\
         hallmark.toml:7:34: seal.trusted_key_files[1]: there is no such file; a relative name begins at this file's \
         folder\n\
         hallmark.toml:7:46: seal.trusted_key_files[2]: expected exactly one PEM block `PUBLIC KEY`\n\
         hallmark.toml:9:19: keys.\"a.b\".public_key_file: not a P-256 public key (SubjectPublicKeyInfo); \
         `openssl ec -pubout` makes one\n\
         hallmark.toml:11:19: keys.ci.public_key_file: is also seal.trusted_key_files[0]: one key has one use (a \
         signature for the one could be taken for the other)\n",
    );
}

/// One key under two names would count twice where two signers are asked for, and with two uses a signature for the one could
/// be taken for the other: however its text is written.
#[test]
fn one_key_stands_in_the_configuration_once() {
    const BASE: &str = "realm = \"r\"\nstore.path = \"data\"\nseal.key_file = \"seal.key\"\n";
    let said = |keys: &str| {
        let dir = folder(&format!("{BASE}{keys}\n"));
        let pem = fs::read_to_string(dir.path().join("ci.pub")).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let wrapped = |width: usize, body: &str| {
            let lines: Vec<_> = body.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
            format!("-----BEGIN PUBLIC KEY-----\r\n{}\r\n-----END PUBLIC KEY-----", lines.join("\r\n"))
        };
        // The last digit stands for two bits of the key, and for four that are zero.
        let spare = body.replace("==", "").chars().last().unwrap();
        let other = char::from(u8::try_from(u32::from(spare)).unwrap() + 1);
        fs::write(dir.path().join("narrow.pub"), wrapped(32, &body)).unwrap();
        fs::write(
            dir.path().join("spare.pub"),
            wrapped(64, &body.replace(&format!("{spare}=="), &format!("{other}=="))),
        )
        .unwrap();
        failure(&dir, &["check-config", "hallmark.toml"], None)
    };
    let keys = |first: &str, second: &str| {
        format!("keys.a = {{ public_key_file = {first} }}\nkeys.b = {{ public_key_file = {second} }}")
    };
    let twice = "5:30: keys.b.public_key_file: the same as in line 4; each may stand here once\n";
    for (first, second) in [
        ("\"ci.pub\"", "\"ci.pub\""),
        ("\"ci.pub\"", "\"narrow.pub\""),
        ("\"narrow.pub\"", "\"ci.pub\", use = \"dsse\""),
        ("\"ci.pub\", use = \"dsse\"", "\"narrow.pub\""),
    ] {
        let said = said(&keys(first, second));
        assert_eq!(said, format!("error: hallmark.toml:{twice}"), "{first} {second}");
    }
    // The seal's, which no text shows.
    for key_use in ["blob", "dsse"] {
        let said = said(&format!("keys.a = {{ public_key_file = \"seal.pub\", use = \"{key_use}\" }}"));
        assert!(
            said.contains("4:30: keys.a.public_key_file: is also seal.key_file: one key has one use"),
            "{said}"
        );
    }
    // No key has two texts.
    let said = said(&keys("\"ci.pub\"", "\"spare.pub\""));
    assert!(said.contains("5:30: keys.b.public_key_file: not a P-256 public key"), "{said}");
}

#[test]
fn pairs_and_private_files() {
    const BASE: &str = "realm = \"r\"\nstore.path = \"data\"\nseal.key_file = \"seal.key\"\n";
    for (key, said) in [
        ("ci.key", "the key does not belong to the first certificate in `certificate_file`"),
        ("tls.crt", "the file is open to others than its owner (mode 0644); run `chmod 600` on it"),
        ("hallmark.toml", "the file is open to others than its owner (mode 0644); run `chmod 600` on it"),
    ] {
        let tls = format!("server.tls = {{ certificate_file = \"tls.crt\", key_file = \"{key}\" }}\n");
        let line = format!("error: hallmark.toml:4:57: server.tls.key_file: {said}\n");
        check(&format!("{BASE}{tls}"), &line);
    }
    check(
        &format!("{BASE}keys.ci.public_key_file = \"seal.pub\""),
        "error: hallmark.toml:4:27: keys.ci.public_key_file: is also seal.key_file: one key has one use (a signature \
         for the one could be taken for the other)\n",
    );
}

#[test]
fn an_address_in_use_is_said_once_and_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = folder("realm = \"r\"\nstore.path = \"data\"\nseal.key_file = \"seal.key\"\n");
    let said = failure(&dir, &["--config", "hallmark.toml", "--listen", &address], None);
    assert_eq!(
        said,
        format!(
            "error: cannot listen on {address}: Address already in use (os error 98)\n\
             hint: --listen ADDRESS:PORT, or stop what listens there\n"
        )
    );
}

#[test]
fn mistakes_on_the_command_line_are_explained() {
    let dir = folder("");
    for (arguments, log, expected) in [
        (
            &["hallmark.toml"][..],
            None,
            "error: \"hallmark.toml\" is no command\nhint: --config hallmark.toml\n",
        ),
        (
            &["--listen", "localhost"],
            None,
            "error: invalid value 'localhost' for '--listen <ADDRESS:PORT>': it must be ADDRESS:PORT, such as \
             127.0.0.1:9000\n",
        ),
        (&["--config", "gone.toml"], None, "error: gone.toml: cannot be read: No such file or directory"),
        (
            &["--config", "hallmark.toml"],
            Some("nonsense"),
            "error: HALLMARK_LOG must be error, warn, info, debug",
        ),
    ] {
        let said = failure(&dir, arguments, log);
        assert!(said.starts_with(expected), "{arguments:?}: {said}");
    }
    let help = String::from_utf8(run(&dir, &["--help"], None).stdout).unwrap();
    for variable in ["HALLMARK_CONFIG", "HALLMARK_LOG"] {
        assert!(help.contains(variable), "{help}");
    }
}

#[test]
fn the_log_tells_start_requests_and_stop() {
    let dir = folder(
        "realm = \"r\"\nstore.path = \"data\"\nseal.key_file = \"seal.key\"\nserver.listen = \"127.0.0.1:0\"\n\
         buckets.releases.anonymous = [\"read\"]",
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_hallmark-proxy"))
        .args(["--config", "hallmark.toml"])
        .current_dir(dir.path())
        .env_remove("HALLMARK_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let address = ready.trim().strip_prefix("hallmark-proxy: listening on http://").unwrap();
    let ask = |query: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        let client = stream.local_addr().unwrap();
        let head = format!("GET /releases/a%1B%0Ab?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, length) = answer.split_once("content-length: ").unwrap();
        format!("content_length={} peer={client}", length.lines().next().unwrap())
    };
    let (denied, unsupported) = (ask("x-id=GetObject"), ask("renameObject=hidden"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success());
    let log = String::from_utf8(ended.stderr).unwrap();
    let [started, first, second, stopping, stopped] = log.lines().collect::<Vec<_>>()[..] else {
        panic!("{log}")
    };
    let version = env!("CARGO_PKG_VERSION");
    for (line, parts) in [
        (
            started,
            &[
                " INFO ",
                "started",
                &format!(
                    "version=\"{version}\" realm=\"r\" config=\"hallmark.toml\" clients=0 store=\"local\""
                ),
                &format!("address=\"http://{address}\""),
            ][..],
        ),
        (
            first,
            &[" INFO access: ", " path=\"/releases/a%1B%0Ab\" ", " status=403 ", " refused=\"AccessDenied\""],
        ),
        (second, &[" INFO access: ", " path=\"/releases/a%1B%0Ab\" ", " status=501 "]),
        (stopping, &[" INFO ", "stopping delay=0ns"]),
        (stopped, &[" INFO ", "stopped"]),
    ] {
        for part in parts {
            assert!(line.contains(part), "{part}\n{log}");
        }
    }
    for (line, told) in [(first, denied), (second, unsupported)] {
        assert!(told.split(' ').all(|field| line.contains(&format!(" {field} "))), "{told}\n{log}");
    }
    assert!(!log.contains("hidden"), "queries hold signatures: {log}");
}

#[test]
fn the_embedded_store_is_not_tried_out() {
    let dir = folder("realm = \"r\"\nstore.path = \"data\"\nseal.key_file = \"seal.key\"\n");
    let ran = run(&dir, &["check-store", "hallmark.toml"], None);
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "data: the embedded store, which lacks nothing\n");
    assert!(!dir.path().join("data").exists());
}

#[test]
fn a_store_that_cannot_be_reached_is_said_to_be() {
    // Nobody listens where somebody just did.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dir = folder(&format!(
        "realm = \"r\"\nserver.listen = \"127.0.0.1:0\"\nseal.key_file = \"seal.key\"\nstate.secret_file = \"state.secret\"\n\
         [store]\nkind = \"s3\"\nendpoint = \"http://{address}\"\ncredentials_file = \"credentials\"\n\
         state_bucket = \"the-state\"\n"
    ));
    let secrets = [
        ("state.secret", "0123456789abcdef".repeat(4)),
        ("credentials", "[default]\naws_access_key_id = a\naws_secret_access_key = s3cret-word\n".to_owned()),
    ];
    for (name, text) in secrets {
        fs::write(dir.path().join(name), text).unwrap();
        fs::set_permissions(dir.path().join(name), Permissions::from_mode(0o600)).unwrap();
    }
    for arguments in [["check-store", "hallmark.toml"], ["--config", "hallmark.toml"]] {
        let said = failure(&dir, &arguments, Some("error"));
        assert!(said.starts_with("error: the object store cannot be used: store_unavailable: "), "{said}");
        assert!(said.contains("look for the state bucket") && !said.contains("s3cret-word"), "{said}");
    }
}

/// Those who ask hear so for as long as the store is silent.
#[test]
fn p4_it_is_not_ready_before_its_store_has_answered() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = folder(&format!(
        "realm = \"r\"\nseal.key_file = \"seal.key\"\nstate.secret_file = \"state.secret\"\nserver.listen = \"127.0.0.1:0\"\n\
         admin.listen = \"127.0.0.1:0\"\n[store]\nkind = \"s3\"\nendpoint = \"http://{}\"\nregion = \"us-east-1\"\n\
         state_bucket = \"hallmark-state\"\ncredentials_file = \"store.credentials\"\n",
        silent.local_addr().unwrap()
    ));
    let credentials = dir.path().join("store.credentials");
    fs::write(&credentials, "[default]\naws_access_key_id = a\naws_secret_access_key = b\n").unwrap();
    fs::set_permissions(&credentials, Permissions::from_mode(0o600)).unwrap();
    let secret = dir.path().join("state.secret");
    fs::write(&secret, "0123456789abcdef".repeat(4)).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hallmark-proxy"))
        .args(["--config", "hallmark.toml"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let admin = line.trim().strip_prefix("hallmark-proxy: health and metrics on http://").unwrap();
    // It has begun to ask the store.
    let _asked = silent.accept().unwrap();
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(admin).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let (alive, ready, metrics) = (ask("/livez"), ask("/readyz"), ask("/metrics"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(alive.starts_with("HTTP/1.1 200 "), "{alive}");
    assert!(ready.starts_with("HTTP/1.1 503 ") && ready.ends_with("\r\n\r\nstarting\n"), "{ready}");
    assert!(metrics.contains("\nhallmark_ready 0.0\n"), "{metrics}");
}
