//! What the endpoint makes of an artifact: served to everybody who may read, or not yet, and why.

use crate::command::failure::{Failure, RefusedBy};
use crate::command::head::{Head, HeadKeeper};
use crate::command::hint;
use crate::command::location::Location;
use crate::command::remote::Remote;
use crate::command::service;

/// What the endpoint says that it verified.
const VERIFIED_HEADER: &str = "x-hallmark-verified";
/// Why it is not served to those who may not see what is untrusted.
const UNTRUSTED_HEADER: &str = "x-hallmark-untrusted";

/// What an answer with an artifact says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// `seal` and the signers who count.
    pub(crate) verified: Option<String>,
    /// Who is missing, or what else is wrong.
    pub(crate) untrusted: Option<String>,
}

impl Standing {
    /// What the head of an answer says.
    pub(crate) fn of(head: &Head) -> Result<Self, Failure> {
        let said = |name| Ok::<_, Failure>(head.once(name)?.map(str::to_owned));
        Ok(Self { verified: said(VERIFIED_HEADER)?, untrusted: said(UNTRUSTED_HEADER)? })
    }

    /// Asks for it.
    pub(crate) async fn ask(remote: &Remote, location: &Location) -> Result<Self, Failure> {
        let keeper = HeadKeeper::default();
        let request = remote.client.head_object().bucket(location.bucket()).key(location.key());
        match request.customize().interceptor(keeper.clone()).send().await {
            Ok(_) => Self::of(&keeper.take()),
            Err(error) => Err(explained("look at", remote, location, &error).await),
        }
    }

    /// For people.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let verified = self.verified.as_deref().unwrap_or("-").to_owned();
        let untrusted = self.untrusted.iter().map(|why| ("not served yet", why.clone()));
        [("server checked", verified)].into_iter().chain(untrusted).collect()
    }
}

/// Why the endpoint refused a HEAD, in its own words: the answer to that has a code at most, so it is asked for a byte, which
/// it refuses as well. `doing` says what was tried.
pub(crate) async fn explained<E: service::ServiceError>(
    doing: &str,
    remote: &Remote,
    location: &Location,
    error: &service::SdkFailure<E>,
) -> Failure {
    let doing = format!("{doing} {location}");
    let failure = service::failure(&doing, &remote.endpoint, error);
    if !service::has_reason(error) {
        return failure;
    }
    let request = remote.client.get_object().bucket(location.bucket()).key(location.key()).range("bytes=0-0");
    match request.send().await {
        Ok(_) => failure,
        Err(error) => service::failure(&doing, &remote.endpoint, &error),
    }
}

/// Whether the endpoint refuses it for signatures that may come yet.
pub(crate) fn waits(failure: &Failure) -> bool {
    const WAITING: [&str; 4] = [
        "ArtifactSignatureMissing",
        "ArtifactSignerUntrusted",
        "ArtifactRoleUnmet",
        "ArtifactAttestationUnmet",
    ];
    let said = failure.code.as_deref().is_some_and(|code| WAITING.contains(&code));
    said && failure.refused_by == Some(RefusedBy::Server)
}

/// Says which permission is missing for those who look at what is not trusted yet.
pub(crate) fn with_permission(failure: Failure) -> Failure {
    if waits(&failure) {
        return failure.hint("who signs what is not trusted yet needs the permission `read_untrusted`");
    }
    failure
}

/// Says what to do with an upload that lacks signatures.
pub(crate) fn with_new_name(failure: Failure) -> Failure {
    if !waits(&failure) {
        return failure;
    }
    const NEW_NAME: &str = "if something approved stands under this name, which nothing replaces that is not, push under a new name";
    let sign = match failure.code.as_deref() {
        Some("ArtifactRoleUnmet") => {
            "sign it as somebody who is missing (`hallmark push --key FILE.key`, or `--signer`); others add theirs by `hallmark \
             approve` where the rule has `enforce = \"download\"`"
        }
        _ => "upload it signed by whom the rule names (`hallmark push --key FILE.key`, or `--signer`)",
    };
    failure.hint(format!("{sign}; {NEW_NAME}"))
}

/// How what waits comes by the signatures that it lacks.
pub(crate) const HOW_TO_SIGN: &str = "push it signed (`hallmark push --key FILE.key`, or `--signer`), or have it approved (`hallmark approve --role ROLE --key \
     FILE.key …`)";

/// Refuses what no signature would make good: whoever signs it signs for nothing.
pub(crate) fn demand_mendable(standing: &Standing, location: &Location) -> Result<(), Failure> {
    const BEYOND: [&str; 4] =
        ["ArtifactDenied", "ArtifactSealTooOld", "ArtifactSealKindRefused", "ArtifactRolledBack"];
    let Some((code, why)) = standing.untrusted.as_deref().and_then(|said| said.split_once(": ")) else {
        return Ok(());
    };
    if !BEYOND.contains(&code) {
        return Ok(());
    }
    let failure = Failure {
        refused_by: Some(RefusedBy::Server),
        ..Failure::refused(code, format!("no signature on {location} would count: {why}"))
    };
    Err(hint::onto(failure, Some(why)))
}
