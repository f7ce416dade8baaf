//! The proxy's server in this process, over a store of the test's choice.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hallmark_config::{Config, ConfigErrors};
use hallmark_proxy::admin::{Admin, Health};
use hallmark_proxy::metrics::Metrics;
use hallmark_proxy::seal_keys::PublishedSealKeys;
use hallmark_proxy::server::{Cut, Phase, Server};
use hallmark_proxy::store::Store;
use hallmark_proxy::{App, NotRenewed, OpenKeys};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::raw::DEADLINE;
use crate::s3::Client;
use crate::site::{FULL, Options, Site};

/// A server that ends when this is dropped.
pub struct InProcess {
    /// Its files, perhaps those of other instances as well; the store that its configuration names is not used.
    pub site: Arc<Site>,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    metrics: Metrics,
    app: Arc<App>,
    phase: watch::Sender<Phase>,
    server: JoinHandle<Cut>,
    // Held for its threads: dropping it ends the server.
    runtime: Runtime,
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
        let (phase, told) = watch::channel(Phase::Serving);
        let (app, admin, server) = serve(&runtime, listener, &site.config_file(), store, &metrics, told);
        Self { site, address, admin, metrics, app, phase, server, runtime }
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

    /// Takes over the configuration as it is now, at once.
    ///
    /// # Errors
    /// It is refused.
    pub fn renew(&self) -> Result<(), ConfigErrors> {
        let renewed = self.app.renew(&Config::load(&self.site.config_file())?);
        renewed.map_err(|(NotRenewed::Wrong(errors) | NotRenewed::Unanswered(errors))| errors)
    }

    /// Says how far the server is to be on its way to its end.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Waits until the server has ended; says what it cut off.
    ///
    /// # Panics
    /// It does not.
    #[track_caller]
    pub fn ended(&mut self) -> Cut {
        let Self { runtime, server, .. } = self;
        let ended = runtime.block_on(async { tokio::time::timeout(DEADLINE, server).await });
        ended.expect("it ends").expect("it does not panic")
    }

    /// The client that may do everything.
    pub fn client(&self) -> Client {
        Site::client(self.address, FULL)
    }
}

/// The one place that knows how the proxy is put together in process. Says what it serves, where health and metrics are,
/// and what it cut off in the end.
fn serve(
    runtime: &Runtime,
    listener: TcpListener,
    config: &Path,
    store: Arc<dyn Store>,
    metrics: &Metrics,
    phase: watch::Receiver<Phase>,
) -> (Arc<App>, Option<SocketAddr>, JoinHandle<Cut>) {
    let config = Config::load(config).expect("the configuration is good");
    let seal_keys = PublishedSealKeys::default();
    let keys = OpenKeys::of(&config).expect("its keys can be used");
    let app = runtime
        .block_on(App::start(&config, keys, store.clone(), metrics, &seal_keys))
        .expect("the proxy can start");
    let app = Arc::new(app);
    let server =
        Server::over(listener, &config.server, &config.limits, metrics).expect("there is no TLS to go wrong");
    let admin = config.admin.map(|admin| {
        let admin = runtime.block_on(Admin::bind(&admin)).expect("a port can be bound");
        let address = admin.address().expect("it is bound");
        let health = Health::new(metrics);
        health.serving();
        runtime.spawn(admin.run(health.clone(), metrics.clone(), seal_keys.clone()));
        runtime.spawn(health.watch(store));
        address
    });
    // It ends with its runtime, if nobody stops it before.
    (Arc::clone(&app), admin, runtime.spawn(server.run(app, phase)))
}
