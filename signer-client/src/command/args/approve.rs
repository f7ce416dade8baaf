//! The command line of approvals.

use std::str::FromStr;

use clap::{ArgGroup, Args};
use hallmark_signer::Sha256Digest;

use super::{REMOTE, RemoteArgs, SIGNERS, SealArgs, SignerArgs, sha256};
use crate::command::location::Location;

/// The longest name, bytes; that of configurations.
const MAX_NAME: usize = 64;

/// A name in the deployment's configuration: of a role, or of a signer.
///
/// Invariant: 1 to [`MAX_NAME`] of `A-Z a-z 0-9 . _ -`, so it leads to no other folder and needs no escape anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfiguredName(Box<str>);

impl FromStr for ConfiguredName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let permitted = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let good = (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(permitted);
        if good { Ok(Self(text.into())) } else { Err("expected 1 to 64 of A-Z a-z 0-9 . _ -") }
    }
}

impl ConfiguredName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Sign what is stored, for a role, and put the signature beside it
///
/// Nothing is signed that was not verified here: the seal with --seal-key, or all of the bytes with --read. The signature
/// goes to KEY.NAME.sig, where NAME is what the deployment's configuration calls the signer; what stands there stays.
/// For a key that signs statements (`use = "dsse"`), --statement adds one to KEY.intoto.jsonl that names bucket, key and
/// role. Which roles a signature counts for is for the rule to say. Needs the permissions read, read_untrusted and
/// write_signatures; with --statement list, too.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    group = ArgGroup::new("which").args(["key", "signer"]).required(true),
    after_help = format!("{REMOTE}\n\n{SIGNERS}\n\nJSON: {{\"location\", \"bucket\", \"key\", \"size\", \"sha256\", \"role\", \
                          \"key_id\", \"signature\" (where it stands), \"added\": true|false (it stood there already), \
                          \"seal\" (as `inspect`), \"seal_verified\", \"read\": true|false, \"server_verified\", \
                          \"untrusted\" (why the endpoint does not serve it yet, or null)}}")
)]
pub(crate) struct ApproveArgs {
    /// For which role: it stands in the statement, or beside the signature as user metadata
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: ConfiguredName,

    /// What the configuration calls the signer [default: the name of the key's file, without its ending]
    #[arg(long = "as", value_name = "NAME", conflicts_with = "statement")]
    pub(crate) name: Option<ConfiguredName>,

    /// Sign a statement that names bucket, key and role, not the bytes alone
    #[arg(long)]
    pub(crate) statement: bool,

    /// Read all of the bytes and hash them here
    #[arg(long)]
    pub(crate) read: bool,

    /// The only SHA-256 to approve of, hexadecimal: what was tested, whatever stands there now
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub(crate) sha256: Option<Sha256Digest>,

    #[command(flatten)]
    pub(crate) signer: SignerArgs,

    #[command(flatten)]
    pub(crate) seals: SealArgs,

    #[command(flatten)]
    pub(crate) remote: RemoteArgs,

    /// What to approve of
    #[arg(value_name = "s3://BUCKET/KEY")]
    pub(crate) location: Location,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_configurations() {
        for (text, good) in [("alice", true), ("a.b_c-9", true), ("", false), ("a/b", false), ("é", false)] {
            assert_eq!(text.parse::<ConfiguredName>().is_ok(), good, "{text}");
        }
        assert!("a".repeat(65).parse::<ConfiguredName>().is_err());
    }
}
