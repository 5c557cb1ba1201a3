//! `GET /metrics`: everything that was measured, in the text format of Prometheus. What is not counted as it happens is
//! read now: the desk's queue each time, the jobs from the database once in a while, however many ask.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use tokio::time::Instant;

use super::server::Watched;
use crate::metrics;
use crate::store::job::{self, Counts};

/// For how long counts of jobs are good.
const COUNTS_TIME_MAX: Duration = Duration::from_secs(5);
/// How far jobs are counted.
const JOBS_MAX: i64 = 100_000;
/// The text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers a scrape.
pub async fn scrape(State(watched): State<Watched>) -> impl IntoResponse {
    let queued = u32::try_from(watched.queued.count()).unwrap_or(u32::MAX);
    metrics::HOOKS_WAITING.of([]).set(queued);
    read_jobs(&watched).await;
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], watched.metrics.render())
}

/// One reads, the others wait for it and find it done.
async fn read_jobs(watched: &Watched) {
    let mut read_at = watched.jobs_read_at.lock().await;
    if read_at.is_some_and(|read_at: Instant| read_at.elapsed() < COUNTS_TIME_MAX) {
        return;
    }
    let counts = watched.ask(|store| async move { job::counts(&mut store.snapshot().await?, JOBS_MAX).await }).await;
    *read_at = Some(Instant::now());
    // What is not known is no number: an old one would look as if nothing happened.
    let number = |count: fn(&Counts) -> i64| {
        let count = counts.as_ref().map(count);
        count.map_or(f64::NAN, |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
    };
    metrics::JOBS_QUEUED.of(["waiting"]).set(number(|counts| counts.ready));
    metrics::JOBS_QUEUED.of(["running"]).set(number(|counts| counts.running));
    metrics::JOBS_QUEUED.of(["dead"]).set(number(|counts| counts.dead));
}
