//! The hot calls, by hyper: GET, HEAD, PUT, DELETE and UploadPart.
//!
//! | | |
//! |---|---|
//! | `call` | a request without its body |
//! | `send` | signs it, sends it, repeats it where that is safe: [`Hot::call`]; with a streamed body: [`Hot::upload`] |
//! | `pieces`, `outgoing` | a body on its way out |
//! | `answer`, `headers`, `error_body` | what comes back |
//! | `get`, `put`, `delete`, `attributes`, `lock` | calls about objects, and what they say in headers |
//! | `address`, `signer`, `keyring`, `client`, `timed`, `limit` | what it takes |

mod address;
mod answer;
mod attributes;
mod call;
mod client;
mod delete;
mod error_body;
mod get;
mod headers;
mod key_file;
mod keyring;
mod limit;
mod lock;
mod outgoing;
mod pieces;
mod put;
mod send;
mod signer;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod timed;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hallmark_config::S3Store as Settings;

pub(super) use address::Endpoint;
#[allow(unused_imports, reason = "for stages, copies and state")]
pub(super) use answer::{Answer, AnswerBody};
#[allow(unused_imports, reason = "for stages, copies and state")]
pub(super) use attributes::{
    is_delete_marker, pin, quoted, read_head, version, write_attributes, write_tags,
};
pub(super) use call::Call;
#[allow(unused_imports, reason = "for stages, copies and state")]
pub(super) use get::Extent;
#[allow(unused_imports, reason = "for stages, copies and state")]
pub(super) use headers::{Malformed, optional, required};
pub(super) use keyring::{KeySource, Keyring, Keys};
pub(super) use limit::{Lasting, Limit, PATIENCE};
#[allow(unused_imports, reason = "for stages, copies and state")]
pub(super) use lock::write_lock;
#[allow(unused_imports, reason = "for stages, copies and state")]
pub(super) use put::{write_guard, write_headers};
#[allow(unused_imports, reason = "for stages, copies and state")]
pub(super) use send::{Failed, Whole};

use self::client::Client;
use self::pieces::{Begun, Pieces};
use self::signer::{Payload, Signer};
use super::connect::{Authorities, ConnectError};
use crate::store::{Body, PutError};

/// What it takes to make them.
#[derive(Debug)]
pub(super) struct Hot {
    client: Client,
    endpoint: Endpoint,
    signer: Signer,
    limit: Limit,
    answer_timeout: Duration,
    attempts: usize,
    /// Whether the store was seen to say that a delete marker stands there.
    tells_of_markers: AtomicBool,
}

impl Hot {
    /// Does not connect yet.
    pub(super) fn new(
        settings: &Settings,
        endpoint: Endpoint,
        region: &str,
        authorities: Option<Authorities>,
        keyring: Arc<Keyring>,
        limit: Limit,
    ) -> Result<Self, ConnectError> {
        Ok(Self {
            client: client::client(settings, endpoint.scheme(), authorities)?,
            endpoint,
            signer: Signer::new(region, keyring),
            limit,
            answer_timeout: settings.answer_timeout,
            attempts: settings.attempts.max(1),
            tells_of_markers: AtomicBool::new(false),
        })
    }

    fn tells_of_markers(&self) -> bool {
        self.tells_of_markers.load(Ordering::Relaxed)
    }

    fn told_of_marker(&self) {
        self.tells_of_markers.store(true, Ordering::Relaxed);
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
