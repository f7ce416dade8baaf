//! The command line.

mod approve;
mod bulk;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use hallmark_signer::signer::SignerAddress;
use hallmark_signer::{KeyId, Sha256Digest};

use crate::command::location::{Destination, Location};

pub(crate) use approve::{ApproveArgs, ConfiguredName};
pub(crate) use bulk::{AuditArgs, ChecksumsArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: a file, the network or the server
  2  wrong usage, or no endpoint or credentials configured
  3  refused: a check failed here, or the server refused the artifact; a download leaves nothing
  4  not found

With --json, a failure (but for a wrong command line) is an object too:
  {\"error\": {\"exit\", \"code\", \"refused_by\": \"client\"|\"server\"|null, \"message\", \"hint\"}}";

const REMOTE: &str = "\
Endpoint, region and credentials are found as every AWS tool finds them: options, AWS_ENDPOINT_URL_S3 and
AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and so on, then the profile. So is AWS_CA_BUNDLE.";

const SIGNERS: &str = "\
Signers:
  file:PATH                            a key file, PEM, which may be encrypted (PKCS#8); --key PATH is short for it
  awskms:KEY[?region=…&endpoint=…&profile=…]
                                       a key in AWS KMS, by its id, ARN or alias (alias/NAME)
  pkcs11:token=…;object=…[?module-path=…&pin-source=…]
                                       a key in a token (RFC 7512)
  awssigner:PROFILE[?region=…&endpoint=…&profile=…]
                                       a signing profile of AWS Signer: `sign` makes FILE.jws.sig

Secrets that open a key are never given on the command line:
  HALLMARK_KEY_PASSPHRASE, --passphrase-file   the passphrase of an encrypted key file
  HALLMARK_PIN, pin-source=FILE                the PIN of a token
Otherwise they are asked for, if there is a terminal. HALLMARK_PKCS11_MODULE stands for module-path.";

/// Signs, uploads, downloads and verifies artifacts.
#[derive(Debug, Parser)]
#[command(name = "hallmark", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Write JSON to standard output: one object; of many objects, one on each line
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Keygen(KeygenArgs),
    PublicKey(PublicKeyArgs),
    Sign(SignArgs),
    Verify(VerifyArgs),
    Push(PushArgs),
    Pull(PullArgs),
    Inspect(InspectArgs),
    Approve(ApproveArgs),
    Audit(AuditArgs),
    Checksums(ChecksumsArgs),
}

/// Make a key that signs files: NAME.key (secret, PKCS#8) and NAME.pub
///
/// Both are PEM and openssl reads them. Nothing is overwritten.
#[derive(Debug, Args)]
#[command(after_help = "JSON: {\"key\", \"public_key\", \"key_id\"}")]
pub(crate) struct KeygenArgs {
    /// The name, which may be a path: `keys/ci` makes keys/ci.key and keys/ci.pub
    pub(crate) name: PathBuf,

    /// Encrypt the secret key with a passphrase (that of --passphrase-file or HALLMARK_KEY_PASSPHRASE, else it is asked for)
    #[arg(long)]
    pub(crate) encrypt: bool,

    /// The file with the passphrase
    #[arg(long, value_name = "FILE", requires = "encrypt")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Which key signs.
#[derive(Debug, Args)]
pub(crate) struct SignerArgs {
    /// The secret key
    #[arg(long, value_name = "FILE.key", conflicts_with = "signer")]
    pub(crate) key: Option<PathBuf>,

    /// Where the secret key is: file:…, awskms:…, pkcs11:… or awssigner:…
    #[arg(long, value_name = "SIGNER", value_parser = signer)]
    pub(crate) signer: Option<SignerAddress>,

    /// The file with the passphrase of an encrypted key [default: HALLMARK_KEY_PASSPHRASE, else it is asked for]
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Print the public key of a signer, PEM (SubjectPublicKeyInfo)
///
/// That is what the others need: to verify, and to be named in a configuration.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").args(["key", "signer"]).required(true),
    after_help = format!("{SIGNERS}\n\nJSON: {{\"public_key\" (PEM), \"key_id\"}}")
)]
pub(crate) struct PublicKeyArgs {
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
}

/// Sign a file: ECDSA on P-256 over its SHA-256
///
/// The signature is what `openssl dgst -sha256 -sign` makes:
/// `openssl dgst -sha256 -verify NAME.pub -signature FILE.sig FILE` accepts it.
/// Files that begin with `DSSEv1 ` are refused: a signature over one would pass for one over an attestation.
/// AWS Signer makes another one, in Notary Project's form (JWS).
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    group = ArgGroup::new("which").args(["key", "signer"]).required(true),
    after_help = format!("{SIGNERS}\n\nJSON: {{\"file\", \"size\", \"sha256\", \"key_id\", \"signature\" (base64), \
                          \"signature_file\"}}; by AWS Signer \"profile\" and \"job\" in place of \"key_id\"")
)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    pub(crate) signer: SignerArgs,

    /// Write base64, as cosign does and as x-amz-meta-hallmark-signature wants it, not DER
    #[arg(long)]
    pub(crate) base64: bool,

    /// Write a Sigstore bundle, which clients of Sigstore verify with the public key
    #[arg(long, conflicts_with = "base64")]
    pub(crate) bundle: bool,

    /// Where to write the signature; `-` is standard output [default: FILE.sig; with --bundle FILE.sigstore.json; of AWS
    /// Signer FILE.jws.sig]
    #[arg(long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,

    /// The file to sign
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Verify a file's signature, DER, base64 or a Sigstore bundle; or with --checksums the files of a list
///
/// A list is what `hallmark checksums` and `sha256sum` write. Its names are looked up below --directory. With --signer
/// the list itself must be signed (FILE.sig). Each file that is missing or another is a line on standard output.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "JSON: {\"file\", \"size\", \"sha256\", \"key_id\", \"verified\": true}; with --checksums a line \
                  {\"problem\": {\"file\", \"code\" (or null), \"message\"}} for each problem, then \
                  {\"summary\": {\"checksums\", \"directory\", \"files\", \"problems\", \"key_id\" (or null), \"verified\"}}"
)]
pub(crate) struct VerifyArgs {
    /// The public key of who should have signed
    #[arg(long = "signer", alias = "key", value_name = "FILE.pub", required_unless_present = "checksums")]
    pub(crate) key: Option<PathBuf>,

