//! What AWS Signer has revoked of the signatures that it made: asked for by its API (`GetRevocationStatus`).
//!
//! Tried against a server of the tests' own, which speaks the documented API; not with AWS itself.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_signerdata::Client;
use aws_sdk_signerdata::config::Builder;
use aws_sdk_signerdata::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_signerdata::primitives::DateTime;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use tokio::sync::OnceCell;

use super::address::AwsPlace;
use super::aws::{self, Said};
use crate::evidence::Revocable;

/// The platform that makes Notation envelopes; its name is that for images, though it signs any descriptor.
const PLATFORM: &str = "Notation-OCI-SHA384-ECDSA";
/// Downloads wait for the answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// All tries together.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks AWS Signer in one place.
#[derive(Debug)]
pub struct RevocationService {
    place: AwsPlace,
    client: OnceCell<Client>,
}

/// Why there was no answer. The texts are for the log: they quote the service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It does not answer at all, or not now.
    #[error("cannot {DOING}: {0}")]
    Service(String),
    /// It does not answer this, and may answer others.
    #[error("cannot {DOING}: {0}")]
    Question(String),
}

impl RevocationService {
    /// Asks there. Nothing is connected to yet.
    pub fn new(place: AwsPlace) -> Self {
        Self { place, client: OnceCell::new() }
    }

    /// What of a signature has been revoked that counts at the time when it was made: ARNs, and hashes of certificates.
    /// Takes 5 seconds at most.
    ///
    /// # Errors
    /// AWS Signer cannot be reached, refuses, or does not say.
    pub async fn revoked(&self, what: &Revocable) -> Result<Vec<String>, NoAnswer> {
        let in_time = tokio::time::timeout(OPERATION_TIMEOUT, self.ask(what)).await;
        in_time.unwrap_or_else(|_| Err(NoAnswer::Service("it did not answer in time".to_owned())))
    }

    async fn ask(&self, what: &Revocable) -> Result<Vec<String>, NoAnswer> {
        let client = self.client.get_or_try_init(|| self.connect()).await?;
        let at = i64::try_from(what.signed_at()).unwrap_or(i64::MAX);
        let answer = client
            .get_revocation_status()
            .signature_timestamp(DateTime::from_millis(at))
            .platform_id(PLATFORM)
            .profile_version_arn(what.profile_version())
            .job_arn(what.signing_job())
            .set_certificate_hashes(Some(what.certificates().to_vec()))
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let said = Said { code: error.code(), message: error.message(), error: &error };
            let told = aws::told(&said);
            match &error {
                SdkError::ServiceError(said) if refuses(said.raw().status().as_u16(), error.code()) => {
                    NoAnswer::Question(told)
                }
                _ => NoAnswer::Service(told),
            }
        })?;
        // A list without entries says that nothing is revoked; no list says nothing.
        let no_list = || NoAnswer::Question("the answer has no list of what is revoked".to_owned());
        answer.revoked_entities.ok_or_else(no_list)
    }

    async fn connect(&self) -> Result<Client, NoAnswer> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let config = aws::load(&self.place).await.map_err(|error| NoAnswer::Service(error.to_string()))?;
        let mut builder = Builder::from(&config).timeout_config(timeouts);
        // An endpoint in the environment is for all of AWS, and where it is a store's, that must not say what is revoked.
        builder.set_endpoint_url(self.place.endpoint.clone());
        if self.place.endpoint.as_ref().is_some_and(|endpoint| !endpoint.starts_with("https:")) {
            // Without TLS there is nobody else to be asked, also not a proxy that the environment names.
            builder.set_http_client(Some(HttpClientBuilder::new().build_http()));
        }
        Ok(Client::from_conf(builder.build()))
    }
}

/// Whether an answer with this status and code is about what was asked, and not about how much or when.
fn refuses(status: u16, code: Option<&str>) -> bool {
    (400..500).contains(&status)
        && ![408, 429].contains(&status)
        && !code.is_some_and(|code| code.contains("TooMany") || code.contains("Throttl"))
}

const DOING: &str = "ask AWS Signer what it has revoked (signer:GetRevocationStatus)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_it_is_asked_too_much_is_not_about_the_question() {
        assert!(refuses(403, Some("AccessDeniedException")) && refuses(400, Some("ValidationException")));
        assert!(refuses(404, None));
        for (status, code) in [
            (429, Some("TooManyRequestsException")),
            (400, Some("ThrottlingException")),
            (400, Some("TooManyRequestsException")),
            (408, None),
            (500, Some("InternalServiceErrorException")),
            (503, None),
        ] {
            assert!(!refuses(status, code), "{status} {code:?}");
        }
    }
}
