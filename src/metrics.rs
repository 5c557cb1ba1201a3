//! What the daemon tells Prometheus about itself: every metric is declared here, with its name, labels and meaning, and
//! nowhere else. Whoever measures names the declaration (`metrics::COMMIT_SECONDS.record(..)`), or takes a series of it
//! once and keeps it (`metrics::CALLS.of(..)`) where things happen often.
//!
//! Nothing is measured before [`start`], which `billet serve` calls when somebody is to read it. Values of labels are
//! words of the code, so that their number is bounded: no sellers, no customers, nothing that callers wrote.

pub mod code;
mod kind;

use std::sync::OnceLock;

pub use ::metrics::{Counter, Gauge, Histogram};
pub use kind::{Counters, Gauges, Histograms, Kind, Metric};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Where calls, hooks and commits fall, in seconds: half a millisecond to what a call may take.
const SHORT: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];
/// Where jobs and batches fall, in seconds.
const LONG: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0];
/// Where sizes of sets fall.
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// A declaration is a static, and a row of [`ALL`]; its documentation is what scrapers are told.
macro_rules! declare {
    ($($(#[doc = $help:literal])+ $name:ident: $kind:ty = ($text:literal, $labels:expr $(, $buckets:expr)?);)+) => {
        $($(#[doc = $help])+ pub static $name: $kind = <$kind>::new($text, concat!($($help),+), $labels $(, $buckets)?);)+

        /// Every metric there is, in the order of docs/operating.md.
        pub static ALL: &[&Metric] = &[$(&$name.metric),+];
    };
}

declare! {
    /// Always 1; which program this is, and on which engine.
    BUILD_INFO: Gauges<2> = ("billet_build_info", &["version", "database"]);
    /// When the daemon was started, in seconds since 1970.
    START_TIME: Gauges<0> = ("process_start_time_seconds", &[]);
    /// gRPC calls that were answered, by method and status code; streams count when they begin to answer, callers that went away before as CANCELLED.
    CALLS: Counters<2> = ("billet_calls_total", &["method", "code"]);
    /// How long calls took until they were answered or began to be.
    CALL_SECONDS: Histograms<1> = ("billet_call_duration_seconds", &["method"], SHORT);
    /// Calls that wait for a place or are at work, until they are answered or begin to be.
    CALLS_AT_WORK: Gauges<0> = ("billet_calls_at_work", &[]);
    /// Calls that were refused for want of room, by the reason that the caller was told.
    CALLS_REFUSED: Counters<1> = ("billet_calls_refused_total", &["reason"]);
    /// Reports of panels by what became of them: applied, parked, noted, duplicate, refused, failed.
    HOOKS: Counters<1> = ("billet_hooks_total", &["outcome"]);
    /// How many reports were applied together, in one transaction.
    HOOK_SET_SIZE: Histograms<0> = ("billet_hook_set_size", &[], SIZES);
    /// How long a set of reports took until it was durable.
    HOOK_SET_SECONDS: Histograms<0> = ("billet_hook_set_duration_seconds", &[], SHORT);
    /// Reports that wait at the desk at this moment.
    HOOKS_WAITING: Gauges<0> = ("billet_hooks_waiting", &[]);
    /// Attempts at jobs by how they ended: done, failed (tried again later), dead, lost (their daemon stopped).
    JOBS: Counters<2> = ("billet_job_attempts_total", &["kind", "outcome"]);
    /// How long attempts at jobs took.
    JOB_SECONDS: Histograms<1> = ("billet_job_duration_seconds", &["kind"], LONG);
    /// Jobs in the database, of all daemons together: waiting, running, dead; counted to 100,000, at most every 5 seconds.
    JOBS_QUEUED: Gauges<1> = ("billet_jobs", &["state"]);
    /// Up to which instant of its clock the daemon has looked for nightly runs to plan, in seconds since 1970; it looks every second.
    SCHEDULES_LOOKED_AT: Gauges<0> = ("billet_schedules_looked_at_seconds", &[]);
    /// Documents issued: invoice, credit_note, cancellation.
    DOCUMENTS: Counters<1> = ("billet_documents_issued_total", &["kind"]);
    /// Batches of billing runs: done, retried, skipped (a customer who cannot be billed), failed.
    RUN_BATCHES: Counters<1> = ("billet_run_batches_total", &["outcome"]);
    /// How long the batches took that were done.
    RUN_BATCH_SECONDS: Histograms<0> = ("billet_run_batch_duration_seconds", &[], LONG);
    /// Subscriptions that billing runs looked at.
    RUN_SUBSCRIPTIONS: Counters<0> = ("billet_run_subscriptions_total", &[]);
    /// Subscriptions that billing runs could not bill.
    RUN_FAILURES: Counters<0> = ("billet_run_failures_total", &[]);
    /// Steps at panels by how their attempts ended: done, done_already, missing, conflict, retry_later, refused, unknown.
    STEPS: Counters<2> = ("billet_provisioning_attempts_total", &["step", "outcome"]);
    /// How long attempts at steps took, waiting for a place at the instance included.
    STEP_SECONDS: Histograms<1> = ("billet_provisioning_attempt_duration_seconds", &["step"], LONG);
    /// Services that could not go on without a person, since the start.
    STEPS_WAITING: Counters<1> = ("billet_provisioning_waiting_total", &["problem"]);
    /// How long the database took to make a transaction durable.
    COMMIT_SECONDS: Histograms<0> = ("billet_database_commit_duration_seconds", &[], SHORT);
    /// 1 when the database answered the last scrape or health check that asked it, 0 when it did not.
    DATABASE_UP: Gauges<0> = ("billet_database_up", &[]);
}

static STARTED: OnceLock<PrometheusRecorder> = OnceLock::new();

/// The recorder, once there is one. It is not made the recorder of the whole process: what libraries measure for
/// themselves is none of ours.
fn recorder() -> Option<&'static PrometheusRecorder> {
    STARTED.get()
}

/// Whether anything is measured.
#[must_use]
pub fn is_on() -> bool {
    recorder().is_some()
}

/// Begins to measure and answers what renders the values. Again it does nothing and answers the same. Whoever calls it
/// has to call [`PrometheusHandle::run_upkeep`] every second or so: until then durations are kept one by one.
///
/// # Errors
/// [`BuildError`] for a histogram without buckets.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    if let Some(recorder) = recorder() {
        return Ok(recorder.handle());
    }
    let mut builder = PrometheusBuilder::new();
    for metric in ALL {
        if let Kind::Histogram(buckets) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
    }
    let recorder = STARTED.get_or_init(|| builder.build_recorder());
    for metric in ALL {
        metric.describe(recorder);
    }
    Ok(recorder.handle())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len(), "each has a name of its own");
        for Metric { name, kind, labels, help } in ALL {
            let lower = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(lower(name) && labels.iter().all(|label| lower(label)), "{name}");
            assert!(name.starts_with("billet_") || name.starts_with("process_"), "{name}");
            assert_eq!(matches!(kind, Kind::Counter), name.ends_with("_total"), "{name}");
            assert!(!name.contains("_ms") && !name.contains("milli"), "{name} is not in seconds");
            assert!(help.ends_with('.') && !help.starts_with(' '), "{name}: {help:?}");
            // Names that a histogram's own series have, or that the exposition gives a meaning to.
            for taken in ["_bucket", "_sum", "_count"] {
                assert!(!name.ends_with(taken), "{name}");
            }
            assert!(!labels.contains(&"le") && !labels.contains(&"quantile"), "{name}");
            if let Kind::Histogram(buckets) = kind {
                assert!(buckets.is_sorted() && buckets.len() > 5, "{name}");
            }
        }
    }

    #[test]
    fn what_was_taken_before_the_start_measures_nothing_and_starting_twice_is_harmless() {
        // The only test of this process that starts them; what others measured meanwhile may be in it.
        DOCUMENTS.of(["early"]).increment(1);
        COMMIT_SECONDS.record(std::time::Duration::from_millis(2));
        let handle = start().expect("buckets");
        DOCUMENTS.of(["late"]).increment(2);
        RUN_BATCHES.of(["of this test"]).increment(3);
        COMMIT_SECONDS.record(std::time::Duration::from_millis(2));
        HOOK_SET_SIZE.of([]).record(5.0);
        let text = start().expect("the same").render();
        assert_eq!(text.contains("late"), handle.render().contains("late"));
        assert!(text.contains("billet_documents_issued_total{kind=\"late\"} 2\n"), "{text}");
        assert!(!text.contains("early"), "{text}");
        assert!(text.contains("billet_run_batches_total{outcome=\"of this test\"} 3\n"), "{text}");
        assert!(text.contains("billet_hook_set_size_bucket{le=\"4\"} "), "{text}");
        assert!(text.contains("# TYPE billet_database_commit_duration_seconds histogram\n"), "{text}");
        assert!(text.contains("# HELP billet_documents_issued_total Documents issued"), "{text}");
    }
}
