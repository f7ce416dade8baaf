//! Downloads: GetObject, HeadObject and the documents about an artifact.

use std::time::SystemTime;

use hallmark_config::Permission;
use hallmark_signer::{CHECKSUM_HEADER, KeyHint, Seal};
use http::{HeaderMap, Response, StatusCode};

use super::checksums::Method;
use super::{Answer, Context, S3Service, bodiless, documented};
use crate::gate::{GateError, Recency, Wanted, part_selection};
use crate::name::ObjectName;
use crate::proof::{Admitted, Outgoing, Reader};
use crate::s3::condition::Verdict;
use crate::s3::documents::{self, Document};
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::{ChecksumMode, Read};
use crate::s3::payload::DeclaredChecksum;
use crate::s3::range::Resolved;
use crate::s3::response::{self, ArtifactHead, RequestId};
use crate::store::{PartNumber, VersionId};
use crate::trust::TrustFault;

impl S3Service {
    /// `GET /bucket/key`
    pub(super) async fn get_object(&self, context: &Context, object: &ObjectName, read: &Read) -> Answer {
        let reader = self.reader(context, object)?;
        let version = read.version.as_ref();
        let (recency, client) = (Recency::Fresh, context.account());
        let wanted = Wanted { name: object, version, reader, recency, client };
        let found = match read.part {
            Some(part) => self.gate.get_part(wanted, part).await,
            None => self.gate.get(wanted, read.range.as_ref()).await,
        };
        let mut download = match found {
            Ok(download) => download,
            Err(error) => {
                let instead = self.checksums(context, object, read, Method::Get, error).await;
                return instead.map_err(|error| self.hide_absence(context, object, version, error));
            }
        };
        if read.range.is_some() && !read.conditions.range_applies(&download.admitted().etag()) {
            // The range was for another version: all of this one, then. What is held for the one is not held for the other.
            drop(download);
            download = self.gate.get(wanted, None).await?;
        }
        let head = match head(download.admitted(), read, &context.id, || Ok(download.selection().clone()?))? {
            Head::Found(head) => head,
            Head::NotModified(answer) => return bodiless(answer),
        };
        let release = self.gate.release(download).await?;
        let delivery = context.peer.delivery.clone();
        let (id, name, metrics) = (context.id.clone(), object.clone(), self.metrics.clone());
        let under_way = metrics.download();
        delivery.begin();
        let body = Outgoing::artifact(release, metrics.released(), move |ended| {
            drop(under_way);
            match ended {
                Ok(()) => delivery.complete(),
                Err(fault) => {
                    tracing::error!(request = %id, object = %name, %fault, "download aborted");
                    metrics.download_cut(fault.label());
                    delivery.abort();
                }
            }
        });
        Ok(head.map(|()| body))
    }

    /// `HEAD /bucket/key`
    pub(super) async fn head_object(&self, context: &Context, object: &ObjectName, read: &Read) -> Answer {
        let (reader, version) = (self.reader(context, object)?, read.version.as_ref());
        let found = self
            .gate
            .look(Wanted {
                name: object,
                version,
                reader,
                recency: Recency::Fresh,
                client: context.account(),
            })
            .await;
        let admitted = match found {
            Ok(admitted) => admitted,
            Err(error) => {
                let instead = self.checksums(context, object, read, Method::Head, error).await;
                return instead.map_err(|error| self.hide_absence(context, object, version, error));
            }
        };
        let selection = || match read.part {
            Some(part) => part_selection(&admitted, part),
            None => Ok(read.resolve(&admitted.etag(), admitted.length())?),
        };
        match head(&admitted, read, &context.id, selection)? {
            Head::Found(answer) | Head::NotModified(answer) => bodiless(answer),
        }
    }

