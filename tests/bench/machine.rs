//! What else the machine did meanwhile.

use std::fs;
use std::time::Instant;

use crate::report::cores;

/// Ticks of `/proc` in a second on every Linux (`USER_HZ`).
pub(crate) const TICKS: f64 = 100.0;

/// The machine when a measurement began. Servers that are measured are started after and have ended before
/// [`others`](Self::others).
pub(crate) struct Machine {
    began: Instant,
    others: f64,
}

impl Machine {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), others: others() }
    }

    /// The share of all processors that went to anything but this program and what it started; the kernel's own threads,
    /// which write to the disk, among them.
    pub(crate) fn others(&self) -> f64 {
        (others() - self.others) / self.began.elapsed().as_secs_f64() / cores() as f64
    }
}

/// Processor seconds so far.
fn others() -> f64 {
    let (machine, own) = (read("/proc/stat"), read("/proc/self/stat"));
    let line = machine.lines().next().unwrap_or_default();
    let ticks: Vec<_> = line.split_whitespace().skip(1).map(number).collect();
    // user, nice, system; not idle and iowait; irq, softirq, steal. What follows is part of the first two.
    let busy: f64 = ticks.iter().take(3).chain(ticks.iter().take(8).skip(5)).sum();
    // The second field is a name in parentheses, which may hold anything. Its own time, and of children that ended.
    let own = own.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(4);
    (busy - own.map(number).sum::<f64>()) / TICKS
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(0.0)
}
