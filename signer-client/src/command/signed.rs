//! Who of the signers that were given signed an artifact: in its header, or in a file of theirs beside it.
//!
//! What the endpoint says of signers decides nothing here. A signature is looked for in `<key>.NAME.sig`, NAME being what the
//! file with the signer's key is called, in `<key>.sig`, and in the Sigstore bundle `<key>.sigstore.json`, and is verified with
//! that key over the artifact's digest: so wherever it came from, it is one. A file that cannot be had is as good as none.

use std::path::Path;

use hallmark_signer::Signature;
use hallmark_signer::evidence::{Bundle, parse_detached};

use crate::command::args::ConfiguredName;
use crate::command::check::CheckedHead;
use crate::command::failure::{Exit, Failure};
use crate::command::keys::{Signed, Signers};
use crate::command::location::Location;
use crate::command::remote::Remote;
use crate::command::{service, sibling};

/// Reads a signature over bytes; `None`: that is none.
type Parse = fn(&[u8]) -> Option<Signature>;

/// Under which names signatures of any signer are looked for.
const ANYBODYS: [(&str, Parse); 2] = [(".sig", detached), (".sigstore.json", in_bundle)];

impl Signers {
    /// Who of them signed the artifact at `location` whose head this is.
    pub(crate) async fn find(
        &self,
        remote: &Remote,
        location: &Location,
        checked: &CheckedHead,
    ) -> Result<Signed<'_>, Failure> {
        let artifact = &checked.told().sha256;
        let mut signed = self.judge(artifact, checked.signatures())?;
        // Each is asked for once, and only if it is needed.
        let mut anybodys: Vec<Option<Signature>> = Vec::new();
        for signer in signed.missing() {
            let by_it = |found: &Signature| signer.key().verify(artifact, found).is_ok();
            let own = match own_suffix(signer.file()) {
                Some(suffix) => signature(remote, location, (&suffix, detached)).await?,
                None => None,
            };
            let mut found = own.as_ref().is_some_and(by_it);
            for (index, place) in ANYBODYS.into_iter().enumerate() {
                if found {
                    break;
                }
                if anybodys.len() == index {
                    anybodys.push(signature(remote, location, place).await?);
                }
                found = anybodys.get(index).and_then(Option::as_ref).is_some_and(by_it);
            }
            if found {
                signed.note(signer);
            }
        }
        Ok(signed)
    }
}

/// Where a signer puts signatures whose key's file is called so.
fn own_suffix(file: &Path) -> Option<String> {
    let name: ConfiguredName = file.file_stem()?.to_str()?.parse().ok()?;
    Some(format!(".{}.sig", name.as_str()))
}

fn detached(file: &[u8]) -> Option<Signature> {
    parse_detached(file).ok()
}

/// The signature by a key that a Sigstore bundle holds. Those by certificates are for the endpoint to verify.
fn in_bundle(file: &[u8]) -> Option<Signature> {
    match Bundle::parse(file).ok()? {
        Bundle::Signature(signature) => Some(signature),
        Bundle::Envelope(_) | Bundle::Certificate(_) => None,
    }
}

/// The signature in a file beside the artifact; `None`: there is none.
async fn signature(
    remote: &Remote,
    location: &Location,
    (suffix, parse): (&str, Parse),
) -> Result<Option<Signature>, Failure> {
    // What is too long for a key stands nowhere.
    let Ok(at) = sibling::beside(location, suffix) else { return Ok(None) };
    match sibling::read(remote, &at, None).await {
        Ok(found) => Ok(found.and_then(|found| parse(&found.bytes))),
        Err(failure) => match failure.exit {
            Exit::Refused | Exit::NotFound => Ok(None),
            Exit::Failed if failure.code.as_deref() == Some(service::ACCESS_DENIED) => Ok(None),
            Exit::Failed | Exit::Usage => Err(failure),
        },
    }
}