    /// `GET /bucket/key?hallmark=seal`
    pub(super) async fn seal_document(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Answer {
        let admitted = self.admitted(context, object, version).await?;
        about(context, documents::seal_envelope(sealed(&admitted)?))
    }

    /// `GET /bucket/key?hallmark=sha256`
    pub(super) async fn sha256_document(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Answer {
        let admitted = self.admitted(context, object, version).await?;
        about(context, documents::sha256_line(sealed(&admitted)?))
    }

    /// `GET /.hallmark/seal-keys.pem`, for everybody: they are public, and who verifies seals needs them.
    pub(super) fn seal_key_document(&self, context: &Context) -> Answer {
        about(context, documents::seal_keys(&self.seal_keys))
    }

    /// `GET /.hallmark/seal-keys/KEY`, for everybody: who verifies seals needs it as well.
    pub(super) async fn certificate_document(&self, context: &Context, key: KeyHint) -> Answer {
        // Of those that seals bear: who makes up others must not keep anybody from these.
        if let Some(certificate) = self.gate.known_certificate(key) {
            return about(context, documents::certificate(&certificate));
        }
        // Whoever asks makes up as many keys as they like, and each is a question to the store.
        let _turn = self.certificates.turn(context.account()).await?;
        match self.gate.certificate(key).await? {
            Some(certificate) => about(context, documents::certificate(&certificate)),
            None => {
                let message = "There is no certificate of this seal key by a trusted certifier.";
                Err(S3Error::new(Code::NoSuchKey, message).into())
            }
        }
    }

    /// What stands under `object`, if this client may read it.
    pub(super) async fn admitted(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Result<Admitted, GateError> {
        let reader = self.reader(context, object)?;
        let (recency, client) = (Recency::Fresh, context.account());
        let found = self.gate.look(Wanted { name: object, version, reader, recency, client }).await;
        found.map_err(|error| self.hide_absence(context, object, version, error))
    }

    /// How this client may read `object`.
    pub(super) fn reader(&self, context: &Context, object: &ObjectName) -> Result<Reader, S3Error> {
        let (bucket, key) = (&object.bucket, object.key.as_str());
        if self.access.permits(&context.identity, Permission::ReadUntrusted, bucket, key) {
            return Ok(Reader::Inspecting);
        }
        self.access.require(&context.identity, Permission::Read, bucket, key)?;
        Ok(Reader::Trusting)
    }

    /// What a client is told where nothing was found. Who may not list learns nothing of which keys and versions there
    /// are.
    pub(super) fn hide_absence(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
        error: GateError,
    ) -> GateError {
        self.hidden(context, object, version).show(error)
    }

    /// The same, for work that goes on without the request.
    pub(super) fn hidden(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
    ) -> Hidden {
        let key = object.key.as_str();
        let may_list = self.access.require(&context.identity, Permission::List, &object.bucket, key);
        let may_list = may_list.map_err(|denied| untold(context, denied));
        let asked = if version.is_some() { Asked::Version } else { Asked::Current };
        Hidden { may_list, asked }
    }
}

/// What who may not list is told in the place of that there is nothing: the same of every key, version and bucket. Those
/// without a name learn nothing of permissions, either.
fn untold(context: &Context, denied: S3Error) -> S3Error {
    match context.identity.client() {
        Some(client) => {
            let name = &client.name;
            let message = format!(
                "{name} lacks the permission `list` there, so it is not told whether there is such a key: there may be none."
            );
            S3Error::new(Code::AccessDenied, message)
        }
        None => denied,
    }
}

/// What a client may learn of an object that is not there.
pub(super) struct Hidden {
    may_list: Result<(), S3Error>,
    asked: Asked,
}

enum Asked {
    Version,
    Current,
}

impl Hidden {
    /// What it is told.
    pub(super) fn show(self, error: GateError) -> GateError {
        let GateError::Client(error) = error else { return error };
        if !matches!(error.code, Code::NoSuchKey | Code::NoSuchVersion | Code::NoSuchBucket) {
            return error.into();
        }
        match (self.may_list, self.asked) {
            (Ok(()), Asked::Version) => delete_marker_asked_for(error).into(),
            (Ok(()), Asked::Current) => no_delete_marker(error).into(),
            (Err(denied), _) => denied.into(),
        }
    }
}

/// Says so where it is no delete marker that stands there: some clients look for the word.
fn no_delete_marker(error: S3Error) -> S3Error {
    let said = error.headers.iter().any(|(name, _)| *name == response::DELETE_MARKER.as_str());
    if error.code == Code::NoSuchKey && !said {
        error.with_header("x-amz-delete-marker", "false")
    } else {
        error
    }
}

/// Whoever asks for a delete marker by its name is told that it cannot be read, instead of that nothing is there.
fn delete_marker_asked_for(error: S3Error) -> S3Error {
    if !error.headers.iter().any(|(name, _)| *name == response::DELETE_MARKER.as_str()) {
        return error;
    }
    let message = "The specified method is not allowed against this resource.";
    let asked = S3Error::new(Code::MethodNotAllowed, message).with("ResourceType", "DeleteMarker");
    S3Error { headers: error.headers, ..asked }
}

/// The head of an answer.
enum Head {
    /// 200 or 206: the body follows.
    Found(Response<()>),
    /// 304.
    NotModified(Response<()>),
}

/// The head of the answer, from sealed values: first the request's conditions, then which bytes.
fn head(
    admitted: &Admitted,
    read: &Read,
    id: &RequestId,
    selection: impl FnOnce() -> Result<Resolved, GateError>,
) -> Result<Head, GateError> {
    let etag = admitted.etag();
    let (seal, verified) = (admitted.seal().map(|seal| seal.line().to_string()), admitted.verified());
    let untrusted = admitted.distrust().map(TrustFault::told);
    let checksum = match read.checksum {
        ChecksumMode::Off => None,
        ChecksumMode::Enabled => {
            admitted.headers().get(CHECKSUM_HEADER).and_then(DeclaredChecksum::from_metadata)
        }
    };
    let head = ArtifactHead {
        etag: &etag,
        at: admitted.modified(),
        length: admitted.length(),
        headers: admitted.headers(),
        seal: seal.as_deref(),
        verified: &verified,
        untrusted: untrusted.as_deref(),
        form: admitted.form(),
        checksum: checksum.as_ref(),
        parts: match read.part {
            Some(_) => admitted.part_table()?.map(|table| table.parts().count()),
            None => None,
        },
        standing: admitted.standing(),
    };
    // Without a seal there is no time to compare with: as good as changed just now.
    match read.conditions.evaluate(&etag, head.at.unwrap_or_else(SystemTime::now)) {
        Verdict::Proceed => {
            let mut found = head.found(selection()?, &read.overrides, id)?;
            if let (Some(part), ChecksumMode::Enabled) = (read.part, read.checksum) {
                part_checksum(admitted, part, found.headers_mut())?;
            }
            Ok(Head::Found(found))
        }
        Verdict::NotModified => Ok(Head::NotModified(head.not_modified(id)?)),
        Verdict::PreconditionFailed => Err(S3Error::new(
            Code::PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold",
        )
        .into()),
    }
}

/// The checksum of one part, which is that of the bytes that are sent.
fn part_checksum(admitted: &Admitted, part: PartNumber, headers: &mut HeaderMap) -> Result<(), GateError> {
    let whole = admitted.headers().get(CHECKSUM_HEADER).and_then(DeclaredChecksum::from_metadata);
    let Some(table) = admitted.part_table()? else { return Ok(()) };
    let value = table.checksums().and_then(|sums| sums.value(part.number()));
    if let (Some(whole), Some(value)) = (whole, value) {
        let (_, kind) = whole.to_whole();
        response::checksum_of_part(headers, whole.algorithm(), value, kind)?;
    }
    Ok(())
}

fn sealed(admitted: &Admitted) -> Result<&Seal, S3Error> {
    let message = "The object bears no seal, so there is nothing to show.";
    admitted.seal().ok_or_else(|| S3Error::new(Code::ArtifactUnsealed, message))
}

fn about(context: &Context, document: Document) -> Answer {
    documented(response::document(StatusCode::OK, document, &context.id))
}
