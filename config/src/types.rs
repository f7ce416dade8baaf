//! The validated configuration: what the rest of Hallmark is given. Every value here has been checked;
//! nothing in it can be out of range, and every name that refers to another entry refers to one that exists.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Sources;
use crate::name::{
    AttestationName, BucketName, ClientName, Prefix, Realm, RoleName, SignerName, StoreBucket, StorePrefix,
};
use crate::secret::Secret;
use crate::trust::{Attestation, Denial, Identity, PublisherKey, Role, Rule};

/// All settings of one proxy.
#[derive(Debug, Clone)]
pub struct Config {
    /// Names the deployment; part of every seal.
    pub realm: Realm,
    /// The listener and its limits.
    pub server: Server,
    /// Health and metrics; without it there are none.
    pub admin: Option<Admin>,
    /// Upper bounds on what one client, and all of them, may take.
    pub limits: Limits,
    /// What is kept in memory of what was found good.
    pub cache: Cache,
    /// The key that makes seals and those whose seals are accepted.
    pub seal: Seal,
    /// The secret under which uploads in progress are kept.
    pub state: State,
    /// Where artifacts are kept.
    pub store: Store,
    /// Publisher keys by name.
    pub keys: BTreeMap<SignerName, PublisherKey>,
    /// Identities by name; none has the name of a key.
    pub identities: BTreeMap<SignerName, Identity>,
    /// Roles by name; rules hold copies of those that they name.
    pub roles: BTreeMap<RoleName, Role>,
    /// What statements must say, by name; the same.
    pub attestations: BTreeMap<AttestationName, Attestation>,
    /// What is refused whatever the rules say.
    pub deny: Vec<Denial>,
    /// Clients, in the order of the file. Names are distinct, and so are access keys.
    pub clients: Vec<Client>,
    /// Per-bucket settings. A bucket that is not named here has the defaults of [`Bucket`].
    pub buckets: BTreeMap<BucketName, Bucket>,
    /// Where in the file all of this stands.
    pub sources: Sources,
}

/// The listener.
#[derive(Debug, Clone)]
pub struct Server {
    /// Address and port; port 0 asks the system for a free one.
    pub listen: SocketAddr,
    /// Certificate chain and key; without it the listener speaks plain HTTP.
    pub tls: Option<Tls>,
    /// Host names under which `bucket.<name>` is virtual-host style; lower case, no port;
    /// none lies under another.
    pub domains: Vec<String>,
    /// The signing region that clients must use.
    pub region: String,
    /// Take `UNSIGNED-PAYLOAD` and unsigned trailers over plain HTTP from other machines.
    pub dangerous_unsigned_payload_over_http: bool,
}

/// Certificate chain and private key of the listener, PEM files.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Leaf first.
    pub certificate_file: PathBuf,
    /// PKCS#8, SEC1 or PKCS#1. Not open to others than its owner, if it was there when the configuration was read.
    pub key_file: PathBuf,
}

/// The listener for health and metrics, which is not for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Address and port, another than the clients' one; port 0 asks the system for a free one. Plain HTTP.
    pub listen: SocketAddr,
    /// How long clients are still served after a stop was asked for and readiness was withdrawn.
    pub drain_delay: Duration,
}

/// Bounds; each has a default and a range that the loader enforces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Largest object, bytes.
    pub max_object_size: u64,
    /// Memory for bodies in flight, bytes, all clients together.
    pub memory_budget: u64,
    /// Time a client has to send the head of a request.
    pub header_timeout: Duration,
    /// Time without a byte from, or taken by, a client after which its request ends.
    pub idle_timeout: Duration,
    /// Bytes a second that a client must keep up, averaged over ten seconds; `None`: no minimum.
    pub min_rate: Option<NonZeroU64>,
    /// Time that open requests have, once the listener is closed, before they are cut off.
    pub drain_timeout: Duration,
}

/// How much memory caches take at most, bytes each; 0: nothing is kept. It comes on top of [`Limits::memory_budget`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Signature checks that passed.
    pub verdicts: u64,
    /// What objects were when the store was asked last.
    pub heads: u64,
    /// Records of artifacts of more than 8 MiB: headers, and pages of leaf hashes.
    pub records: u64,
    /// Bytes of artifacts, leaf by leaf.
    pub leaves: u64,
}