    /// The signature [default: FILE.sig]
    #[arg(long, value_name = "FILE.sig")]
    pub(crate) signature: Option<PathBuf>,

    /// Check the files of this list
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub(crate) checksums: Option<PathBuf>,

    /// Where the files of the list are [default: here]
    #[arg(long, value_name = "DIR", requires = "checksums", conflicts_with = "file")]
    pub(crate) directory: Option<PathBuf>,

    /// The file that was signed
    #[arg(value_name = "FILE", required_unless_present = "checksums")]
    pub(crate) file: Option<PathBuf>,
}

/// Upload a file, signed if a key is given, and check the seal that it got
///
/// One upload of at most 5 GiB; larger files need multipart uploads, which come with a later release.
/// A client that may not read it, or not before others have signed, cannot check the seal; that is noted, and no failure.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = format!("{REMOTE}\n\n{SIGNERS}\n\nJSON: {{\"location\", \"bucket\", \"key\", \"size\", \"sha256\", \"etag\", \
                          \"signed_by\" (key id or null), \"seal\" (as `inspect`; null: not checked), \
                          \"untrusted\" (why it is not served yet, or null)}}")
)]
pub(crate) struct PushArgs {
    #[command(flatten)]
    pub(crate) signer: SignerArgs,

    /// The file's media type
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,

    /// User metadata; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) metadata: Vec<(String, String)>,

    #[command(flatten)]
    pub(crate) remote: RemoteArgs,

    /// The file to upload
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Where to; the file's name is appended to a key that ends in `/`
    #[arg(value_name = "s3://BUCKET/KEY")]
    pub(crate) destination: Destination,
}

