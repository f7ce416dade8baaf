//! The listener: connections in, requests to the service, answers out.

mod connection;
mod expectation;
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

pub use connection::Delivery;
pub use tls::{TlsError, check_tls};

use crate::pace::Pace;
use crate::proof::Outgoing;
use crate::server::connection::Connection;
use crate::server::expectation::Expectation;

/// The most bytes that a request's head may have.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The most that is read from, or gathered for, a connection at once, bytes: what an idle one costs, and what a slice
/// of a body can keep in memory.
const BUFFER: usize = 128 * 1024;
/// The most header fields that a request may have.
const MAX_HEADERS: usize = 128;
/// How long open requests may go on once the server stops.
const DRAIN: Duration = Duration::from_secs(30);

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
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response<Outgoing>> + Send;
}

/// A listener that is bound and ready to serve.
pub struct Server {
    listener: TcpListener,
    tls: Option<tokio_rustls::TlsAcceptor>,
    limits: hallmark_config::Limits,
}

impl Server {
    /// Binds the address of `config`; from then on connections are queued.
    ///
    /// # Errors
    /// The address cannot be bound, or the TLS files cannot be used.
    pub async fn bind(
        config: &hallmark_config::Server,
        limits: &hallmark_config::Limits,
    ) -> Result<Self, BindError> {
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|source| BindError::Address { address: config.listen, source })?;
        Ok(Self::over(listener, config, limits)?)
    }

    /// Serves a listener that is bound already.
    ///
    /// # Errors
    /// The TLS files cannot be used.
    pub fn over(
        listener: TcpListener,
        config: &hallmark_config::Server,
        limits: &hallmark_config::Limits,
    ) -> Result<Self, TlsError> {
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        Ok(Self { listener, tls, limits: limits.clone() })
    }

    /// The address with the port that was chosen.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` turns true, then lets open requests finish for at most 30 seconds.
    pub async fn run<S: Service>(self, service: Arc<S>, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(self.limits.max_connections));
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &places) => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Some((stream, address, place)) = accepted else { continue };
            let (tls, limits, service) = (self.tls.clone(), self.limits.clone(), service.clone());
            let stop = stop.clone();
            tokio::spawn(async move {
                let _place = place;
                if let Err(error) = connection(stream, address, tls, limits, service, stop).await {
                    debug!(%address, %error, "connection ended");
                }
            });
        }
        drop(self.listener);
        let all = u32::try_from(self.limits.max_connections).unwrap_or(u32::MAX);
        if tokio::time::timeout(DRAIN, places.acquire_many(all)).await.is_err() {
            warn!("some requests were still open {DRAIN:?} after the stop");
        }
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
    stop: watch::Receiver<bool>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let delivery = Delivery::default();
    let stream = Connection::new(stream, delivery.clone(), Pace::new(&limits));
    let private = tls.is_some() || address.ip().is_loopback();
    let transport = if private { Transport::Private } else { Transport::Exposed };
    let peer = Peer { address, transport, delivery };
    match tls {
        None => http1(stream, peer, &limits, service, stop).await?,
        Some(acceptor) => {
            let stream = tokio::time::timeout(limits.header_timeout, acceptor.accept(stream)).await??;
            http1(stream, peer, &limits, service, stop).await?;
        }
    }
    Ok(())
}

async fn http1<S: Service, I>(
    stream: I,
    peer: Peer,
    limits: &hallmark_config::Limits,
    service: Arc<S>,
    mut stop: watch::Receiver<bool>,
) -> hyper::Result<()>
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, peer) = (service.clone(), peer.clone());
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
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
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
