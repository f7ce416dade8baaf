//! Numbers that somebody else keeps, read when they are asked for.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;

use super::book::Labels;

/// Whether what is read only ever grows.
pub(super) trait Source: fmt::Debug + Default + Clone + Send + Sync + 'static {
    const TYPE: MetricType;
    fn encode(encoder: &mut MetricEncoder<'_>, value: f64) -> fmt::Result;
}

/// It only grows.
#[derive(Debug, Default, Clone)]
pub(super) struct Growing;

/// It goes up and down.
#[derive(Debug, Default, Clone)]
pub(super) struct Varying;

type Read = Box<dyn Fn() -> f64 + Send + Sync>;

/// Numbers by labels. Clones are the same ones.
#[derive(Clone, Default)]
pub(super) struct Readings<S, const N: usize>(Arc<Mutex<Vec<(Labels<N>, Read)>>>, PhantomData<S>);

impl<S, const N: usize> Readings<S, N> {
    /// Adds one. `read` must not wait.
    pub(super) fn read(&self, labels: Labels<N>, read: impl Fn() -> f64 + Send + Sync + 'static) {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readings.retain(|(known, _)| *known != labels);
        readings.push((labels, Box::new(read)));
    }
}

impl Source for Growing {
    const TYPE: MetricType = MetricType::Counter;

    fn encode(encoder: &mut MetricEncoder<'_>, value: f64) -> fmt::Result {
        encoder.encode_counter::<Labels<0>, _, f64>(&value, None)
    }
}

impl Source for Varying {
    const TYPE: MetricType = MetricType::Gauge;

    fn encode(encoder: &mut MetricEncoder<'_>, value: f64) -> fmt::Result {
        encoder.encode_gauge(&value)
    }
}

impl<S: Source, const N: usize> EncodeMetric for Readings<S, N> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, read) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if labels.is_empty() {
                S::encode(&mut encoder, read())?;
            } else {
                S::encode(&mut encoder.encode_family(labels)?, read())?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        S::TYPE
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl<S, const N: usize> fmt::Debug for Readings<S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readings")
    }
}
