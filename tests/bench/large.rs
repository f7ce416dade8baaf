//! One large artifact: by one PUT, in parts, and copied, beside the same store without the proxy.
//!
//! - **over HTTP** is that store behind a hyper server that checks nothing ([`crate::plain`]): what a store costs that a
//!   client can reach.
//! - **alone** is that store in a process that makes the bytes itself: what keeping them costs, and nothing else.
//!
//! Each has a process of its own, whose processor time is what counts; the client's does not. Targets take turns within a
//! round, and figures are medians of rounds. Every upload replaces the one of the round before.
//!
//! **With the read-back**: between the last part and Complete the proxy is killed and started again. The in-order window
//! is gone with it, so that Complete must read and hash every part. The time that it takes to start does not count.

use std::time::Instant;

use clap::Args;
use hallmark_tests::site::Options as SiteOptions;

use crate::load::BUCKET;
use crate::server::{Cpu, Server};
use crate::table::{Row, table};
use crate::transfer::{Artifact, Client, Sent};

/// How to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Rounds, of whose figures the medians are taken.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The size of the artifact, MiB.
    #[arg(long, default_value_t = 1024)]
    mib: u64,
    /// The size of a part, MiB.
    #[arg(long, default_value_t = 8)]
    part_mib: u64,
    /// Parts at a time.
    #[arg(long, default_value_t = 10)]
    at_once: usize,
    /// The proxy's `limits.memory_budget`.
    #[arg(long, default_value = "384 MiB")]
    memory_budget: String,
    /// Leaves the peers out.
    #[arg(long)]
    alone: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 3, mib: 1024, part_mib: 8, at_once: 10, memory_budget: "384 MiB".into(), alone: false }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Put,
    Parts,
    PartsReadBack,
    Copy,
    CopyParts,
}

const CASES: [Case; 5] = [Case::Put, Case::Parts, Case::PartsReadBack, Case::Copy, Case::CopyParts];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hallmark,
    OverHttp,
    Alone,
}

struct Target {
    kind: Kind,
    server: Server,
    /// By case: one sample for each round.
    samples: Vec<Vec<Sample>>,
    /// By case: what the log said, in each round, of parts that needed no read-back.
    window: Vec<Vec<String>>,
}

/// One case of one round.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    seconds: f64,
    /// Of these, those of Complete.
    completing: f64,
    cpu: Cpu,
}

impl Case {
    fn name(self) -> &'static str {
        match self {
            Self::Put => "one PUT",
            Self::Parts => "multipart",
            Self::PartsReadBack => "multipart, read back",
            Self::Copy => "CopyObject",
            Self::CopyParts => "multipart copy",
        }
    }

    /// What the store does for the same end where there is no proxy.
    fn plain(self) -> Self {
        match self {
            Self::Put | Self::Parts | Self::Copy => self,
            Self::PartsReadBack => Self::Parts,
            Self::CopyParts => Self::Copy,
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Hallmark => "Hallmark",
            Self::OverHttp => "the store over HTTP",
            Self::Alone => "the store alone",
        }
    }
}

/// Measures and returns the findings in Markdown.
pub(crate) async fn measure(options: &Options) -> String {
    let artifact = Artifact::make(options.mib << 20, options.part_mib << 20).await;
    let mut targets = targets(options);
    for target in &targets {
        target.client(options).make_bucket().await;
    }
    for round in 0..options.rounds {
        for (index, case) in CASES.into_iter().enumerate() {
            for place in 0..targets.len() {
                // Whoever comes first in a round comes later in the next.
                let which = (place + round) % targets.len();
                let target = &mut targets[which];
                if target.kind != Kind::Hallmark && case.plain() != case {
                    continue;
                }
                let sample = target.run(case, &artifact, options).await;
                let (Sample { seconds, completing, cpu }, name) = (sample, target.kind.name());
                eprintln!(
                    "round {}: {}, {name}: {seconds:.2} s, of these {completing:.2} s Complete, {:.2} CPU s {}",
                    round + 1,
                    case.name(),
                    cpu.total(),
                    target.window[index].last().map_or("", String::as_str)
                );
                target.samples[index].push(sample);
            }
        }
    }
    findings(&targets, options)
}

fn targets(options: &Options) -> Vec<Target> {
    let tables = format!("[limits]\nmemory_budget = \"{}\"\n", options.memory_budget);
    let site = SiteOptions { tables, ..SiteOptions::default() };
    let target = |kind, server| Target {
        kind,
        server,
        samples: vec![Vec::new(); CASES.len()],
        window: vec![Vec::new(); CASES.len()],
    };
    let mut targets = vec![target(Kind::Hallmark, Server::hallmark(&site))];
    if !options.alone {
        targets.extend([Kind::OverHttp, Kind::Alone].map(|kind| target(kind, Server::plain())));
    }
    targets
}

impl Target {
    fn client(&self, options: &Options) -> Client {
        Client { address: self.server.address(), at_once: options.at_once }
    }

