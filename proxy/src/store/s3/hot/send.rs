//! Sends requests: signed, limited in number, each wait bounded, and again where a repeat is safe.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_smithy_runtime_api::client::identity::Identity;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::Bytes;
use futures_util::future::{Either, select};
use hallmark_signer::Sha256Digest;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::uri::InvalidUri;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Error;
use tokio::time::{Instant, sleep, timeout};

use super::Hot;
use super::answer::Answer;
use super::call::Call;
use super::error_body::{self, ErrorBody};
use super::headers;
use super::keyring::{Renewed, innermost};
use super::limit::{Lasting, Permit};
use super::outgoing::Outgoing;
use super::pieces::{Feed, NotSent, Pieces};
use super::signer::Payload;
use crate::store::s3::cold::error::{Cause, Failure};
use crate::store::s3::cold::reason::Reason;
use crate::store::{GetError, PutError, StoreError};

/// Time for all attempts together: less than callers of a store wait for it.
const ALL_ATTEMPTS: Duration = Duration::from_secs(25);
/// The waits between attempts grow from here, and are spread at random.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A store that asks for a longer wait than this is not asked again.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(5);

/// What the store says when it does not know our credentials, or no longer.
const KEYS_REFUSED: [&str; 6] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
];

/// A body that is all here.
#[derive(Debug, Clone, Default)]
pub(in crate::store::s3) struct Whole {
    bytes: Bytes,
    digest: Option<Sha256Digest>,
}

impl Whole {
    /// These bytes, whose digest is known or not: where it is not, nothing is said of it.
    pub(in crate::store::s3) fn new(bytes: Bytes, digest: Option<Sha256Digest>) -> Self {
        Self { bytes, digest }
    }
}

/// Why a call did not succeed.
#[derive(Debug, Clone)]
pub(in crate::store::s3) struct Failed {
    /// What became of it.
    pub(in crate::store::s3) failure: Failure,
    /// What the last attempt was refused for; nothing is known of those before.
    pub(in crate::store::s3) last: Option<Reason>,
    /// The headers of the refusal, if that is what came.
    pub(in crate::store::s3) headers: HeaderMap,
    keys_refused: bool,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self { last: failure.reason(), failure, headers: HeaderMap::new(), keys_refused: false }
    }
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        failed.failure.into()
    }
}

impl From<Failed> for GetError {
    fn from(failed: Failed) -> Self {
        failed.failure.into()
    }
}

impl From<Failed> for PutError {
    fn from(failed: Failed) -> Self {
        failed.failure.into()
    }
}

impl Failed {
    /// The same after an attempt that was perhaps done.
    fn doubtful(self) -> Self {
        Self { failure: self.failure.doubtful(), ..self }
    }

    /// Whether another attempt may fare better. Nothing is said of its being safe.
    fn transient(&self) -> bool {
        match self.failure.cause {
            Cause::Unsent | Cause::Late | Cause::Lost => true,
            Cause::Refused(reason) => matches!(reason, Reason::Busy | Reason::Failed),
            Cause::Malformed | Cause::Shed => false,
        }
    }

    /// Whether the store may have done what it was asked.
    fn perhaps_done(&self) -> bool {
        match self.failure.cause {
            Cause::Late | Cause::Lost | Cause::Malformed | Cause::Refused(Reason::Failed) => true,
            Cause::Unsent | Cause::Shed | Cause::Refused(_) => false,
        }
    }