/// Download an artifact, and keep it only if every check passed
///
/// Always checked: that length, headers, ETag and the SHA-256 of the bytes are those in the seal.
/// The seal's own signature is checked by the server, and here too with --seal-key.
/// An existing file is replaced at the end, at once, and only if all is well.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = format!("{REMOTE}\n\nJSON: {{\"location\", \"bucket\", \"key\", \"path\", \"size\", \"sha256\", \
                          \"seal\" (as `inspect`), \"seal_verified\": true (with --seal-key)|false, \
                          \"signers\" (as `inspect`)}}")
)]
pub(crate) struct PullArgs {
    /// The only SHA-256 to accept, hexadecimal: protects against older versions too
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub(crate) sha256: Option<Sha256Digest>,

    #[command(flatten)]
    pub(crate) trust: TrustArgs,

    #[command(flatten)]
    pub(crate) remote: RemoteArgs,

    /// What to download
    #[arg(value_name = "s3://BUCKET/KEY")]
    pub(crate) location: Location,

    /// File or directory to write to [default: the last part of the key, here]
    #[arg(value_name = "DEST")]
    pub(crate) destination: Option<PathBuf>,
}

/// Show what the seal says of an artifact, and who signed it
///
/// Reports which of the keys given with --signer signed, according to the sealed digest; nothing is downloaded.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = format!("{REMOTE}\n\nJSON: {{\"location\", \"bucket\", \"key\", \"content_type\", \
                          \"metadata\" {{name: value}}, \
                          \"seal\": {{\"id\", \"op\", \"at\" (ISO 8601), \"at_ms\", \"by\", \"src\", \"size\", \"sha256\", \
                          \"tree\", \"parts\", \"etag\", \"headers\", \"key\", \"line\"}}, \
                          \"seal_verified\": true (with --seal-key)|false, \"signatures\" (their number), \
                          \"signers\": [{{\"file\", \"key_id\", \"signed\"}}], \"server_verified\", \"untrusted\" (why it is not served to \
                          everybody, or null)}}")
)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) trust: TrustArgs,

    #[command(flatten)]
    pub(crate) remote: RemoteArgs,

    /// What to inspect
    #[arg(value_name = "s3://BUCKET/KEY")]
    pub(crate) location: Location,
}

/// Whom to trust.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Public key of a publisher; may be repeated. `pull` and `audit` demand that each of them
    /// signed, in the artifact's header or beside it (KEY.FILE.sig, KEY.sig)
    #[arg(long = "signer", value_name = "FILE.pub")]
    pub(crate) signers: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) seals: SealArgs,
}

/// Whose seals to trust.
#[derive(Debug, Args)]
pub(crate) struct SealArgs {
    /// Public keys of the deployment: verify the seal's signature here too; may be repeated, any of them will do
    #[arg(long = "seal-key", value_name = "FILE.pub", requires = "realm")]
    pub(crate) seal_keys: Vec<PathBuf>,

    /// The deployment's name, which the seal must be for (`local` if none was configured)
    #[arg(long, value_name = "REALM", requires = "seal_keys")]
    pub(crate) realm: Option<String>,

    /// The certificate of a short-lived seal key, which the endpoint is not asked for then; may be repeated
    #[arg(long = "seal-certificate", value_name = "FILE", requires = "seal_keys")]
    pub(crate) seal_certificates: Vec<PathBuf>,

    /// A seal key, by its whole id, that is not trusted whoever certifies it, such as one that leaked; may be repeated
    #[arg(long = "refuse-seal-key", value_name = "ID", requires = "seal_keys", value_parser = key_id)]
    pub(crate) refused_seal_keys: Vec<KeyId>,
}

/// Where the endpoint is.
#[derive(Debug, Args)]
pub(crate) struct RemoteArgs {
    /// The endpoint
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,

    /// The profile of the AWS configuration and credentials files
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// The region [default: that of the environment or profile, else us-east-1]
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,

    /// Certificates, PEM, of the only authorities to trust [default: AWS_CA_BUNDLE, else the system's]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,
}

fn key_id(text: &str) -> Result<KeyId, String> {
    let id = KeyId::from_hex(&text.to_ascii_lowercase());
    id.map_err(|_| {
        "expected all 64 hexadecimal characters: `keyid` in an artifact's ?hallmark=seal".to_owned()
    })
}

