//! One request, from its head to its answer.

mod alive;
mod attributes;
mod bucket;
mod checksums;
mod complete;
mod copy;
mod deletions;
mod dispatch;
mod form;
mod lock;
mod multipart;
mod object;
mod plain;
mod read;
mod tagging;
mod versioning;

use std::sync::Arc;
use std::time::SystemTime;

use hallmark_config::Config;
use http::header::{CONTENT_LENGTH, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use http_body::Body as _;

use crate::access::Access;
use crate::gate::{Gate, GateError, Turns};
use crate::metrics::{self, Metrics};
use crate::proof::Outgoing;
use crate::s3::auth::{Authenticated, Authenticator, Identity, PayloadClaim};
use crate::s3::documents::Document;
use crate::s3::error::{Code, Fault, S3Error};
use crate::s3::operation::{Kind, Operation};
use crate::s3::response::{self, RequestId};
use crate::s3::route::{Head, route};
use crate::s3::uri::{self, Query, RawPath};
use crate::seal_keys::SealKeyBundle;
use crate::server::{Arriving, Background, Peer, Transport};
use crate::store::Capabilities;

/// So many questions for certificates of seal keys are answered at once.
const MAX_CERTIFICATES: u32 = 16;

/// Answers S3 requests for one deployment, as of one reading of the configuration: a request keeps the service that it
/// began with to its end, also where its work goes on without it.
pub struct S3Service {
    authenticator: Authenticator,
    access: Access,
    gate: Arc<Gate>,
    region: String,
    domains: Vec<String>,
    unsigned_payload: UnsignedPayload,
    seal_keys: SealKeyBundle,
    // Shared with the services before and after it.
    capabilities: Arc<Capabilities>,
    metrics: Metrics,
    /// What goes on without the request that it came by.
    background: Background,
    /// Lists of digests that are being made.
    lists: Turns,
    /// Questions for certificates of seal keys.
    certificates: Turns,
}

/// What all services of one process share.
pub(crate) struct Lasting {
    /// What the store can do.
    pub(crate) capabilities: Arc<Capabilities>,
    /// Where requests are counted.
    pub(crate) metrics: Metrics,
    /// What goes on without the request that it came by.
    pub(crate) background: Background,
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
}

impl Context {
    /// To whom memory is charged: the client, also for what it presigned, or all anonymous readers together.
    fn account(&self) -> &str {
        self.identity.client().map_or("-", |client| client.name.as_str())
    }
}

/// The body of a request that may have one, and what the head says of it.
struct Upload {
    parts: Parts,
    claim: PayloadClaim,
    body: Arriving,
}

/// The answer of a handler.
type Answer = Result<Response<Outgoing>, GateError>;

/// What the log says of a request, as far as it got.
struct Entry<'a> {
    id: RequestId,
    by: String,
    request: metrics::Request<'a>,
}

impl S3Service {
    /// The answer to one request.
    pub(crate) async fn call(&self, request: Request<Arriving>, peer: Peer) -> Response<Outgoing> {
        let (parts, body) = request.into_parts();
        let request = self.metrics.requests().begin();
        let mut entry = Entry { id: RequestId::random(), by: "-".to_owned(), request };
        let (method, target, client) = (parts.method.clone(), parts.uri.clone(), peer.address);
        let answer = self.answer(&mut entry, parts, body, peer).await;
        if let Err(error) = &answer {
            self.metrics.requests().failed(error);
        }
        let label = answer.as_ref().err().map(GateError::label);
        let fault = answer.as_ref().err().map(|error| S3Error::from(error.clone()).code.fault());
        if let (Err(error), Some(Fault::Store | Fault::Proxy)) = (&answer, fault) {
            // As a text, which is escaped: what a store says may hold anything.
            let error = error.to_string();
            tracing::error!(request = %entry.id, error, "the request failed");
        }
        let response =
            answer.unwrap_or_else(|error| refusal(&error.into(), &method, target.path(), &entry.id));
        let length = content_length(&response);
        let took = entry.request.answered(response.status());
        let operation = entry.request.operation().map_or("-", Kind::name);
        // Levels are fixed at compile time, hence two calls. Texts are shown quoted and escaped.
        macro_rules! access {
            ($level:ident) => {
                tracing::$level!(
                    target: "access",
                    request = %entry.id,
                    peer = %client,
                    by = entry.by,
                    operation,
                    %method,
                    path = target.path(),
                    status = response.status().as_u16(),
                    content_length = length,
                    refused = label,
                    ms = took.as_millis() as u64,
                )
            };
        }
        if fault.is_some_and(|fault| fault != Fault::Client) {
            access!(warn);
        } else {
            access!(info);
        }
        response
    }

