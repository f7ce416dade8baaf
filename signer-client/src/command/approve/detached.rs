//! A signature over the bytes, in a file of the signer's own: `<key>.<signer>.sig`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_signer::BlobKey;
use hallmark_signer::evidence::parse_detached;
use hallmark_signer::signer::{Signer, SignerAddress};

use super::{Added, Approval, Verified};
use crate::command::args::{ApproveArgs, ConfiguredName};
use crate::command::failure::Failure;
use crate::command::location::Location;
use crate::command::remote::Remote;
use crate::command::sibling::{self, Condition, New, Put};
use crate::command::signing;

/// The endpoint's code for a signature that would not count.
const SIGNATURE_REFUSED: &str = "ArtifactSignatureRefused";

/// Where the signature goes.
pub(super) fn place(args: &ApproveArgs) -> Result<Location, Failure> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => file_name(args).ok_or_else(|| {
            Failure::usage("it is not said what the endpoint's configuration calls the signer")
                .hint("give --as NAME, the NAME of [keys.NAME]; with --statement none is needed")
        })?,
    };
    sibling::beside(&args.location, &format!(".{}.sig", name.as_str()))
}

/// What the file of the key is called, which is what most would call the key in the configuration.
fn file_name(args: &ApproveArgs) -> Option<ConfiguredName> {
    match signing::address(&args.signer)? {
        SignerAddress::File(path) => path.file_stem()?.to_str()?.parse().ok(),
        SignerAddress::AwsKms(_) | SignerAddress::Pkcs11(_) | SignerAddress::AwsSigner(_) => None,
    }
}

/// Signs the artifact and puts the signature into its place, if nothing stands there.
pub(super) async fn approve(
    args: &ApproveArgs,
    key: BlobKey<Signer>,
    verified: &Verified,
    at: Location,
    remote: &Remote,
) -> Result<Approval, Failure> {
    let signature =
        key.sign(verified.artifact.blob()).await.map_err(|error| signing::failure(&error))?.to_der();
    let bytes = format!("{}\n", STANDARD.encode(signature)).into_bytes();
    let file = || New { bytes: bytes.clone(), role: &args.role, key: key.public_key() };
    let put = sibling::put(remote, &at, file(), &Condition::Absent).await;
    let added = match put.map_err(|failure| if_unknown(failure, &args.location, &at))? {
        Put::Stored => Added::Now,
        Put::Occupied => match stands_already(&key, verified, &at, remote).await? {
            Standing::Same => Added::Before,
            // The endpoint lets one that counts take the place of one that does not, and refuses anything else.
            Standing::Other(etag) => {
                match sibling::put(remote, &at, file(), &Condition::Matches(etag)).await? {
                    Put::Stored => Added::Now,
                    Put::Occupied => return Err(occupied(&at)),
                }
            }
        },
    };
    sibling::demand_counts(remote, &args.location, &at).await?;
    Ok(Approval { at, key: key.public_key().clone(), added })
}

/// What stands where the signature goes.
enum Standing {
    /// This very approval, from another try.
    Same,
    /// Another signature, with this ETag: over what stood under the name before, perhaps, or by nobody knows whom.
    Other(String),
}

/// What stands there. What is no signature stays.
async fn stands_already(
    key: &BlobKey<Signer>,
    verified: &Verified,
    at: &Location,
    remote: &Remote,
) -> Result<Standing, Failure> {
    let Some(found) = sibling::read(remote, at, None).await? else { return Err(occupied(at)) };
    let signature = parse_detached(&found.bytes).map_err(|_| occupied(at))?;
    let same = key.public_key().verify(verified.artifact.sha256(), &signature).is_ok();
    Ok(if same { Standing::Same } else { Standing::Other(found.etag) })
}

/// Says so where it is refused because nobody is called so. The artifact is there, since it was looked at: if the endpoint
/// misses another one, it has taken the signer's name for a part of that one's.
fn if_unknown(failure: Failure, artifact: &Location, at: &Location) -> Failure {
    let Some(other) = at.key().strip_suffix(".sig") else { return failure };
    let Some(signer) = other.strip_prefix(artifact.key()).and_then(|rest| rest.strip_prefix('.')) else {
        return failure;
    };
    if failure.code.as_deref() != Some(SIGNATURE_REFUSED)
        || !failure.message.contains(&format!("there is no `{other}`"))
    {
        return failure;
    }
    let message = format!(
        "cannot write {at}: the endpoint's configuration knows no signer `{signer}` whose key the rule for {artifact} names"
    );
    Failure { message, ..failure }.hint(
        "--as NAME says what the configuration calls the signer, the NAME of [keys.NAME]; the rule, or a role of it, must name it",
    )
}

fn occupied(at: &Location) -> Failure {
    let message = format!("{at} is there already, and is no signature over this artifact by this key");
    Failure::failed(message)
        .hint("look at it, take it away (`aws s3 rm`) and repeat this; or give the right name by --as NAME")
}
