//! Requests a second and processor time, beside two peers.
//!
//! - **bare** is hyper and nothing else ([`crate::bare`]): what HTTP alone costs. It keeps nothing and checks nothing.
//! - **nginx** stands before that server: what a proxy costs that looks at nothing.
//!
//! All three get the same signed requests from the same client. Servers take turns within a round, and the figures are
//! medians of rounds, so that a machine that is busy now and then disturbs all of them alike. Processor time is that of
//! the server processes; the client's is not counted, but it takes its share of the machine.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Args;
use hallmark_tests::site::{FULL, Options as SiteOptions};

use crate::load::{BUCKET, Connection, Content, Contents};
use crate::server::{Cpu, Server};
use crate::table::median;

/// How many small objects the downloads of [`Kind::Get`] go round.
const OBJECTS: u64 = 64;

/// How to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Rounds, of whose figures the medians are taken.
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// How long each server is under load for each case of a round, seconds.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Connections for objects of 1 KiB.
    #[arg(long, default_value_t = 16)]
    small_connections: u64,
    /// Connections for objects of 64 MiB.
    #[arg(long, default_value_t = 4)]
    large_connections: u64,
    /// Leaves the peers out.
    #[arg(long)]
    alone: bool,
    /// Only cases whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rounds: 5,
            seconds: 3.0,
            small_connections: 16,
            large_connections: 4,
            alone: false,
            only: String::new(),
        }
    }
}

/// What is asked for again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Uploads under new keys if they are small, over the same keys if they are large.
    Put,
    /// Downloads what the uploads of the round left, each object once.
    GetOnce,
    /// Downloads the same few objects.
    Get,
}

struct Case {
    name: &'static str,
    kind: Kind,
    size: u64,
    connections: fn(&Options) -> u64,
}

const CASES: [Case; 7] = [
    Case::new("PUT 1 KiB", Kind::Put, Contents::SMALL, |options| options.small_connections),
    Case::new("GET 1 KiB, first time", Kind::GetOnce, Contents::SMALL, |options| options.small_connections),
    Case::new("GET 1 KiB", Kind::Get, Contents::SMALL, |options| options.small_connections),
    Case::new("PUT 64 MiB", Kind::Put, Contents::LARGE, |options| options.large_connections),
    Case::new("GET 64 MiB", Kind::Get, Contents::LARGE, |options| options.large_connections),
    Case::new("PUT 64 MiB, one connection", Kind::Put, Contents::LARGE, |_| 1),
    Case::new("GET 64 MiB, one connection", Kind::Get, Contents::LARGE, |_| 1),
];

impl Case {
    const fn new(name: &'static str, kind: Kind, size: u64, connections: fn(&Options) -> u64) -> Self {
        Self { name, kind, size, connections }
    }
}

/// A server and what was measured of it.
struct Target {
    name: &'static str,
    server: Server,
    /// What stands behind it, if anything; its processor time counts too.
    behind: Option<SocketAddr>,
    /// How many small objects each connection has left in this round.
    left: Vec<u64>,
    /// By case: one sample for each round.
    samples: Vec<Vec<Sample>>,
}

/// One case of one round.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Requests a second.
    rate: f64,
    /// Processor seconds for a request.
    cpu: Cpu,
    /// The same without what stands behind.
    own: Cpu,
}

/// Measures and returns a table in Markdown.
pub(crate) async fn measure(options: &Options) -> String {
    let contents = Contents::make();
    let mut targets = targets(options);
    for target in &targets {
        prepare(target, &contents).await;
    }
    for round in 0..options.rounds {
        for (index, case) in CASES.iter().enumerate() {
            if !wanted(case, &options.only) {
                continue;
            }
            // Whoever comes first in a round comes later in the next.
            let turn = usize::try_from(round).unwrap_or(0) % targets.len();
            for place in 0..targets.len() {
                let which = (place + turn) % targets.len();
                let sample = run(&mut targets, which, case, round, options, &contents).await;
                eprintln!(
                    "round {}: {}, {}: {:.1} requests/s, {:.3} CPU ms/request",
                    round + 1,
                    case.name,
                    targets[which].name,
                    sample.rate,
                    sample.cpu.total() * 1e3
                );
                targets[which].samples[index].push(sample);
            }
        }
    }
    table(&targets)
}