/// Seal keys.
#[derive(Debug, Clone)]
pub struct Seal {
    /// The private key (P-256) by which new seals are trusted.
    pub key: SealKey,
    /// What it does.
    pub work: SealKeyWork,
    /// What opens it: the passphrase of an encrypted file, or the PIN of a token.
    pub passphrase: Option<Secret>,
    /// Public keys (SPKI PEM) whose seals are accepted beside the active key's.
    pub trusted_key_files: Vec<PathBuf>,
    /// Public keys (SPKI PEM) whose certificates of seal keys are accepted, beside the active certifier's.
    pub trusted_certifier_files: Vec<PathBuf>,
    /// Certified keys whose seals are not accepted all the same. Each key once.
    pub refused: Vec<RefusedSealKey>,
}

/// For longer no key is certified.
pub const LONGEST_SEAL_KEY_LIFETIME: Duration = Duration::from_hours(90 * 24);

/// What the active key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealKeyWork {
    /// It makes the seals.
    Seals,
    /// It certifies keys, which every instance makes for itself, keeps in memory alone, and seals with.
    Certifies {
        /// For how long each.
        lifetime: Duration,
    },
}

/// A seal key that is not trusted any more, such as one that leaked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSealKey {
    /// SHA-256 of its SubjectPublicKeyInfo, lower-case hexadecimal.
    pub key: String,
    /// Why; one line.
    pub reason: String,
}

/// Where a private key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealKey {
    /// A PEM file.
    File(PathBuf),
    /// The address of a signer (`pkcs11:…`, `awskms:…`), as it stands: it is read by whoever knows signers.
    Signer(String),
}

impl SealKey {
    /// Whether it lies in AWS KMS, by its address.
    pub fn is_in_kms(&self) -> bool {
        matches!(self, Self::Signer(address) if address.starts_with("awskms:"))
    }
}

/// Files with the secret that authenticates upload ids and the records of uploads in progress, in the form of
/// [`StateSecret`](crate::StateSecret). The same on all instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The secret. Well formed and not open to others than its owner, if it was there when the configuration was read.
    pub secret_file: PathBuf,
    /// What to do if the file is not there.
    pub generated: Generated,
    /// The secret before the last change: well formed, and still accepted.
    pub previous_secret_file: Option<PathBuf>,
}

/// Whether the state secret is made if it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generated {
    /// The configuration names no file: the proxy makes the secret at its first start.
    WhenAbsent,
    /// The configuration names the file, and it was there when the configuration was read.
    Never,
}

/// The object store behind the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// The embedded store: a directory on this machine.
    Local {
        /// Made if absent, with mode 0700.
        path: PathBuf,
    },
    /// A store that speaks S3: AWS, Ceph RGW, Garage, MinIO, R2 and others.
    S3(Box<S3Store>),
}

/// How to reach a store that speaks S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Store {
    /// `http://` or `https://`, host, perhaps port; no path. `None`: AWS, in the region.
    pub endpoint: Option<String>,
    /// The signing region; `None`: as AWS tools find it (environment, profile, instance).
    pub region: Option<String>,
    /// How a request names its bucket.
    pub addressing: Addressing,
    /// Where the credentials come from.
    pub credentials: StoreCredentials,
    /// PEM: authorities that are trusted in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// The bucket for Hallmark's own records and uploads in progress; out of clients' reach. Made if absent, where allowed.
    pub state_bucket: StoreBucket,
    /// Time to open a connection.
    pub connect_timeout: Duration,
    /// Time that the store may take to begin an answer, and to send or take the next piece of a body.
    pub answer_timeout: Duration,
    /// Requests to the store at once; further ones wait, and are shed when they waited too long.
    pub max_requests: usize,
    /// How often a request is sent at most where a repeat is safe; at least 1.
    pub attempts: usize,
}

/// How a request names its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// In the path.
    Path,
    /// In the host name.
    VirtualHost,
}

/// Where the credentials for a store come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreCredentials {
    /// Where AWS tools look: environment, profiles, SSO, web identity, container, instance.
    Chain {
        /// The profile to take; `None`: the one that the environment names, or `default`.
        profile: Option<String>,
    },
    /// A file in the form of `~/.aws/credentials`, open to its owner only. Read again when its content has changed.
    File {
        /// Its name.
        path: PathBuf,
        /// The profile in it.
        profile: String,
    },
}

