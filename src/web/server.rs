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
        let answer = timeout(ANSWER_TIMEOUT, question(self.store.clone())).await;
        metrics::DATABASE_UP.of([]).set(if matches!(answer, Ok(Ok(_))) { 1.0 } else { 0.0 });
        match answer {
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::billing::hook::desk::HookDesk;
    use crate::billing::{Billing, Clock};
    use crate::store::testing::stores;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n").as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("one answer, then it closes");
        answer
    }

    #[tokio::test]
    async fn health_follows_the_database_until_the_daemon_stops() {
        for fresh in stores().await {
            let billing = Billing::new(fresh.store.clone(), Clock::System);
            let (desk, desk_task) = HookDesk::open(&billing);
            let stopping = CancellationToken::new();
            let metrics = metrics::start().expect("buckets");
            let watched = Watched::new(metrics, fresh.store.clone(), desk.queued(), stopping.clone());
            let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let taken = bind(address).await.expect_err("it is taken").to_string();
            assert!(taken.starts_with(&format!("cannot listen on {address} for metrics")), "{taken}");
            let server = tokio::spawn(serve(listener, watched));
            let healthy = get(address, "/healthz").await;
            assert!(healthy.starts_with("HTTP/1.1 200") && healthy.ends_with("\r\n\r\nok\n"), "{healthy}");
            fresh.store.engine().close().await;
            let ill = get(address, "/healthz").await;
            assert!(ill.starts_with("HTTP/1.1 503") && ill.ends_with("the database does not answer\n"), "{ill}");
            let told = get(address, "/metrics").await;
            assert!(told.contains("\nbillet_database_up 0\n") && told.contains("\nbillet_hooks_waiting 0\n"), "{told}");
            stopping.cancel();
            timeout(Duration::from_secs(10), server).await.expect("it ends").expect("no panic");
            assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
            // What looks at the queue does not keep the desk open.
            let queued = desk.queued();
            drop(desk);
            timeout(Duration::from_secs(10), desk_task).await.expect("it ends").expect("no panic");
            assert_eq!(queued.count(), 0);
        }
    }

    #[tokio::test]
    async fn who_says_nothing_is_let_go_and_does_not_keep_others_out() {
        let fresh = stores().await.remove(0);
        let billing = Billing::new(fresh.store.clone(), Clock::System);
        let (desk, _desk_task) = HookDesk::open(&billing);
        let watched = Watched::new(
            metrics::start().expect("buckets"),
            fresh.store.clone(),
            desk.queued(),
            CancellationToken::new(),
        );
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(serve(listener, watched));
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            silent.push(TcpStream::connect(address).await.expect("it listens"));
        }
        let answer = timeout(Duration::from_secs(30), get(address, "/healthz")).await.expect("a place becomes free");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        server.abort();
    }
}
