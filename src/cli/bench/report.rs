//! What a benchmark prints.

use serde::Serialize;
use serde_json::{Map, Value};

/// One line of JSON. Every benchmark has these; more stands in `more`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `hooks`, `run`.
    pub bench: &'static str,
    /// `sqlite`, `postgres`.
    pub store: &'static str,
    /// How many.
    pub count: u32,
    /// How many of them a second.
    pub rate_per_s: f64,
    /// What the database itself does a second.
    pub raw_rate_per_s: f64,
    /// The one over the other.
    pub ratio: f64,
    /// Half took no longer, in milliseconds.
    pub p50_ms: f64,
    /// All but one in a hundred took no longer, in milliseconds.
    pub p99_ms: f64,
    /// The most memory that the process had until the measured part ended, in MiB; the database server's is not in it.
    pub rss_mib_max: f64,
    /// What else there is to say.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Report {
    /// As printed.
    pub fn line(report: &Self) -> String {
        // Numbers and texts always serialise.
        serde_json::to_string(report).unwrap_or_default()
    }
}

/// With as many decimals as mean something.
pub fn rounded(number: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (number * scale).round() / scale
}
