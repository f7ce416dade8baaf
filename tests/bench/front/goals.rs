//! What the figures are held against.

use std::fmt::Write as _;

use super::cases::CASES;
use super::floor::Floor;
use super::peers::{NGINX, S3S, STORE};
use super::{Sample, Samples};
use crate::table::median;

/// A goal: in which case, what, and whether it is to be at most or at least so much.
struct Goal {
    case: &'static str,
    what: &'static str,
    value: fn(&Figures<'_>) -> f64,
    bound: Bound,
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// The figures of a case.
struct Figures<'a> {
    samples: &'a Samples,
    floors: &'a [Floor],
    case: usize,
}

impl Figures<'_> {
    fn cpu(&self, peer: usize) -> f64 {
        median(self.samples.of(peer, self.case, |sample: &Sample| sample.cpu))
    }

    fn rate(&self, peer: usize) -> f64 {
        median(self.samples.of(peer, self.case, |sample: &Sample| sample.rate))
    }

    fn floor(&self) -> f64 {
        let nginx = self.samples.of(NGINX, self.case, |sample| sample.cpu);
        median(
            nginx.iter().zip(self.floors).map(|(nginx, floor)| nginx + floor.of(&CASES[self.case])).collect(),
        )
    }
}

const GOALS: [Goal; 14] = [
    Goal {
        case: "GET 1 KiB",
        what: "CPU ÷ nginx",
        value: |f| f.cpu(0) / f.cpu(NGINX),
        bound: Bound::AtMost(2.0),
    },
    Goal {
        case: "GET 1 KiB",
        what: "requests/s ÷ nginx",
        value: |f| f.rate(0) / f.rate(NGINX),
        bound: Bound::AtLeast(0.5),
    },
    Goal {
        case: "GET 1 KiB",
        what: "requests/s ÷ s3s-proxy",
        value: |f| f.rate(0) / f.rate(S3S),
        bound: Bound::AtLeast(5.0),
    },
    Goal {
        case: "GET 1 KiB, fresh",
        what: "requests/s ÷ nginx",
        value: |f| f.rate(0) / f.rate(NGINX),
        bound: Bound::AtLeast(1.0),
    },
    Goal {
        case: "GET 64 MiB",
        what: "CPU ÷ floor",
        value: |f| f.cpu(0) / f.floor(),
        bound: Bound::AtMost(1.15),
    },
    Goal {
        case: "GET 64 MiB",
        what: "MB/s ÷ s3s-proxy",
        value: |f| f.rate(0) / f.rate(S3S),
        bound: Bound::AtLeast(1.0),
    },
    Goal {
        case: "GET 64 MiB, fresh",
        what: "MB/s ÷ nginx",
        value: |f| f.rate(0) / f.rate(NGINX),
        bound: Bound::AtLeast(1.0),
    },
    Goal {
        case: "GET 1 GiB",
        what: "CPU ÷ floor",
        value: |f| f.cpu(0) / f.floor(),
        bound: Bound::AtMost(1.15),
    },
    Goal {
        case: "PUT 1 KiB",
        what: "(CPU - one signature) ÷ nginx",
        value: |f| (f.cpu(0) - Floor::signature(f.floors)) / f.cpu(NGINX),
        bound: Bound::AtMost(2.0),
    },
    Goal {
        case: "PUT 1 KiB",
        what: "requests/s ÷ s3s-proxy",
        value: |f| f.rate(0) / f.rate(S3S),
        bound: Bound::AtLeast(5.0),
    },
    Goal {
        case: "PUT 64 MiB",
        what: "CPU ÷ floor",
        value: |f| f.cpu(0) / f.floor(),
        bound: Bound::AtMost(1.15),
    },
    Goal {
        case: "PUT 64 MiB",
        what: "MB/s ÷ s3s-proxy",
        value: |f| f.rate(0) / f.rate(S3S),
        bound: Bound::AtLeast(1.0),
    },
    Goal {
        case: "multipart 1 GiB",
        what: "CPU ÷ floor",
        value: |f| f.cpu(0) / f.floor(),
        bound: Bound::AtMost(1.15),
    },
    Goal {
        case: "multipart 1 GiB",
        what: "MB/s ÷ the store",
        value: |f| f.rate(0) / f.rate(STORE),
        bound: Bound::AtLeast(0.7),
    },
];

/// Goals and whether they are met.
pub(super) fn table(samples: &Samples, floors: &[Floor]) -> String {
    let mut text = String::from("| goal | | measured | bound | |\n|---|---|---|---|---|\n");
    for Goal { case, what, value, bound } in &GOALS {
        let Some(index) = CASES.iter().position(|one| one.name == *case) else { continue };
        let measured = value(&Figures { samples, floors, case: index });
        if !measured.is_finite() {
            continue;
        }
        let (bound, met) = match bound {
            Bound::AtMost(bound) => (format!("at most {bound}"), measured <= *bound),
            Bound::AtLeast(bound) => (format!("at least {bound}"), measured >= *bound),
        };
        let verdict = if met { "met" } else { "**missed**" };
        writeln!(text, "| {case} | {what} | {measured:.2} | {bound} | {verdict} |")
            .expect("writing to a string");
    }
    text
}
