//! CompleteMultipartUpload.

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::{Answer, Context, S3Service, Upload};
use crate::gate::multipart::Completion;
use crate::gate::{GateError, Uploaded};
use crate::name::ObjectName;
use crate::s3::documents::{CompleteRequest, Document, MAX_REQUEST_BYTES, complete_result};
use crate::s3::error::{Code, S3Error};
use crate::s3::operation::CompleteUpload;
use crate::s3::payload::{ChecksumAlgorithm, DeclaredChecksum, Payload};
use crate::s3::response::{self, RequestId};
use crate::server::Transport;

const VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");

impl S3Service {
    /// `POST /bucket/key?uploadId=…`
    pub(super) async fn complete_upload(
        &self,
        context: &Context,
        object: ObjectName,
        id: &str,
        complete: CompleteUpload,
        upload: Upload,
    ) -> Answer {
        self.require_write(context, &object)?;
        self.require_sight_for(context, &object, &complete.condition)?;
        let Upload { parts, claim, body } = upload;
        if claim.is_unsigned() && context.peer.transport == Transport::Exposed {
            // What the artifact is made of stands in this body and nowhere else, whatever the configuration lets
            // through of other bodies.
            let message = "Over plain HTTP the list of parts must be signed: use https, or a client that signs payloads.";
            return Err(S3Error::new(Code::InvalidRequest, message).into());
        }
        let payload = Payload::new(self.gate.paced(body), claim, &of_the_body(&parts.headers))?;
        let (body, held) = self.gate.receive_document(payload, MAX_REQUEST_BYTES, context.account()).await?;
        let completion = Completion::new(CompleteRequest::parse(&body)?.parts, complete);
        drop(body);
        let answer = Told { location: location(&parts), object: object.clone(), id: context.id.clone() };
        let (gate, upload, client) = (self.gate.clone(), id.to_owned(), context.account().to_owned());
        let (tell, told) = tokio::sync::oneshot::channel();
        let name = object.clone();
        // By a task of its own: a client that goes away does not stop it half-way.
        self.background.spawn(async move {
            let done = gate.complete_upload(&name, &upload, &client, &completion, held).await;
            drop(completion);
            let over = done.is_ok();
            // Nobody may be waiting any more.
            let _ = tell.send(done);
            if over {
                gate.clear_upload(&name, &upload, &client).await;
            }
        });
        let work = async move {
            // The process is going down, or the work panicked.
            let done = told.await.unwrap_or_else(|_| Err(S3Error::internal().into()))?;
            answer.tell(done)
        };
        self.kept_alive(context, &object, work).await
    }
}

/// What the answer says beside what came of the work.
struct Told {
    location: String,
    object: ObjectName,
    id: RequestId,
}

impl Told {
    fn tell(self, done: Uploaded) -> Result<Response<Document>, GateError> {
        let checksum = done.checksum.as_ref().map(DeclaredChecksum::to_whole);
        let document = complete_result(
            &self.location,
            &self.object,
            &done.etag.to_string(),
            checksum.as_ref().map(|(sum, kind)| (sum, *kind)),
        );
        let mut response = response::document(StatusCode::OK, document, &self.id);
        if let Some(version) = done.version.filter(|version| !version.is_null()) {
            // Visible ASCII: VersionId's invariant.
            if let Ok(version) = HeaderValue::from_str(version.as_str()) {
                response.headers_mut().insert(VERSION_ID, version);
            }
        }
        Ok(response)
    }
}

/// The headers of the request that are about its body: a checksum is about the object that it makes.
fn of_the_body(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for algorithm in ChecksumAlgorithm::ALL {
        headers.remove(algorithm.header());
    }
    headers
}

/// Where the client found what it asked for, as far as it said.
fn location(parts: &Parts) -> String {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default();
    format!("http://{host}{}", parts.uri.path())
}
