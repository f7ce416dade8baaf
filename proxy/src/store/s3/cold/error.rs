//! From the SDK's errors to ours. Used wherever a call goes through the SDK.
//!
//! What a store says is for the log only: cut, and with control characters escaped.

use std::error::Error;
use std::fmt::Write as _;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use hyper_util::client::legacy::Error as ClientError;

use super::counted::Shed;
use super::reason::Reason;
use crate::store::{GetError, PutError, StoreError, StoreFault};

/// The longest text of a store that goes to the log, bytes.
const MAX_MESSAGE_BYTES: usize = 512;

/// The most causes of an error that are told.
const MAX_CAUSES: usize = 8;

/// A call that did not succeed.
#[derive(Debug, Clone)]
pub(in crate::store::s3) struct Failure {
    /// What became of it.
    pub(in crate::store::s3) cause: Cause,
    /// The store's own word for it.
    code: Option<Box<str>>,
    message: String,
}

/// What became of a call that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::s3) enum Cause {
    /// The store answered that it did not do it.
    Refused(Reason),
    /// The request never left: it could not be made, or there is no connection.
    Unsent,
    /// There was no answer in time.
    Late,
    /// The connection broke before there was an answer.
    Lost,
    /// There was an answer that nobody can read.
    Malformed,
    /// The request was not made: too many others were under way.
    Shed,
}

impl Failure {
    /// What `error` says of the call `what`.
    pub(in crate::store::s3) fn of<E>(what: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ConstructionFailure(_) => Self::new(Cause::Unsent, what, &causes(error)),
            SdkError::TimeoutError(_) => Self::new(Cause::Late, what, &causes(error)),
            SdkError::DispatchFailure(failure) => {
                let connecting = find::<ClientError>(error).is_some_and(ClientError::is_connect);
                let cause = if find::<Shed>(error).is_some() {
                    Cause::Shed
                } else if connecting {
                    Cause::Unsent
                } else if failure.is_timeout() {
                    Cause::Late
                } else {
                    Cause::Lost
                };
                Self::new(cause, what, &causes(error))
            }
            SdkError::ServiceError(refusal) => {
                let (status, code) = (refusal.raw().status().as_u16(), refusal.err().code());
                let message = refusal.err().message();
                // An answer that cannot be parsed comes as an error of the service, with the status of a success.
                if (200..=299).contains(&status) && code.is_none() {
                    return Self::new(Cause::Malformed, what, &causes(error));
                }
                Self::answered(what, status, code, message)
            }
            // `SdkError` may grow: what is not known is taken for the worst.
            SdkError::ResponseError(_) | _ => Self::new(Cause::Malformed, what, &causes(error)),
        }
    }

    /// An answer of success that makes no sense.
    pub(in crate::store::s3) fn malformed(what: &str, why: &str) -> Self {
        Self::new(Cause::Malformed, what, why)
    }

    /// A refusal within an answer of success, as the results of many deletions at once have it.
    pub(in crate::store::s3) fn refused(what: &str, code: &str, message: &str) -> Self {
        // There is no status: codes of a store's own failures are known by their names.
        let status = match code {
            "InternalError" | "ServiceUnavailable" => 500,
            "AccessDenied" => 403,
            _ => 400,
        };
        let reason = Reason::of(status, Some(code), Some(message));
        let text = format!("{code}: {message}");
        Self { code: Some(code.into()), ..Self::new(Cause::Refused(reason), what, &text) }
    }

    /// An answer of `status`, not a success, to the call `what`.
    pub(in crate::store::s3) fn answered(
        what: &str,
        status: u16,
        code: Option<&str>,
        message: Option<&str>,
    ) -> Self {
        let cause = Cause::Refused(Reason::of(status, code, message));
        let text = format!("{status} {}: {}", code.unwrap_or("-"), message.unwrap_or("-"));
        Self { code: code.map(Into::into), ..Self::new(cause, what, &text) }
    }

    /// The same of a write of which an earlier attempt was perhaps done: whatever came of the last one says nothing of
    /// that. A condition that does not hold may not hold because of it.
    #[must_use]
    pub(in crate::store::s3) fn doubtful(self) -> Self {
        let cause = match self.cause {
            Cause::Refused(_) | Cause::Unsent | Cause::Shed | Cause::Lost => Cause::Lost,
            cause @ (Cause::Late | Cause::Malformed) => cause,
        };
        Self { cause, ..self }
    }

    /// A call `what` of which `cause` came.
    pub(in crate::store::s3) fn new(cause: Cause, what: &str, message: &str) -> Self {
        Self { cause, code: None, message: loggable(&format!("{what}: {message}")) }
    }

    /// Whether the store refused with this code.
    pub(in crate::store::s3) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether the store gave no code.
    pub(in crate::store::s3) fn is_mute(&self) -> bool {
        self.code.is_none()
    }

    /// Why the store refused; `None`: it did not.
    pub(in crate::store::s3) fn reason(&self) -> Option<Reason> {
        match self.cause {
            Cause::Refused(reason) => Some(reason),
            Cause::Unsent | Cause::Late | Cause::Lost | Cause::Malformed | Cause::Shed => None,
        }
    }

    /// Whether what the call is about is not there, or is a delete marker.
    pub(in crate::store::s3) fn is_absence(&self) -> bool {
        let absent = [Reason::Missing, Reason::NoSuchKey, Reason::NoSuchVersion, Reason::MethodNotAllowed];
        self.reason().is_some_and(|reason| absent.contains(&reason))
    }

    /// The same of a write that was perhaps sent more than once: that its last attempt did nothing says nothing of the
    /// first.
    #[must_use]
    pub(in crate::store::s3) fn repeated(self) -> Self {
        let cause = match self.cause {
            Cause::Unsent | Cause::Shed => Cause::Lost,
            Cause::Refused(Reason::Busy) => Cause::Refused(Reason::Failed),
            cause @ (Cause::Refused(_) | Cause::Late | Cause::Lost | Cause::Malformed) => cause,
        };
        Self { cause, ..self }
    }

    /// The same of a write to what can be locked: some stores say of a lock only that access is denied.
    #[must_use]
    pub(in crate::store::s3) fn of_lockable(self) -> Self {
        let cause = match self.cause {
            Cause::Refused(Reason::Denied) => Cause::Refused(Reason::Locked),
            cause => cause,
        };
        Self { cause, ..self }
    }

    /// As an error of a write, of a call that not every store has: `what` it is about.
    pub(in crate::store::s3) fn optional(self, what: &'static str) -> PutError {
        match self.cause {
            Cause::Refused(Reason::NotImplemented | Reason::MethodNotAllowed) => PutError::Unsupported(what),
            Cause::Refused(_)
            | Cause::Unsent
            | Cause::Late
            | Cause::Lost
            | Cause::Malformed
            | Cause::Shed => self.into(),
        }
    }

    fn fault(&self) -> StoreFault {
        match self.cause {
            Cause::Late => StoreFault::Timeout,
            Cause::Shed => StoreFault::Busy,
            Cause::Unsent
            | Cause::Lost
            | Cause::Refused(Reason::Busy | Reason::Failed | Reason::Denied | Reason::Full) => {
                StoreFault::Unavailable
            }
            Cause::Malformed | Cause::Refused(_) => StoreFault::Protocol,
        }
    }

    /// What it means of a call about a bucket as a whole: no key, version or upload can be missing there.
    pub(in crate::store::s3) fn of_bucket(self) -> GetError {
        if self.reason() == Some(Reason::NoSuchBucket) {
            return GetError::NoSuchBucket;
        }
        GetError::Store(self.store_error())
    }

    fn store_error(self) -> StoreError {
        StoreError::new(self.fault(), self.message)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        failure.store_error()
    }
}

