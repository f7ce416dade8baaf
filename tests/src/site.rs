//! A deployment in a directory of its own: keys, secrets and the configuration that names them.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tempfile::TempDir;

use crate::s3::Client;
use crate::stores::{Account, Kind, REGION, STATE_BUCKET};

/// Which store deployments have that do not say: `local` if it is not set, `rgw`, or `garage`.
const USUAL: &str = "HALLMARK_TEST_STORE";

/// The realm of every test's seals.
pub const REALM: &str = "test";
/// A bucket whose rule asks for a signature by the key `ci`. Every other bucket has no rule.
pub const SIGNED: &str = "signed";
/// The client that may do everything, `ci`.
pub const FULL: (&str, &str) = ("AKIATEST", "secret-of-the-client-that-may-do-everything");
/// The client that may read and list, `reader`.
pub const READER: (&str, &str) = ("AKIAREADER", "secret-of-the-client-that-may-read");
/// The client that may do nothing, `nobody`.
pub const NOBODY: (&str, &str) = ("AKIANOBODY", "secret-of-the-client-that-may-do-nothing");

/// What instances of a deployment over a store that they share authenticate each other's work with.
const STATE_SECRET: &str = "5c1f0e3b7a29d8465c1f0e3b7a29d8465c1f0e3b7a29d8465c1f0e3b7a29d846";

/// What is not as usual, in the words of the configuration file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Lines for `[server]`.
    pub server: String,
    /// Lines for `[cache]`.
    pub cache: String,
    /// Tables that follow the usual ones.
    pub tables: String,
    /// What keeps the objects.
    pub store: Engine,
}

/// What keeps a deployment's objects.
#[derive(Debug, Clone, Default)]
pub enum Engine {
    /// The embedded store, or where `tests/run` has the tests run over another one, an account of that. Tests that are
    /// about neither say nothing else.
    #[default]
    Usual,
    /// The embedded store: of what the test asks it has more than others.
    Local,
    /// A store that speaks S3.
    S3(Remote),
}

/// A store that speaks S3, as a deployment sees it.
#[derive(Debug, Clone)]
pub struct Remote {
    /// The account that the deployment has there. Several deployments may have the same.
    pub account: Arc<Account>,
    /// Where the deployment reaches the store, as a URL: there, or at something in between.
    pub endpoint: String,
    /// Further lines for `[store]`.
    pub lines: String,
}

impl Remote {
    /// The store itself, and nothing else to say.
    pub fn new(account: Account) -> Self {
        Self { endpoint: account.endpoint(), account: Arc::new(account), lines: String::new() }
    }
}

impl Options {
    /// No caches of what artifacts are: for tests of what becomes of a store's word.
    pub fn nothing_kept() -> Self {
        Self { cache: "heads = \"0\"\nrecords = \"0\"\nleaves = \"0\"".to_owned(), ..Self::default() }
    }
}

/// A client beside the usual ones.
#[derive(Debug, Clone, Copy)]
pub struct Further<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its access key id and secret.
    pub credentials: (&'a str, &'a str),
    /// For which buckets it may do what: `(bucket, "read, write")`.
    pub grants: &'a [(&'a str, &'a str)],
}

/// The files of a deployment, and its account if its store speaks S3. They go when it is dropped.
#[derive(Debug)]
pub struct Site {
    directory: TempDir,
    /// `None`: the objects are kept among the files.
    remote: Option<Remote>,
}

impl Site {
    /// Makes keys, secrets and configuration.
    pub fn new(options: &Options) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let site = Self { directory, remote: options.store.remote() };
        for key in ["seal", "ci", "other"] {
            site.make_key(key);
        }
        for (name, (_, secret)) in [("ci", FULL), ("reader", READER), ("nobody", NOBODY)] {
            site.write_secret(&format!("{name}.secret"), secret);
        }
        if let Some(remote) = &site.remote {
            site.write_private("store.credentials", &remote.account.credentials());
            site.write_secret("state.secret", STATE_SECRET);
        }
        let text = configuration(options, site.remote.as_ref());
        fs::write(site.config_file(), text).expect("a file can be written");
        site
    }

    /// The account of the store that speaks S3, if there is one.
    pub fn account(&self) -> Option<&Account> {
        self.remote.as_ref().map(|remote| &*remote.account)
    }

    /// The same with further clients.
    pub fn with_clients(options: &Options, clients: &[Further<'_>]) -> Self {
        let tables: String = clients.iter().map(Further::table).collect();
        let site = Self::new(&Options { tables: format!("{}\n{tables}", options.tables), ..options.clone() });
        for Further { name, credentials: (_, secret), .. } in clients {
            site.write_secret(&format!("{name}.secret"), secret);
        }
        site
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.path().join("hallmark.toml")
    }

    /// Changes the configuration file.
    pub fn edit_config(&self, edit: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.config_file()).expect("the configuration can be read");
        fs::write(self.config_file(), edit(text)).expect("a file can be written");
    }

    /// Adds a role `release`, for which two of the keys `ci`, `b` and `c` must have signed, and makes those keys.
    pub fn add_release_role(&self) {
        for key in ["b", "c"] {
            self.make_key(key);
        }
        self.edit_config(|text| {
            format!(
                "keys.b.public_key_file = \"b.pub\"\nkeys.c.public_key_file = \"c.pub\"\n\
                 roles.release = {{ signers = [\"ci\", \"b\", \"c\"], threshold = 2 }}\n{text}"
            )
        });
    }

    /// Makes `<name>.key` and `<name>.pub`, a P-256 key in PEM.
    pub fn make_key(&self, name: &str) {
        let (private, public) = (format!("{name}.key"), format!("{name}.pub"));
        self.openssl(&[
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-out",
            &private,
        ]);
        self.openssl(&["pkey", "-in", &private, "-pubout", "-out", &public]);
        set_private(&self.path().join(private));
    }

    /// The base64 of the DER signature by `<key>.key` over `bytes`: a value for `x-amz-meta-hallmark-signature`.
    pub fn signature(&self, key: &str, bytes: &[u8]) -> String {
        let input = tempfile::NamedTempFile::new_in(self.path()).expect("a file can be made");
        fs::write(input.path(), bytes).expect("a file can be written");
        let signature = self.path().join("signature.der");
        self.openssl(&[
            "dgst",
            "-sha256",
            "-sign",
            &format!("{key}.key"),
            "-out",
            &signature.to_string_lossy(),
            &input.path().to_string_lossy(),
        ]);
        BASE64.encode(fs::read(&signature).expect("the signature can be read"))
    }

    /// Runs openssl among the files.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn openssl(&self, arguments: &[&str]) -> String {
        let out = Command::new("openssl")
            .args(arguments)
            .current_dir(self.path())
            .output()
            .expect("openssl is installed (tests/run sees to it)");
        assert!(out.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// The client with `credentials` of a proxy at `address`.
    pub fn client(address: SocketAddr, (access_key, secret): (&str, &str)) -> Client {
        Client { address, access_key: access_key.to_owned(), secret: secret.to_owned() }
    }

    /// Writes a file that only its owner may read.
    pub fn write_private(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::write(&path, text).expect("a file can be written");
        set_private(&path);
    }

    fn write_secret(&self, name: &str, secret: &str) {
        self.write_private(name, &format!("{secret}\n"));
    }
}

