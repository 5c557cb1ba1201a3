//! A daemon that only takes hooks, over real gRPC on the loopback, and does what a test tells it to.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use billet::proto::billet::v1::hook_service_server::{HookService, HookServiceServer};
use billet::proto::billet::v1::{
    DismissParkedRequest, DismissParkedResponse, HookEvent, HookOutcome, HookResult, ListParkedRequest,
    ListParkedResponse, ReplayParkedRequest, ReplayParkedResponse, ReportRequest, ReportResponse, ReportStreamRequest,
    ReportStreamResponse,
};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status, Streaming};

/// What the daemon does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Takes every event, but refuses `invalid...` and fails at `broken...`.
    Take,
    /// Takes calls and never answers.
    Silent,
    /// Refuses every call.
    Refuse(Code),
    /// Takes so many events of a stream and then breaks it off.
    BreakAfter(usize),
    /// Answers a stream without saying what it did.
    SayNothing,
}

/// What the daemon has seen.
#[derive(Debug)]
pub struct Seen {
    mode: Mode,
    ids: HashSet<String>,
    /// The events taken, each once, in the order of arrival.
    pub taken: Vec<HookEvent>,
    /// The ids of events that came again.
    pub repeated: Vec<String>,
    /// How many calls came.
    pub call_count: usize,
    /// The `authorization` of the last call.
    pub authorization: Option<String>,
    /// All bytes of all events, taken or not.
    pub bytes: Vec<u8>,
}

pub struct Daemon {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    pub fn start(mode: Mode) -> Self {
        Self::launch(mode, None)
    }

    /// With a certificate and its key, both PEM.
    pub fn start_tls(certificate: &str, key: &str) -> Self {
        Self::launch(Mode::Take, Some(ServerTlsConfig::new().identity(Identity::from_pem(certificate, key))))
    }

    fn launch(mode: Mode, tls: Option<ServerTlsConfig>) -> Self {
        let seen = Arc::new(Mutex::new(Seen {
            mode,
            ids: HashSet::new(),
            taken: Vec::new(),
            repeated: Vec::new(),
            call_count: 0,
            authorization: None,
            bytes: Vec::new(),
        }));
        let service = HookServiceServer::new(Service { seen: seen.clone() });
        let (address_sender, address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                address_sender.send(listener.local_addr().expect("it is bound")).expect("the test waits for it");
                let mut server = Server::builder();
                if let Some(tls) = tls {
                    server = server.tls_config(tls).expect("a good certificate");
                }
                let serving = server.add_service(service).serve_with_incoming(TcpListenerStream::new(listener));
                // Not a graceful end: a silent daemon would never come to it.
                tokio::select! {
                    result = serving => result.expect("it serves"),
                    _ = stopped => {}
                }
            });
        });
        let address = address.recv().expect("it listens");
        Self { address, seen, stop: Some(stop), thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set(&self, mode: Mode) {
        self.seen().mode = mode;
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no test panicked while it held it")
    }

    /// The references of the events taken, in the order of arrival.
    pub fn refs(&self) -> Vec<String> {
        self.seen().taken.iter().map(|event| event.external_ref.clone()).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Clone)]
struct Service {
    seen: Arc<Mutex<Seen>>,
}

impl Service {
    /// Takes note of a call and says what to do.
    fn call<T>(&self, request: &Request<T>) -> Result<Mode, Status> {
        let mut seen = self.seen.lock().expect("no panic");
        seen.call_count += 1;
        let authorization = request.metadata().get("authorization");
        seen.authorization = authorization.map(|value| value.to_str().expect("ASCII").to_owned());
        match seen.mode {
            Mode::Refuse(code) => Err(Status::new(code, "told to")),
            mode => Ok(mode),
        }
    }

    fn take(&self, event: Option<HookEvent>) -> Result<HookResult, Status> {
        let event = event.expect("a request has an event");
        let mut seen = self.seen.lock().expect("no panic");
        seen.bytes.extend(event.encode_to_vec());
        // What the daemon would do with it.
        let now = std::time::SystemTime::now().into();
        billet::proto::hook::decode(event.clone(), now).map_err(|error| Status::invalid_argument(error.to_string()))?;
        if event.external_ref.starts_with("invalid") {
            return Err(Status::invalid_argument("external_ref: told to refuse it"));
        }
        if event.external_ref.starts_with("broken") {
            return Err(Status::internal("told to fail at it"));
        }
        let mut result = HookResult { outcome: HookOutcome::Applied.into(), ..Default::default() };
        if seen.ids.insert(event.event_id.clone()) {
            seen.taken.push(event);
        } else {
            result.outcome = HookOutcome::Duplicate.into();
            seen.repeated.push(event.event_id);
        }
        Ok(result)
    }
}

#[tonic::async_trait]
impl HookService for Service {
    type ReportStreamStream = Pin<Box<dyn Stream<Item = Result<ReportStreamResponse, Status>> + Send>>;

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        if self.call(&request)? == Mode::Silent {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(ReportResponse { result: Some(self.take(request.into_inner().event)?) }))
    }

    async fn report_stream(
        &self,
        request: Request<Streaming<ReportStreamRequest>>,
    ) -> Result<Response<Self::ReportStreamStream>, Status> {
        let mode = self.call(&request)?;
        let (sender, receiver) = mpsc::channel(4);
        let service = self.clone();
        tokio::spawn(async move {
            let mut requests = request.into_inner();
            let mut count = 0;
            while let Some(Ok(request)) = requests.next().await {
                if mode == Mode::Silent {
                    std::future::pending::<()>().await;
                }
                if mode == Mode::BreakAfter(count) {
                    let _ = sender.send(Err(Status::unavailable("told to break off"))).await;
                    return;
                }
                let event_id = request.event.as_ref().map(|event| event.event_id.clone()).unwrap_or_default();
                let answer = match mode {
                    Mode::SayNothing => Ok(ReportStreamResponse { event_id, result: None }),
                    _ => service
                        .take(request.event)
                        .map(|result| ReportStreamResponse { event_id, result: Some(result) }),
                };
                let is_over = answer.is_err();
                if sender.send(answer).await.is_err() || is_over {
                    return;
                }
                count += 1;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn list_parked(&self, _: Request<ListParkedRequest>) -> Result<Response<ListParkedResponse>, Status> {
        Err(Status::unimplemented("not what is tested here"))
    }

    async fn replay_parked(&self, _: Request<ReplayParkedRequest>) -> Result<Response<ReplayParkedResponse>, Status> {
        Err(Status::unimplemented("not what is tested here"))
    }

    async fn dismiss_parked(
        &self,
        _: Request<DismissParkedRequest>,
    ) -> Result<Response<DismissParkedResponse>, Status> {
        Err(Status::unimplemented("not what is tested here"))
    }
}
