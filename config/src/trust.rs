//! The trust policy as it is configured: who signs, what they sign, and which artifacts need it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::moment::UnixMs;
use crate::name::{Prefix, RoleName, SealIdText, SignerName};

/// A key that publishers sign with.
#[derive(Debug, Clone)]
pub struct PublisherKey {
    /// SPKI PEM, P-256. The text is checked to be one PEM block of that label; the key itself by its user.
    pub public_key_pem: String,
    /// The dotted key under which the PEM, or its file, stands; for messages.
    pub config_key: String,
    /// What it signs.
    pub signs: Signs,
    /// At which times its signatures count.
    pub validity: Validity,
}

/// What a publisher's key signs. A key has one use: a signature for the one could be taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// The bytes of artifacts.
    Blobs,
    /// DSSE envelopes with in-toto statements.
    Statements,
}

/// Somebody who signs with a certificate that names them.
#[derive(Debug, Clone)]
pub struct Identity {
    /// How they are known.
    pub kind: IdentityKind,
    /// The dotted key under which the file of the roots of trust stands; for messages.
    pub config_key: String,
    /// At which times their signatures count.
    pub validity: Validity,
}

/// How an identity is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityKind {
    /// A certificate of a Sigstore authority, whose subject alternative name is `identity` and whose OIDC issuer is
    /// `issuer`, both compared whole.
    Sigstore {
        /// The file.
        trusted_root_file: PathBuf,
        /// What was in it: `trusted_root.json`, not parsed.
        trusted_root: String,
        /// A URI or an address.
        identity: String,
        /// A URL.
        issuer: String,
    },
    /// A Notation signing certificate that leads to one of the anchors.
    Notation {
        /// The file.
        trust_anchors_file: PathBuf,
        /// What was in it: certificates in PEM, not parsed.
        trust_anchors: String,
        /// `x509.subject: …`, or the ARN of a signing profile.
        identity: String,
        /// Whether AWS Signer is asked if it has revoked a signature since; only with the ARN of a signing profile.
        revocation: Option<RevocationCheck>,
    },
}

/// How AWS Signer is asked whether it has revoked a signature. In which region, the ARN of the profile says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationCheck {
    /// The URL of its data plane; `None`: AWS's own.
    pub endpoint: Option<String>,
    /// The profile of the AWS configuration with the credentials; `None`: as AWS tools find them.
    pub profile: Option<String>,
    /// For how long an answer holds.
    pub max_age: Duration,
}

/// When the signatures of a key or an identity count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validity {
    /// From this time on.
    pub not_before: Option<UnixMs>,
    /// And before this one; later than [`not_before`](Self::not_before).
    pub not_after: Option<UnixMs>,
    /// Whether, and since when, it is not trusted.
    pub revoked: Option<Revocation>,
}

/// The end of trust in a key or an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Why, one line.
    pub reason: String,
    /// What was signed before this time still counts. `None`: nothing does.
    pub at: Option<UnixMs>,
}

/// Some signers, of whom so many must have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `None`: the `keys` of a rule.
    pub name: Option<RoleName>,
    /// Names of keys and identities: at least one, distinct.
    pub signers: Vec<SignerName>,
    /// From 1 to the number of signers.
    pub threshold: usize,
}

/// What an in-toto statement must say to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The statement's `predicateType`.
    pub predicate_type: String,
    /// The builder; only where the predicate is [`SLSA_PROVENANCE`].
    pub builder_id: Option<String>,
    /// How the build is described; the same.
    pub build_type: Option<String>,
    /// The repository that was built; the same.
    pub source: Option<String>,
}

/// The predicate type of SLSA provenance version 1.
pub const SLSA_PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// The predicate type of approvals, each of which is for one role.
pub const APPROVAL: &str = "urn:hallmark:approval:v1";

/// An artifact that is refused whatever the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Which.
    pub what: Denied,
    /// Why, one line. Shown to who asks for it.
    pub reason: String,
}

