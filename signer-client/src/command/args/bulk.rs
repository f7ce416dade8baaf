//! The command line of what is done to many objects.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use hallmark_signer::Rate;

use super::{REMOTE, RemoteArgs, SIGNERS, SealArgs, SignerArgs, TrustArgs};
use crate::command::crew::Jobs;
use crate::command::prefix::Prefix;

/// Download everything below a prefix, and report what does not match its seal
///
/// Each object is checked as `pull` checks it, and nothing is written to disk. An object that is refused, or cannot be
/// had, is a line on standard output; the rest is checked all the same. Exits with 0 if all is well, 3 if not, and 4 if
/// there is nothing there. A key that the store hides is not noticed: compare the number of objects.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = format!("{REMOTE}\n\nJSON, a line each: {{\"problem\": {{\"location\", \"bucket\", \"key\", \
                          \"version\" (or null), \"code\" (or null), \"refused_by\" (client, server or null), \"message\"}}}} \
                          for each problem; {{\"summary\": {{\"location\", \"objects\", \"verified\", \
                          \"verified_bytes\", \"problems\", \"seals_verified\": true (with --seal-key)|false}}}}; and at \
                          the end, if it failed, {{\"error\"}}")
)]
pub(crate) struct AuditArgs {
    /// Check all versions, not only the current ones
    #[arg(long)]
    pub(crate) versions: bool,

    /// How many downloads at once
    #[arg(long, value_name = "N", default_value = "4")]
    pub(crate) jobs: Jobs,

    /// Download at most so much a second, all together: 20MB/s, 512KiB/s
    #[arg(long, value_name = "RATE")]
    pub(crate) max_rate: Option<Rate>,

    #[command(flatten)]
    pub(crate) trust: TrustArgs,

    #[command(flatten)]
    pub(crate) remote: RemoteArgs,

    /// What to check
    #[arg(value_name = "s3://BUCKET[/PREFIX]")]
    pub(crate) prefix: Prefix,
}

/// List the sealed SHA-256 of everything below a prefix, as sha256sum does
///
/// A line is `DIGEST  NAME`, the name being that below the folder which the prefix names or lies in. Nothing is
/// downloaded: the digests are those in the seals. Files with signatures over other objects are left out. If an object is
/// refused, no list is written (but with --skip-refused), and the exit code is 3. `sha256sum -c` and `hallmark verify --checksums` check files against the list.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    group = ArgGroup::new("which").args(["key", "signer"]).requires("sign"),
    after_help = format!("{REMOTE}\n\n{SIGNERS}\n\nJSON (with --output): {{\"checksums\" (the file), \"files\", \
                          \"sha256\" (of the list), \"signature_file\" (or null), \"key_id\" (or null), \
                          \"seals_verified\"}}; before it, on failure, a line {{\"problem\"}} (as `audit`) for each object")
)]
pub(crate) struct ChecksumsArgs {
    /// Write the list to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Write the list without what is refused; the exit code is 3 all the same
    #[arg(long)]
    pub(crate) skip_refused: bool,

    /// Sign the list: FILE.sig
    #[arg(long, requires_all = ["output", "which"])]
    pub(crate) sign: bool,

    #[command(flatten)]
    pub(crate) signer: SignerArgs,

    #[command(flatten)]
    pub(crate) seals: SealArgs,

    /// How many questions at once
    #[arg(long, value_name = "N", default_value = "8")]
    pub(crate) jobs: Jobs,

    #[command(flatten)]
    pub(crate) remote: RemoteArgs,

    /// What to list
    #[arg(value_name = "s3://BUCKET[/PREFIX]")]
    pub(crate) prefix: Prefix,
}
