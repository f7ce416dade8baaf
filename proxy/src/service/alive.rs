//! Work that takes longer than a client waits: it goes on whoever is still listening, and the answer is kept alive.
//!
//! As S3 does it: 200 and the beginning of a document, white space while the work goes on, then the document; or, since a
//! status can no longer be sent, a document that says what failed.

use std::time::Duration;

use http::{Response, StatusCode};

use super::{Answer, Context, S3Service, documented};
use crate::gate::GateError;
use crate::metrics::Metrics;
use crate::name::ObjectName;
use crate::proof::Outgoing;
use crate::s3::documents::{Document, error_document};
use crate::s3::error::S3Error;
use crate::s3::response::{self, RequestId};

/// An answer that is there within this time is an answer like any other.
const PATIENCE: Duration = Duration::from_secs(5);

impl S3Service {
    /// Has `work` done by a task of its own, to its end, and answers with what came of it. Headers of the answer get to the client
    /// only if that is soon.
    pub(super) async fn kept_alive(
        &self,
        context: &Context,
        object: &ObjectName,
        work: impl Future<Output = Result<Response<Document>, GateError>> + Send + 'static,
    ) -> Answer {
        let mut work = self.background.spawn(work);
        if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
            // The process is going down, or the work panicked.
            return documented(done.unwrap_or_else(|_| Err(S3Error::internal().into()))?);
        }
        let (id, resource) = (context.id.clone(), format!("/{}/{}", object.bucket, object.key));
        let metrics = self.metrics.clone();
        let body = Outgoing::late(async move {
            match work.await.unwrap_or_else(|_| Err(S3Error::internal().into())) {
                Ok(response) => response.into_body(),
                Err(error) => late_refusal(error, &resource, &id, &metrics),
            }
        });
        let mut answer = response::empty(StatusCode::OK, &context.id).map(|()| body);
        answer
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/xml"));
        Ok(answer)
    }
}

/// The line for the access log was written with the head of the answer, so this is said by itself.
fn late_refusal(error: GateError, resource: &str, id: &RequestId, metrics: &Metrics) -> Document {
    metrics.requests().failed(&error);
    let (label, text) = (error.label(), error.to_string());
    tracing::warn!(request = %id, refused = label, error = text, "the request failed after its answer had begun");
    error_document(&error.into(), resource, id)
}
