//! A corner of the state bucket where things are tried out.
//!
//! Every run has names of its own, so that instances which start at once do not see each other's. What a run leaves behind
//! because it died is scratch state like any other, and goes with it.

use std::error::Error;
use std::sync::Mutex;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;

use crate::store::s3::cold::error::{Cause, Failure};
use crate::store::s3::cold::reason::Reason;
use crate::store::{StoreError, StoreFault};

/// Requests at once.
const AT_ONCE: usize = 16;

/// Where things are tried out.
#[derive(Debug)]
pub(super) struct Lab {
    /// Sends each request once: a repeat would answer another question than was asked.
    pub(super) sdk: Client,
    pub(super) bucket: String,
    folder: String,
    room: Semaphore,
    made: Mutex<Made>,
}

/// What is there to be removed.
#[derive(Debug, Default)]
struct Made {
    keys: Vec<String>,
    uploads: Vec<(String, String)>,
}

/// What a store said to a request.
pub(super) enum Said<T> {
    /// It did it.
    Done(T),
    /// It refused, and did nothing.
    Refused(Reason),
}

/// Headers of a request, as they are sent.
pub(super) type Headers<'a> = &'a [(&'static str, &'a str)];

impl Lab {
    pub(super) fn new(sdk: &Client, bucket: &str) -> Result<Self, StoreError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|error| StoreError::new(StoreFault::Unavailable, format!("no random bytes: {error}")))?;
        let config = sdk.config().to_builder().retry_config(RetryConfig::disabled()).build();
        Ok(Self {
            sdk: Client::from_conf(config),
            bucket: bucket.to_owned(),
            folder: format!("scratch/probe/{}/", hex::encode(random)),
            room: Semaphore::new(AT_ONCE),
            made: Mutex::default(),
        })
    }

    /// What the names of all that is tried begin with.
    pub(super) fn folder(&self) -> &str {
        &self.folder
    }

    /// The key of `name`.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// Waits until there are not too many requests under way, and then for the answer to one. On the heap: what the SDK keeps
    /// of a request is large, and many are asked at once.
    pub(super) fn ask<'l, T, E>(
        &'l self,
        what: &'static str,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'l,
    ) -> BoxFuture<'l, Result<T, Failure>>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        Box::pin(async move {
            // It is never closed.
            let _room = self.room.acquire().await.ok();
            request.await.map_err(|error| Failure::of(what, &error))
        })
    }

    /// Has `key` removed at the end.
    pub(super) fn will_make(&self, key: &str) {
        self.made().keys.push(key.to_owned());
    }

    /// Has an upload aborted at the end.
    pub(super) fn has_opened(&self, key: &str, upload: &str) {
        self.made().uploads.push((key.to_owned(), upload.to_owned()));
    }

    /// An upload is over: there is nothing to abort.
    pub(super) fn is_over(&self, upload: &str) {
        self.made().uploads.retain(|(_, open)| open != upload);
    }

    /// PutObject; gives the ETag.
    pub(super) async fn put(
        &self,
        key: &str,
        body: &Bytes,
        headers: Headers<'_>,
    ) -> Result<Said<String>, StoreError> {
        said(self.dare_put(key, body, headers).await.map(unquoted))
    }

    /// The same where also an answer that makes no sense, or none, says something.
    pub(super) async fn dare_put(
        &self,
        key: &str,
        body: &Bytes,
        headers: Headers<'_>,
    ) -> Result<Option<String>, Failure> {
        self.will_make(key);
        let put = self.sdk.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(body.clone()));
        Ok(self.ask("put", put.customize().mutate_request(adding(headers)).send()).await?.e_tag)
    }

    /// HeadObject; `None`: there is none.
    pub(super) async fn head(&self, key: &str) -> Result<Option<HeadObjectOutput>, StoreError> {
        let head = self.sdk.head_object().bucket(&self.bucket).key(key);
        there(said(self.ask("head", head.send()).await)?)
    }

    /// GetObject; `None`: there is none.
    pub(super) async fn get(&self, key: &str) -> Result<Option<(GetObjectOutput, Bytes)>, StoreError> {
        let get = self.sdk.get_object().bucket(&self.bucket).key(key);
        let Some(mut got) = there(said(self.ask("get", get.send()).await)?)? else { return Ok(None) };
        let body = std::mem::take(&mut got.body);
        let body = body.collect().await.map_err(|error| {
            StoreError::new(StoreFault::Unavailable, format!("get: the body broke off: {error}"))
        })?;
        Ok(Some((got, body.into_bytes())))
    }

    /// CopyObject within the lab; gives the ETag.
    pub(super) async fn copy(
        &self,
        from: &str,
        to: &str,
        headers: Headers<'_>,
    ) -> Result<Said<String>, StoreError> {
        self.will_make(to);
        let source = format!("{}/{from}", self.bucket);
        let copy = self.sdk.copy_object().bucket(&self.bucket).key(to).copy_source(source);
        let copied = self.ask("copy", copy.customize().mutate_request(adding(headers)).send()).await;
        said(copied.map(|copied| unquoted(copied.copy_object_result.and_then(|result| result.e_tag))))
    }

    /// DeleteObject.
    pub(super) async fn delete(&self, key: &str, headers: Headers<'_>) -> Result<Said<()>, StoreError> {
        said(self.dare_delete_with(key, headers).await)
    }

    /// The same where also an answer that makes no sense, or none, says something.
    pub(super) async fn dare_delete(&self, key: &str) -> Result<(), Failure> {
        self.dare_delete_with(key, &[]).await
    }

    async fn dare_delete_with(&self, key: &str, headers: Headers<'_>) -> Result<(), Failure> {
        let delete = self.sdk.delete_object().bucket(&self.bucket).key(key);
        let deleted = self.ask("delete", delete.customize().mutate_request(adding(headers)).send()).await;
        deleted.map(|_| ())
    }

    /// The names of an object's tags; none where the store has no tags.
    pub(super) async fn tags(&self, key: &str) -> Result<Vec<String>, StoreError> {
        let tags = self.sdk.get_object_tagging().bucket(&self.bucket).key(key);
        let tags = match self.ask("get tags", tags.send()).await {
            // Ceph's gateway has an empty answer for the tags of what came in parts.
            Err(Failure { cause: Cause::Malformed, .. }) => return Ok(Vec::new()),
            told => said(told)?.done(),
        };
        let names = tags.map(|tags| tags.tag_set().iter().map(|tag| tag.key().to_owned()).collect());
        Ok(names.unwrap_or_default())
    }

    /// The keys that are listed under `prefix`, as they are; `None`: the store lists no keys that way.
    pub(super) async fn list(&self, prefix: &str) -> Result<Option<Vec<String>>, StoreError> {
        let list = self.sdk.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let list = list.encoding_type(EncodingType::Url);
        let listed = said(self.ask("list", list.send()).await)?.done();
        Ok(listed.map(|listed| {
            let encoded = listed.encoding_type() == Some(&EncodingType::Url);
            let keys = listed.contents().iter().filter_map(|object| object.key());
            keys.map(|key| if encoded { decoded(key) } else { key.to_owned() }).collect()
        }))
    }

    /// Removes everything that was made, as far as the store lets. What stays is removed with other scratch state.
    pub(super) async fn clean_up(&self) {
        let Made { mut keys, uploads } = std::mem::take(&mut *self.made());
        keys.sort_unstable();
        keys.dedup();
        let abort = async |(key, upload): (String, String)| {
            let abort = self.sdk.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload);
            let _ = self.ask("abort", abort.send()).await;
        };
        join_all(uploads.into_iter().map(abort)).await;
        let delete = async |key: String| self.delete(&key, &[]).await;
        join_all(keys.into_iter().map(delete)).await;
    }

    fn made(&self) -> std::sync::MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<T> Said<T> {
    /// Whether it refused since a condition does not hold, or, of what is not there, cannot.
    pub(super) fn guard_failed(&self) -> bool {
        match self {
            Self::Refused(reason) => {
                matches!(reason, Reason::GuardFailed | Reason::Conflict | Reason::NoSuchKey | Reason::Missing)
            }
            Self::Done(_) => false,
        }
    }

    /// What it did.
    pub(super) fn done(self) -> Option<T> {
        match self {
            Self::Done(done) => Some(done),
            Self::Refused(_) => None,
        }
    }

    /// What it did; what nothing works without.
    pub(super) fn needed(self, what: &str) -> Result<T, StoreError> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Refused(reason) => {
                let message = format!("the store refused what nothing works without: {what} ({reason:?})");
                Err(StoreError::new(StoreFault::Unavailable, message))
            }
        }
    }
}

