//! Calls that last: the store moves bytes before it answers.

use std::time::Duration;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::cold::error::Failure;

/// So long a store may take to copy 5 GiB, the most that one call moves, or to join ten thousand parts. AWS needs about a
/// minute for either.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How often such a call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tries {
    /// Once: what it makes is visible, so what came of it must be known exactly.
    Once,
    /// As often as any other call: nobody sees what it makes.
    Several,
}

/// The settings for a call that lasts.
pub(super) fn lasting(tries: Tries) -> Builder {
    let timeouts =
        TimeoutConfig::builder().read_timeout(PATIENCE).operation_attempt_timeout(PATIENCE).build();
    let settings = Builder::new().timeout_config(timeouts);
    match tries {
        Tries::Once => settings.retry_config(RetryConfig::disabled()),
        Tries::Several => settings,
    }
}

/// What `error` says of a call that may be answered with a success before it succeeds, as S3 does when it takes long: an
/// error in such an answer came later, and does not say how far things were then.
pub(super) fn failure<E>(what: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let begun = error.raw_response().is_some_and(|response| response.status().is_success());
    let failure = Failure::of(what, error);
    if begun { failure.doubtful() } else { failure }
}
