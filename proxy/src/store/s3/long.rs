//! Calls that last: the store moves bytes before it answers.

use std::time::Duration;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::cold::error::Failure;

/// What is waited for any answer.
const LEAST: Duration = Duration::from_secs(30);

/// How fast a store copies and joins at the least, bytes a second. AWS needs about a minute for 5 GiB.
const SPEED: u64 = 50 << 20;

/// No answer is waited for longer, be there so many bytes.
const MOST: Duration = Duration::from_secs(5 * 60);

/// How often such a call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tries {
    /// Once: what it makes is visible, so what came of it must be known exactly.
    Once,
    /// As often as any other call: nobody sees what it makes.
    Several,
}

/// The settings for a call that lasts, about so many bytes.
pub(super) fn lasting(tries: Tries, bytes: u64) -> Builder {
    let patience = MOST.min(LEAST + Duration::from_secs(bytes / SPEED));
    let timeouts =
        TimeoutConfig::builder().read_timeout(patience).operation_attempt_timeout(patience).build();
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
