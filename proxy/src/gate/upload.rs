//! The path of an upload: received, checked, judged, sealed, and only then visible. What differs by size stands in
//! [`whole`](super::whole) and [`stream`](super::stream).

use hallmark_signer::evidence::MAX_FILE;
use hallmark_signer::{
    By, CHECKSUM_HEADER, Claims, Content, ContentDigests, MAX_INLINE, Md5Digest, Observed, Op,
    RemoteSealingError, SIGNATURE_HEADER, SealId, SealLine, SealedEtag, SealedHeaders, Sha256Digest,
};

use super::checked::CheckedUpload;
use super::guard::refused;
use super::newest::Ready;
use super::quarantine::{Ground, account};
use super::receive::Incoming;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::Reader;
use crate::s3::condition::PutCondition;
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::{CheckedPayload, DeclaredChecksum, Payload};
use crate::sealing::NotSealed;
use crate::store::{
    Attributes, Committed, Guard, Lock, PutError, StoreError, StoreFault, Tags, VersionId, Write,
};
use crate::trust::{Form, Taken, Taking, TrustFault};

/// An upload that its client may make.
pub struct Upload {
    /// Under which name.
    pub name: ObjectName,
    /// Who makes it, as the seal says.
    pub by: By,
    /// Content headers and user metadata.
    pub headers: SealedHeaders,
    /// On what it depends.
    pub condition: PutCondition,
    /// Labels of the new version; no seal covers them.
    pub tags: Tags,
    /// What protects the new version; no seal covers it.
    pub lock: Lock,
}

impl Upload {
    /// What the store is told beside the bytes.
    pub(super) fn write(&self, attributes: Attributes, guard: Guard) -> Write {
        Write { attributes, tags: self.tags.clone(), lock: self.lock.clone(), guard }
    }
}

/// An upload that is sealed, durable and visible.
#[derive(Debug, Clone)]
pub struct Uploaded {
    /// The sealed ETag, unquoted.
    pub etag: SealedEtag,
    /// What the store calls the version that was made, where the bucket keeps versions.
    pub version: Option<VersionId>,
    /// The checksum that the client declared and that was found right.
    pub checksum: Option<DeclaredChecksum>,
    /// Why it is not served yet, as far as its upload found that out: it waits for signatures.
    pub waits: Option<Box<TrustFault>>,
}

/// What all the checks on an upload have found: made by [`Gate::seal_checked`] from a [`CheckedUpload`] alone.
pub(super) struct Sealed {
    pub(super) line: SealLine,
    pub(super) etag: SealedEtag,
    /// When it was sealed, milliseconds since 1970.
    pub(super) at: u64,
    /// What was sealed.
    pub(super) sha256: Sha256Digest,
    /// How it was judged.
    pub(super) taken: Taken,
    checksum: Option<DeclaredChecksum>,
}

impl Gate {
    /// Takes an upload.
    ///
    /// # Errors
    /// A check failed, and nothing has changed; or the store failed.
    pub async fn put<B>(
        &self,
        mut upload: Upload,
        mut payload: Payload<B>,
        client: &str,
    ) -> Result<Uploaded, GateError>
    where
        B: Incoming,
    {
        self.require_sealing()?;
        let (name, asked) = (upload.name.clone(), upload.condition.clone());
        if payload.length().is_some_and(|length| length > MAX_FILE as u64) {
            self.is_no_sibling(&name, payload.length())?;
        }
        self.attach(&name, &mut upload.headers)?;
        let put = match payload.length() {
            Some(length) if length > self.limits.max_object_size => Err(too_large().into()),
            Some(length) if length > MAX_INLINE => self.put_streamed(upload, payload, length, client).await,
            _ => self.put_whole(upload, &mut payload, client).await,
        };
        put.map_err(|error| self.explain(&name, &asked, error))
    }

    /// Judges the publishers' signatures and makes the seal of an upload that came in one body. Asks for the proof that
    /// every declared check passed.
    pub(super) async fn seal(
        &self,
        upload: &Upload,
        headers: &SealedHeaders,
        (content, md5): &(Content, Md5Digest),
        checked: &CheckedPayload,
        (form, ground): (Form, &Ground),
    ) -> Result<Sealed, GateError> {
        let checked = CheckedUpload::of_body(content, *md5, checked).ok_or_else(internal)?;
        self.seal_checked(upload, headers, &checked, (form, ground.taking)).await
    }

    /// Asks once more whether an upload that was sealed may become visible ([`confirm`](Self::confirm)).
    ///
    /// # Errors
    /// It may not, any more.
    pub(super) async fn confirm_sealed(
        &self,
        upload: &Upload,
        headers: &SealedHeaders,
        sealed: &Sealed,
        (form, ground): (Form, &Ground),
    ) -> Result<(), GateError> {
        let ready = Ready {
            name: &upload.name,
            by: &upload.by,
            headers,
            content: (&sealed.sha256, sealed.line.size()),
            sealed: (sealed.at, Op::Put),
            form,
            key: sealed.line.key_hint(),
            ground,
            taken: &sealed.taken,
        };
        self.confirm(ready).await
    }