impl Further<'_> {
    fn table(&self) -> String {
        let Self { name, credentials: (access_key, _), grants } = self;
        let words = |permissions: &str| {
            permissions.split(", ").map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
        };
        let grant = |(bucket, permissions): &(&str, &str)| {
            format!("{{ bucket = \"{bucket}\", permissions = [{}] }}", words(permissions))
        };
        let grants: Vec<_> = grants.iter().map(grant).collect();
        format!(
            "[[clients]]\nname = \"{name}\"\naccess_key = \"{access_key}\"\nsecret_file = \"{name}.secret\"\n\
             grants = [{}]\n\n",
            grants.join(", ")
        )
    }
}

fn set_private(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode can be set");
}

/// Whether deployments that do not say otherwise are over another store than the embedded one.
pub fn over_another_store() -> bool {
    std::env::var(USUAL).is_ok_and(|store| store != "local")
}

impl Engine {
    fn remote(&self) -> Option<Remote> {
        match self {
            Self::Local => None,
            Self::S3(remote) => Some(remote.clone()),
            Self::Usual => match std::env::var(USUAL).as_deref() {
                Err(_) | Ok("local") => None,
                Ok("rgw") => Some(Remote::new(Account::new(Kind::Rgw))),
                Ok("garage") => Some(Remote::new(Account::new(Kind::Garage))),
                Ok(other) => panic!("{USUAL} is `{other}`: it must be local, rgw or garage"),
            },
        }
    }
}

/// The tables of the store.
fn store(remote: Option<&Remote>) -> String {
    let Some(Remote { account: _, endpoint, lines }) = remote else {
        return "[store]\nkind = \"local\"\npath = \"data\"\n".to_owned();
    };
    format!(
        "[state]\nsecret_file = \"state.secret\"\n\n[store]\nkind = \"s3\"\nendpoint = \"{endpoint}\"\n\
         region = \"{REGION}\"\ncredentials_file = \"store.credentials\"\nstate_bucket = \"{STATE_BUCKET}\"\n{lines}"
    )
}

fn configuration(options: &Options, remote: Option<&Remote>) -> String {
    let (full, reader, nobody) = (FULL.0, READER.0, NOBODY.0);
    format!(
        r#"realm = "{REALM}"

[server]
listen = "127.0.0.1:0"
{server}

{cache}

[seal]
key_file = "seal.key"

{store}
[keys.ci]
public_key_file = "ci.pub"

[[clients]]
name = "ci"
access_key = "{full}"
secret_file = "ci.secret"
grants = [{{ bucket = "*", permissions = ["read", "read_untrusted", "write", "write_signatures", "delete", "delete_version", "list", "admin", "lock", "bypass_governance"] }}]

[[clients]]
name = "reader"
access_key = "{reader}"
secret_file = "reader.secret"
grants = [{{ bucket = "*", permissions = ["read", "list"] }}]

[[clients]]
name = "nobody"
access_key = "{nobody}"
secret_file = "nobody.secret"
grants = []

[buckets.{SIGNED}]
rules = [{{ prefix = "", signatures = "required", keys = ["ci"] }}]

{tables}"#,
        server = options.server,
        store = store(remote),
        cache = if options.cache.is_empty() { String::new() } else { format!("[cache]\n{}", options.cache) },
        tables = options.tables,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssl_takes_the_signatures_that_it_made() {
        let site = Site::new(&Options::default());
        let signature = BASE64.decode(site.signature("ci", b"artifact")).unwrap();
        fs::write(site.path().join("artifact"), "artifact").unwrap();
        fs::write(site.path().join("artifact.sig"), signature).unwrap();
        let said =
            site.openssl(&["dgst", "-sha256", "-verify", "ci.pub", "-signature", "artifact.sig", "artifact"]);
        assert_eq!(said, "Verified OK\n");
    }

    #[test]
    fn secrets_are_readable_by_their_owner_alone() {
        let site = Site::new(&Options::default());
        for name in ["seal.key", "ci.key", "ci.secret", "reader.secret", "nobody.secret"] {
            assert_eq!(
                fs::metadata(site.path().join(name)).unwrap().permissions().mode() & 0o777,
                0o600,
                "{name}"
            );
        }
    }
}
