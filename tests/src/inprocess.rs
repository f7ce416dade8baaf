//! The proxy's server in this process, over a store of the test's choice.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hallmark_config::Config;
use hallmark_proxy::App;
use hallmark_proxy::admin::{Admin, Health};
use hallmark_proxy::metrics::Metrics;
use hallmark_proxy::server::{Phase, Server};
use hallmark_proxy::store::Store;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::s3::Client;
use crate::site::{FULL, Options, Site};

/// A server that ends when this is dropped.
pub struct InProcess {
    /// Its files, perhaps those of other instances as well; the store that its configuration names is not used.
    pub site: Arc<Site>,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    metrics: Metrics,
    // Held for its threads: dropping it ends the server.
    _runtime: Runtime,
}

impl InProcess {
    /// Serves `store` with the usual configuration.
    pub fn start(store: Arc<dyn Store>) -> Self {
        Self::start_with(&Options::default(), store)
    }

    /// Serves `store` with another configuration.
    pub fn start_with(options: &Options, store: Arc<dyn Store>) -> Self {
        Self::start_at(Site::new(options), store)
    }

    /// Serves `store` with files that are there.
    pub fn start_at(site: impl Into<Arc<Site>>, store: Arc<dyn Store>) -> Self {
        let site = site.into();
        let runtime = Runtime::new().expect("a runtime can be made");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port can be bound");
        let address = listener.local_addr().expect("it is bound");
        let metrics = Metrics::new();
        let admin = serve(&runtime, listener, &site.config_file(), store, &metrics);
        Self { site, address, admin, metrics, _runtime: runtime }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where health and metrics are.
    ///
    /// # Panics
    /// The configuration has no `[admin]`.
    #[track_caller]
    pub fn admin(&self) -> SocketAddr {
        self.admin.expect("the configuration asks for it")
    }

    /// Its metrics, as text.
    pub fn metrics(&self) -> String {
        self.metrics.text()
    }

    /// The client that may do everything.
    pub fn client(&self) -> Client {
        Site::client(self.address, FULL)
    }
}

/// The one place that knows how the proxy is put together in process. Says where health and metrics are.
fn serve(
    runtime: &Runtime,
    listener: TcpListener,
    config: &Path,
    store: Arc<dyn Store>,
    metrics: &Metrics,
) -> Option<SocketAddr> {
    let config = Config::load(config).expect("the configuration is good");
    let app = runtime.block_on(App::start(&config, store.clone(), metrics)).expect("the proxy can start");
    let server =
        Server::over(listener, &config.server, &config.limits, metrics).expect("there is no TLS to go wrong");
    let admin = config.admin.map(|admin| {
        let admin = runtime.block_on(Admin::bind(&admin)).expect("a port can be bound");
        let address = admin.address().expect("it is bound");
        let health = Health::new(metrics);
        health.serving();
        runtime.spawn(admin.run(health.clone(), metrics.clone()));
        runtime.spawn(health.watch(store));
        address
    });
    // Nobody stops it: it ends with its runtime.
    let (never, phase) = watch::channel(Phase::Serving);
    runtime.spawn(async move {
        server.run(Arc::new(app), phase).await;
        drop(never);
    });
    admin
}
