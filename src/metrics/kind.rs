//! The kinds of metrics. A declaration is constant; a *series* of it, one for each set of label values, is what is counted
//! in. Taking a series looks it up and may allocate; counting in one does neither.

use std::sync::OnceLock;
use std::time::Duration;

use ::metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::recorder;

static METADATA: Metadata<'static> = Metadata::new("billet", Level::INFO, None);

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows, from 0 at the start of the daemon.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size, up to each of these bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As Prometheus calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A metric as declared.
#[derive(Debug)]
pub struct Metric {
    /// With its unit last, `_total` on counters.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means, in one sentence.
    pub help: &'static str,
}

impl Metric {
    const fn new(name: &'static str, help: &'static str, labels: &'static [&'static str], kind: Kind) -> Self {
        // A line of documentation begins with a space.
        Self { name, kind, labels, help: help.trim_ascii_start() }
    }

    fn key(&self, values: &[&'static str]) -> Key {
        let labels: Vec<Label> =
            self.labels.iter().zip(values).map(|(name, value)| Label::from_static_parts(name, value)).collect();
        Key::from_parts(self.name, labels)
    }

    pub(super) fn describe(&self, recorder: &PrometheusRecorder) {
        let (name, help) = (self.name.into(), self.help.into());
        match self.kind {
            Kind::Counter => recorder.describe_counter(name, None, help),
            Kind::Gauge => recorder.describe_gauge(name, None, help),
            Kind::Histogram(_) => recorder.describe_histogram(name, None, help),
        }
    }
}

/// A counter with `N` labels.
#[derive(Debug)]
pub struct Counters<const N: usize> {
    pub(super) metric: Metric,
}

impl<const N: usize> Counters<N> {
    pub(super) const fn new(name: &'static str, help: &'static str, labels: &'static [&'static str; N]) -> Self {
        Self { metric: Metric::new(name, help, labels, Kind::Counter) }
    }

    /// The series with these values of the labels; counts nothing when nothing is measured.
    pub fn of(&self, values: [&'static str; N]) -> Counter {
        let register = |recorder: &PrometheusRecorder| recorder.register_counter(&self.metric.key(&values), &METADATA);
        recorder().map_or_else(Counter::noop, register)
    }
}

/// A gauge with `N` labels.
#[derive(Debug)]
pub struct Gauges<const N: usize> {
    pub(super) metric: Metric,
}

impl<const N: usize> Gauges<N> {
    pub(super) const fn new(name: &'static str, help: &'static str, labels: &'static [&'static str; N]) -> Self {
        Self { metric: Metric::new(name, help, labels, Kind::Gauge) }
    }

    /// The series with these values of the labels.
    pub fn of(&self, values: [&'static str; N]) -> Gauge {
        let register = |recorder: &PrometheusRecorder| recorder.register_gauge(&self.metric.key(&values), &METADATA);
        recorder().map_or_else(Gauge::noop, register)
    }
}

/// A histogram with `N` labels.
#[derive(Debug)]
pub struct Histograms<const N: usize> {
    pub(super) metric: Metric,
    /// The series of one without labels.
    kept: OnceLock<Histogram>,
}

impl<const N: usize> Histograms<N> {
    pub(super) const fn new(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str; N],
        buckets: &'static [f64],
    ) -> Self {
        Self { metric: Metric::new(name, help, labels, Kind::Histogram(buckets)), kept: OnceLock::new() }
    }

    /// The series with these values of the labels.
    pub fn of(&self, values: [&'static str; N]) -> Histogram {
        let register =
            |recorder: &PrometheusRecorder| recorder.register_histogram(&self.metric.key(&values), &METADATA);
        recorder().map_or_else(Histogram::noop, register)
    }
}

impl Histograms<0> {
    /// Notes how long something took, without looking anything up.
    pub fn record(&self, took: Duration) {
        if recorder().is_some() {
            self.kept.get_or_init(|| self.of([])).record(took);
        }
    }
}