impl From<Failure> for GetError {
    fn from(failure: Failure) -> Self {
        match failure.reason() {
            Some(Reason::NoSuchBucket) => Self::NoSuchBucket,
            Some(Reason::NoSuchKey) => Self::NoSuchKey,
            Some(Reason::NoSuchVersion) => Self::NoSuchVersion,
            Some(Reason::NoSuchUpload) => Self::NoSuchStage,
            Some(Reason::OutOfRange) => Self::OutOfRange,
            Some(Reason::GuardFailed) => Self::Changed,
            Some(
                Reason::Missing
                | Reason::InvalidPart
                | Reason::PartTooSmall
                | Reason::BucketOwned
                | Reason::BucketTaken
                | Reason::NotEmpty
                | Reason::Locked
                | Reason::NoLock
                | Reason::BucketState
                | Reason::NoTags
                | Reason::NotImplemented
                | Reason::MethodNotAllowed
                | Reason::Denied
                | Reason::Busy
                | Reason::Conflict
                | Reason::Failed
                | Reason::Redirected
                | Reason::Full
                | Reason::Refused,
            )
            | None => Self::Store(failure.store_error()),
        }
    }
}

/// A write that was sent once; see [`Failure::repeated`] for others. An answer that says that nothing was done is
/// believed: a store that lies there can lie in any other.
impl From<Failure> for PutError {
    fn from(failure: Failure) -> Self {
        match failure.cause {
            Cause::Refused(reason) => match reason {
                Reason::NoSuchBucket => Self::NoSuchBucket,
                Reason::NoSuchKey => Self::NoSuchKey,
                Reason::NoSuchVersion => Self::NoSuchVersion,
                Reason::NoSuchUpload => Self::NoSuchStage,
                Reason::GuardFailed => Self::GuardFailed,
                Reason::Conflict => Self::Conflict,
                Reason::Locked => Self::Locked,
                Reason::NoLock => Self::NoObjectLock,
                Reason::NotImplemented => Self::Unsupported("this request"),
                Reason::Failed => Self::Unknown(failure.store_error()),
                Reason::Missing
                | Reason::InvalidPart
                | Reason::PartTooSmall
                | Reason::OutOfRange
                | Reason::BucketOwned
                | Reason::BucketTaken
                | Reason::NotEmpty
                | Reason::BucketState
                | Reason::NoTags
                | Reason::MethodNotAllowed
                | Reason::Denied
                | Reason::Busy
                | Reason::Redirected
                | Reason::Full
                | Reason::Refused => Self::NotStored(failure.store_error()),
            },
            Cause::Unsent | Cause::Shed => Self::NotStored(failure.store_error()),
            Cause::Late | Cause::Lost | Cause::Malformed => Self::Unknown(failure.store_error()),
        }
    }
}

