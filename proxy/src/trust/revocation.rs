//! Whether AWS Signer has revoked a signature since it was made: asked where the configuration says so, of signatures that count
//! in all else, so that nobody can have it asked about what they made up.
//!
//! An answer holds for the time that the configuration gives it, within one policy. Where there is none, nothing is known of
//! the signature, and whoever asked is told to come again. What AWS Signer refused to answer is not asked again for a moment;
//! and where it does not answer at all nothing is, but for one question at a time that finds out whether it does again: those
//! who wait take the turns of others, whose signatures need nobody's word.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hallmark_config::RevocationCheck;
use hallmark_signer::Sha256Digest;
use hallmark_signer::evidence::Revocable;
use hallmark_signer::signer::{AwsPlace, NoAnswer, RevocationService};
use moka::sync::Cache;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// So many answers are remembered for one identity.
const MAX_ANSWERS: u64 = 10_000;

/// So long nobody asks again where there was no answer.
const PAUSE: Duration = Duration::from_secs(2);

/// So long the one takes at most who finds out whether there is one again.
const PROBE: Duration = Duration::from_secs(6);

/// So many ask at once for one identity: half of the turns at reading siblings.
const AT_ONCE: usize = 8;

/// So long the others wait.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// How much is told of what is revoked, and of why there was no answer, characters.
const MAX_TOLD: usize = 300;

/// Whether a signature has been revoked could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("whether AWS Signer has revoked a signature is not known")]
pub struct StatusUnknown;

/// Why a signature has been revoked; `None`: it has not.
type Answer = Option<Arc<str>>;

/// See the [module](self): for one identity.
pub(super) struct Revocations {
    service: RevocationService,
    /// `None`: every time is asked anew.
    answers: Option<Cache<[u8; 32], Answer>>,
    /// What was refused an answer a moment ago.
    refused: Cache<[u8; 32], ()>,
    /// Until when nobody asks, since there was no answer at all. Held for no longer than to look at it.
    silent: Mutex<Option<Instant>>,
    asking: Semaphore,
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
        let remembered = |time| Cache::builder().max_capacity(MAX_ANSWERS).time_to_live(time).build();
        Self {
            service: RevocationService::new(place),
            answers: (!max_age.is_zero()).then(|| remembered(*max_age)),
            refused: Cache::builder().max_capacity(MAX_ANSWERS).time_to_live(PAUSE).build(),
            silent: Mutex::new(None),
            asking: Semaphore::new(AT_ONCE),
        }
    }

    /// Why a signature has been revoked, if it has. Waits for AWS Signer, up to 6 seconds: to be called on a thread for what
    /// takes long, within a runtime.
    ///
    /// # Errors
    /// AWS Signer does not say.
    pub(super) fn look_up(&self, what: &Revocable) -> Result<Answer, StatusUnknown> {
        let id = id(what);
        if let Some(answer) = self.answers.as_ref().and_then(|answers| answers.get(&id)) {
            return Ok(answer);
        }
        if self.refused.contains_key(&id) || !self.may_ask() {
            return Err(StatusUnknown);
        }
        match &self.answers {
            // Those who ask the same at the same time wait for one answer.
            Some(answers) => answers.try_get_with(id, || self.ask(id, what)).map_err(|_| StatusUnknown),
            None => self.ask(id, what),
        }
    }

    /// Whether AWS Signer is not silent, as far as is known; or it is this one's to find out.
    fn may_ask(&self) -> bool {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        match *silent {
            None => true,
            Some(until) if Instant::now() < until => false,
            Some(_) => {
                *silent = Some(Instant::now() + PROBE);
                true
            }
        }
    }

    fn ask(&self, id: [u8; 32], what: &Revocable) -> Result<Answer, StatusUnknown> {
        let runtime = Handle::try_current().map_err(|_| StatusUnknown)?;
        let answer = runtime.block_on(async {
            let turn = timeout(MAX_WAIT, self.asking.acquire()).await;
            let _turn = turn.map_err(|_| StatusUnknown)?.map_err(|_| StatusUnknown)?;
            Ok(self.service.revoked(what).await)
        })?;
        let silent = matches!(answer, Err(NoAnswer::Service(_))).then(|| Instant::now() + PAUSE);
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = silent;
        answer.map(|revoked| told(&revoked)).map_err(|no_answer| {
            // It quotes who answered.
            let why: String = no_answer.to_string().escape_debug().take(MAX_TOLD).collect();
            tracing::warn!(job = what.signing_job(), error = why, "what that job signed is refused for now");
            match no_answer {
                NoAnswer::Question(_) => self.refused.insert(id, ()),
                NoAnswer::Service(_) => {}
            }
            StatusUnknown
        })
    }
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