fn sha256(text: &str) -> Result<Sha256Digest, String> {
    let digest = Sha256Digest::from_hex(&text.to_ascii_lowercase());
    digest.map_err(|_| "expected 64 hexadecimal characters".to_owned())
}

fn signer(text: &str) -> Result<SignerAddress, String> {
    let address = text.parse::<SignerAddress>();
    address.map_err(|error| match error.what_next() {
        Some(next) => format!("{error}\n  hint: {next}"),
        None => error.to_string(),
    })
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_belongs_together_is_asked_for_together() {
        let digest = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        for (line, good) in [
            ("pull s3://b/k", true),
            ("pull s3://b/k here --json", true),
            ("pull --signer a.pub --signer b.pub s3://b/k", true),
            ("pull --seal-key a.pub --realm local s3://b/k", true),
            ("pull --seal-key a.pub s3://b/k", false),
            ("pull --realm local s3://b/k", false),
            (
                "pull --seal-key a.pub --realm local --seal-certificate a.json --seal-certificate b.json s3://b/k",
                true,
            ),
            ("pull --seal-certificate a.json s3://b/k", false),
            ("audit --seal-key a.pub --realm local --refuse-seal-key ID s3://b", true),
            ("audit --refuse-seal-key ID s3://b", false),
            ("audit --seal-key a.pub --realm local --refuse-seal-key 8f434346648f6b96 s3://b", false),
            ("pull s3://b/", false),
            ("pull --sha256 abc s3://b/k", false),
            ("push file s3://b/", true),
            ("push --metadata a=b=c --metadata d= file s3://b/k", true),
            ("push --metadata a file s3://b/k", false),
            ("push file b/k", false),
            ("sign file", false),
            ("sign --key a.key file", true),
            ("sign --signer file:a.key --passphrase-file p file", true),
            ("sign --signer a.key file", false),
            ("sign --signer awskms:alias/ci --key a.key file", false),
            ("push --signer awskms:alias/ci file s3://b/k", true),
            ("public-key --signer pkcs11:object=ci", true),
            ("public-key", false),
            ("keygen ci --encrypt --passphrase-file p", true),
            ("keygen ci --passphrase-file p", false),
            ("verify --key a.pub file", true),
            ("verify file", false),
            ("verify --checksums SUMS", true),
            ("verify --checksums SUMS --directory d --signer a.pub", true),
            ("verify --checksums SUMS file", false),
            ("verify --key a.pub --directory d file", false),
            ("audit s3://b", true),
            ("audit --versions --jobs 2 --max-rate 20MB/s s3://b/p", true),
            ("audit --jobs 0 s3://b", false),
            ("audit --max-rate 1 s3://b", false),
            ("audit --seal-key a.pub s3://b", false),
            ("checksums s3://b/p/", true),
            ("checksums --sign --key a.key s3://b", false),
            ("checksums --sign --output F s3://b", false),
            ("checksums --key a.key --output F s3://b", false),
            ("checksums --sign --output F --signer awskms:alias/ci --seal-key a.pub --realm r s3://b", true),
            ("approve --role release --key a.key --read s3://b/k", true),
            (
                "approve --role release --as a --signer awskms:alias/a --seal-key s.pub --realm r s3://b/k",
                true,
            ),
            ("approve --role release --statement --key a.key --read s3://b/k", true),
            ("approve --role release --statement --as a --key a.key --read s3://b/k", false),
            ("approve --role release --read s3://b/k", false),
            ("approve --key a.key --read s3://b/k", false),
            ("approve --role a/b --key a.key --read s3://b/k", false),
            ("--json keygen ci", true),
            ("", false),
        ] {
            let line = line.replace("ID", digest);
            let words = ["hallmark"].into_iter().chain(line.split_whitespace());
            assert_eq!(Cli::try_parse_from(words).is_ok(), good, "{line}");
        }
        let words = ["hallmark", "pull", "--sha256", digest, "s3://b/k"];
        let Command::Pull(pull) = Cli::try_parse_from(words).unwrap().command else { panic!("not a pull") };
        assert_eq!(pull.sha256, Some(Sha256Digest::of(b"")));
    }
}