/// Text of a store as it may stand in a log: one line, at most [`MAX_MESSAGE_BYTES`] bytes.
pub(in crate::store::s3) fn loggable(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        let length = line.len();
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            // Writing to a string cannot fail.
            let _ = write!(line, "{}", c.escape_debug());
        } else {
            line.push(c);
        }
        if line.len() > MAX_MESSAGE_BYTES - '…'.len_utf8() {
            line.truncate(length);
            line.push('…');
            break;
        }
    }
    line
}

/// An error and what caused it, on one line.
fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| (*error).source());
    chain.take(MAX_CAUSES).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::error::{ConnectorError, ErrorMetadata};
    use aws_sdk_s3::operation::put_object::PutObjectError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    type Given = SdkError<PutObjectError, HttpResponse>;

    fn answered(status: u16, code: Option<&str>) -> Given {
        let mut meta = ErrorMetadata::builder().message("the store's\nown words");
        if let Some(code) = code {
            meta = meta.code(code);
        }
        let status = StatusCode::try_from(status).unwrap();
        SdkError::service_error(
            PutObjectError::generic(meta.build()),
            HttpResponse::new(status, SdkBody::empty()),
        )
    }

    fn put(error: &Given) -> PutError {
        Failure::of("PutObject", error).into()
    }

    #[test]
    fn writes_are_stored_or_not_or_nobody_knows() {
        let io = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let response = HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::empty());
        for lost in [
            Given::timeout_error("late"),
            Given::dispatch_failure(ConnectorError::io(io().into())),
            Given::dispatch_failure(ConnectorError::timeout("late".into())),
            Given::response_error("no XML", response),
            answered(200, None),
            answered(500, Some("InternalError")),
            answered(503, Some("ServiceUnavailable")),
        ] {
            assert!(matches!(put(&lost), PutError::Unknown(_)), "{lost:?}");
        }
        for refused in [
            Given::construction_failure("no such header"),
            answered(503, Some("SlowDown")),
            answered(403, Some("AccessDenied")),
            answered(400, Some("MalformedXML")),
        ] {
            assert!(matches!(put(&refused), PutError::NotStored(_)), "{refused:?}");
        }
        assert!(matches!(put(&answered(412, Some("PreconditionFailed"))), PutError::GuardFailed));
        assert!(matches!(put(&answered(404, Some("NoSuchUpload"))), PutError::NoSuchStage));
    }

    #[test]
    fn of_writes_that_were_repeated_less_is_known() {
        for error in [Given::construction_failure("gone"), answered(503, Some("SlowDown"))] {
            let failure = Failure::of("PutObject", &error);
            assert!(matches!(PutError::from(failure.clone()), PutError::NotStored(_)));
            assert!(matches!(PutError::from(failure.repeated()), PutError::Unknown(_)), "{error:?}");
        }
    }

    #[test]
    fn faults_say_whose_they_are() {
        for (error, fault) in [
            (Given::timeout_error("late"), StoreFault::Timeout),
            (answered(200, None), StoreFault::Protocol),
            (answered(503, Some("SlowDown")), StoreFault::Unavailable),
            (answered(403, None), StoreFault::Unavailable),
            (answered(301, Some("PermanentRedirect")), StoreFault::Protocol),
        ] {
            assert_eq!(StoreError::from(Failure::of("PutObject", &error)).fault, fault, "{error:?}");
        }
    }

    #[test]
    fn what_goes_to_the_log_is_one_short_line() {
        let error = StoreError::from(Failure::of("PutObject", &answered(400, Some("Odd\u{1b}[0m"))));
        assert_eq!(error.message, "PutObject: 400 Odd\\u{1b}[0m: the store's\\nown words");
        for c in ["x", "ä", "\n", "\u{10FFFF}"] {
            let line = loggable(&c.repeat(5000));
            assert!((500..=MAX_MESSAGE_BYTES).contains(&line.len()) && line.ends_with('…'), "{}", line.len());
            assert!(!line.chars().any(char::is_control));
        }
    }
}
