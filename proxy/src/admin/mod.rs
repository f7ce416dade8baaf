//! The listener for those who run Hallmark: `/livez`, `/readyz`, `/metrics` and `/seal-keys`.
//!
//! It has nothing in common with that of the clients, neither port nor limits: when clients have used up everything, it
//! still answers. None of its answers waits for a store, or for anything else.

mod health;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;

pub use health::{Health, NotReady};

use crate::metrics::{self, Metrics};
use crate::seal_keys::{self, PublishedSealKeys};

/// Load balancers and Prometheus are few. Who comes when there are so many takes the place of the one that has been here for
/// longest: each is answered in no time, so that one asks nothing.
const MAX_CONNECTIONS: usize = 64;
/// How long one may take, from its first byte to its last: one question, one answer.
const CONNECTION: Duration = Duration::from_secs(10);
/// The most bytes of a question's head.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// What is said of an instance that serves downloads only.
const NO_SEAL_KEY: &str = "ok, but uploads are refused: there is no seal key\n";
const TEXT: &str = "text/plain; charset=utf-8";

/// A listener that is bound.
pub struct Admin {
    listener: TcpListener,
}

/// The address cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}, which is `admin.listen`")]
pub struct AdminBindError {
    address: SocketAddr,
    source: std::io::Error,
}

/// What is asked.
struct Questions {
    health: Health,
    metrics: Metrics,
    seal_keys: PublishedSealKeys,
}

impl Admin {
    /// Binds the address of `config`.
    ///
    /// # Errors
    /// It cannot be bound.
    pub async fn bind(config: &hallmark_config::Admin) -> Result<Self, AdminBindError> {
        let address = config.listen;
        let listener = TcpListener::bind(address).await;
        Ok(Self { listener: listener.map_err(|source| AdminBindError { address, source })? })
    }

    /// The address with the port that was chosen.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers for as long as the process lives.
    pub async fn run(self, health: Health, metrics: Metrics, seal_keys: PublishedSealKeys) {
        let questions = Arc::new(Questions { health, metrics, seal_keys });
        let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(MAX_CONNECTIONS);
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    open.retain(|connection| !connection.is_finished());
                    if open.len() >= MAX_CONNECTIONS
                        && let Some(oldest) = open.pop_front()
                    {
                        oldest.abort();
                    }
                    // Late or broken: the next question comes by another connection.
                    let connection = timeout(CONNECTION, connection(stream, questions.clone()));
                    open.push_back(tokio::spawn(connection).abort_handle());
                }
                Err(error) => {
                    // Out of file descriptors or the like: trying again at once would only burn the processor.
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, questions: Arc<Questions>) -> hyper::Result<()> {
    let answer = service_fn(move |request: Request<Incoming>| {
        let response = questions.answer(request.method(), request.uri().path());
        std::future::ready(Ok::<_, Infallible>(response))
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION)
        .keep_alive(false)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
        .await
}

impl Questions {
    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let known = matches!(path, "/livez" | "/readyz" | "/metrics" | "/seal-keys");
        if known && !matches!(*method, Method::GET | Method::HEAD) {
            let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
            refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refusal;
        }
        match path {
            "/livez" => text(StatusCode::OK, TEXT, "ok\n"),
            "/readyz" => match self.health.ready() {
                // It is sent requests all the same: downloads are served.
                Ok(()) if !self.metrics.seal_keys().is_there() => text(StatusCode::OK, TEXT, NO_SEAL_KEY),
                Ok(()) => text(StatusCode::OK, TEXT, "ok\n"),
                Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{reason}\n")),
            },
            "/metrics" => text(StatusCode::OK, metrics::CONTENT_TYPE, self.metrics.text()),
            "/seal-keys" => match self.seal_keys.current() {
                Some(keys) => text(StatusCode::OK, seal_keys::CONTENT_TYPE, keys.pem().clone()),
                None => text(StatusCode::SERVICE_UNAVAILABLE, TEXT, "starting\n"),
            },
            _ => text(StatusCode::NOT_FOUND, TEXT, "there are /livez, /readyz, /metrics and /seal-keys\n"),
        }
    }
}

fn text(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
