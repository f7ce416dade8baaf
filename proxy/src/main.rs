//! The command `hallmark-proxy`.

// `testing` opens what stores return to whoever asks. A server that serves must not even contain that.
#[cfg(all(feature = "testing", not(debug_assertions)))]
compile_error!(
    "the server is not to be released with the feature `testing`: build it with `-p hallmark-proxy`"
);

mod adopting;
mod check_store;
mod explaining;
mod log;
mod opening;
mod report;
mod rotate;
mod stop;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};
use hallmark_config::{BucketName, Config, Store as StoreConfig};
use hallmark_proxy::admin::{Admin, Health};
use hallmark_proxy::adopt::Below;
use hallmark_proxy::gate::largest_artifact;
use hallmark_proxy::metrics::Metrics;
use hallmark_proxy::reload::{Reading, Reloader};
use hallmark_proxy::seal_keys::PublishedSealKeys;
use hallmark_proxy::server::{Cut, Phase, Server};
use hallmark_proxy::store::local::LocalStore;
use hallmark_proxy::store::s3::S3Store;
use hallmark_proxy::store::{NewBucket, Store, Swept};
use hallmark_proxy::{App, OpenKeys, StartError, bootstrap, supervisor};
use tokio::sync::watch;

/// Requests make many small allocations on several threads: this allocator takes half the time of the system's for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Between two of the 256 directories of bodies.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
/// How long what the store was asked for last may still take when the program ends.
const LAST_WRITES: Duration = Duration::from_secs(5);
/// Between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

const ENVIRONMENT: &str = "\
Environment:
  HALLMARK_CONFIG  The configuration, where --config does not name one
  HALLMARK_LOG     What is logged on stderr: error, warn, info (the default), debug or trace,
                   or by module, such as `warn,hallmark_proxy=debug`";

/// An S3 endpoint that seals what is uploaded and serves only what still matches its seal.
#[derive(Parser)]
#[command(version, after_help = ENVIRONMENT, subcommand_negates_reqs = true, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// The configuration. Without one, everything is made and kept in ./hallmark-data, for this machine alone.
    #[arg(long, env = "HALLMARK_CONFIG")]
    config: Option<PathBuf>,
    /// Listen here, whatever the configuration says.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address)]
    listen: Option<SocketAddr>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Reports every error of a configuration file, with its line.
    CheckConfig {
        /// The file.
        file: PathBuf,
    },
    /// Tries out what the object store of a configuration can do, and prints it with what each lack costs.
    CheckStore {
        /// The configuration.
        file: PathBuf,
    },
    /// Says what would become of a download, and why: the rule, the seal, who signed, and what is missing.
    ///
    /// Exit codes: 0 it is served, 3 it is refused, 1 there is nothing or the store fails.
    Explain {
        /// The configuration; its store is asked.
        config: PathBuf,
        /// The object.
        #[arg(value_name = "s3://BUCKET/KEY")]
        object: explaining::Location,
    },
    /// Seals objects that came into the store without Hallmark, if somebody else than the store vouches for them.
    ///
    /// That is: publishers' signatures by which the rule is satisfied, or a list of digests (--manifest). All else needs
    /// --trust-store-contents. May be interrupted and repeated: what has a seal that holds is passed over. Exit codes: 0 all
    /// have one now, 3 some have not (each is a line), 4 there is nothing, 1 it failed.
    Adopt {
        /// The configuration.
        config: PathBuf,
        /// What to adopt.
        #[arg(value_name = "s3://BUCKET[/PREFIX]", value_parser = adopting::place)]
        below: Below,
        #[command(flatten)]
        options: adopting::Options,
        #[command(flatten)]
        trusting: adopting::Trusting,
    },
    /// Gives new seals to artifacts whose seals are by a key that is not trusted any more, such as one that leaked.
    ///
    /// Nothing is taken from the old seal. Who has to vouch for the artifacts, and the exit codes, are those of `adopt`.
    Reseal {
        /// The configuration, without the old key.
        config: PathBuf,
        /// What to seal anew.
        #[arg(value_name = "s3://BUCKET[/PREFIX]", value_parser = adopting::place)]
        below: Below,
        #[command(flatten)]
        options: adopting::Options,
    },
    /// Goes from one seal key to the next: finds out how far that is, and says what to do next.
    ///
    /// Makes NEW_KEY if it is not there, and the public halves beside both keys; writes nothing else. Repeat it after each
    /// step. Exit code 1: some instance is not where the configuration is.
    RotateSealKey {
        /// The configuration.
        config: PathBuf,
        /// The file of the new private key, such as `seal-2027.key`.
        new_key: PathBuf,
        /// The admin listener of an instance, to be asked which keys it has; may be repeated.
        #[arg(long = "instance", value_name = "HOST:PORT")]
        instances: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| refuse(&error));
    let done = match arguments.command {
        Some(Command::CheckConfig { file }) => check_config(&file).map(|()| ExitCode::SUCCESS),
        Some(Command::CheckStore { file }) => check_store::run(&file).map(|()| ExitCode::SUCCESS),
        Some(Command::Explain { config, object }) => explaining::run(&config, object),
        Some(Command::Adopt { config, below, options, trusting }) => {
            adopting::adopt(&config, &below, &options, &trusting)
        }
        Some(Command::Reseal { config, below, options }) => adopting::reseal(&config, &below, &options),
        Some(Command::RotateSealKey { config, new_key, instances }) => {
            rotate::run(&config, &new_key, &instances)
        }
        None => serve(arguments.config, arguments.listen).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            report::last_word(&error);
            ExitCode::FAILURE
        }
    }
}

