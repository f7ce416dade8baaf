//! `hallmark-proxy explain`: what would become of a download, and why.

use std::io::{Write as _, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::Context as _;
use hallmark_config::{BucketName, Config, Store as StoreConfig};
use hallmark_proxy::explain::{Fate, explain};
use hallmark_proxy::name::{ObjectKey, ObjectName};
use hallmark_proxy::store::Store;
use hallmark_proxy::store::local::LocalStore;
use hallmark_proxy::store::s3::S3Store;

/// As `hallmark` says it.
const REFUSED: u8 = 3;

/// `s3://bucket/key`.
#[derive(Debug, Clone)]
pub(crate) struct Location(ObjectName);

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let split = text.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let (bucket, key) = split.ok_or("expected s3://bucket/key")?;
        let bucket = BucketName::parse(bucket).map_err(|rule| format!("the bucket must be {rule}"))?;
        Ok(Self(ObjectName { bucket, key: ObjectKey::parse(key).map_err(|error| error.to_string())? }))
    }
}

/// Prints the explanation. Exit code 0: served, 3: refused, 1: nothing there, or the store fails.
///
/// # Errors
/// The configuration is wrong, or the store cannot be reached.
pub(crate) fn run(file: &Path, Location(name): Location) -> anyhow::Result<ExitCode> {
    let config = Config::load(file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let store: Arc<dyn Store> = match &config.store {
            StoreConfig::Local { path } => {
                // One process has it at a time.
                let hint =
                    "the embedded store is open to one process at a time: stop the proxy, or ask a copy";
                Arc::new(LocalStore::open(path).context(hint)?)
            }
            StoreConfig::S3(settings) => Arc::new(S3Store::connect(settings, &config.buckets).await?),
        };
        let explanation = explain(&config, store, name).await?;
        write!(stdout(), "{explanation}")?;
        Ok(match explanation.fate() {
            Fate::Served => ExitCode::SUCCESS,
            Fate::Refused => ExitCode::from(REFUSED),
            Fate::Failed => ExitCode::FAILURE,
        })
    })
}
