//! The hot calls, by hyper: GET, HEAD, PUT, DELETE and UploadPart.
//!
//! | | |
//! |---|---|
//! | `call` | a request without its body |
//! | `send` | signs it, sends it, repeats it where that is safe: [`Hot::call`]; with a streamed body: [`Hot::upload`] |
//! | `pieces`, `outgoing` | a body on its way out |
//! | `answer`, `headers`, `error_body` | what comes back |
//! | `address`, `signer`, `keyring`, `client`, `limit` | what it takes |

mod address;
mod answer;
mod call;
mod client;
mod error_body;
mod headers;
mod key_file;
mod keyring;
mod limit;
mod outgoing;
mod pieces;
mod send;
mod signer;

use std::sync::Arc;
use std::time::Duration;

use hallmark_config::S3Store as Settings;

pub(super) use address::Endpoint;
pub(super) use answer::{Answer, AnswerBody};
pub(super) use call::Call;
pub(super) use headers::{Malformed, optional, required};
pub(super) use keyring::{KeySource, Keyring, Keys};
pub(super) use send::{Failed, Whole};

use self::client::Client;
use self::limit::Limit;
use self::pieces::{Begun, Pieces};
use self::signer::{Payload, Signer};
use super::connect::{Authorities, ConnectError};
use super::{S3Store, unbuilt};
use crate::name::ObjectName;
use crate::proof::{Unverified, UnverifiedHead};
use crate::store::{Body, Committed, Deleted, Deletion, GetError, Pin, PutError, Span, VersionId, Write};

/// What it takes to make them.
#[derive(Debug)]
pub(super) struct Hot {
    client: Client,
    endpoint: Endpoint,
    signer: Signer,
    limit: Limit,
    answer_timeout: Duration,
    attempts: usize,
}

impl Hot {
    /// Does not connect yet.
    pub(super) fn new(
        settings: &Settings,
        endpoint: Endpoint,
        region: &str,
        authorities: Option<Authorities>,
        keyring: Arc<Keyring>,
    ) -> Result<Self, ConnectError> {
        Ok(Self {
            client: client::client(settings, endpoint.scheme(), authorities)?,
            endpoint,
            signer: Signer::new(region, keyring),
            limit: Limit::new(settings.max_requests),
            answer_timeout: settings.answer_timeout,
            attempts: settings.attempts.max(1),
        })
    }

    /// Makes a call with the body of an upload, which stores all of it or nothing. A body that comes in one piece is sent
    /// again where the store was not reached or failed; see [`call`](Self::call).
    ///
    /// # Errors
    /// [`PutError::Incomplete`]: the body ended early or had another length. What else the store says of the call.
    pub(super) async fn upload(&self, call: Call<'_>, length: u64, body: Body) -> Result<Answer, PutError> {
        let digest = body.sha256().copied();
        match Pieces::begin(length, body).await? {
            Begun::Whole(bytes) => Ok(self.call(&call, &Whole::new(bytes, digest)).await?),
            Begun::More(mut pieces) => {
                let payload = digest.as_ref().map_or(Payload::Unsigned, Payload::Digest);
                Ok(self.stream(&send::long(call), payload, &mut pieces).await?)
            }
        }
    }
}

impl S3Store {
    pub(super) async fn put_object(
        &self,
        _object: &ObjectName,
        _write: Write,
        _length: u64,
        _body: Body,
    ) -> Result<Committed, PutError> {
        Err(PutError::NotStored(unbuilt("put_object")))
    }

    pub(super) async fn get_object(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
        _span: Span,
        _pin: Option<&Pin>,
    ) -> Result<Unverified, GetError> {
        Err(GetError::Store(unbuilt("get_object")))
    }

    pub(super) async fn head_object(
        &self,
        _object: &ObjectName,
        _version: Option<&VersionId>,
    ) -> Result<UnverifiedHead, GetError> {
        Err(GetError::Store(unbuilt("head_object")))
    }

    pub(super) async fn delete_object(
        &self,
        _object: &ObjectName,
        _deletion: Deletion,
    ) -> Result<Deleted, PutError> {
        Err(PutError::NotStored(unbuilt("delete_object")))
    }
}