/// Ends with what is wrong with the command line, as the parser says it; who names a configuration without `--config`
/// is told how.
fn refuse(error: &clap::Error) -> ! {
    let word = match error.kind() {
        ErrorKind::InvalidSubcommand => error.get(ContextKind::InvalidSubcommand),
        ErrorKind::UnknownArgument => error.get(ContextKind::InvalidArg),
        _ => None,
    };
    if let Some(ContextValue::String(word)) = word
        && Path::new(word).extension().is_some_and(|extension| extension == "toml")
    {
        report::say(&format!("{word:?} is no command"), Some(&format!("--config {word}")));
        std::process::exit(2);
    }
    error.exit()
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "it must be ADDRESS:PORT, such as 127.0.0.1:9000")
}

fn check_config(file: &Path) -> anyhow::Result<()> {
    let config = Config::load(file)?;
    // Keys and certificates are part of what must hold, so they are read too.
    hallmark_proxy::check(&config)?;
    for advice in config.advice() {
        report::warn(&advice.to_string());
    }
    writeln!(std::io::stdout(), "{}: ok", file.display())?;
    Ok(())
}

fn serve(config: Option<PathBuf>, listen: Option<SocketAddr>) -> anyhow::Result<()> {
    log::init()?;
    let unconfigured = config.is_none();
    let file = match config {
        Some(file) => file,
        None => bootstrap::prepare(Path::new(bootstrap::DEFAULT_DIR))
            .with_context(|| format!("cannot prepare ./{}", bootstrap::DEFAULT_DIR))?,
    };
    let reading = Reading::of(&file);
    let mut config = reading.config()?.clone();
    config.server.listen = listen.unwrap_or(config.server.listen);
    // All that is wrong with keys and certificates, before anything is touched.
    let keys = OpenKeys::of(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let origin = Origin { file, reading, unconfigured };
    let done = runtime.block_on(run(&config, keys, origin));
    runtime.shutdown_timeout(LAST_WRITES);
    done
}

/// Where a configuration comes from.
struct Origin {
    file: PathBuf,
    reading: Reading,
    /// Nobody named one.
    unconfigured: bool,
}

async fn run(
    config: &Config,
    keys: OpenKeys,
    Origin { file, reading, unconfigured }: Origin,
) -> anyhow::Result<()> {
    // Before all that may take long: until then it ends the process.
    let hangups = stop::hangups()?;
    let metrics = Metrics::new();
    let seal_keys = PublishedSealKeys::default();
    let health = Health::new(&metrics);
    if let Some(admin) = &config.admin {
        // Before all that may take long, so that those who ask hear why.
        let admin = Admin::bind(admin).await?;
        writeln!(std::io::stdout(), "hallmark-proxy: health and metrics on http://{}", admin.address()?)?;
        tokio::spawn(admin.run(health.clone(), metrics.clone(), seal_keys.clone()));
    }
    let (kind, store): (_, Arc<dyn Store>) = match &config.store {
        StoreConfig::Local { path } => ("local", Arc::new(LocalStore::open(path)?)),
        StoreConfig::S3(settings) => {
            let store = S3Store::connect(settings, &config.buckets).await?;
            // Before anything is asked of it.
            store.examine().await.map_err(StartError::Store)?;
            store.report().await?.log();
            ("s3", Arc::new(store))
        }
    };
    if unconfigured {
        // So that the first upload needs nothing but an upload.
        store.create_bucket(&BucketName::parse(bootstrap::BUCKET)?, NewBucket::default()).await?;
    }
    let app = Arc::new(App::start(config, keys, Arc::clone(&store), &metrics, &seal_keys).await?);
    let server = Server::bind(&config.server, &config.limits, &metrics).await?;
    let scheme = if config.server.tls.is_some() { "https" } else { "http" };
    let endpoint = format!("{scheme}://{}", server.address()?);
    if unconfigured {
        greet(&file, &endpoint)?;
    }
    let reloader = Reloader::new(&file, reading, Arc::clone(&app), server.certificates(), &metrics)?;
    tokio::spawn(reloader.run(hangups));
    // Not before there is nothing that ends the process at once.
    tokio::spawn(sweep(Arc::clone(&store)));
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        realm = config.realm.as_str(),
        config = config.sources.origin(),
        clients = config.clients.len(),
        store = kind,
        address = endpoint,
        // Often less than the configuration permits: the memory budget decides as well.
        max_object_mib =
            config.limits.max_object_size.min(largest_artifact(config.limits.memory_budget)) >> 20,
        "started"
    );
    for advice in config.advice() {
        tracing::warn!(setting = advice.key, "{}", advice.message);
    }
    let (tell, phase) = watch::channel(Phase::Serving);
    // Without the listener for health nobody could notice in the meantime.
    let delay = config.admin.as_ref().map_or(Duration::ZERO, |admin| admin.drain_delay);
    tokio::spawn(stop::Signals::catch()?.obey(health.clone(), delay, tell));
    if config.admin.is_some() {
        tokio::spawn(health.clone().watch(store));
    }
    health.serving();
    writeln!(std::io::stdout(), "hallmark-proxy: listening on {endpoint}")?;
    supervisor::ready();

    match server.run(app, phase).await {
        Cut { connections: 0, work: 0 } => tracing::info!("stopped"),
        Cut { connections, work } => {
            tracing::warn!(connections, work, "stopped, and cut off what was not done in time");
        }
    }
    Ok(())
}

