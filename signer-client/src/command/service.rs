//! Failures of requests, for people: the server's words without the SDK's.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::command::authorities;
use crate::command::failure::{Exit, Failure, RefusedBy};
use crate::command::hint;

/// Why an artifact was refused; an answer to HEAD has nothing else to say it.
const REFUSED_HEADER: &str = "x-hallmark-refused";
/// What the server's codes for refused artifacts begin with.
const ARTIFACT: &str = "Artifact";
/// The longest message of a server that is shown, characters.
const MAX_MESSAGE: usize = 500;

/// The server's code for what a client's permissions do not allow.
pub(crate) const ACCESS_DENIED: &str = "AccessDenied";

/// A request that failed.
pub(crate) type SdkFailure<E> = SdkError<E, HttpResponse>;

/// An operation's own error.
pub(crate) trait ServiceError: ProvideErrorMetadata + Error + 'static {}

impl<E: ProvideErrorMetadata + Error + 'static> ServiceError for E {}

/// What an answer with an error says.
struct Answer<'a> {
    status: u16,
    refused: Option<&'a str>,
    code: Option<&'a str>,
    message: Option<&'a str>,
}

/// The failure that `error` is; `doing` says what was tried, `endpoint` with whom.
pub(crate) fn failure<E: ServiceError>(doing: &str, endpoint: &str, error: &SdkFailure<E>) -> Failure {
    match error {
        SdkError::ServiceError(service) => of_answer(
            doing,
            &Answer {
                status: service.raw().status().as_u16(),
                refused: service.raw().headers().get(REFUSED_HEADER),
                code: service.err().code(),
                message: service.err().message(),
            },
        ),
        SdkError::TimeoutError(_) => no_answer(doing, endpoint),
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => no_answer(doing, endpoint),
        SdkError::DispatchFailure(dispatch)
            if dispatch.as_connector_error().is_some_and(|error| authorities::distrusted(error)) =>
        {
            Failure::failed(format!("cannot {doing}: the certificate of {endpoint} is not trusted")).hint(
                "the endpoint's certificate is not trusted: give its CA by --ca-bundle or AWS_CA_BUNDLE",
            )
        }
        SdkError::DispatchFailure(dispatch) => {
            let reason = dispatch.as_connector_error().map_or_else(String::new, |error| innermost(error));
            Failure::failed(format!("cannot {doing}: {endpoint}: {reason}"))
                .hint("does the endpoint run, and is its URL right?")
        }
        SdkError::ResponseError(_) => {
            Failure::failed(format!("cannot {doing}: {endpoint} gave no proper answer"))
        }
        error => Failure::failed(format!("cannot {doing}: {}", innermost(error))),
    }
}

/// Whether the endpoint refused in an answer that may have a document to say why, to whoever may see it.
pub(crate) fn has_reason<E>(error: &SdkFailure<E>) -> bool {
    // 404 says it all.
    error.raw_response().is_some_and(|answer| matches!(answer.status().as_u16(), 400 | 403))
}

fn no_answer(doing: &str, endpoint: &str) -> Failure {
    Failure::failed(format!("cannot {doing}: no answer from {endpoint} in time"))
}

/// Whose fault an answer says it is.
fn of_answer(doing: &str, answer: &Answer<'_>) -> Failure {
    let Answer { status, refused, code, message } = *answer;
    // An answer to HEAD has no document that could name the code.
    let code = refused.or(code).or((status == 403).then_some(ACCESS_DENIED));
    let artifact = status == 403 && code.is_some_and(|code| code.starts_with(ARTIFACT));
    let reason = match (message.filter(|message| !message.is_empty()), status) {
        (Some(message), _) => message.chars().take(MAX_MESSAGE).collect(),
        (None, _) if artifact => "the server refuses to serve the artifact".to_owned(),
        (None, 403) => "the server denies access".to_owned(),
        (None, 404) => "there is no such object".to_owned(),
        (None, status) => format!("the server answered {status}"),
    };
    let exit = match status {
        403 if artifact => Exit::Refused,
        404 => Exit::NotFound,
        _ => Exit::Failed,
    };
    let refused_by = (exit == Exit::Refused).then_some(RefusedBy::Server);
    let failure = Failure {
        exit,
        refused_by,
        code: code.map(|code| code.chars().take(MAX_MESSAGE).collect()),
        ..Failure::failed(format!("cannot {doing}: {reason}"))
    };
    hint::onto(failure, message)
}

/// What an error has at its root.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_give_the_documented_exit_codes() {
        let digest = Some("ArtifactDigestMismatch");
        for (status, refused, code, exit, shown) in [
            (403, digest, None, Exit::Refused, digest),
            (403, None, digest, Exit::Refused, digest),
            (403, None, Some("AccessDenied"), Exit::Failed, Some("AccessDenied")),
            (403, None, None, Exit::Failed, Some(ACCESS_DENIED)),
            (500, None, digest, Exit::Failed, digest),
            (404, None, Some("NoSuchKey"), Exit::NotFound, Some("NoSuchKey")),
            (404, None, None, Exit::NotFound, None),
            (400, None, Some("BadDigest"), Exit::Failed, Some("BadDigest")),
            (503, None, Some("SlowDown"), Exit::Failed, Some("SlowDown")),
        ] {
            let failure = of_answer("read s3://b/k", &Answer { status, refused, code, message: None });
            assert_eq!((failure.exit, failure.code.as_deref()), (exit, shown), "{status} {code:?}");
            assert_eq!(failure.refused_by.is_some(), exit == Exit::Refused);
        }
    }

    #[test]
    fn the_servers_reason_is_shown_and_bounded() {
        let message = "x".repeat(10_000);
        let answer = Answer { status: 400, refused: None, code: None, message: Some(&message) };
        assert!(of_answer("read", &answer).message.len() < 1000);
    }
}
