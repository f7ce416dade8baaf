//! What AWS Signer adds to the signed headers: for whom it signed. Notation leaves these to a plugin of AWS's, which is
//! named in the envelope; what that would check of them is checked here.

use serde_json::{Map, Value};

use super::envelope::NotationParseError;
use super::headers::text;

pub(super) const PLUGIN: &str = "io.cncf.notary.verificationPlugin";
pub(super) const PLUGIN_VERSION: &str = "io.cncf.notary.verificationPluginMinVersion";
pub(super) const PROFILE_VERSION: &str = "com.amazonaws.signer.signingProfileVersion";
pub(super) const JOB: &str = "com.amazonaws.signer.signingJob";

/// The plugin whose checks are known, and the versions that have no others, as their number begins.
const KNOWN_PLUGIN: &str = "com.amazonaws.signer.notation.plugin";
const KNOWN_VERSIONS: &str = "1.";

/// For whom AWS Signer signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AwsSigner {
    pub(super) profile_version: String,
    pub(super) signing_job: Option<String>,
}

/// Reads AWS Signer's headers; `None` if there is none of them.
pub(super) fn read(headers: &Map<String, Value>) -> Result<Option<AwsSigner>, NotationParseError> {
    if text(headers, PLUGIN)?.is_some_and(|name| name != KNOWN_PLUGIN) {
        return Err(NotationParseError::Plugin);
    }
    if text(headers, PLUGIN_VERSION)?.is_some_and(|version| !version.starts_with(KNOWN_VERSIONS)) {
        return Err(NotationParseError::Plugin);
    }
    let job = text(headers, JOB)?.map(str::to_owned);
    Ok(text(headers, PROFILE_VERSION)?
        .map(|version| AwsSigner { profile_version: version.to_owned(), signing_job: job }))
}
