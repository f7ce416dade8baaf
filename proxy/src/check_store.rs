//! `hallmark-proxy check-store`: what the object store of a configuration can do.

use std::io::{Write as _, stdout};
use std::path::Path;

use hallmark_config::{Config, S3Store as Settings, Store};
use hallmark_proxy::StartError;
use hallmark_proxy::store::Store as _;
use hallmark_proxy::store::s3::S3Store;

/// Tries it out and prints it. Makes the state bucket, if it is not there, and leaves nothing else behind.
///
/// # Errors
/// The configuration is wrong, or asks for what the store cannot keep; the store cannot be used.
pub(crate) fn run(file: &Path) -> anyhow::Result<()> {
    let config = Config::load(file)?;
    match &config.store {
        Store::Local { path } => {
            writeln!(stdout(), "{}: the embedded store, which lacks nothing", path.display())?;
            Ok(())
        }
        Store::S3(settings) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(ask(&config, settings))
        }
    }
}

async fn ask(config: &Config, settings: &Settings) -> anyhow::Result<()> {
    let store = S3Store::connect(settings, &config.buckets).await?;
    let report = store.report().await.map_err(StartError::Store)?;
    let lacks = report.lacks().count();
    write!(stdout(), "{report}")?;
    // What it cannot keep of what is asked of it is no lack to live with.
    hallmark_proxy::check_capabilities(config, &store.probe().await?)?;
    match lacks {
        0 => writeln!(stdout(), "\nThe store can be used, and lacks nothing.")?,
        1 => writeln!(stdout(), "\nThe store can be used. It lacks one thing, marked with `-`.")?,
        _ => writeln!(stdout(), "\nThe store can be used. It lacks {lacks} things, marked with `-`.")?,
    }
    Ok(())
}
