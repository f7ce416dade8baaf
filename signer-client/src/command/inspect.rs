//! `hallmark inspect`.

use hallmark_signer::{METADATA_PREFIX, PublisherSignatures};
use serde_json::{Map, Value, json};

use crate::command::args::InspectArgs;
use crate::command::check::CheckedHead;
use crate::command::failure::Failure;
use crate::command::head::HeadKeeper;
use crate::command::keys::Trust;
use crate::command::output::Output;
use crate::command::remote::Remote;
use crate::command::standing::{self, Standing};

pub(crate) async fn run(args: &InspectArgs, output: &Output) -> Result<(), Failure> {
    let trust = Trust::read(&args.trust)?;
    let remote = Remote::find(&args.remote).await?;
    let location = &args.location;

    let keeper = HeadKeeper::default();
    let request = remote.client.head_object().bucket(location.bucket()).key(location.key());
    let answer = request.customize().interceptor(keeper.clone()).send().await;
    if let Err(error) = answer {
        return Err(standing::explained("inspect", &remote, location, &error).await);
    }
    let head = keeper.take();
    let standing = Standing::of(&head)?;
    let checked = CheckedHead::verify(&remote, &head, location, trust.seals.as_ref()).await?;
    let told = checked.told();
    let signed = trust.signers.find(&remote, location, &checked).await?;
    let signatures = checked.signatures().map_or(0, |all| PublisherSignatures::signatures(all).len());

    let content_type = checked.headers().get("content-type");
    let metadata: Map<_, _> = checked
        .headers()
        .iter()
        .filter_map(|(name, value)| {
            Some((name.strip_prefix(METADATA_PREFIX)?.to_owned(), Value::from(value)))
        })
        .collect();
    let json = json!({
        "location": location.to_string(),
        "bucket": location.bucket(),
        "key": location.key(),
        "content_type": content_type,
        "metadata": metadata,
        "seal": told.to_json(),
        "seal_verified": checked.seal_verified(),
        "signatures": signatures,
        "signers": signed.to_json(),
        "server_verified": standing.verified,
        "untrusted": standing.untrusted,
    });
    let mut lines = vec![("object", location.to_string())];
    lines.extend(told.lines());
    let verified_here = if checked.seal_verified() { "yes" } else { "no: give --seal-key and --realm" };
    lines.push(("seal checked here", verified_here.to_owned()));
    lines.extend(standing.lines());
    lines.push(("signatures", signatures.to_string()));
    lines.extend(signed.lines());
    output.result(&json, &lines)
}
