//! `hallmark pull`.

use std::path::{MAIN_SEPARATOR, PathBuf};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use hallmark_signer::{Content, ContentHasher, SEAL_HEADER, WrongLength};
use indicatif::ProgressBar;
use serde_json::json;

use crate::command::args::PullArgs;
use crate::command::check::CheckedHead;
use crate::command::failure::Failure;
use crate::command::head::HeadKeeper;
use crate::command::keys::{SealTrust, Signed, Trust};
use crate::command::location::Location;
use crate::command::output::Output;
use crate::command::place::Pending;
use crate::command::remote::Remote;
use crate::command::service;

/// A download that broke off is taken up so often in a row while less than [`PROGRESS`] comes.
const MAX_RESUMPTIONS: u32 = 4;
/// So many bytes are worth another try.
const PROGRESS: u64 = 8 << 20;
/// Before the first resumption; longer before each further one.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: &PullArgs, output: &Output) -> Result<(), Failure> {
    let target = target(args)?;
    let trust = Trust::read(&args.trust)?;
    let remote = Remote::find(&args.remote).await?;
    let download = Download { remote: &remote, location: &args.location, seals: trust.seals.as_ref() };

    // All that can be checked before the bytes is checked before the bytes: against the sealed digest.
    let (checked, body) = download.open().await?;
    if let Some(wanted) = &args.sha256 {
        checked.demand_digest(wanted)?;
    }
    let signed = trust.signers.judge(&checked.told().sha256, checked.signatures())?;
    signed.demand_all()?;

    let bar = output.bar("pulling", checked.told().size);
    let mut pending = Pending::beside(target)?;
    let content = download.receive(&checked, body, &mut pending, &bar).await;
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

struct Download<'a> {
    remote: &'a Remote,
    location: &'a Location,
    seals: Option<&'a SealTrust>,
}

impl Download<'_> {
    /// Asks for the artifact and checks the head of the answer.
    async fn open(&self) -> Result<(CheckedHead, ByteStream), Failure> {
        let keeper = HeadKeeper::default();
        let request = self.remote.client.get_object().bucket(self.location.bucket()).key(self.location.key());
        let answer = request.customize().interceptor(keeper.clone()).send().await;
        let answer = answer.map_err(|error| self.failure(&error))?;
        let checked = CheckedHead::check(&keeper.take(), self.location, self.seals)?;
        Ok((checked, answer.body))
    }

    /// Writes and hashes the bytes. Where they break off, the rest is asked for: the endpoint breaks a download off when
    /// it finds damage in the middle, and says so to whoever asks for the rest.
    async fn receive(
        &self,
        checked: &CheckedHead,
        mut body: ByteStream,
        pending: &mut Pending,
        bar: &ProgressBar,
    ) -> Result<Content, Failure> {
        let size = checked.told().size;
        let mut hasher = ContentHasher::exactly(size);
        let (mut resumptions, mut resumed_at) = (0, 0);
        loop {
            let reason = match body.next().await {
                Some(Ok(bytes)) if bytes.len() as u64 <= size - hasher.size() => {
                    hasher.update(&bytes);
                    pending.write(&bytes)?;
                    bar.set_position(hasher.size());
                    continue;
                }
                Some(Ok(_)) => return Err(too_long(size)),
                // With all bytes here, it does not matter how the answer ended.
                Some(Err(_)) | None if hasher.size() == size => {
                    return hasher.finish().map_err(|WrongLength { .. }| too_long(size));
                }
                Some(Err(error)) => service::innermost(&error),
                None => "it ended early".to_owned(),
            };
            let received = hasher.size();
            resumptions = if received - resumed_at >= PROGRESS { 1 } else { resumptions + 1 };
            if resumptions > MAX_RESUMPTIONS {
                let at = format!("at byte {received} of {size}");
                return Err(Failure::failed(format!(
                    "the download of {} broke off {at}: {reason}",
                    self.location
                )));
            }
            resumed_at = received;
            tokio::time::sleep(PAUSE * resumptions).await;
            body = self.resume(checked, received).await?;
        }
    }

    /// Asks for the bytes from `start` on, of the same version of the artifact.
    async fn resume(&self, checked: &CheckedHead, start: u64) -> Result<ByteStream, Failure> {
        let told = checked.told();
        let keeper = HeadKeeper::default();
        let request = self
            .remote
            .client
            .get_object()
            .bucket(self.location.bucket())
            .key(self.location.key())
            .if_match(format!("\"{}\"", told.etag))
            .range(format!("bytes={start}-"));
        let answer = request.customize().interceptor(keeper.clone()).send().await;
        let answer = answer.map_err(|error| self.failure(&error))?;
        let head = keeper.take();
        let expected = format!("bytes {start}-{}/{}", told.size.saturating_sub(1), told.size);
        let same = head.once(SEAL_HEADER)? == Some(&told.line);
        if !same || head.once("content-range")? != Some(&expected) {
            return Err(Failure::failed(format!("{} changed while it was downloaded", self.location))
                .hint("download it again"));
        }
        Ok(answer.body)
    }

    fn failure<E: service::ServiceError>(&self, error: &service::SdkFailure<E>) -> Failure {
        service::failure(&format!("download {}", self.location), &self.remote.endpoint, error)
    }
}

fn too_long(size: u64) -> Failure {
    Failure::refused("ArtifactDigestMismatch", format!("more than the {size} bytes that were sealed came"))
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