fn wanted(case: &Case, only: &str) -> bool {
    // What is downloaded once must have been uploaded.
    case.name.contains(only) || (case.name == "PUT 1 KiB" && "GET 1 KiB, first time".contains(only))
}

fn targets(options: &Options) -> Vec<Target> {
    let target = |name, server, behind| Target {
        name,
        server,
        behind,
        left: Vec::new(),
        samples: vec![Vec::new(); CASES.len()],
    };
    let mut targets = vec![target("Hallmark", Server::hallmark(&SiteOptions::default()), None)];
    if !options.alone {
        let bare = Server::bare();
        let upstream = bare.address();
        targets.push(target("bare", bare, None));
        match Server::nginx(upstream) {
            Some(nginx) => targets.push(target("nginx", nginx, Some(upstream))),
            None => {
                eprintln!("SKIPPED: nginx is not installed; the comparison is with the bare server alone");
            }
        }
    }
    targets
}

/// Makes the objects that are downloaded again and again.
async fn prepare(target: &Target, contents: &Contents) {
    let mut connection = Connection::open(target.server.address(), FULL).await;
    connection.send("PUT", &format!("/{BUCKET}"), None).await;
    for (size, count) in [(Contents::SMALL, OBJECTS), (Contents::LARGE, 4)] {
        for number in 0..count {
            connection.put(&hot(size, number), contents.of_size(size).payload()).await;
        }
    }
}

fn hot(size: u64, number: u64) -> String {
    format!("/{BUCKET}/{size}/hot-{number}")
}

/// Puts one server under load.
async fn run(
    targets: &mut [Target],
    which: usize,
    case: &Case,
    round: u64,
    options: &Options,
    contents: &Contents,
) -> Sample {
    let connections = (case.connections)(options);
    let address = targets[which].server.address();
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address, FULL).await);
    }
    let before = cpu(targets, which);
    let began = Instant::now();
    let until = began + Duration::from_secs_f64(options.seconds);
    let workers: Vec<_> = (0u64..)
        .zip(open)
        .map(|(number, connection)| {
            let worker = Worker {
                connection,
                content: contents.of_size(case.size).clone(),
                kind: case.kind,
                size: case.size,
                round,
                number,
            };
            let most = match case.kind {
                Kind::GetOnce => {
                    targets[which].left.get(usize::try_from(number).unwrap_or(0)).copied().unwrap_or(0)
                }
                Kind::Put | Kind::Get => u64::MAX,
            };
            tokio::spawn(worker.work(most, until))
        })
        .collect();
    let mut done = Vec::new();
    for worker in workers {
        done.push(worker.await.expect("a worker says why it failed"));
    }
    let elapsed = began.elapsed().as_secs_f64();
    let after = cpu(targets, which);
    let requests = done.iter().sum::<u64>().max(1) as f64;
    if case.kind == Kind::Put && case.size == Contents::SMALL {
        targets[which].left = done;
    }
    let per_request = |cpu: Cpu| Cpu { user: cpu.user / requests, system: cpu.system / requests };
    Sample {
        rate: requests / elapsed,
        cpu: per_request(after.0 - before.0),
        own: per_request(after.1 - before.1),
    }
}

/// Processor time of a target, with and without what stands behind it.
fn cpu(targets: &[Target], which: usize) -> (Cpu, Cpu) {
    let own = targets[which].server.cpu();
    let behind = targets[which].behind.and_then(|address| {
        let server =
            targets.iter().map(|target| &target.server).find(|server| server.address() == address)?;
        Some(server.cpu())
    });
    ([own, behind.unwrap_or_default()].into_iter().sum(), own)
}

/// One connection and what it asks for.
struct Worker {
    connection: Connection,
    content: Content,
    kind: Kind,
    size: u64,
    round: u64,
    number: u64,
}

