//! Whether AWS Signer has revoked a signature since it was made: asked where the configuration says so, of signatures that are
//! good in all else, so that nobody can have it asked about what they made up.
//!
//! An answer holds for the time that the configuration gives it, within one policy. Where there is none, nothing is known of
//! the signature, and whoever asked is told to come again. For a moment after that nobody else waits for one.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hallmark_config::RevocationCheck;
use hallmark_signer::Sha256Digest;
use hallmark_signer::evidence::{NotationSignature, Revocable};
use hallmark_signer::signer::{AwsPlace, RevocationService, SignerError};
use moka::sync::Cache;
use tokio::runtime::Handle;

/// So many answers are remembered for one identity.
const MAX_ANSWERS: u64 = 10_000;

/// So long nobody asks again where there was no answer.
const PAUSE: Duration = Duration::from_secs(2);

/// How much is told of what is revoked, characters.
const MAX_TOLD: usize = 300;

/// Whether a signature has been revoked could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("whether AWS Signer has revoked the signature is not known")]
pub struct StatusUnknown;

/// Why a signature has been revoked; `None`: it has not.
type Answer = Option<Arc<str>>;

/// See the [module](self): for one identity.
pub(super) struct Revocations {
    service: RevocationService,
    /// `None`: every time is asked anew.
    answers: Option<Cache<[u8; 32], Answer>>,
    /// When there was no answer. Held for no longer than to look at it.
    failed: Mutex<Option<Instant>>,
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").field("service", &self.service).finish_non_exhaustive()
    }
}

impl Revocations {
    /// Asks AWS Signer in `region`.
    pub(super) fn new(check: &RevocationCheck, region: &str) -> Self {
        let RevocationCheck { endpoint, profile, max_age } = check;
        let place = AwsPlace {
            region: Some(region.to_owned()),
            endpoint: endpoint.clone(),
            profile: profile.clone(),
        };
        let remembered = || Cache::builder().max_capacity(MAX_ANSWERS).time_to_live(*max_age).build();
        Self {
            service: RevocationService::new(place),
            answers: (!max_age.is_zero()).then(remembered),
            failed: Mutex::new(None),
        }
    }

    /// Why a signature has been revoked, if it has. Waits for AWS Signer, up to 5 seconds: to be called on a thread for what
    /// takes long, within a runtime.
    ///
    /// # Errors
    /// AWS Signer does not say, or the signature does not say what to ask for.
    pub(super) fn look_up(&self, signature: &NotationSignature) -> Result<Answer, StatusUnknown> {
        let Some(what) = signature.revocable() else {
            tracing::warn!(
                "a signature names no signing job, so AWS Signer cannot be asked whether it is revoked"
            );
            return Err(StatusUnknown);
        };
        match &self.answers {
            // Those who ask the same at the same time wait for one answer.
            Some(answers) => answers.try_get_with(id(what), || self.ask(what)).map_err(|_| StatusUnknown),
            None => self.ask(what),
        }
    }

    fn ask(&self, what: &Revocable) -> Result<Answer, StatusUnknown> {
        if self.failed_at().is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(StatusUnknown);
        }
        let runtime = Handle::try_current().map_err(|_| StatusUnknown)?;
        match runtime.block_on(self.service.revoked(what)) {
            Ok(revoked) => Ok(told(&revoked)),
            Err(error) => {
                warn(what, &error);
                *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                Err(StatusUnknown)
            }
        }
    }

    fn failed_at(&self) -> Option<Instant> {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn warn(what: &Revocable, error: &SignerError) {
    tracing::warn!(
        job = what.signing_job(),
        error = %error,
        hint = error.what_next(),
        "what that job signed is refused for now"
    );
}

/// One line of what is revoked; `None`: nothing is.
fn told(revoked: &[String]) -> Answer {
    if revoked.is_empty() {
        return None;
    }
    let told = |entity: &String| match entity.starts_with("arn:") {
        true => entity.escape_debug().to_string(),
        false => "a certificate of its chain".to_owned(),
    };
    let told = revoked.iter().map(told).collect::<Vec<_>>().join(", ");
    let told: String = told.chars().take(MAX_TOLD).collect();
    Some(format!("AWS Signer has revoked {told}").into())
}

/// Names a question: all that it depends on.
fn id(what: &Revocable) -> [u8; 32] {
    let mut text = format!("hallmark-revocation-v1\n{}\n", what.signed_at()).into_bytes();
    let names = [what.profile_version(), what.signing_job()];
    for part in names.into_iter().chain(what.certificates().iter().map(String::as_str)) {
        // ARNs may hold anything.
        text.extend_from_slice(format!("{}:", part.len()).as_bytes());
        text.extend_from_slice(part.as_bytes());
    }
    *Sha256Digest::of(&text).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_revoked_is_told_in_one_short_line() {
        assert_eq!(told(&[]), None);
        let some = ["arn:aws:signer:x:1:/signing-jobs/7\n".to_owned(), "0f".repeat(48)];
        assert_eq!(
            told(&some).as_deref(),
            Some(r"AWS Signer has revoked arn:aws:signer:x:1:/signing-jobs/7\n, a certificate of its chain")
        );
        assert!(told(&vec!["arn:x".repeat(1000); 9]).unwrap().len() < 400);
        assert!(told(&[String::new()]).is_some(), "whatever it is, it is something");
    }
}