/// Where the objects of a bucket are kept, if not in a bucket of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptIn {
    /// The bucket in the store.
    pub bucket: StoreBucket,
    /// What stands before each key there; empty, or ends in `/`.
    pub prefix: StorePrefix,
}

/// Somebody who may sign requests.
#[derive(Debug, Clone)]
pub struct Client {
    /// Appears in seals and logs.
    pub name: ClientName,
    /// SigV4 access key id.
    pub access_key: String,
    /// SigV4 secret.
    pub secret: Secret,
    /// What it may do; empty: nothing.
    pub grants: Vec<Grant>,
}

/// One entry of what a client may do.
#[derive(Debug, Clone)]
pub struct Grant {
    /// One bucket, or all.
    pub bucket: BucketScope,
    /// Keys that begin with this; empty: all.
    pub prefix: Prefix,
    /// What is allowed there. [`Permission::Admin`] comes with an empty prefix only.
    pub permissions: Permissions,
}

/// Which buckets a grant reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketScope {
    /// `"*"`.
    All,
    /// The named one.
    One(BucketName),
}

/// A thing that a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Download artifacts that the trust policy accepts.
    Read,
    /// Download artifacts that the trust policy does not accept yet (scanners, signers). The seal must still be valid.
    ReadUntrusted,
    /// Upload.
    Write,
    /// Upload detached signatures.
    WriteSignatures,
    /// Delete the current version.
    Delete,
    /// Delete a named version.
    DeleteVersion,
    /// Set retention and legal holds.
    Lock,
    /// Shorten GOVERNANCE retention, or delete in spite of it.
    BypassGovernance,
    /// List keys.
    List,
    /// Create, delete and configure buckets.
    Admin,
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u16);

impl Permission {
    /// Every permission, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::ReadUntrusted,
        Self::Write,
        Self::WriteSignatures,
        Self::Delete,
        Self::DeleteVersion,
        Self::Lock,
        Self::BypassGovernance,
        Self::List,
        Self::Admin,
    ];

    /// The word used in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadUntrusted => "read_untrusted",
            Self::Write => "write",
            Self::WriteSignatures => "write_signatures",
            Self::Delete => "delete",
            Self::DeleteVersion => "delete_version",
            Self::Lock => "lock",
            Self::BypassGovernance => "bypass_governance",
            Self::List => "list",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Permissions {
    /// The set that holds every permission.
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    /// Whether `permission` is in the set.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | permission.bit()))
    }
}

/// Settings of one bucket.
#[derive(Debug, Clone, Default)]
pub struct Bucket {
    /// What anybody may do without signing requests; only `read` and `list` can stand here.
    pub anonymous: Permissions,
    /// Serve objects that bear no seal at all. Never those with a broken one, nor where a rule stands, whether it
    /// requires signatures or not: there the rule wins, and so the loader accepts both side by side.
    pub dangerous_serve_unsealed: bool,
    /// Where its objects are kept in the store; `None`: in a bucket of the same name. Only for stores that speak S3. No two
    /// buckets are kept in places that overlap, and none in the state bucket.
    pub kept_in: Option<KeptIn>,
    /// For how long after the store was asked for an artifact it may be served from memory without asking again.
    pub freshness: Duration,
    /// What is never overwritten or deleted through the proxy.
    pub immutable: Immutable,
    /// Refuse what was sealed before something that this instance has served under the same name.
    pub refuse_rollback: bool,
    /// Answer for `<key>.sha256` and the `SHA256SUMS` of a folder with digests from the seals, where nothing else stands
    /// under that name.
    pub checksums: bool,
    /// Who must have signed what. The rule with the longest match decides.
    pub rules: Vec<Rule>,
}

/// The keys of a bucket that, once written, are never overwritten or deleted through the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Immutable {
    /// None.
    #[default]
    Nothing,
    /// Those under one of these: each is empty, or ends in `/`. At least one, and distinct.
    Prefixes(Vec<Prefix>),
    /// All.
    Everything,
}

impl Immutable {
    /// Whether `key` is among them.
    pub fn holds(&self, key: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Prefixes(prefixes) => prefixes.iter().any(|prefix| key.starts_with(prefix.as_str())),
            Self::Everything => true,
        }
    }
}
