//! What is about to be approved of, checked here: by its seal, by its bytes, or by both.

use hallmark_signer::{Approvable, NotApprovable};
use indicatif::ProgressBar;

use crate::command::args::ApproveArgs;
use crate::command::check::CheckedHead;
use crate::command::download::{Download, Sink};
use crate::command::failure::Failure;
use crate::command::head::HeadKeeper;
use crate::command::keys::SealTrust;
use crate::command::output::Output;
use crate::command::remote::Remote;
use crate::command::standing;

/// An artifact that was verified, and what else its seal says.
pub(super) struct Verified {
    pub(super) checked: CheckedHead,
    pub(super) artifact: Approvable,
}

/// Bytes are hashed by who receives them; they go nowhere else.
struct Counted<'a>(&'a ProgressBar);

impl Sink for Counted<'_> {
    async fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.0.inc(bytes.len() as u64);
        Ok(())
    }
}

impl Verified {
    /// Verifies what the command line says to verify: at least one of the two.
    pub(super) async fn look(
        args: &ApproveArgs,
        remote: &Remote,
        seals: Option<&SealTrust>,
        output: &Output,
    ) -> Result<Self, Failure> {
        let looked = if args.read {
            Self::read(args, remote, seals, output).await
        } else {
            Self::sealed(args, remote, seals).await
        };
        looked.map_err(standing::with_permission)
    }

    /// By the seal alone, whose keys were given.
    async fn sealed(args: &ApproveArgs, remote: &Remote, seals: Option<&SealTrust>) -> Result<Self, Failure> {
        let location = &args.location;
        let keeper = HeadKeeper::default();
        let request = remote.client.head_object().bucket(location.bucket()).key(location.key());
        if let Err(error) = request.customize().interceptor(keeper.clone()).send().await {
            return Err(standing::explained("look at", remote, location, &error).await);
        }
        let checked = CheckedHead::verify(remote, &keeper.take(), location, seals).await?;
        demand_digest(args, &checked)?;
        let seal = checked.seal().ok_or_else(|| Failure::usage("no key to verify the seal with is given"))?;
        let artifact = Approvable::sealed(seal);
        Ok(Self { checked, artifact })
    }

    /// By the bytes, which must be what the seal says; and by the seal, if its keys were given.
    async fn read(
        args: &ApproveArgs,
        remote: &Remote,
        seals: Option<&SealTrust>,
        output: &Output,
    ) -> Result<Self, Failure> {
        let location = &args.location;
        let download = Download { remote, location, version: None, seals };
        let (checked, body) = download.open().await?;
        demand_digest(args, &checked)?;
        let bar = output.bar("reading", checked.told().size);
        let content = download.receive(&checked, body, &mut Counted(&bar)).await;
        bar.finish_and_clear();
        let content = content?;
        checked.demand_content(&content)?;
        let artifact = Approvable::read(location.bucket(), location.key(), &content);
        let artifact = artifact.map_err(|error| match error {
            NotApprovable::LooksLikeDsse(_) => {
                Failure::refused("LooksLikeDsse", format!("{location}: {error}"))
            }
            NotApprovable::Bucket(_) => Failure::usage(format!("{location}: {error}")),
        })?;
        Ok(Self { checked, artifact })
    }
}

fn demand_digest(args: &ApproveArgs, checked: &CheckedHead) -> Result<(), Failure> {
    args.sha256.as_ref().map_or(Ok(()), |wanted| checked.demand_digest(wanted))
}