    /// What `config` says of requests, with the gate that judges by the same reading of it.
    pub(crate) fn new(config: &Config, gate: Gate, seal_keys: SealKeyBundle, lasting: &Lasting) -> Self {
        let Lasting { capabilities, metrics, background } = lasting;
        let server = &config.server;
        let unsigned_payload = if server.dangerous_unsigned_payload_over_http {
            UnsignedPayload::DangerousEverywhere
        } else {
            UnsignedPayload::PrivateOnly
        };
        Self {
            authenticator: Authenticator::new(config.clients.iter().cloned(), server.region.clone()),
            access: Access::new(config.buckets.clone()),
            gate: Arc::new(gate),
            region: server.region.clone(),
            domains: server.domains.clone(),
            unsigned_payload,
            seal_keys,
            capabilities: Arc::clone(capabilities),
            metrics: metrics.clone(),
            background: background.clone(),
            lists: checksums::lists(),
            certificates: Turns::new(MAX_CERTIFICATES),
        }
    }

    /// The gate that it hands requests to.
    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Who asks, what for, whether they may: then, and not before, the body is looked at.
    async fn answer(&self, entry: &mut Entry<'_>, parts: Parts, body: Arriving, peer: Peer) -> Answer {
        if parts.method == Method::OPTIONS {
            // Browsers sign no such question. The answer is the same for every bucket, known or not.
            return Err(preflight(&parts.headers).into());
        }
        let authenticated = self.authenticator.authenticate(&parts, SystemTime::now())?;
        entry.by = authenticated.identity().by();
        let operation = self.operation(&parts)?;
        entry.request.is_for(operation.kind());
        if authenticated.identity().client().is_none() {
            operation.permitted_unsigned()?;
        }
        self.refuse_exposed(&authenticated, &parts.method, &peer)?;
        let (identity, claim) = authenticated.into_parts();
        let context = Context { id: entry.id.clone(), identity, peer };
        let upload = Upload { parts, claim, body };
        self.dispatch(&context, operation, upload).await
    }

    fn operation(&self, parts: &Parts) -> Result<Operation, S3Error> {
        let (path, query) = (RawPath::parse(&parts.uri)?, Query::parse(&parts.uri)?);
        let head = Head {
            method: &parts.method,
            host: uri::host(parts)?,
            path: &path,
            query: &query,
            headers: &parts.headers,
        };
        route(&head, &self.domains)
    }

    /// A body that nothing signs must not come over a network where anybody could have changed it.
    fn refuse_exposed(&self, request: &Authenticated, method: &Method, peer: &Peer) -> Result<(), S3Error> {
        let exposed = peer.transport == Transport::Exposed
            && self.unsigned_payload == UnsignedPayload::PrivateOnly
            && request.payload().is_unsigned()
            && matches!(*method, Method::PUT | Method::POST);
        if exposed {
            let message =
                "Over plain HTTP a body must be signed: use https, or a client that signs payloads.";
            return Err(S3Error::new(Code::AccessDenied, message));
        }
        Ok(())
    }
}

/// The length that the answer announces: in its head, as for HEAD, or else that of the body which is about to follow.
fn content_length(response: &Response<Outgoing>) -> Option<u64> {
    let announced =
        response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    announced.or_else(|| response.body().size_hint().exact())
}

/// The answer to a request that failed.
fn refusal(error: &S3Error, method: &Method, path: &str, id: &RequestId) -> Response<Outgoing> {
    let response = response::error(error, &uri::decode(path).unwrap_or_else(|_| path.to_owned()), id);
    if *method == Method::HEAD {
        response.map(|_| Outgoing::empty())
    } else {
        response.map(Outgoing::document)
    }
}

fn documented(response: Response<Document>) -> Answer {
    Ok(response.map(Outgoing::document))
}

fn bodiless(response: Response<()>) -> Answer {
    Ok(response.map(|()| Outgoing::empty()))
}

/// The answer to a browser that asks whether pages of another origin may send a request: none may.
fn preflight(headers: &HeaderMap) -> S3Error {
    if headers.contains_key(ORIGIN) {
        S3Error::new(Code::AccessForbidden, "CORSResponse: CORS is not enabled for this bucket.")
    } else {
        S3Error::new(Code::BadRequest, "Insufficient information. Origin request header needed.")
    }
}
