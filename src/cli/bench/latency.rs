//! How long things took.

use std::time::Duration;

use super::report::rounded;

/// Durations, each kept in microseconds: four bytes per call.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Takes one down.
    pub fn push(&mut self, took: Duration) {
        self.0.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Takes those of another caller.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The shortest duration, in milliseconds, that this part of all does not exceed: 0.5 is the median (nearest rank).
    pub fn percentile_ms(&mut self, part: f64) -> f64 {
        self.0.sort_unstable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a length")]
        let rank = (part * self.0.len() as f64).ceil() as usize;
        let us = self.0.get(rank.max(1) - 1).copied().unwrap_or_default();
        rounded(f64::from(us) / 1_000.0, 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut latencies = Latencies::default();
        for ms in (1..=200).rev() {
            latencies.push(Duration::from_millis(ms));
        }
        assert_eq!((latencies.percentile_ms(0.5), latencies.percentile_ms(0.99)), (100.0, 198.0));
        assert_eq!(Latencies::default().percentile_ms(0.99), 0.0);
    }
}
