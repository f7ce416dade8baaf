//! The listener: connections in, requests to the service, answers out.

mod background;
mod connection;
mod expectation;
mod linger;
mod stop;
mod tls;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tracing::{debug, warn};

pub use background::Background;
pub use connection::Delivery;
pub use linger::Arriving;
pub use stop::{Cut, Phase};
pub use tls::{Certificates, TlsError, Usable, check_tls, read_tls};

use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::proof::Outgoing;
use crate::server::connection::Connection;
use crate::server::expectation::Expectation;
use crate::server::linger::Unread;
use crate::server::stop::{Rest, next, reached};

/// The most bytes that a request's head may have.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The most that is read from, or gathered for, a connection at once, bytes: what an idle one costs, and what a slice
/// of a body can keep in memory.
const BUFFER: usize = 128 * 1024;
/// The most header fields that a request may have.
const MAX_HEADERS: usize = 128;

/// What the service needs to know of the connection that a request came by.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The other side.
    pub address: SocketAddr,
    /// Whether what was sent could be read or changed on the way.
    pub transport: Transport,
    /// Says what is on its way out, and so how the connection ends.
    pub delivery: Delivery,
}

/// How a request travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TLS, or from this machine.
    Private,
    /// Plain HTTP over a network.
    Exposed,
}

/// Answers requests. Never fails: errors are answers too.
pub trait Service: Send + Sync + 'static {
    /// The answer to one request.
    fn call(
        self: Arc<Self>,
        request: Request<Arriving>,
        peer: Peer,
    ) -> impl Future<Output = Response<Outgoing>> + Send;

    /// What goes on without the connection that it came by, and is waited for at the end.
    fn background(&self) -> &Background;
}

/// A listener that is bound and ready to serve.
pub struct Server {
    listener: TcpListener,
    tls: Option<Certificates>,
    limits: hallmark_config::Limits,
    metrics: Metrics,
}

impl Server {
    /// Binds the address of `config`; from then on connections are queued.
    ///
    /// # Errors
    /// The address cannot be bound, or the TLS files cannot be used.
    pub async fn bind(
        config: &hallmark_config::Server,
        limits: &hallmark_config::Limits,
        metrics: &Metrics,
    ) -> Result<Self, BindError> {
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|source| BindError::Address { address: config.listen, source })?;
        Ok(Self::over(listener, config, limits, metrics)?)
    }

    /// Serves a listener that is bound already.
    ///
    /// # Errors
    /// The TLS files cannot be used.
    pub fn over(
        listener: TcpListener,
        config: &hallmark_config::Server,
        limits: &hallmark_config::Limits,
        metrics: &Metrics,
    ) -> Result<Self, TlsError> {
        let tls = config.tls.as_ref().map(read_tls).transpose()?.map(Certificates::new);
        metrics.connections_limit(limits.max_connections);
        Ok(Self { listener, tls, limits: limits.clone(), metrics: metrics.clone() })
    }

    /// The address with the port that was chosen.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What TLS connections are accepted with, unless it speaks plain HTTP.
    pub fn certificates(&self) -> Option<Certificates> {
        self.tls.clone()
    }

    /// Serves until `phase` says to stop; then lets what is open finish for at most `limits.drain_timeout`, or until `phase`
    /// says that there is no time for that. What is cut off by then ends in a reset.
    pub async fn run<S: Service>(self, service: Arc<S>, mut phase: watch::Receiver<Phase>) -> Cut {
        let number = self.limits.max_connections;
        let places = Arc::new(Semaphore::new(number));
        let (tell, told) = watch::channel(Phase::Serving);
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &places) => accepted,
                () = reached(&mut phase, Phase::Draining) => break,
            };
            let Some((stream, address, place)) = accepted else { continue };
            let (limits, service) = (self.limits.clone(), service.clone());
            let tls = self.tls.as_ref().map(Certificates::acceptor);
            let (told, open) = (told.clone(), self.metrics.connection());
            tokio::spawn(async move {
                let (_place, _open) = (place, open);
                if let Err(error) = connection(stream, address, tls, limits, service, told).await {
                    debug!(%address, %error, "connection ended");
                }
            });
        }
        drop((self.listener, told));
        let rest = Rest { places: &places, number, background: service.background(), tell };
        rest.drain(self.limits.drain_timeout, &mut phase).await
    }
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

/// The next connection, once there is a place for it. `None`: this one failed, take the next.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Accepted> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => Some((stream, address, place)),
        Err(error) => {
            // Out of file descriptors or the like: trying again at once would only burn the processor.
            warn!(%error, "accept");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn connection<S: Service>(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<tokio_rustls::TlsAcceptor>,
    limits: hallmark_config::Limits,
    service: Arc<S>,
    mut told: watch::Receiver<Phase>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let (delivery, unread) = (Delivery::default(), Unread::default());
    let stream = Connection::new(stream, delivery.clone(), unread.clone(), Pace::new(&limits));
    let private = tls.is_some() || address.ip().is_loopback();
    let transport = if private { Transport::Private } else { Transport::Exposed };
    let peer = Peer { address, transport, delivery };
    match tls {
        None => http1(stream, (peer, unread), &limits, service, told).await?,
        Some(acceptor) => {
            let accepted = tokio::time::timeout(limits.header_timeout, acceptor.accept(stream));
            let stream = tokio::select! {
                stream = accepted => stream??,
                // It has asked for nothing yet.
                () = reached(&mut told, Phase::Draining) => return Ok(()),
            };
            http1(stream, (peer, unread), &limits, service, told).await?;
        }
    }
    Ok(())
}

async fn http1<S: Service, I>(
    stream: I,
    (peer, unread): (Peer, Unread),
    limits: &hallmark_config::Limits,
    service: Arc<S>,
    mut told: watch::Receiver<Phase>,
) -> hyper::Result<()>
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let delivery = peer.delivery.clone();
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, peer) = (service.clone(), peer.clone());
        let request = request.map(|body| Arriving::new(body, unread.clone()));
        async move {
            let expectation = Expectation::of(request.headers(), request.body());
            let mut response = service.call(request, peer).await;
            expectation.settle(&mut response);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    loop {
        let phase = tokio::select! {
            ended = connection.as_mut() => return ended,
            phase = next(&mut told) => phase,
        };
        match phase {
            Phase::Serving => {}
            // The answer under way is the last, and says so if its head is not out yet. Without one it closes now.
            Phase::Draining => connection.as_mut().graceful_shutdown(),
            Phase::Cutting => {
                delivery.abort();
                return Ok(());
            }
        }
    }
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The listen address cannot be had.
    #[error("cannot listen on {address}")]
    Address {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}
