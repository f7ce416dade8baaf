//! The HTTP client.

use std::sync::Arc;
use std::time::Duration;

use hallmark_config::S3Store as Settings;
use http::uri::Scheme;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::outgoing::Outgoing;
use super::timed::Timed;
use crate::store::s3::connect::{Authorities, ConnectError};

/// Connections that nobody uses are closed after so long: before stores do it, which would cost a request.
const IDLE: Duration = Duration::from_secs(15);
/// Headers of an answer at most. Clients may send 128 of which all might be metadata; the store adds some.
const MAX_HEADERS: usize = 160;

/// Makes requests over a pool of connections.
pub(super) type Client = legacy::Client<Timed<HttpsConnector<HttpConnector>>, Outgoing>;

/// A client for endpoints of this scheme.
///
/// # Errors
/// There are no authorities to trust.
pub(super) fn client(
    settings: &Settings,
    scheme: &Scheme,
    authorities: Option<Authorities>,
) -> Result<Client, ConnectError> {
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectError::SystemAuthorities(error.to_string()))?;
    let tls = match authorities {
        Some(Authorities { roots, .. }) => tls.with_root_certificates(roots),
        None if *scheme == Scheme::HTTPS => {
            tls.with_native_roots().map_err(|error| ConnectError::SystemAuthorities(error.to_string()))?
        }
        // Nothing is encrypted, so nobody needs to be trusted.
        None => tls.with_root_certificates(RootCertStore::empty()),
    };
    let tls = tls.with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(settings.connect_timeout));
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
    // Never by plain HTTP where the settings say otherwise.
    let builder = if *scheme == Scheme::HTTPS { builder.https_only() } else { builder.https_or_http() };
    let connector = builder.enable_http1().wrap_connector(tcp);
    let connector = Timed::new(connector, settings.connect_timeout * 2);
    Ok(legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(settings.max_requests)
        .http1_max_headers(MAX_HEADERS)
        .build(connector))
}
