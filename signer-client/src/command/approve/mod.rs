//! `hallmark approve`: one more signature on what is stored.
//!
//! First [`verified`] has the artifact checked here, whoever says what of it; only what comes of that is signed, as bytes by
//! [`detached`] or in a statement by [`statement`]. Both are put beside the artifact by [`sibling`](crate::command::sibling), which replaces nothing.

mod detached;
mod statement;
mod verified;

use hallmark_signer::{KeyRegister, KeyUse, PublicKey};
use serde_json::json;

use crate::command::args::ApproveArgs;
use crate::command::failure::Failure;
use crate::command::keys::{self, SealTrust};
use crate::command::location::Location;
use crate::command::output::Output;
use crate::command::remote::Remote;
use crate::command::sibling;
use crate::command::signing;
use crate::command::standing::{self, Standing};
use verified::Verified;

/// A signature beside the artifact.
struct Approval {
    /// Where it stands.
    at: Location,
    /// Whose it is.
    key: PublicKey,
    added: Added,
}

/// Whether it is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Added {
    Now,
    /// Somebody with this key had signed this before.
    Before,
}

pub(crate) async fn run(args: &ApproveArgs, output: &Output) -> Result<(), Failure> {
    // What the endpoint alone says is no ground for a signature, nor are bytes that fit what it says.
    if args.seals.seal_keys.is_empty() && !(args.read && args.sha256.is_some()) {
        return Err(Failure::usage("nothing would be verified before it is signed").hint(
            "give --seal-key FILE.pub --realm REALM, to verify the seal, or --sha256 DIGEST --read, to hash all of the bytes",
        ));
    }
    // Before the artifact is looked at, so that a wrong command line is told at once.
    let place = if args.statement { None } else { Some(detached::place(args)?) };
    let mut register = KeyRegister::default();
    let seals = SealTrust::read(&args.seals, &mut register)?;
    let remote = Remote::find(&args.remote).await?;
    let verified = Verified::look(args, &remote, seals.as_ref(), output).await?;
    let before = Standing::ask(&remote, &args.location).await?;
    standing::demand_mendable(&before, &args.location)?;
    output.note(&format!(
        "approving for `{}`: {}, {} bytes, sha256 {}, seal {} by {}",
        args.role.as_str(),
        args.location,
        verified.artifact.size(),
        verified.artifact.sha256(),
        verified.checked.told().id,
        verified.checked.told().by,
    ));

    let signer = signing::open(&args.signer).await?;
    let key_use = if args.statement { KeyUse::Dsse } else { KeyUse::Blob };
    keys::note(&mut register, signer.public_key(), key_use, "the key that signs")?;
    let approval = match place {
        Some(place) => detached::approve(args, signer.into_blob_key(), &verified, place, &remote).await?,
        None => statement::approve(args, signer.into_dsse_key(), &verified, &remote, seals.as_ref()).await?,
    };
    // What the endpoint makes of it now. The signature stands, whatever it says.
    let standing = Standing::ask(&remote, &args.location).await?;
    if approval.added == Added::Now && standing.untrusted.is_some() && standing == before {
        output.note(&format!(
            "the endpoint says the same of it as before; {}",
            sibling::where_it_counts(&approval.at)
        ));
    }
    report(args, &verified, &approval, &standing, output)
}

fn report(
    args: &ApproveArgs,
    verified: &Verified,
    approval: &Approval,
    standing: &Standing,
    output: &Output,
) -> Result<(), Failure> {
    let (location, told) = (&args.location, verified.checked.told());
    let sha256 = verified.artifact.sha256().to_hex();
    let json = json!({
        "location": location.to_string(),
        "bucket": location.bucket(),
        "key": location.key(),
        "size": verified.artifact.size(),
        "sha256": sha256,
        "role": args.role.as_str(),
        "key_id": approval.key.id().to_hex(),
        "signature": approval.at.to_string(),
        "added": approval.added == Added::Now,
        "seal": told.to_json(),
        "seal_verified": verified.checked.seal_verified(),
        "read": args.read,
        "server_verified": standing.verified,
        "untrusted": standing.untrusted,
    });
    let done = match approval.added {
        Added::Now => "approved",
        Added::Before => "approved before",
    };
    let mut lines = vec![
        (done, location.to_string()),
        ("role", args.role.as_str().to_owned()),
        ("sha256", sha256),
        ("signature", approval.at.to_string()),
        ("key id", approval.key.id().to_hex()),
    ];
    lines.extend(standing.lines());
    output.result(&json, &lines)
}
