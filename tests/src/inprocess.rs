//! The proxy's server in this process, over a store of the test's choice.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hallmark_config::Config;
use hallmark_proxy::App;
use hallmark_proxy::server::Server;
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
        serve(&runtime, listener, &site.config_file(), store);
        Self { site, address, _runtime: runtime }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The client that may do everything.
    pub fn client(&self) -> Client {
        Site::client(self.address, FULL)
    }
}

/// The one place that knows how the proxy is put together in process.
fn serve(runtime: &Runtime, listener: TcpListener, config: &Path, store: Arc<dyn Store>) {
    let config = Config::load(config).expect("the configuration is good");
    let app = runtime.block_on(App::start(&config, store)).expect("the proxy can start");
    let server = Server::over(listener, &config.server, &config.limits).expect("there is no TLS to go wrong");
    // Nobody stops it: it ends with its runtime.
    let (never, stop) = watch::channel(false);
    runtime.spawn(async move {
        server.run(Arc::new(app), stop).await;
        drop(never);
    });
}
