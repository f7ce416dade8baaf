//! Registering: every metric under its whole name, with its labels, so that the documentation can be held to it.

use std::fmt;

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::histogram::Histogram;
use super::reading::{Readings, Source};

/// The labels of one series. Names and values are all ours: nothing that a client or a store says is ever among them, so
/// that there are only so many.
pub(super) type Labels<const N: usize> = [(&'static str, &'static str); N];

/// All metrics of a process, and what they are called.
#[derive(Default)]
pub(super) struct Book {
    registry: Registry,
    entries: Vec<Entry>,
}

/// One metric, as the documentation has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// As samples are called, but for the suffixes of histograms.
    pub(super) name: String,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub(super) kind: &'static str,
    /// Names of the labels.
    pub(super) labels: &'static [&'static str],
}

impl Book {
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A counter. The name goes without the `_total` that it gets.
    pub(super) fn counter(&mut self, name: &'static str, help: &'static str) -> Counter {
        self.add(name, help, &[], Counter::default())
    }

    /// Counters by labels.
    pub(super) fn counters<const N: usize>(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str; N],
        help: &'static str,
    ) -> Family<Labels<N>, Counter> {
        self.add(name, help, labels, Family::default())
    }

    /// A number that goes up and down.
    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str) -> Gauge {
        self.add(name, help, &[], Gauge::default())
    }

    /// Durations by labels.
    pub(super) fn histograms<const N: usize>(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str; N],
        help: &'static str,
    ) -> Family<Labels<N>, Histogram> {
        self.add(name, help, labels, Family::default())
    }

    /// Numbers that are read when somebody asks.
    pub(super) fn readings<S: Source, const N: usize>(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str; N],
        help: &'static str,
    ) -> Readings<S, N> {
        self.add(name, help, labels, Readings::default())
    }

    /// What does not change.
    pub(super) fn info<const N: usize>(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str; N],
        help: &'static str,
        values: [&'static str; N],
    ) {
        let mut values = values.iter();
        let info = Info::new(labels.map(|label| (label, values.next().copied().unwrap_or_default())));
        self.note(name, labels, &info);
        self.registry.register(name, help, info);
    }

    fn add<M: Metric + Clone>(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        metric: M,
    ) -> M {
        self.note(name, labels, &metric);
        self.registry.register(name, help, metric.clone());
        metric
    }

    fn note(&mut self, name: &str, labels: &'static [&'static str], metric: &impl EncodeMetric) {
        let (suffix, kind) = match metric.metric_type().as_str() {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "info"),
            "histogram" => ("", "histogram"),
            _ => ("", "gauge"),
        };
        self.entries.push(Entry { name: format!("{name}{suffix}"), kind, labels });
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| &entry.name)).finish()
    }
}