/// What a [`Denial`] is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// Every artifact with this SHA-256.
    Sha256([u8; 32]),
    /// The artifact with this seal.
    Seal(SealIdText),
}

/// Who must have signed the artifacts under one prefix, or one key.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What the rule is about.
    pub target: RuleTarget,
    /// Whether a signature must be there.
    pub signatures: Signatures,
    /// Each of these must be met. All roles of a rule together have 1 to 16 signers. Where signatures are optional this is
    /// one role without name, of threshold 1.
    pub all_of: Vec<Role>,
    /// One of these must be met, too, unless there is none.
    pub any_of: Vec<Role>,
    /// When the rule decides.
    pub enforce: Enforce,
    /// Objects beside an artifact in which signatures are looked for, where the header's do not suffice.
    pub siblings: BTreeSet<Sibling>,
    /// What a statement must say. Where it stands, who can sign statements counts by statements only; where it does not,
    /// no statement counts.
    pub attestation: Option<Attestation>,
    /// What a signature must be about.
    pub bind: Bind,
    /// Seals made before do not suffice.
    pub not_sealed_before: Option<UnixMs>,
    /// Seals that were made by these do not suffice.
    pub refuse_ops: BTreeSet<SealOp>,
}

impl Rule {
    /// What must be met: of each of these groups of roles, one role.
    pub fn clauses(&self) -> impl Iterator<Item = &[Role]> {
        let any_of = Some(self.any_of.as_slice()).filter(|roles| !roles.is_empty());
        self.all_of.iter().map(std::slice::from_ref).chain(any_of)
    }

    /// The signers of all roles, each once, in the order of the file.
    pub fn signers(&self) -> Vec<&SignerName> {
        let mut signers = Vec::new();
        for signer in self.all_of.iter().chain(&self.any_of).flat_map(|role| &role.signers) {
            if !signers.contains(&signer) {
                signers.push(signer);
            }
        }
        signers
    }
}

/// The keys of a bucket that a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleTarget {
    /// Keys that begin with this: empty, or ends in `/`.
    Prefix(Prefix),
    /// This key alone.
    Key(String),
}

/// Whether publisher signatures must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signatures {
    /// An artifact without the signatures that the rule asks for is neither taken nor served.
    Required,
    /// Signatures are judged where they are given.
    Optional,
}

/// When a rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforce {
    /// At the upload and at every download.
    Upload,
    /// At every download: what does not satisfy the rule is taken, and served once it does.
    Download,
}

/// A kind of object beside an artifact that holds signatures over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sibling {
    /// `<key>.sig` and `<key>.<signer>.sig`: a signature by a key.
    Sig,
    /// `<key>.sigstore.json`: a Sigstore bundle.
    Sigstore,
    /// `<key>.intoto.jsonl`: DSSE envelopes with in-toto statements.
    InToto,
    /// `<key>.jws.sig`: a Notation envelope, as AWS Signer makes it.
    Notation,
}

impl Sibling {
    /// Every kind, in the order in which they are asked for.
    pub const ALL: [Self; 4] = [Self::Sig, Self::Sigstore, Self::InToto, Self::Notation];

    /// The word used in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sig => "sig",
            Self::Sigstore => "sigstore",
            Self::InToto => "intoto",
            Self::Notation => "notation",
        }
    }
}

/// What a signature must be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bind {
    /// The artifact's digest.
    Digest,
    /// The digest under the name `bucket/key`: only statements say that.
    Name,
}

/// The kind of operation that made a seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SealOp {
    /// An upload in one body.
    Put,
    /// An upload in parts.
    Mpu,
    /// A copy.
    Copy,
    /// Adopted from what was in the store before.
    Adopt,
    /// Sealed anew.
    Reseal,
}

impl SealOp {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Put, Self::Mpu, Self::Copy, Self::Adopt, Self::Reseal];

    /// The word used in the configuration, and in seals.
    pub fn word(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Mpu => "mpu",
            Self::Copy => "copy",
            Self::Adopt => "adopt",
            Self::Reseal => "reseal",
        }
    }
}