    /// Judges the publishers' signatures and makes the seal: the one way to a seal for what clients upload.
    pub(super) async fn seal_checked(
        &self,
        upload: &Upload,
        headers: &SealedHeaders,
        checked: &CheckedUpload<'_>,
        (form, taking): (Form, Taking),
    ) -> Result<Sealed, GateError> {
        let content = checked.content();
        if content.blob_digest().is_err() {
            let message = "The content begins like a DSSE pre-authentication encoding (`DSSEv1 `); a signature over \
                           it could be taken for one over a statement.";
            return Err(S3Error::new(Code::InvalidRequest, message).into());
        }
        let etag = checked.etag();
        let at = self.time_for(&upload.name, checked.at(self.clock.now()));
        let sha256 = *content.sha256();
        let made = (at, checked.op());
        let taken = self.judge(upload, headers, (&sha256, content.size()), made, (form, taking)).await?;
        let claims = Claims {
            id: SealId::random().map_err(no_randomness)?,
            op: checked.op(),
            at,
            by: upload.by.clone(),
            src: None,
            content: ContentDigests::of(content).map_err(|_| too_large())?,
            parts: checked.parts(),
            etag,
        };
        let line = self.sign(&upload.name, headers, claims).await?;
        Ok(Sealed { line, etag, at, sha256, taken, checksum: checked.checksum().cloned() })
    }

    /// Signs what was found of what is to stand under `name` with these headers.
    pub(super) async fn sign(
        &self,
        name: &ObjectName,
        headers: &SealedHeaders,
        claims: Claims,
    ) -> Result<SealLine, GateError> {
        let observed = Observed {
            realm: self.realm.as_str(),
            bucket: name.bucket.as_str(),
            key: name.key.as_str(),
            length: claims.content.size(),
            headers: headers.digest(),
        };
        self.seals.seal(claims, &observed, &self.prover).await.map_err(|error| {
            tracing::error!(object = %name, %error, "cannot seal");
            match error {
                NotSealed::Sealing(RemoteSealingError::Sealing(_)) => internal(),
                NotSealed::Sealing(RemoteSealingError::Signer(_)) => {
                    S3Error::new(Code::ServiceUnavailable, "The key that seals is not available. Try again.")
                        .into()
                }
                NotSealed::NoKey => no_seal_key(),
            }
        })
    }

    /// That it is not known beforehand that nothing can be sealed.
    ///
    /// # Errors
    /// It is.
    pub(super) fn require_sealing(&self) -> Result<(), GateError> {
        if self.seals.are_unanswered() { Err(no_seal_key()) } else { Ok(()) }
    }

    /// Finds out what became of a `put` that the store did not answer.
    pub(super) async fn settle(
        &self,
        upload: &Upload,
        line: &SealLine,
        put: Result<Committed, PutError>,
    ) -> Result<Option<VersionId>, Settled> {
        let error = match put {
            Ok(committed) => return Ok(committed.version),
            Err(PutError::Unknown(error)) => error,
            Err(error) => return Err(Settled::NotStored(refused(&upload.condition, error))),
        };
        match self.head(&upload.name, None, Reader::Inspecting, account(&upload.by)).await {
            Ok(found) if found.seal().is_some_and(|seal| seal.id() == line.id()) => {
                Ok(found.standing().version.clone())
            }
            _ => Err(Settled::Unknown(StoreError::new(StoreFault::Unavailable, error.message).into())),
        }
    }
}

/// How a `put` that did not succeed ended.
pub(super) enum Settled {
    /// Nothing was stored.
    NotStored(GateError),
    /// Nobody knows.
    Unknown(GateError),
}

impl From<Settled> for GateError {
    fn from(settled: Settled) -> Self {
        match settled {
            Settled::NotStored(error) | Settled::Unknown(error) => error,
        }
    }
}

impl Sealed {
    /// What the client is told, now that it is stored.
    pub(super) fn uploaded(self, version: Option<VersionId>) -> Uploaded {
        let waits = match self.taken {
            Taken::Satisfying => None,
            Taken::Waiting(why) => Some(why),
        };
        Uploaded { etag: self.etag, version, checksum: self.checksum, waits }
    }
}

/// Keeps the declared checksum beside the artifact, under the seal.
pub(super) fn declare(headers: &mut SealedHeaders, sum: &DeclaredChecksum) -> Result<(), GateError> {
    // Fails only if the name were there already, and clients' own `hallmark` metadata is dropped on arrival.
    headers.insert(CHECKSUM_HEADER, &sum.to_metadata()).map_err(|_| internal())
}

pub(super) fn too_large() -> S3Error {
    S3Error::new(Code::EntityTooLarge, "Your proposed upload exceeds the maximum allowed object size.")
}

pub(super) fn malformed_signature() -> S3Error {
    let message = "x-amz-meta-hallmark-signature is not a list of at most 8 signatures, each the base64 of a DER-encoded \
                   ECDSA P-256 signature, as `openssl dgst -sha256 -sign` makes it.";
    S3Error::new(Code::InvalidArgument, message).with("ArgumentName", SIGNATURE_HEADER)
}

pub(super) fn incomplete() -> S3Error {
    S3Error::new(Code::IncompleteBody, "The body ended before it was complete.")
}

fn no_seal_key() -> GateError {
    let message = "There is no seal key that is certified for this moment, and nothing is stored without a seal. Another \
        one is on its way. Try again.";
    S3Error::new(Code::ServiceUnavailable, message).into()
}

pub(super) fn internal() -> GateError {
    S3Error::internal().into()
}

pub(super) fn no_randomness(error: impl std::fmt::Display) -> GateError {
    tracing::error!(%error, "the system gives no random bytes");
    internal()
}
