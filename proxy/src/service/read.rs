//! Downloads: GetObject, HeadObject and the documents about an artifact.

use std::time::SystemTime;

use hallmark_config::Permission;
use hallmark_signer::METADATA_PREFIX;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, EXPIRES, HeaderName, HeaderValue, LAST_MODIFIED,
};
use http::response::Builder;
use http::{Method, Response, StatusCode};

use super::{Answer, Context, S3Service};
use crate::gate::{CHECKSUM_HEADER, GateError, Selection};
use crate::name::ObjectName;
use crate::proof::{Admitted, Outgoing, Reader};
use crate::s3::condition::Verdict;
use crate::s3::document::Document;
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::{ChecksumMode, Read};

/// What an answer shows of the seal.
const SEAL_HEADER: &str = "x-amz-meta-hallmark";
/// What was verified.
const VERIFIED_HEADER: &str = "x-hallmark-verified";

impl S3Service {
    /// `GET /bucket/key`
    pub(super) async fn get_object(&self, context: &Context, object: ObjectName, read: &Read) -> Answer {
        let reader = self.reader(context, &object)?;
        let found = self.gate.get(&object, read.range.as_ref(), reader).await;
        let mut download = found.map_err(|error| self.hide_absence(context, &object, error))?;
        if read.range.is_some() && !read.conditions.range_applies(&download.admitted().etag()) {
            // The range was for another version: all of this one, then.
            download = self.gate.get(&object, None, reader).await?;
        }
        if let Some(answer) = unless_proceed(download.admitted(), read)? {
            return Ok(answer);
        }
        let (status, builder) = head(download.admitted(), download.selection(), read)?;
        let abort = context.peer.abort.clone();
        let (id, name) = (context.id.clone(), object.clone());
        let release = self.gate.release(download, &context.identity.by()).await?;
        let body = Outgoing::artifact(release, move |fault| {
            tracing::error!(request = %id, object = %name, %fault, "download aborted");
            abort.abort();
        });
        finish(builder.status(status), body)
    }

    /// `HEAD /bucket/key`
    pub(super) async fn head_object(&self, context: &Context, object: ObjectName, read: &Read) -> Answer {
        let reader = self.reader(context, &object)?;
        let found = self.gate.head(&object, reader).await;
        let admitted = found.map_err(|error| self.hide_absence(context, &object, error))?;
        if let Some(answer) = unless_proceed(&admitted, read)? {
            return Ok(answer);
        }
        let range = read.range.as_ref().filter(|_| read.conditions.range_applies(&admitted.etag()));
        let (status, builder) = head(&admitted, &Selection::of(range, admitted.length()), read)?;
        finish(builder.status(status), Outgoing::empty())
    }

    /// `GET /bucket/key?hallmark=seal`
    pub(super) async fn seal_document(&self, context: &Context, object: ObjectName) -> Answer {
        self.about(context, &object, |seal| Document::json(seal.to_envelope().to_json())).await
    }

    /// `GET /bucket/key?hallmark=sha256`
    pub(super) async fn sha256_document(&self, context: &Context, object: ObjectName) -> Answer {
        self.about(context, &object, |seal| Document::text(seal.to_sha256sum_line())).await
    }

    /// A document about an artifact that this reader may have.
    async fn about(
        &self,
        context: &Context,
        object: &ObjectName,
        document: impl FnOnce(&hallmark_signer::Seal) -> Document,
    ) -> Answer {
        let reader = self.reader(context, object)?;
        let found = self.gate.head(object, reader).await;
        let admitted = found.map_err(|error| self.hide_absence(context, object, error))?;
        let seal = admitted.seal().ok_or_else(|| {
            S3Error::new(Code::ArtifactUnsealed, "The object bears no seal, so there is nothing to show.")
        })?;
        let document = document(seal);
        let builder = Response::builder()
            .header(http::header::CONTENT_TYPE, document.content_type())
            .header(VERIFIED_HEADER, admitted.verified());
        finish(builder, Outgoing::document(document))
    }

