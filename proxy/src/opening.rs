//! The store of a configuration, for commands that work on it beside the proxy, or in its place.

use std::sync::Arc;

use anyhow::Context as _;
use hallmark_config::{Config, Store as StoreConfig};
use hallmark_proxy::StartError;
use hallmark_proxy::store::Store;
use hallmark_proxy::store::local::LocalStore;
use hallmark_proxy::store::s3::S3Store;

/// Opens it.
///
/// # Errors
/// It cannot be used, or another process has it.
pub(crate) async fn store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    Ok(match &config.store {
        StoreConfig::Local { path } => {
            let hint = "the embedded store is open to one process at a time: stop the proxy";
            Arc::new(LocalStore::open(path).context(hint)?)
        }
        StoreConfig::S3(settings) => {
            let store = S3Store::connect(settings, &config.buckets).await?;
            store.examine().await.map_err(StartError::Store)?;
            Arc::new(store)
        }
    })
}
