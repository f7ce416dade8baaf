//! One request, from its head to its answer.

mod bucket;
mod object;
mod read;

use std::time::SystemTime;

use std::sync::Arc;

use hallmark_config::Permission;
use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::access::Access;
use crate::gate::{Gate, GateError};
use crate::name::{BucketName, ObjectName};
use crate::proof::{Outgoing, Reader};
use crate::s3::auth::{Authenticated, Authenticator, Identity};
use crate::s3::error::{Code, Fault, S3Error};
use crate::s3::operation::Operation;
use crate::s3::route::Router;
use crate::s3::{RequestId, response};
use crate::server::{Peer, Service, Transport};
use crate::store::Capabilities;

/// Answers S3 requests for one deployment.
pub struct S3Service {
    router: Router,
    authenticator: Authenticator,
    access: Access,
    gate: Gate,
    capabilities: Capabilities,
    region: String,
    unsigned_payload: UnsignedPayload,
}

/// Where bodies are taken that no signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnsignedPayload {
    /// Over TLS and from this machine.
    PrivateOnly,
    /// Everywhere.
    DangerousEverywhere,
}

/// What every handler knows of the request that it answers.
struct Context {
    id: RequestId,
    identity: Identity,
    peer: Peer,
    method: Method,
}

impl S3Service {
    pub(crate) fn new(
        authenticator: Authenticator,
        access: Access,
        gate: Gate,
        capabilities: Capabilities,
        config: &hallmark_config::Server,
    ) -> Self {
        let unsigned_payload = match config.dangerous_unsigned_payload_over_http {
            true => UnsignedPayload::DangerousEverywhere,
            false => UnsignedPayload::PrivateOnly,
        };
        let router = Router::new(&config.domains);
        let region = config.region.clone();
        Self { router, authenticator, access, gate, capabilities, region, unsigned_payload }
    }

    /// Who asks, what for, whether they may: then, and not before, the body is looked at.
    async fn answer(&self, seen: &mut Seen, parts: &Parts, body: Incoming, peer: Peer) -> Answer {
        let authenticated = self.authenticator.authenticate(parts, SystemTime::now())?;
        seen.by = authenticated.identity().by();
        self.refuse_exposed_payload(&authenticated, &parts.method, &peer)?;
        let operation = self.router.route(parts)?;
        seen.operation = operation.name();
        if authenticated.identity().client().is_none() {
            operation.permitted_unsigned()?;
        }
        let (identity, payload) = authenticated.into_parts();
        let context = Context { id: seen.id.clone(), identity, peer, method: parts.method.clone() };
        match operation {
            Operation::ListBuckets(listing) => self.list_buckets(&context, &listing).await,
            Operation::CreateBucket { bucket } => self.create_bucket(&context, parts, payload, body, bucket).await,
            Operation::HeadBucket { bucket } => self.head_bucket(&context, &bucket).await,
            Operation::DeleteBucket { bucket } => self.delete_bucket(&context, &bucket).await,
            Operation::GetBucketLocation { bucket } => self.bucket_location(&context, &bucket).await,
            Operation::ListObjects { bucket, listing } => self.list_objects(&context, bucket, &listing).await,
            Operation::DeleteObjects { bucket } => self.delete_objects(&context, parts, payload, body, bucket).await,
            Operation::PutObject { object, headers, condition } => {
                self.put_object(&context, parts, payload, body, object, headers, condition).await
            }
            Operation::GetObject { object, read } => self.get_object(&context, object, &read).await,
            Operation::HeadObject { object, read } => self.head_object(&context, object, &read).await,
            Operation::GetSeal { object } => self.seal_document(&context, object).await,
            Operation::GetSha256 { object } => self.sha256_document(&context, object).await,
            Operation::DeleteObject { object, condition } => self.delete_object(&context, object, &condition).await,
        }
    }
}
