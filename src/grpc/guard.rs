//! What stands around every call: a place among a bounded number of calls, a time limit, a span for the log, a measure,
//! and a net under panics. Health and reflection need no place: a busy daemon still says that it is alive.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::access;
use super::meter::{CallMeter, UNKNOWN};
use super::status::refusal;

/// How long a call waits for a place.
const PLACE_TIMEOUT: Duration = Duration::from_secs(5);

/// Puts the guard before services.
#[derive(Clone)]
pub struct GuardLayer {
    meter: CallMeter,
    places: Arc<Semaphore>,
    place_timeout: Duration,
    call_timeout: Duration,
}

impl GuardLayer {
    /// Lets `concurrency` calls in at once, each until it begins to answer, for `call_timeout` at most.
    #[must_use]
    pub fn new(concurrency: usize, call_timeout: Duration) -> Self {
        let places = Arc::new(Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS)));
        Self { meter: CallMeter::open(), places, place_timeout: PLACE_TIMEOUT, call_timeout }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, guard: self.clone() }
    }
}

/// A service behind the guard.
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    guard: GuardLayer,
}

impl<S> Service<http::Request<Body>> for Guarded<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        // The service that was asked whether it is ready has to be the one that is called (tower, Service::call).
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        if !request.uri().path().starts_with(access::PACKAGE) {
            return Box::pin(inner.call(request));
        }
        let guard = self.guard.clone();
        // A path is what the caller wrote; only names of methods go into the log.
        let index = access::index(request.uri().path());
        let method = index.and_then(|index| access::METHODS.get(index)).map_or(UNKNOWN, |access| access.method);
        let span = tracing::info_span!("call", method);
        let work = async move {
            let mut measured = guard.meter.begin(index);
            let answer = guard.run(async move { inner.call(request).await }).await;
            if let Ok(response) = &answer {
                let code = code(response);
                note(code, measured.answered(code));
            }
            answer
        };
        Box::pin(work.instrument(span))
    }
}

impl GuardLayer {
    async fn run<E>(
        &self,
        work: impl Future<Output = Result<http::Response<Body>, E>>,
    ) -> Result<http::Response<Body>, E> {
        let Ok(Ok(_place)) = timeout(self.place_timeout, self.places.acquire()).await else {
            self.meter.refused();
            let busy = "too many calls at once, try again";
            return Ok(refusal(Code::ResourceExhausted, "BUSY", busy).into_http());
        };
        match timeout(self.call_timeout, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(answer)) => answer.map(blame_the_message),
            // What panicked was printed by the panic hook, with its place in the source.
            Ok(Err(_)) => Ok(refusal(Code::Internal, "PANIC", "the call failed in an unforeseen way").into_http()),
            Err(_) => {
                let message = format!("the call took longer than {} s and was given up", self.call_timeout.as_secs());
                Ok(refusal(Code::DeadlineExceeded, "TOO_SLOW", message).into_http())
            }
        }
    }
}

/// Bytes that are no message are the caller's mistake; tonic calls that internal.
fn blame_the_message(answer: http::Response<Body>) -> http::Response<Body> {
    match Status::from_header_map(answer.headers()) {
        Some(status) if is_malformed(&status) => malformed(&status).into_http(),
        _ => answer,
    }
}

/// Whether a status says that a message could not be decoded.
#[must_use]
pub fn is_malformed(status: &Status) -> bool {
    status.code() == Code::Internal && status.message().starts_with("failed to decode Protobuf message")
}

/// What is said then.
#[must_use]
pub fn malformed(status: &Status) -> Status {
    refusal(Code::InvalidArgument, "MALFORMED_MESSAGE", status.message())
}

/// How a call went. Without the header the status follows in the trailers, after an answer: it went well.
fn code(response: &http::Response<Body>) -> Code {
    Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code())
}

/// One line per call. Streams are noted when they begin to answer. What went well is `debug`: at tens of thousands of
/// calls a second nobody wants it in the log.
fn note(code: Code, latency: Duration) {
    let latency_ms = latency.as_secs_f64() * 1_000.0;
    match code {
        Code::Ok => tracing::debug!(?code, latency_ms, "answered"),
        Code::Internal | Code::Unknown | Code::DataLoss => tracing::error!(?code, latency_ms, "failed"),
        Code::DeadlineExceeded | Code::ResourceExhausted => tracing::warn!(?code, latency_ms, "gave up"),
        _ => tracing::info!(?code, latency_ms, "refused"),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceBuilder, ServiceExt as _, service_fn};

    use super::*;

    async fn ask(path: &str, layer: GuardLayer) -> Code {
        let inner = service_fn(|request: http::Request<Body>| async move {
            match request.uri().path() {
                "/billet.v1.AdminService/WhoAmI" => panic!("as the test wants it"),
                "/billet.v1.AdminService/GetClock" => std::future::pending().await,
                _ => Ok::<_, Infallible>(http::Response::new(Body::empty())),
            }
        });
        let service = ServiceBuilder::new().layer(layer).service(inner);
        let request = http::Request::builder().uri(path).body(Body::empty()).expect("a request");
        let response = service.oneshot(request).await.expect("an answer");
        Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code())
    }

    #[tokio::test]
    async fn a_panic_and_an_endless_call_end_as_statuses_and_places_are_bounded() {
        let layer =
            GuardLayer { place_timeout: Duration::from_millis(20), ..GuardLayer::new(1, Duration::from_millis(200)) };
        assert_eq!(ask("/billet.v1.AdminService/WhoAmI", layer.clone()).await, Code::Internal);
        assert_eq!(ask("/billet.v1.AdminService/GetClock", layer.clone()).await, Code::DeadlineExceeded);
        assert_eq!(ask("/billet.v1.AdminService/ListJobs", layer.clone()).await, Code::Ok, "the place was given back");
        let taken = layer.places.clone().acquire_owned().await.expect("a place");
        assert_eq!(ask("/billet.v1.AdminService/ListJobs", layer.clone()).await, Code::ResourceExhausted);
        assert_eq!(ask("/grpc.health.v1.Health/Check", layer.clone()).await, Code::Ok, "health needs no place");
        drop(taken);
        assert_eq!(ask("/billet.v1.AdminService/ListJobs", layer).await, Code::Ok);
    }
}
