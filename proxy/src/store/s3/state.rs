//! Hallmark's own small objects: one request each to write, read or delete one.

use bytes::Bytes;
use hallmark_signer::Sha256Digest;
use http::Method;
use http::header::ETAG;

use super::S3Store;
use super::cold::error::Failure;
use super::hot::{Answer, Call, Lasting, Whole, required, write_guard};
use super::places::area_prefix;
use super::stage::{is_missing, own};
use crate::proof::UnverifiedState;
use crate::store::{GetError, Guard, PutError, Span, StateArea, StateName, StoreError, StoreFault};

/// The longest that is read at a time, bytes: the record of an artifact of 5 TiB has 160 MiB, and is read in pages.
const MAX_READ: u64 = 256 << 20;

/// Pages of the store at most that make one listing of at most a thousand names: a page has as many as were asked for, on
/// some stores less.
const MAX_PAGES: usize = 32;

impl S3Store {
    pub(super) async fn put_state(
        &self,
        name: &StateName,
        value: Bytes,
        guard: Guard,
    ) -> Result<(), PutError> {
        if matches!(guard, Guard::Matches(_)) {
            return Err(PutError::Unsupported("state that replaces a certain version"));
        }
        let place = self.places.state(name);
        let mut call = Call::new(Method::PUT, &place);
        write_guard(&mut call.headers, &guard, self.findings().put)?;
        // A store that compares the digest keeps nothing that was damaged on its way.
        let digest = Sha256Digest::of(&value);
        let put = match self.hot.call(&call, &Whole::new(value.clone(), Some(digest))).await {
            Ok(answer) => said_to_be_stored(&answer),
            Err(failed) => Err(unwritten(failed.failure)),
        };
        match put {
            // What stands there now is the same, whoever wrote it: then it is written.
            Err(PutError::Unknown(error)) => match self.state_bytes(name, &one_more_than(&value)).await {
                Ok(Some(found)) if found == value => Ok(()),
                Ok(_) | Err(_) => Err(PutError::Unknown(error)),
            },
            put => put,
        }
    }

    pub(super) async fn read_state(
        &self,
        name: &StateName,
        span: Span,
    ) -> Result<Option<UnverifiedState>, StoreError> {
        Ok(self.state_bytes(name, &span).await?.map(UnverifiedState::new))
    }

    /// The bytes of `span`; what lies past the end is left out. An answer that breaks off is asked for once more: so much
    /// is at hand at once, or not at all.
    pub(super) async fn state_bytes(
        &self,
        name: &StateName,
        span: &Span,
    ) -> Result<Option<Bytes>, StoreError> {
        match self.state_bytes_once(name, span).await {
            Err(error) if error.fault == StoreFault::Unavailable => self.state_bytes_once(name, span).await,
            found => found,
        }
    }

    async fn state_bytes_once(&self, name: &StateName, span: &Span) -> Result<Option<Bytes>, StoreError> {
        let place = self.places.state(name);
        let (answer, extent) = match self.read(&place, None, span, None, Lasting::Short).await {
            Ok(found) => found,
            Err(GetError::NoSuchKey) => return Ok(None),
            // Nothing of it, of an empty object for one.
            Err(GetError::OutOfRange) => return Ok(Some(Bytes::new())),
            Err(GetError::Store(error)) => return Err(error),
            Err(error) => return Err(StoreError::new(StoreFault::Unavailable, error.to_string())),
        };
        let length = extent.span.end - extent.span.start;
        let limit = usize::try_from(length.min(MAX_READ)).unwrap_or(usize::MAX);
        let bytes = answer.collect(limit).await?;
        if bytes.len() as u64 != length {
            return Err(StoreError::new(StoreFault::Unavailable, "state was not read to its end"));
        }
        Ok(Some(bytes))
    }

    pub(super) async fn list_state(
        &self,
        area: StateArea,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let area = area_prefix(area);
        let prefix = format!("{area}{prefix}");
        let mut after = after.map(|after| format!("{area}{after}"));
        let mut names = Vec::new();
        for _ in 0..MAX_PAGES {
            let page = self.page_of_state(&prefix, after.as_deref(), limit - names.len()).await?;
            names.extend(page.keys.iter().filter_map(|key| Some(key.name.strip_prefix(area)?.to_owned())));
            if names.len() >= limit || !page.more {
                names.truncate(limit);
                return Ok(names);
            }
            after = page.keys.into_iter().last().map(|key| key.name);
        }
        Err(StoreError::new(StoreFault::Protocol, "a list of state has no end"))
    }

    pub(super) async fn delete_state(&self, name: &StateName) -> Result<(), StoreError> {
        let place = self.places.state(name);
        self.remove(&place).await.map_err(StoreError::from)
    }

    /// Deletes what stands at a place of our own.
    pub(super) async fn remove(&self, place: &super::places::Place) -> Result<(), Failure> {
        match self.hot.call(&Call::new(Method::DELETE, place), &Whole::default()).await {
            Ok(_) => Ok(()),
            Err(failed) if is_missing(&failed.failure) => Ok(()),
            Err(failed) => Err(failed.failure),
        }
    }
}

/// A write that was refused. That what it makes is missing is no reason to refuse it, and nobody asked for that.
fn unwritten(failure: Failure) -> PutError {
    match own(failure) {
        PutError::NoSuchKey | PutError::NoSuchVersion | PutError::NoSuchStage => {
            let message = "state was not written because what it makes is missing";
            PutError::NotStored(StoreError::new(StoreFault::Protocol, message))
        }
        error => error,
    }
}

/// As much as shows whether it is this value that stands there, and nothing else; no more is taken from a store that claims
/// to have more.
fn one_more_than(value: &Bytes) -> Span {
    Span::Bytes(0..value.len() as u64 + 1)
}

/// A store that stored something says as what. One that does not, or says something else with the status of a success, is
/// not believed.
fn said_to_be_stored(answer: &Answer) -> Result<(), PutError> {
    required(&answer.headers, &ETAG).map(drop).map_err(|malformed| PutError::Unknown(malformed.into()))
}