    async fn run(&mut self, case: Case, artifact: &Artifact, options: &Options) -> Sample {
        let client = self.client(options);
        let sample = match (self.kind, case) {
            (Kind::Alone, Case::Put | Case::Parts) => self.drive(case, options).await,
            (_, Case::Put) => self.timed(client.put("put", artifact)).await.0,
            (_, Case::Parts) => {
                let (sample, sent) = self.timed(client.send_parts("parts", artifact)).await;
                sample.then(self.complete(sent, options).await)
            }
            (_, Case::PartsReadBack) => {
                let (sample, sent) = self.timed(client.send_parts("parts", artifact)).await;
                self.server.restart();
                sample.then(self.complete(sent, options).await)
            }
            (_, Case::Copy) => self.timed(client.copy("parts", "copy")).await.0,
            (_, Case::CopyParts) => {
                let (sample, sent) = self.timed(client.copy_parts("parts", "copy", artifact)).await;
                sample.then(self.complete(sent, options).await)
            }
        };
        if self.kind == Kind::Hallmark {
            let key = match case {
                Case::Put => "put",
                Case::Parts | Case::PartsReadBack => "parts",
                Case::Copy | Case::CopyParts => "copy",
            };
            self.client(options).check(key, artifact).await;
            if matches!(case, Case::Parts | Case::PartsReadBack) {
                let said = self.server.last_logged(WINDOW).expect("Complete says it");
                // After the upload's name: `taken=128 of=128`.
                let counts = said.split_once("taken=").map(|(_, counts)| counts.replace(" of=", " of "));
                self.window[case as usize].push(counts.expect("it counts them"));
            }
        }
        sample
    }

    async fn complete(&self, sent: Sent, options: &Options) -> Sample {
        let (sample, ()) = self.timed(self.client(options).complete(sent)).await;
        Sample { completing: sample.seconds, ..sample }
    }

    /// Has the store's process do it by itself.
    async fn drive(&self, case: Case, options: &Options) -> Sample {
        let what = if case == Case::Put { "put" } else { "parts" };
        let (length, part, at_once) = (options.mib << 20, options.part_mib << 20, options.at_once);
        let target = format!("/{BUCKET}/{what}?key={what}&length={length}&part={part}&connections={at_once}");
        let mut connection = self.client(options).open().await;
        self.timed(async { connection.send("POST", &target, None).await }).await.0
    }

    async fn timed<T>(&self, work: impl Future<Output = T>) -> (Sample, T) {
        let (began, before) = (Instant::now(), self.server.cpu());
        let done = work.await;
        let seconds = began.elapsed().as_secs_f64();
        (Sample { seconds, completing: 0.0, cpu: self.server.cpu() - before }, done)
    }
}

impl Sample {
    /// This, and then another one.
    fn then(self, next: Self) -> Self {
        Self {
            seconds: self.seconds + next.seconds,
            completing: self.completing + next.completing,
            cpu: [self.cpu, next.cpu].into_iter().sum(),
        }
    }
}

/// What precedes, in the proxy's log, how many parts of an upload needed no read-back.
const WINDOW: &str = "parts that need not be read back";

/// A figure: what it is called, how it is made of a sample of so many GiB, and with how many decimals it is shown.
type Figure = (&'static str, fn(&Sample, f64) -> f64, usize);

const RATE: Figure = ("MB/s", |sample, gib| gib * 1_073.741_824 / sample.seconds, 0);
const CPU: Figure = ("CPU s/GiB", |sample, gib| sample.cpu.total() / gib, 2);
const COMPLETE: Figure = ("s in Complete", |sample, _| sample.completing, 2);
const SECONDS: Figure = ("s", |sample, _| sample.seconds, 3);

fn findings(targets: &[Target], options: &Options) -> String {
    let gib = options.mib as f64 / 1024.0;
    let mut rows = Vec::new();
    for case in CASES {
        let figures = match case {
            Case::Put => &[RATE, CPU][..],
            Case::Parts | Case::PartsReadBack => &[RATE, CPU, COMPLETE],
            Case::Copy | Case::CopyParts => &[SECONDS, CPU],
        };
        for (what, figure, decimals) in figures {
            let samples = |target: &Target| match target.kind {
                Kind::Hallmark => target.samples[case as usize].clone(),
                // Complete is not told apart there.
                Kind::Alone | Kind::OverHttp if *what == COMPLETE.0 => Vec::new(),
                Kind::Alone | Kind::OverHttp => target.samples[case.plain() as usize].clone(),
            };
            let values = |target| samples(target).iter().map(|sample| figure(sample, gib)).collect();
            let kernel = |sample: &Sample| sample.cpu.system / gib;
            rows.push(Row {
                case: case.name(),
                what,
                decimals: *decimals,
                values: targets.iter().map(values).collect(),
                kernel: (*what == CPU.0).then(|| samples(&targets[0]).iter().map(kernel).collect()),
            });
        }
    }
    let names: Vec<_> = targets.iter().map(|target| target.kind.name()).collect();
    let window = |case: Case| format!("{}: {}", case.name(), targets[0].window[case as usize].join(", "));
    format!(
        "{}\nParts whose hash needed no read-back, by the proxy's log, in each round: {}; {}.\n",
        table(&names, &rows),
        window(Case::Parts),
        window(Case::PartsReadBack)
    )
}
