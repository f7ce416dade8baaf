//! Files beside an artifact: read whole, and written only if what was seen still stands there.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use hallmark_signer::evidence::MAX_FILE;
use hallmark_signer::{PublicKey, Sha256Digest};

use crate::command::args::ConfiguredName;
use crate::command::body::SignedPayload;
use crate::command::download::{Download, Sink};
use crate::command::failure::{Exit, Failure};
use crate::command::head::HeadKeeper;
use crate::command::keys::SealTrust;
use crate::command::location::Location;
use crate::command::remote::Remote;
use crate::command::{service, standing};

/// Whether the endpoint takes something for signatures over another object.
pub(crate) const SIBLING_HEADER: &str = "x-hallmark-sibling";

/// User metadata of what is written: the role that was approved for.
const ROLE: &str = "approval-role";
/// And the id of the key that did, so that the endpoint can say whether it counts before it takes it.
const KEY: &str = "approval-key";

/// A file that is there.
pub(crate) struct Found {
    pub(crate) bytes: Vec<u8>,
    /// With quotes.
    pub(crate) etag: String,
}

/// A file to be written.
pub(crate) struct New<'a> {
    pub(crate) bytes: Vec<u8>,
    pub(crate) role: &'a ConfiguredName,
    pub(crate) key: &'a PublicKey,
}

/// On what it depends that it is written.
pub(crate) enum Condition {
    /// Nothing stands there.
    Absent,
    /// What stands there has this ETag.
    Matches(String),
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Stored,
    /// Something else stands there.
    Occupied,
}

/// The object whose key is that of `location` with `suffix`.
pub(crate) fn beside(location: &Location, suffix: &str) -> Result<Location, Failure> {
    let key = format!("{}{suffix}", location.key());
    Location::new(location.bucket(), &key).ok_or_else(|| Failure::usage(format!("no object is called {key}")))
}

/// Reads a file as a download, with all of its checks; `None`: there is none.
pub(crate) async fn read(
    remote: &Remote,
    at: &Location,
    seals: Option<&SealTrust>,
) -> Result<Option<Found>, Failure> {
    struct Bytes(Vec<u8>);
    impl Sink for Bytes {
        async fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
    }
    let download = Download { remote, location: at, version: None, seals };
    let (checked, body) = match download.open().await {
        Err(Failure { exit: Exit::NotFound, .. }) => return Ok(None),
        opened => opened?,
    };
    if checked.told().size > MAX_FILE as u64 {
        return Err(Failure::failed(format!("{at} is longer than {MAX_FILE} bytes, which no signature is")));
    }
    let mut bytes = Bytes(Vec::new());
    checked.demand_content(&download.receive(&checked, body, &mut bytes).await?)?;
    Ok(Some(Found { bytes: bytes.0, etag: format!("\"{}\"", checked.told().etag) }))
}

/// Writes a file.
pub(crate) async fn put(
    remote: &Remote,
    at: &Location,
    file: New<'_>,
    condition: &Condition,
) -> Result<Put, Failure> {
    let New { bytes, role, key } = file;
    let signed = SignedPayload(Sha256Digest::of(&bytes));
    let request = remote
        .client
        .put_object()
        .bucket(at.bucket())
        .key(at.key())
        .metadata(ROLE, role.as_str())
        .metadata(KEY, key.id().to_hex())
        .body(ByteStream::from(bytes));
    let request = match condition {
        Condition::Absent => request.if_none_match("*"),
        Condition::Matches(etag) => request.if_match(etag),
    };
    match request.customize().interceptor(signed).send().await {
        Ok(_) => Ok(Put::Stored),
        // 409: of two at once the other one won; 404: what was to be matched is gone.
        Err(SdkError::ServiceError(error)) if matches!(error.raw().status().as_u16(), 404 | 409 | 412) => {
            Ok(Put::Occupied)
        }
        Err(error) => Err(service::failure(&format!("write {at}"), &remote.endpoint, &error)),
    }
}

/// Refuses to call something an approval that the endpoint does not take for a signature over the artifact.
pub(crate) async fn demand_counts(
    remote: &Remote,
    artifact: &Location,
    at: &Location,
) -> Result<(), Failure> {
    let keeper = HeadKeeper::default();
    let request = remote.client.head_object().bucket(at.bucket()).key(at.key());
    let sent = request.customize().interceptor(keeper.clone()).send().await;
    match sent {
        Ok(_) if keeper.take().once(SIBLING_HEADER)?.is_some() => return Ok(()),
        Ok(_) => {}
        Err(error) => {
            let failure = service::failure(&format!("read back {at}"), &remote.endpoint, &error);
            // It is an artifact like any other there, and waits for signatures itself.
            if !standing::waits(&failure) {
                return Err(failure);
            }
        }
    }
    let message =
        format!("{at} is there, but the endpoint does not look there for signatures over {artifact}");
    Err(Failure::failed(message).hint(where_it_counts(at)))
}

/// What to look at where a signature does not count.
pub(crate) fn where_it_counts(at: &Location) -> String {
    let kind = if at.key().ends_with(".jsonl") { "intoto" } else { "sig" };
    format!(
        "does the rule for the artifact have `siblings = [\"{kind}\"]`, and name a signer of that name? (--as NAME says \
         what the configuration calls the signer)"
    )
}
