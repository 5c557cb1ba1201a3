//! Counts how attempts at jobs ended, for the metrics: gathered while they are written down, told once that is durable.

use std::collections::BTreeMap;

use crate::metrics;

/// How often each kind ended in which way.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<(&'static str, &'static str), u64>);

impl Tally {
    /// Counts an attempt.
    pub fn count(&mut self, kind: &'static str, outcome: &'static str) {
        *self.0.entry((kind, outcome)).or_default() += 1;
    }

    /// Tells the metrics.
    pub fn tell(self) {
        for ((kind, outcome), count) in self.0 {
            metrics::JOBS.of([kind, outcome]).increment(count);
        }
    }
}
