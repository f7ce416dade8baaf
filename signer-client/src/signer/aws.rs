//! What the signers of AWS have in common: where they are, and how their failures are told.

use std::error::Error;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use super::address::AwsPlace;
use super::error::SignerError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One try; the SDK repeats what failed for a while only.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// All tries together.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest message of a service that is shown, characters.
const MAX_MESSAGE: usize = 500;

/// Finds region, endpoint and credentials as AWS tools do, but for what the address says.
pub(super) async fn load(place: &AwsPlace) -> Result<SdkConfig, SignerError> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
    if let Some(profile) = &place.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &place.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &place.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(SignerError::unusable("no AWS region is configured for the signer")
            .hint("add ?region=… to its address, or set AWS_REGION"));
    }
    Ok(config)
}

/// What a service's error is made of.
pub(super) struct Said<'a> {
    /// The service's code for it, if it answered.
    pub(super) code: Option<&'a str>,
    /// Its words.
    pub(super) message: Option<&'a str>,
    /// The whole error.
    pub(super) error: &'a (dyn Error + 'static),
}

/// What it says, in few words: the service's, or why there are none.
#[cfg(feature = "revocation")]
pub(super) fn told(said: &Said<'_>) -> String {
    match said.code {
        Some(code) => format!("{} [{code}]", message(said)),
        None => root(said.error).to_string(),
    }
}

fn message(said: &Said<'_>) -> String {
    said.message.unwrap_or("it does not say why").chars().take(MAX_MESSAGE).collect()
}

fn root<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}

/// The failure that it is. `doing` says what was tried; `permissions` what that takes.
pub(super) fn failure(doing: &str, permissions: &str, said: &Said<'_>) -> SignerError {
    let Some(code) = said.code else {
        return SignerError::failed(format!("cannot {doing}: {}", root(said.error))).hint(
            "are endpoint and credentials right? AWS_ENDPOINT_URL is for all of AWS: where it is Hallmark's, give the \
             signer its own (?endpoint=…), and its own credentials (?profile=…)",
        );
    };
    let message = format!("cannot {doing}: {} [{code}]", message(said));
    match code {
        "AccessDeniedException" => SignerError::unusable(message).hint(permissions),
        "NotFoundException" | "ResourceNotFoundException" => {
            SignerError::unusable(message).hint("are its name, the region and the account right?")
        }
        "DisabledException" | "KMSInvalidStateException" => {
            SignerError::unusable(message).hint("the key is disabled, or about to be deleted")
        }
        "UnrecognizedClientException" | "InvalidSignatureException" | "ExpiredTokenException" => {
            SignerError::unusable(message)
                .hint("these are not credentials of that account: see AWS_PROFILE, or add ?profile=… to the address")
        }
        _ => SignerError::failed(message),
    }
}
