//! Before an object store: Hallmark beside proxies that check nothing, and beside the store itself.
//!
//! - **nginx** with large buffers: what a proxy costs that looks at nothing.
//! - **the store**: [`crate::origin`], asked directly. It stands behind all the others, and its processor time is left out.
//! - **s3s-proxy** and **rclone serve s3**: proxies that speak S3 on both sides, where they are installed.
//! - **the floor**: nginx's processor time and that of the hashes and signatures that the work cannot do without, each
//!   measured alone in the same rounds ([`floor`]).
//!
//! All get the same signed requests from the same client, and take turns within a round.

mod cases;
mod floor;
mod goals;
mod idle;
mod peers;

use clap::Args;

use self::cases::CASES;
use self::floor::Floor;
use crate::load::Contents;
use crate::server::Server;
use crate::table::{Row, table};

/// How to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Rounds, of whose figures the medians are taken.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each server is under load for each case of a round, seconds.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only cases whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
    /// Leaves all peers out but nginx and the store.
    #[arg(long)]
    few: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 5, seconds: 2.0, only: String::new(), few: false }
    }
}

/// One case of one round: requests a second, and the server's own processor seconds for each.
#[derive(Debug, Clone, Copy)]
struct Sample {
    rate: f64,
    cpu: f64,
}

/// What was measured, by peer and case.
struct Samples(Vec<Vec<Vec<Sample>>>);

/// Measures and returns the findings in Markdown.
pub(crate) async fn measure(options: &Options) -> String {
    let contents = Contents::make();
    let artifact = cases::artifact().await;
    let origin = Server::origin();
    let peers = peers::start(&origin, options.few);
    for peer in &peers {
        cases::prepare(peer, &contents, &artifact, &options.only).await;
    }
    let mut samples = Samples(vec![vec![Vec::new(); CASES.len()]; peers.len()]);
    let mut floors = Vec::new();
    for round in 0..options.rounds {
        floors.push(Floor::measure());
        for (index, case) in CASES.iter().enumerate().filter(|(_, case)| case.name.contains(&options.only)) {
            for place in 0..peers.len() {
                // Whoever comes first in a round comes later in the next.
                let which = (place + round) % peers.len();
                let peer = &peers[which];
                if !peer.takes(case) {
                    continue;
                }
                let sample = cases::run(peer, case, round, options.seconds, &contents, &artifact).await;
                eprintln!(
                    "round {}: {}, {}: {:.1} requests/s, {:.3} CPU ms/request",
                    round + 1,
                    case.name,
                    peer.name,
                    sample.rate,
                    sample.cpu * 1e3
                );
                samples.0[which][index].push(sample);
            }
        }
    }
    drop(peers);
    let idle = if options.only.is_empty() { idle::measure(&origin).await } else { String::new() };
    findings(&samples, &floors, &idle, options.few)
}

impl Samples {
    fn of(&self, peer: usize, case: usize, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let of_case = self.0.get(peer).and_then(|cases| cases.get(case));
        of_case.into_iter().flatten().map(figure).collect()
    }
}

fn findings(samples: &Samples, floors: &[Floor], idle: &str, few: bool) -> String {
    let names = peers::names(few);
    let mut rows = Vec::new();
    for (index, case) in CASES.iter().enumerate() {
        if samples.of(0, index, |sample| sample.rate).is_empty() {
            continue;
        }
        let of = |figure: &dyn Fn(&Sample) -> f64| -> Vec<Vec<f64>> {
            (0..names.len()).map(|peer| samples.of(peer, index, figure)).collect()
        };
        let size = case.size as f64;
        let gib = (1u64 << 30) as f64;
        let row = |what, decimals, values| Row { case: case.name, what, decimals, values, kernel: None };
        let nginx = samples.of(peers::NGINX, index, |sample| sample.cpu);
        let floor = nginx.iter().zip(floors).map(|(nginx, floor)| nginx + floor.of(case)).collect::<Vec<_>>();
        let with_floor = |mut values: Vec<Vec<f64>>, floor: Vec<f64>| {
            values.push(floor);
            values
        };
        if case.is_small() {
            rows.push(row("requests/s", 0, with_floor(of(&|sample| sample.rate), Vec::new())));
            let floor = floor.iter().map(|cpu| cpu * 1e6).collect();
            rows.push(row("CPU us/request", 1, with_floor(of(&|sample| sample.cpu * 1e6), floor)));
        } else {
            rows.push(row("MB/s", 0, with_floor(of(&|sample| sample.rate * size / 1e6), Vec::new())));
            let floor = floor.iter().map(|cpu| cpu * 1e3 * gib / size).collect();
            let values = of(&|sample| sample.cpu * 1e3 * gib / size);
            rows.push(row("CPU ms/GiB", 0, with_floor(values, floor)));
        }
    }
    let names: Vec<_> = names.iter().copied().chain(["floor"]).collect();
    let goals = goals::table(samples, floors);
    format!("{}\n{}\n{goals}\n{idle}", table(&names, &rows), Floor::describe(floors))
}
