//! Who of the signers that were given signed an artifact: in its header, or in a file of theirs beside it.
//!
//! What the endpoint says of signers decides nothing here. A signature is looked for in `<key>.NAME.sig`, NAME being what the
//! file with the signer's key is called, and in `<key>.sig`, and is verified with that key over the artifact's digest: so
//! wherever it came from, it is one. A file that cannot be had is as good as none.

use std::path::Path;

use hallmark_signer::Signature;
use hallmark_signer::evidence::parse_detached;

use crate::command::args::ConfiguredName;
use crate::command::check::CheckedHead;
use crate::command::failure::{Exit, Failure};
use crate::command::keys::{Signed, Signers};
use crate::command::location::Location;
use crate::command::remote::Remote;
use crate::command::{service, sibling};

/// Under which name signatures of any signer are looked for.
const ANYBODYS: &str = ".sig";

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
        let mut anybodys = None;
        for signer in signed.missing() {
            let by_it = |found: &Signature| signer.key().verify(artifact, found).is_ok();
            let own = match own_suffix(signer.file()) {
                Some(suffix) => signature(remote, location, &suffix).await?,
                None => None,
            };
            let found = match own.filter(by_it) {
                Some(_) => true,
                None => {
                    if anybodys.is_none() {
                        anybodys = Some(signature(remote, location, ANYBODYS).await?);
                    }
                    anybodys.as_ref().and_then(Option::as_ref).is_some_and(by_it)
                }
            };
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

/// The signature in a file beside the artifact; `None`: there is none.
async fn signature(remote: &Remote, location: &Location, suffix: &str) -> Result<Option<Signature>, Failure> {
    // What is too long for a key stands nowhere.
    let Ok(at) = sibling::beside(location, suffix) else { return Ok(None) };
    match sibling::read(remote, &at, None).await {
        Ok(found) => Ok(found.and_then(|found| parse_detached(&found.bytes).ok())),
        Err(failure) => match failure.exit {
            Exit::Refused | Exit::NotFound => Ok(None),
            Exit::Failed if failure.code.as_deref() == Some(service::ACCESS_DENIED) => Ok(None),
            Exit::Failed | Exit::Usage => Err(failure),
        },
    }
}
