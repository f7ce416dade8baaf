//! What AWS Signer has revoked of the signatures that it made: asked for by its API (`GetRevocationStatus`).
//!
//! Tried against a server of the tests' own, which speaks the documented API; not with AWS itself.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_signerdata::Client;
use aws_sdk_signerdata::config::Builder;
use aws_sdk_signerdata::error::ProvideErrorMetadata as _;
use aws_sdk_signerdata::primitives::DateTime;
use tokio::sync::OnceCell;

use super::address::AwsPlace;
use super::aws::{self, Said};
use super::error::SignerError;
use crate::evidence::Revocable;

/// The platform that makes Notation envelopes; its name is that for images, though it signs any descriptor.
const PLATFORM: &str = "Notation-OCI-SHA384-ECDSA";
/// Downloads wait for the answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// All tries together.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
const PERMISSIONS: &str = "asking takes the permission signer:GetRevocationStatus";

/// Asks AWS Signer in one place.
#[derive(Debug)]
pub struct RevocationService {
    place: AwsPlace,
    client: OnceCell<Client>,
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
    pub async fn revoked(&self, what: &Revocable) -> Result<Vec<String>, SignerError> {
        let said_nothing = || SignerError::failed(format!("cannot {DOING}: it did not say in time"));
        tokio::time::timeout(OPERATION_TIMEOUT, self.ask(what)).await.map_err(|_| said_nothing())?
    }

    async fn ask(&self, what: &Revocable) -> Result<Vec<String>, SignerError> {
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
            aws::failure(DOING, PERMISSIONS, &said)
        })?;
        // A list without entries says that nothing is revoked; no list says nothing.
        let no_list =
            || SignerError::failed(format!("cannot {DOING}: the answer has no list of what is revoked"));
        answer.revoked_entities.ok_or_else(no_list)
    }

    async fn connect(&self) -> Result<Client, SignerError> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let config = aws::load(&self.place).await?;
        let mut builder = Builder::from(&config).timeout_config(timeouts);
        // An endpoint in the environment is for all of AWS, and where it is a store's, that must not say what is revoked.
        builder.set_endpoint_url(self.place.endpoint.clone());
        Ok(Client::from_conf(builder.build()))
    }
}

const DOING: &str = "ask AWS Signer what it has revoked";
