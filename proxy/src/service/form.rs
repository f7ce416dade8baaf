//! Uploads by HTML form: the policy in the form says who may upload what, and signs it.

use std::time::SystemTime;

use hallmark_signer::By;
use http::header::{ETAG, LOCATION};
use http::{Response, StatusCode};

use super::{Answer, Context, S3Service, Upload, bodiless, documented};
use crate::gate::{self, GateError, Uploaded};
use crate::name::{BucketName, ObjectName};
use crate::s3::auth::PayloadClaim;
use crate::s3::condition::PutCondition;
use crate::s3::documents;
use crate::s3::error::S3Error;
use crate::s3::form::{Form, MAX_FIELDS_BYTES, Success};
use crate::s3::headers::sealed_headers;
use crate::s3::payload::Payload;
use crate::s3::{response, uri};
use crate::store::{Lock, Tags};

/// To whom memory for forms is charged until their policy says who signed it: no client has this name.
const UNKNOWN: &str = "~form";

impl S3Service {
    /// `POST /bucket` with a form: the fields, their policy, and only then the file.
    pub(super) async fn post_form(&self, context: &Context, bucket: BucketName, upload: Upload) -> Answer {
        let Upload { parts, claim: _, body } = upload;
        // Whose form it is, is not known yet. Anybody may send one: not at the expense of those who only read.
        let held = self.gate.reserve(UNKNOWN, MAX_FIELDS_BYTES as u64).await?;
        let form = Form::read(&parts.headers, self.gate.paced(body)).await?;
        let (form, file) = form.authorize(&self.authenticator, SystemTime::now(), &bucket)?;
        drop(held);
        // From here on it is the request of whoever signed the policy.
        let context =
            Context { id: context.id.clone(), identity: form.identity().clone(), peer: context.peer.clone() };
        let lock = Lock::default();
        self.require_upload(&context, form.object(), &PutCondition::None, &lock)?;
        let upload = gate::Upload {
            name: form.object().clone(),
            by: By::parse(&context.identity.by()).map_err(|_| S3Error::internal())?,
            headers: sealed_headers(form.headers())?,
            condition: PutCondition::None,
            tags: match form.tagging() {
                Some(document) => documents::object_tags(document.as_bytes())?,
                None => Tags::default(),
            },
            lock,
        };
        let payload = Payload::new(file, PayloadClaim::Unsigned, form.headers())?;
        let uploaded = self.gate.put(upload, payload, context.account()).await?;
        posted(&context, form.object(), form.success(), &uploaded)
    }
}

/// The answer that the form asks for.
fn posted(context: &Context, object: &ObjectName, success: &Success, uploaded: &Uploaded) -> Answer {
    let etag = uploaded.etag.to_string();
    let location = format!("/{}/{}", object.bucket, uri::encode_path(object.key.as_str()));
    let empty = |status| response::empty(status, &context.id);
    match success {
        Success::NoContent => bodiless(told(empty(StatusCode::NO_CONTENT), &location, uploaded)?),
        Success::Ok => bodiless(told(empty(StatusCode::OK), &location, uploaded)?),
        Success::Created => {
            let document = documents::post_response(&location, object, &etag);
            let response = response::document(StatusCode::CREATED, document, &context.id);
            documented(told(response, &location, uploaded)?)
        }
        Success::Redirect(redirect) => {
            let target = redirect.location(object, &etag)?;
            let mut response = told(empty(StatusCode::SEE_OTHER), &location, uploaded)?;
            response.headers_mut().insert(LOCATION, target);
            bodiless(response)
        }
    }
}

fn told<B>(mut response: Response<B>, location: &str, uploaded: &Uploaded) -> Result<Response<B>, GateError> {
    let headers = response.headers_mut();
    headers.insert(ETAG, response::quoted_etag(&uploaded.etag.to_string())?);
    headers.insert(LOCATION, location.parse().map_err(|_| S3Error::internal())?);
    response::new_version(headers, uploaded.version.as_ref())?;
    if let Some(sum) = &uploaded.checksum {
        response::checksum(headers, sum)?;
    }
    Ok(response)
}
