//! When the SDK asks again, beyond what it does by itself.

use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_s3::error::ConnectorError;

/// A store that says 429 wants to be asked less, and later: the SDK knows that by S3's codes alone, which not all stores use.
#[derive(Debug)]
pub(in crate::store::s3) struct TooManyRequests;

impl ClassifyRetry for TooManyRequests {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response() {
            Some(response) if response.status().as_u16() == 429 => RetryAction::throttling_error(),
            Some(_) | None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "too many requests"
    }
}

/// A store that was too slow may do it yet, over what others have written since: what depends on nothing is not asked for
/// again then. For calls that write.
#[derive(Debug)]
pub(super) struct NotWhenLate;

impl ClassifyRetry for NotWhenLate {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let late = context.output_or_error().and_then(Result::err).is_some_and(|error| {
            error.is_timeout_error() || error.as_connector_error().is_some_and(ConnectorError::is_timeout)
        });
        if late { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "not when late"
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::interceptors::context::Input;
    use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;

    use super::*;

    #[test]
    fn what_was_late_is_not_asked_for_again() {
        for (error, action) in [
            (OrchestratorError::timeout("late".into()), RetryAction::RetryForbidden),
            (
                OrchestratorError::connector(ConnectorError::timeout("late".into())),
                RetryAction::RetryForbidden,
            ),
            (
                OrchestratorError::connector(ConnectorError::io("reset".into())),
                RetryAction::NoActionIndicated,
            ),
        ] {
            let mut context = InterceptorContext::new(Input::doesnt_matter());
            context.set_output_or_error(Err(error));
            assert_eq!(NotWhenLate.classify_retry(&context), action);
        }
    }
}