/// Removes what crashes and clients left behind: once after the start, and then daily, at a pace that nobody notices.
async fn sweep(store: Arc<dyn Store>) {
    loop {
        match store.sweep(SWEEP_PAUSE).await {
            Ok(Swept { removed: 0, stages: 0, scratch: 0, .. }) => {}
            Ok(Swept { removed, bytes, stages, scratch }) => {
                tracing::info!(files = removed, bytes, stages, scratch, "left-overs removed");
            }
            Err(error) => tracing::warn!(%error, "left-overs could not all be removed"),
        }
        tokio::time::sleep(SWEEP_EVERY).await;
    }
}

/// What a user pastes next.
fn greet(config: &Path, endpoint: &str) -> anyhow::Result<()> {
    let dir = std::path::absolute(config.parent().unwrap_or(Path::new(".")))?;
    writeln!(
        std::io::stdout(),
        "No configuration given: everything is kept in {dir}.\n\
         Paste this into another terminal:\n\n\
         \x20 export AWS_ENDPOINT_URL={endpoint} AWS_REGION=us-east-1\n\
         \x20 export AWS_SHARED_CREDENTIALS_FILE='{dir}/credentials'\n\
         \x20 aws s3 cp README.md s3://{bucket}/hello.txt\n\
         \x20 aws s3api head-object --bucket {bucket} --key hello.txt\n",
        dir = dir.display(),
        bucket = bootstrap::BUCKET,
    )?;
    Ok(())
}
