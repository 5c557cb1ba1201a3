//! A server on the loopback address that can do what a broken panel does: close a connection without an answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::error::SimulatorError;

/// How many connections are served at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 256;

/// How long a client may take to send its headers.
const HEADERS_TIME_MAX: Duration = Duration::from_secs(30);

/// How long running work may take to end once the server shuts down.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(15);

/// Put into the extensions of a response that must not be sent: the connection closes instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DropConnection;

/// Why a connection ended without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the simulator was told to close this connection without an answer")]
struct Dropped;

/// A running server. It stops when it is shut down or dropped.
#[derive(Debug)]
pub(crate) struct Loopback {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Loopback {
    /// Listens on 127.0.0.1 (`port` 0: any free one) and serves `router`. `tasks` also holds the work that goes on
    /// when a client has gone away.
    pub(crate) async fn start(port: u16, router: Router, tasks: TaskTracker) -> Result<Self, SimulatorError> {
        let failed = |cause| SimulatorError::Listen { port, cause };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = CancellationToken::new();
        tasks.spawn(accept(listener, router, stop.clone(), tasks.clone()));
        Ok(Self { address, stop, tasks })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection, lets running work end, and returns when all is quiet (or after 15 seconds).
    pub(crate) async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(SHUTDOWN_TIME_MAX, self.tasks.wait()).await.is_err() {
            tracing::warn!(address = %self.address, "the simulator still has work after {SHUTDOWN_TIME_MAX:?}");
        }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, router: Router, stop: CancellationToken, tasks: TaskTracker) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => return,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let Ok(place) = place else { return };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(serve(stream, router.clone(), stop.clone(), place));
            }
            Err(cause) => {
                tracing::warn!(%cause, "cannot accept a connection");
                // Out of file handles, most likely: give others the time to close some.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, router: Router, stop: CancellationToken, place: OwnedSemaphorePermit) {
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIME_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        },
    };
    if let Err(cause) = ended {
        tracing::debug!(%cause, "a connection ended early");
    }
    drop(place);
}

/// hyper closes the connection without a byte when a service fails, which no answer of axum's can ask for.
async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, Dropped> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    if response.extensions().get::<DropConnection>().is_some() { Err(Dropped) } else { Ok(response) }
}