    /// How this client may read `object`.
    fn reader(&self, context: &Context, object: &ObjectName) -> Result<Reader, S3Error> {
        let (bucket, key) = (&object.bucket, object.key.as_str());
        if self.access.permits(&context.identity, Permission::ReadUntrusted, bucket, key) {
            return Ok(Reader::Inspecting);
        }
        self.access.require(&context.identity, Permission::Read, bucket, key)?;
        Ok(Reader::Trusting)
    }

    /// Who may not list learns nothing of which keys there are.
    fn hide_absence(&self, context: &Context, object: &ObjectName, error: GateError) -> GateError {
        let GateError::Client(S3Error { code: Code::NoSuchKey, .. }) = &error else { return error };
        let key = object.key.as_str();
        match self.access.require(&context.identity, Permission::List, &object.bucket, key) {
            Ok(()) => error,
            Err(denied) => denied.into(),
        }
    }
}

/// The answer to the request's conditions, from sealed values, unless it is to go on.
fn unless_proceed(admitted: &Admitted, read: &Read) -> Result<Option<Response<Outgoing>>, S3Error> {
    // Without a seal there is no time to compare with; the store's is not worth asking.
    let modified = admitted.modified().unwrap_or_else(SystemTime::now);
    match read.conditions.evaluate(&admitted.etag(), modified) {
        Verdict::Proceed => Ok(None),
        Verdict::NotModified => {
            let mut builder = Response::builder().status(StatusCode::NOT_MODIFIED).header(ETAG, quoted(admitted));
            for name in ["cache-control", "expires"] {
                if let Some(value) = admitted.headers().get(name) {
                    builder = builder.header(name, value);
                }
            }
            if let Some(at) = admitted.modified() {
                builder = builder.header(LAST_MODIFIED, httpdate::fmt_http_date(at));
            }
            finish(builder, Outgoing::empty()).map(Some)
        }
        Verdict::PreconditionFailed => Err(S3Error::new(
            Code::PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold",
        )),
    }
}

/// The head of the answer: everything in it comes from the seal or is our own.
fn head(admitted: &Admitted, selection: &Selection, read: &Read) -> Result<(StatusCode, Builder), S3Error> {
    let (status, length, range) = match selection {
        Selection::Whole => (StatusCode::OK, admitted.length(), None),
        Selection::Part(part) => (StatusCode::PARTIAL_CONTENT, part.size(), Some(part.content_range())),
        Selection::Unsatisfiable(error) => return Err(error.clone()),
    };
    let mut builder = Response::builder()
        .header(ETAG, quoted(admitted))
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_LENGTH, length)
        .header(VERIFIED_HEADER, admitted.verified());
    if let Some(range) = range {
        builder = builder.header(CONTENT_RANGE, range);
    } else if read.checksum == ChecksumMode::Enabled
        && let Some(sum) = admitted.headers().get(CHECKSUM_HEADER).and_then(DeclaredChecksum::from_metadata)
    {
        builder = builder.header(sum.header(), sum.value()).header(CHECKSUM_TYPE, sum.kind());
    }
    if let Some(at) = admitted.modified() {
        builder = builder.header(LAST_MODIFIED, httpdate::fmt_http_date(at));
    }
    if let Some(seal) = admitted.seal() {
        builder = builder.header(SEAL_HEADER, seal.line().to_string());
    }
    for (name, value) in admitted.headers().iter() {
        if !read.overrides.iter().any(|(overridden, _)| overridden == name) {
            builder = builder.header(name, value);
        }
    }
    for (name, value) in read.overrides.iter() {
        builder = builder.header(name, value);
    }
    Ok((status, builder))
}

fn quoted(admitted: &Admitted) -> String {
    format!("\"{}\"", admitted.etag())
}