/// Adds headers before the request is signed. What is no header is left out.
pub(super) fn adding(headers: Headers<'_>) -> impl Fn(&mut HttpRequest) + Send + Sync + 'static {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    move |request| {
        for (name, value) in &headers {
            let _ = request.headers_mut().try_insert(*name, value.clone());
        }
    }
}

/// A refusal is an answer; everything else says nothing of what the store can do.
pub(super) fn said<T>(told: Result<T, Failure>) -> Result<Said<T>, StoreError> {
    match told {
        Ok(done) => Ok(Said::Done(done)),
        Err(failure) => match failure.cause {
            Cause::Refused(Reason::Busy | Reason::Failed | Reason::Redirected | Reason::Full) => {
                Err(failure.into())
            }
            Cause::Refused(reason) => Ok(Said::Refused(reason)),
            Cause::Shed | Cause::Unsent | Cause::Late | Cause::Lost | Cause::Malformed => Err(failure.into()),
        },
    }
}

fn there<T>(said: Said<T>) -> Result<Option<T>, StoreError> {
    match said {
        Said::Done(found) => Ok(Some(found)),
        Said::Refused(Reason::NoSuchKey | Reason::Missing) => Ok(None),
        refused @ Said::Refused(_) => refused.needed("reading").map(Some),
    }
}

/// Blanks come as `+` from some and as `%20` from others.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// An ETag without its quotes; empty if there is none.
pub(super) fn unquoted(etag: Option<String>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}
