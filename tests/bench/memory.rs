//! Peak memory with many large uploads and downloads at once.
//!
//! Four clients share the work, because no client may hold more than a quarter of the memory budget; everything else is
//! as it is by default. Contents are made as they are sent and compared as they arrive, so the client holds none. The
//! objects go with the server's directory.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Args;
use hallmark_tests::site::{FULL, Options as SiteOptions};

use crate::content::{Block, Pattern, digests};
use crate::load::{BUCKET, Connection, text};
use crate::server::Server;

/// What the server's peak is compared with, MiB.
const BOUND: f64 = 512.0;

/// The whole measurement may take so long.
const DEADLINE: Duration = Duration::from_secs(1200);

/// The clients that share the work.
const CLIENTS: u64 = 4;

/// How to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Uploads, and as many downloads.
    #[arg(long, default_value_t = 64)]
    transfers: u64,
    /// The size of each, MiB.
    #[arg(long, default_value_t = 256)]
    mib: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { transfers: 64, mib: 256 }
    }
}

/// Measures and returns the findings in Markdown.
///
/// # Panics
/// A transfer failed or brought other bytes.
pub(crate) async fn measure(options: &Options) -> String {
    let measured = tokio::time::timeout(DEADLINE, transfer(options)).await;
    measured.unwrap_or_else(|_| panic!("not done after {DEADLINE:?}"))
}

async fn transfer(options: &Options) -> String {
    let block = Block::make();
    let pattern = |seed| block.pattern(seed, options.mib << 20);
    // The last one is what all downloads read.
    let sums = digests((0..=options.transfers).map(pattern)).await;
    let (served, served_sum) = (pattern(options.transfers), &sums[sums.len() - 1]);

    let server = Server::hallmark(&clients());
    let address = server.address();
    let mut first = Connection::open(address, FULL).await;
    first.send("PUT", &format!("/{BUCKET}"), None).await;
    first.put(&format!("/{BUCKET}/served"), served.payload(served_sum)).await;
    let before = server.memory("VmRSS");

    let began = Instant::now();
    let mut tasks = Vec::new();
    for (number, sum) in (0..options.transfers).zip(&sums) {
        tasks.push(tokio::spawn(upload(address, number, pattern(number), sum.clone())));
        tasks.push(tokio::spawn(download(address, number, served.clone())));
    }
    for task in tasks {
        task.await.expect("a transfer says why it failed");
    }
    let elapsed = began.elapsed().as_secs_f64();
    let (peak, after) = (server.memory("VmHWM"), server.memory("VmRSS"));
    findings(options, elapsed, [before, peak, after])
}

async fn upload(address: SocketAddr, number: u64, pattern: Pattern, sum: String) {
    let access_key = access_key(number % CLIENTS);
    let mut connection = Connection::open(address, (&access_key, FULL.1)).await;
    let target = format!("/{BUCKET}/upload-{number}");
    connection.put(&target, pattern.payload(&sum)).await;
    let line = text(connection.send("GET", &format!("{target}?hallmark=sha256"), None).await).await;
    assert!(line.starts_with(&sum), "{target} was sealed as {line}");
}

async fn download(address: SocketAddr, number: u64, pattern: Pattern) {
    let access_key = access_key(number % CLIENTS);
    let mut connection = Connection::open(address, (&access_key, FULL.1)).await;
    let mut position = 0;
    connection.get(&format!("/{BUCKET}/served"), |piece| pattern.check(&mut position, piece)).await;
    assert_eq!(position, pattern.length(), "the download ended early");
}

fn findings(options: &Options, elapsed: f64, [before, peak, after]: [f64; 3]) -> String {
    let (transfers, mib) = (options.transfers, options.mib);
    let rate = (2 * transfers * mib) as f64 * 1.048_576 / elapsed;
    let verdict = if peak < BOUND { "under" } else { "**OVER**" };
    format!(
        "{transfers} uploads and {transfers} downloads of {mib} MiB at once, by {CLIENTS} clients: all complete and \
         right, in {elapsed:.0} s ({rate:.0} MB/s in both directions together).\n\n\
         | resident memory of the server | MiB |\n|---|---|\n\
         | before | {before:.0} |\n| **peak** | **{peak:.0}** |\n| after | {after:.0} |\n\n\
         The peak is {verdict} {BOUND:.0} MiB.\n"
    )
}

fn access_key(client: u64) -> String {
    format!("AKIABENCH{client}")
}

fn clients() -> SiteOptions {
    let tables = (0..CLIENTS)
        .map(|client| {
            format!(
                "[[clients]]\nname = \"bench-{client}\"\naccess_key = \"{}\"\nsecret_file = \"ci.secret\"\n\
                 grants = [{{ bucket = \"*\", permissions = [\"read\", \"write\"] }}]\n\n",
                access_key(client)
            )
        })
        .collect();
    SiteOptions { tables, ..SiteOptions::default() }
}