    /// How long the store wants to be left alone, where it says so in seconds.
    fn retry_after(&self) -> Option<Duration> {
        let seconds = headers::optional(&self.headers, &RETRY_AFTER).ok()??.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

impl Hot {
    /// Makes a call whose body is all here, or empty, and repeats it where the store was not reached or failed. So the
    /// call must be such that doing it twice is as good as once, or bear a condition: of one that does not hold after an
    /// attempt that was perhaps done, nothing is known. After an attempt that was not answered in time, and may yet be done,
    /// only what [may come late](Call::may_come_late) is made again.
    ///
    /// # Errors
    /// The last attempt's, unless an earlier one was perhaps done.
    pub(in crate::store::s3) async fn call(&self, call: &Call<'_>, body: &Whole) -> Result<Answer, Failed> {
        let deadline = Instant::now() + ALL_ATTEMPTS;
        let mut waits = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(FIRST_WAIT)
            .with_max_delay(LONGEST_WAIT)
            .without_max_times()
            .build();
        // Whether any attempt was perhaps done, and any but the last.
        let (mut doubtful, mut before) = (false, false);
        let (mut attempts, mut renewed) = (1, false);
        loop {
            let permit = self.permit(call).await;
            let failed = match permit {
                Ok(permit) => match self.attempt(call, body, deadline, permit).await {
                    Ok(answer) => return Ok(answer),
                    Err((failed, identity)) => {
                        doubtful |= failed.perhaps_done();
                        if let Some(identity) = identity.filter(|_| failed.keys_refused && !renewed) {
                            renewed = true;
                            if self.signer.keyring.doubt(&identity).await == Renewed::Changed {
                                before = doubtful;
                                continue;
                            }
                        }
                        failed
                    }
                },
                Err(failure) => failure.into(),
            };
            let wait = waits.next().unwrap_or(LONGEST_WAIT).max(failed.retry_after().unwrap_or_default());
            let again = failed.transient()
                && (failed.failure.cause != Cause::Late || call.may_come_late())
                && attempts < self.attempts
                && wait <= MOST_RETRY_AFTER
                && Instant::now() + wait < deadline;
            if !again {
                return Err(if before && !call.reads() { failed.doubtful() } else { failed });
            }
            tracing::debug!(error = %StoreError::from(failed.failure.clone()), "a call to the store is made again");
            (before, attempts) = (doubtful, attempts + 1);
            sleep(wait).await;
        }
    }

    async fn attempt(
        &self,
        call: &Call<'_>,
        body: &Whole,
        deadline: Instant,
        permit: Permit,
    ) -> Result<Answer, (Failed, Option<Identity>)> {
        let patience = self.answer_timeout.min(deadline.saturating_duration_since(Instant::now()));
        let payload = match &body.digest {
            Some(digest) => Payload::Digest(digest),
            None if body.bytes.is_empty() => Payload::Empty,
            None => Payload::Unsigned,
        };
        let mut used = None;
        let answer = async {
            let (request, identity) =
                self.request(call, payload, Outgoing::whole(body.bytes.clone())).await?;
            used = Some(identity);
            Ok(self.client.request(request).await)
        };
        let answer = match timeout(patience, answer).await {
            Ok(Ok(response)) => self.accept(call, response, permit).await,
            Ok(Err(failed)) => Err(failed),
            Err(_) => Err(late(call, patience).into()),
        };
        answer.map_err(|failed| (failed, used))
    }

    /// Makes a call whose body comes through `pieces`, once.
    pub(super) async fn stream(
        &self,
        call: &Call<'_>,
        payload: Payload<'_>,
        pieces: &mut Pieces,
    ) -> Result<Answer, NotSent> {
        let permit = self.permit(call).await.map_err(|failure| NotSent::Before(failure.into()))?;
        let (feeder, body) = Outgoing::streamed(pieces.length());
        let taken = feeder.taken();
        let (request, identity) = match timeout(self.answer_timeout, self.request(call, payload, body)).await
        {
            Ok(made) => made.map_err(NotSent::Before)?,
            Err(_) => return Err(NotSent::Before(late(call, self.answer_timeout).into())),
        };
        let mut response = pin!(self.client.request(request));
        let answer = {
            let feed = pin!(pieces.feed(feeder, self.answer_timeout));
            match select(response.as_mut(), feed).await {
                Either::Left((answer, feed)) => {
                    // Kept till then: what abandons a body also ends what comes back.
                    let _feed = feed;
                    self.accept(call, answer, permit).await
                }
                Either::Right((Feed::Incomplete, _)) => return Err(NotSent::Incomplete),
                Either::Right((Feed::Stuck, _)) => Err(late(call, self.answer_timeout).into()),
                // If the connection was closed, then perhaps for a reason that was given before.
                Either::Right((Feed::All | Feed::Closed, _)) => {
                    match timeout(self.answer_timeout, response).await {
                        Ok(answer) => self.accept(call, answer, permit).await,
                        Err(_) => Err(late(call, self.answer_timeout).into()),
                    }
                }
            }
        };
        match answer {
            Ok(_) if !taken.load(Ordering::Relaxed) => {
                let why = "it was content with a part of the body";
                let failed = Failure::new(Cause::Malformed, &call.what(), why).into();
                Err(if pieces.all_handed_over() { NotSent::After(failed) } else { NotSent::Before(failed) })
            }
            Ok(answer) => Ok(answer),
            Err(failed) => {
                if failed.keys_refused {
                    self.signer.keyring.doubt(&identity).await;
                }
                Err(if pieces.all_handed_over() { NotSent::After(failed) } else { NotSent::Before(failed) })
            }
        }
    }

    async fn permit(&self, call: &Call<'_>) -> Result<Permit, Failure> {
        let permit = self.limit.enter(call.lasting).await;
        permit.map_err(|error| Failure::new(Cause::Shed, &call.what(), &error.message))
    }

    async fn request(
        &self,
        call: &Call<'_>,
        payload: Payload<'_>,
        body: Outgoing,
    ) -> Result<(Request<Outgoing>, Identity), Failed> {
        let unsent =
            |error: &dyn std::fmt::Display| Failure::new(Cause::Unsent, &call.what(), &error.to_string());
        let identity = self.signer.keyring.current().await.map_err(|error| unsent(&error))?;
        let url = self.endpoint.url(call.bucket, call.key, &call.query);
        let url: Uri = url.parse().map_err(|error: InvalidUri| unsent(&error))?;
        let mut headers = call.headers.clone();
        self.signer
            .sign(&identity, &call.method, &url, &mut headers, payload)
            .map_err(|error| unsent(&error))?;
        if call.method == Method::PUT {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(http_body::Body::size_hint(&body).lower()));
        }
        let mut request = Request::new(body);
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = url;
        *request.headers_mut() = headers;
        Ok((request, identity))
    }

    /// Tells success from refusal.
    async fn accept(
        &self,
        call: &Call<'_>,
        response: Result<Response<Incoming>, Error>,
        permit: Permit,
    ) -> Result<Answer, Failed> {
        let response = response.map_err(|error| lost(call, &error))?;
        let answer = Answer::new(response, self.answer_timeout, permit);
        if answer.status.is_success() {
            return Ok(answer);
        }
        let (status, headers) = (answer.status, answer.headers.clone());
        // Where the reason cannot be read, the status has to do.
        let document = answer.collect(error_body::MAX_BYTES).await.unwrap_or_default();
        let ErrorBody { code, message } = error_body::parse(&document);
        let keys_refused = match &code {
            Some(code) => KEYS_REFUSED.contains(&code.as_str()),
            // The answer to a HEAD says no more than that.
            None => call.method == Method::HEAD && status == StatusCode::FORBIDDEN,
        };
        let failure = Failure::answered(&call.what(), status.as_u16(), code.as_deref(), message.as_deref());
        Err(Failed { headers, keys_refused, ..failure.into() })
    }
}

fn lost(call: &Call<'_>, error: &Error) -> Failed {
    let cause = if error.is_connect() { Cause::Unsent } else { Cause::Lost };
    Failure::new(cause, &call.what(), &innermost(error)).into()
}

fn late(call: &Call<'_>, patience: Duration) -> Failure {
    Failure::new(Cause::Late, &call.what(), &format!("no answer within {patience:?}"))
}

/// Calls that upload last as long as somebody else sends.
pub(super) fn long(mut call: Call<'_>) -> Call<'_> {
    call.lasting = Lasting::Write;
    call
}
