//! The HTTP server: one request a connection, a bounded number of connections, a bounded time for each. It is not what the
//! daemon lives by: whatever goes wrong with it is logged, and hooks are taken all the same.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use chrono::Utc;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::health::healthz;
use super::scrape::scrape;
use crate::billing::hook::desk::Queued;
use crate::metrics;
use crate::store::{Store, StoreError};

/// How many connections are served at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 16;
/// How long a caller may take to send its headers.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest headers, in bytes.
const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// How long a connection lasts.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the database has to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often what was measured is put into its buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

/// What is looked at.
#[derive(Clone)]
pub struct Watched {
    pub(super) metrics: PrometheusHandle,
    pub(super) queued: Queued,
    pub(super) stopping: CancellationToken,
    pub(super) jobs_read_at: Arc<Mutex<Option<Instant>>>,
    store: Store,
}

impl Watched {
    /// Notes what does not change as long as the daemon lives.
    #[must_use]
    pub fn new(metrics: PrometheusHandle, store: Store, queued: Queued, stopping: CancellationToken) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        metrics::BUILD_INFO.of([version, store.engine().name()]).set(1.0);
        let started_at = Utc::now().timestamp_millis();
        #[expect(clippy::cast_precision_loss, reason = "exact for the next hundred thousand years")]
        metrics::START_TIME.of([]).set(started_at as f64 / 1_000.0);
        Self { metrics, queued, stopping, jobs_read_at: Arc::default(), store }
    }

    /// Asks the database; `None` when it fails or takes too long. Why stands in the log.
    pub(super) async fn ask<T, F>(&self, question: impl FnOnce(Store) -> F) -> Option<T>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        match timeout(ANSWER_TIMEOUT, question(self.store.clone())).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database could not be asked how it is");
                None
            }
            Err(_) => {
                tracing::warn!("the database did not say within {ANSWER_TIMEOUT:?} how it is");
                None
            }
        }
    }
}

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for metrics: {error}")]
pub struct BindError {
    address: SocketAddr,
    error: std::io::Error,
}

/// Binds the address for metrics and health.
///
/// # Errors
/// [`BindError`], with the address.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError { address, error })
}

/// Serves until the daemon stops and the requests that ran then have ended.
pub async fn serve(listener: TcpListener, watched: Watched) {
    let stopping = watched.stopping.clone();
    let upkeep = tokio::spawn(upkeep(watched.metrics.clone()));
    let router = Router::new().route("/metrics", get(scrape)).route("/healthz", get(healthz)).with_state(watched);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = TaskTracker::new();
    loop {
        let place = tokio::select! {
            () = stopping.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let router = router.clone();
                connections.spawn(async move {
                    let _place = place;
                    answer(stream, router).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
    upkeep.abort();
}

/// One request. The next has a connection of its own, so that nobody holds a place by being silent.
async fn answer(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_buf_size(HEADERS_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection for metrics ended early"),
        Err(_) => tracing::debug!("a connection for metrics took too long"),
    }
}

/// Durations are kept one by one until somebody scrapes or this comes by, which bounds what they take.
async fn upkeep(metrics: PrometheusHandle) {
    let mut every = tokio::time::interval(UPKEEP_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        metrics.run_upkeep();
    }
}