impl Worker {
    /// Asks until `until`, but at most `most` times, and at least once where that is allowed; returns how often.
    async fn work(mut self, most: u64, until: Instant) -> u64 {
        let mut done = 0;
        while done < most && (done == 0 || Instant::now() < until) {
            let target = self.target(done);
            if self.kind == Kind::Put {
                self.connection.put(&target, self.content.payload()).await;
            } else {
                let mut position = 0;
                self.connection.get(&target, |piece| self.content.check(&mut position, piece)).await;
                assert_eq!(position, self.content.len(), "{target} ended early");
            }
            done += 1;
        }
        done
    }

    fn target(&self, done: u64) -> String {
        let Self { size, round, number, .. } = self;
        match self.kind {
            Kind::Get if *size == Contents::SMALL => hot(*size, (done + number) % OBJECTS),
            Kind::Get => hot(*size, number % 4),
            Kind::Put | Kind::GetOnce if *size == Contents::SMALL => {
                format!("/{BUCKET}/{size}/{round}-{number}-{done}")
            }
            Kind::Put | Kind::GetOnce => format!("/{BUCKET}/{size}/put-{number}"),
        }
    }
}

/// A figure of a case: what it is called, how it is made of a sample, and with how many decimals it is shown.
type Figure = (&'static str, fn(&Sample, u64) -> f64, usize);

const SMALL: [Figure; 2] =
    [("requests/s", |sample, _| sample.rate, 0), ("CPU ms/request", |sample, _| sample.cpu.total() * 1e3, 3)];

const LARGE: [Figure; 3] = [
    ("MB/s", |sample, size| sample.rate * size as f64 / 1e6, 0),
    ("CPU ms/request", |sample, _| sample.cpu.total() * 1e3, 1),
    ("CPU ms/GiB", |sample, size| sample.cpu.total() * 1e3 / size as f64 * (1u64 << 30) as f64, 0),
];

fn table(targets: &[Target]) -> String {
    let names: Vec<&str> = targets.iter().map(|target| target.name).collect();
    let mut text = format!("| | | {} |", names.join(" | "));
    for name in &names[1..] {
        write!(text, " Hallmark ÷ {name} |").expect("writing to a string");
    }
    writeln!(text, " Hallmark's in the kernel | nginx without what is behind |")
        .expect("writing to a string");
    text.push_str(&"|---".repeat(2 * names.len() + 3));
    text.push_str("|\n");
    for (index, case) in CASES.iter().enumerate() {
        if targets.iter().any(|target| target.samples[index].is_empty()) {
            continue;
        }
        let figures = if case.size == Contents::SMALL { &SMALL[..] } else { &LARGE[..] };
        for (what, figure, decimals) in figures {
            let of = |target: &Target, sample: fn(&Sample) -> Sample| {
                let samples = target.samples[index].iter();
                median(samples.map(|one| figure(&sample(one), case.size)).collect())
            };
            let values: Vec<f64> = targets.iter().map(|target| of(target, |sample| *sample)).collect();
            write!(text, "| {} | {what} |", case.name).expect("writing to a string");
            for value in &values {
                write!(text, " {value:.decimals$} |").expect("writing to a string");
            }
            for value in &values[1..] {
                write!(text, " {:.2} |", values[0] / value).expect("writing to a string");
            }
            let (kernel, alone) = if what.starts_with("CPU") {
                let kernel = of(&targets[0], |sample| Sample {
                    cpu: Cpu { user: 0.0, system: sample.cpu.system },
                    ..*sample
                });
                let alone = targets.iter().find(|target| target.behind.is_some()).map(|nginx| {
                    format!("{:.decimals$}", of(nginx, |sample| Sample { cpu: sample.own, ..*sample }))
                });
                (format!("{kernel:.decimals$}"), alone.unwrap_or_default())
            } else {
                Default::default()
            };
            writeln!(text, " {kernel} | {alone} |").expect("writing to a string");
        }
    }
    text
}
