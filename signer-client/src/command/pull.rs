//! `hallmark pull`.

use std::path::{MAIN_SEPARATOR, PathBuf};

use indicatif::ProgressBar;
use serde_json::json;

use crate::command::args::PullArgs;
use crate::command::check::CheckedHead;
use crate::command::download::{Download, Sink};
use crate::command::failure::Failure;
use crate::command::keys::{Signed, Trust};
use crate::command::output::Output;
use crate::command::place::Pending;
use crate::command::remote::Remote;

pub(crate) async fn run(args: &PullArgs, output: &Output) -> Result<(), Failure> {
    let target = target(args)?;
    let trust = Trust::read(&args.trust)?;
    let remote = Remote::find(&args.remote).await?;
    let download =
        Download { remote: &remote, location: &args.location, version: None, seals: trust.seals.as_ref() };

    // All that can be checked before the bytes is checked before the bytes: against the sealed digest.
    let (mut checked, mut body) = download.open().await?;
    if let Some(wanted) = &args.sha256 {
        checked.demand_digest(wanted)?;
    }
    let sha256 = checked.told().sha256;
    let in_header = trust.signers.judge(&sha256, checked.signatures())?;
    let signed = if in_header.missing().is_empty() {
        in_header
    } else {
        // The endpoint need not hold the body ready meanwhile.
        drop(body);
        let signed = trust.signers.find(&remote, &args.location, &checked).await?;
        signed.demand_all()?;
        (checked, body) = download.open().await?;
        checked.demand_digest(&sha256)?;
        signed
    };

    let bar = output.bar("pulling", checked.told().size);
    let mut pending = Pending::beside(target)?;
    let content = download.receive(&checked, body, &mut Kept { pending: &mut pending, bar: &bar }).await;
    bar.finish_and_clear();
    // And the bytes must be those of the sealed digest.
    checked.demand_content(&content?)?;

    let path = pending.target().display().to_string();
    pending.place()?;
    if trust.seals.is_none() {
        output.note(
            "the seal's own signature was checked by the endpoint, not here: \
             --seal-key FILE.pub --realm REALM checks it here",
        );
    }
    if let Some(why) = checked.untrusted() {
        output.note(&format!("this is not served to those who may only read what is trusted: {why}"));
    }
    report(args, &path, &checked, &signed, output)
}

/// Where the download will stand.
fn target(args: &PullArgs) -> Result<PathBuf, Failure> {
    let name = || {
        args.location.file_name().ok_or_else(|| {
            Failure::usage(format!("{} does not end in the name of a file", args.location))
                .hint("say where to write: hallmark pull s3://bucket/key DEST")
        })
    };
    let Some(destination) = &args.destination else { return name().map(PathBuf::from) };
    if destination.as_os_str() == "-" {
        return Err(Failure::usage("an artifact is not written to standard output")
            .hint("its bytes would be used before they were checked: write a file, then use that"));
    }
    let folder = destination.is_dir() || destination.to_string_lossy().ends_with(['/', MAIN_SEPARATOR]);
    if folder { Ok(destination.join(name()?)) } else { Ok(destination.clone()) }
}

/// A file in the making, and a bar that shows how much of it there is.
struct Kept<'a> {
    pending: &'a mut Pending,
    bar: &'a ProgressBar,
}

impl Sink for Kept<'_> {
    async fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bar.inc(bytes.len() as u64);
        self.pending.write(bytes)
    }
}

fn report(
    args: &PullArgs,
    path: &str,
    checked: &CheckedHead,
    signed: &Signed<'_>,
    output: &Output,
) -> Result<(), Failure> {
    let (location, told) = (&args.location, checked.told());
    let json = json!({
        "location": location.to_string(),
        "bucket": location.bucket(),
        "key": location.key(),
        "path": path,
        "size": told.size,
        "sha256": told.sha256.to_hex(),
        "seal": told.to_json(),
        "seal_verified": checked.seal_verified(),
        "signers": signed.to_json(),
        "untrusted": checked.untrusted(),
    });
    let mut lines = vec![
        ("file", path.to_owned()),
        ("sha256", told.sha256.to_hex()),
        ("size", told.size.to_string()),
        ("seal", told.id.to_string()),
    ];
    lines.extend(signed.lines());
    output.result(&json, &lines)
}
