//! Downloads: the head of the answer checked, the bytes handed on and hashed as they come, the rest asked for where they
//! break off. Whoever takes the bytes believes none of them before [`CheckedHead::demand_content`].

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use hallmark_signer::{Content, ContentHasher, SEAL_HEADER, WrongLength};

use crate::command::check::CheckedHead;
use crate::command::failure::Failure;
use crate::command::head::HeadKeeper;
use crate::command::keys::SealTrust;
use crate::command::location::Location;
use crate::command::remote::Remote;
use crate::command::service;

/// A download that broke off is taken up so often in a row while less than [`PROGRESS`] comes.
const MAX_RESUMPTIONS: u32 = 4;
/// So many bytes are worth another try.
const PROGRESS: u64 = 8 << 20;
/// Before the first resumption; longer before each further one.
const PAUSE: Duration = Duration::from_secs(1);

/// What takes the bytes of a download.
pub(crate) trait Sink {
    /// Takes the next bytes, none of which is to be believed yet.
    fn take(&mut self, bytes: &[u8]) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A download of one artifact.
pub(crate) struct Download<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) location: &'a Location,
    /// `None`: the current one.
    pub(crate) version: Option<&'a str>,
    /// `None`: the endpoint's check of the seal is relied on.
    pub(crate) seals: Option<&'a SealTrust>,
}

impl Download<'_> {
    /// Asks for the artifact and checks the head of the answer.
    pub(crate) async fn open(&self) -> Result<(CheckedHead, ByteStream), Failure> {
        let keeper = HeadKeeper::default();
        let request = self
            .remote
            .client
            .get_object()
            .bucket(self.location.bucket())
            .key(self.location.key())
            .set_version_id(self.version.map(str::to_owned));
        let answer = request.customize().interceptor(keeper.clone()).send().await;
        let answer = answer.map_err(|error| self.failure(&error))?;
        let checked = CheckedHead::verify(self.remote, &keeper.take(), self.location, self.seals).await?;
        Ok((checked, answer.body))
    }

    /// Hands on and hashes the bytes. Where they break off, the rest is asked for: the endpoint breaks a download off
    /// when it finds damage in the middle, and says so to whoever asks for the rest.
    pub(crate) async fn receive(
        &self,
        checked: &CheckedHead,
        mut body: ByteStream,
        sink: &mut impl Sink,
    ) -> Result<Content, Failure> {
        let size = checked.told().size;
        let mut hasher = ContentHasher::exactly(size);
        let (mut resumptions, mut resumed_at) = (0, 0);
        loop {
            let reason = match body.next().await {
                Some(Ok(bytes)) if bytes.len() as u64 <= size - hasher.size() => {
                    hasher.update(&bytes);
                    sink.take(&bytes).await?;
                    continue;
                }
                Some(Ok(_)) => return Err(too_long(size)),
                // With all bytes here, it does not matter how the answer ended.
                Some(Err(_)) | None if hasher.size() == size => {
                    return hasher.finish().map_err(|WrongLength { .. }| too_long(size));
                }
                Some(Err(error)) => service::innermost(&error),
                None => "it ended early".to_owned(),
            };
            let received = hasher.size();
            resumptions = if received - resumed_at >= PROGRESS { 1 } else { resumptions + 1 };
            if resumptions > MAX_RESUMPTIONS {
                let at = format!("at byte {received} of {size}");
                return Err(Failure::failed(format!(
                    "the download of {} broke off {at}: {reason}",
                    self.location
                )));
            }
            resumed_at = received;
            tokio::time::sleep(PAUSE * resumptions).await;
            body = self.resume(checked, received).await?;
        }
    }

    /// Asks for the bytes from `start` on, of the same version of the artifact.
    async fn resume(&self, checked: &CheckedHead, start: u64) -> Result<ByteStream, Failure> {
        let told = checked.told();
        let keeper = HeadKeeper::default();
        let request = self
            .remote
            .client
            .get_object()
            .bucket(self.location.bucket())
            .key(self.location.key())
            .set_version_id(self.version.map(str::to_owned))
            .if_match(format!("\"{}\"", told.etag))
            .range(format!("bytes={start}-"));
        let answer = request.customize().interceptor(keeper.clone()).send().await;
        let answer = answer.map_err(|error| self.failure(&error))?;
        let head = keeper.take();
        let expected = format!("bytes {start}-{}/{}", told.size.saturating_sub(1), told.size);
        let same = head.once(SEAL_HEADER)? == Some(&told.line);
        if !same || head.once("content-range")? != Some(&expected) {
            return Err(Failure::failed(format!("{} changed while it was downloaded", self.location))
                .hint("download it again"));
        }
        Ok(answer.body)
    }

    fn failure<E: service::ServiceError>(&self, error: &service::SdkFailure<E>) -> Failure {
        service::failure(&format!("download {}", self.location), &self.remote.endpoint, error)
    }
}

fn too_long(size: u64) -> Failure {
    Failure::refused("ArtifactDigestMismatch", format!("more than the {size} bytes that were sealed came"))
}
