//! A server on loopback, and callers who report to it over gRPC with a panel's token.

use std::time::Duration;

use billet_domain::hook::Hook;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::BenchError;
use crate::billing::Billing;
use crate::billing::hook::desk::HookDesk;
use crate::grpc::auth::Authenticator;
use crate::grpc::server::{self, Limits, ServerError, Serving};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::hook_service_client::HookServiceClient;
use crate::proto::hook::encode;

/// How many connections the callers share.
const CONNECTIONS: usize = 4;

/// A server that runs.
pub struct Server {
    url: String,
    stopping: CancellationToken,
    task: JoinHandle<Result<(), ServerError>>,
}

impl Server {
    /// Starts it on a free port.
    pub async fn start(billing: Billing, desk: HookDesk) -> Result<Self, BenchError> {
        let grpc = |error: ServerError| BenchError::Grpc(error.to_string());
        let listener = server::bind(([127, 0, 0, 1], 0).into()).await.map_err(grpc)?;
        let address = listener.local_addr().map_err(|error| BenchError::Grpc(error.to_string()))?;
        let stopping = CancellationToken::new();
        let serving = Serving {
            desk,
            authenticator: Authenticator::new(billing.clone()),
            limits: Limits {
                max_message_bytes: 4 << 20,
                concurrency: 1_024,
                call_timeout: Duration::from_secs(60),
            },
            stopping: stopping.clone(),
            billing,
        };
        let routes = server::routes(&serving);
        let task = tokio::spawn(async move { server::serve(listener, &serving, routes, None).await });
        Ok(Self { url: format!("http://{address}"), stopping, task })
    }

    /// Connects.
    pub async fn caller(&self, token: &str) -> Result<Remote, BenchError> {
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let endpoint = Endpoint::from_shared(self.url.clone()).map_err(|error| BenchError::Grpc(error.to_string()))?;
            let channel = endpoint.tcp_nodelay(true).connect().await;
            connections.push(channel.map_err(|error| BenchError::Grpc(error.to_string()))?);
        }
        let bearer = format!("Bearer {token}");
        let bearer = bearer.parse().map_err(|_| BenchError::Grpc("the token cannot be sent".to_owned()))?;
        Ok(Remote { connections, bearer })
    }

    /// Stops it when its calls have ended.
    pub async fn stop(self) -> Result<(), BenchError> {
        self.stopping.cancel();
        let ended = self.task.await.map_err(|error| BenchError::Grpc(error.to_string()))?;
        ended.map_err(|error| BenchError::Grpc(error.to_string()))
    }
}

/// A caller.
#[derive(Clone)]
pub struct Remote {
    connections: Vec<Channel>,
    bearer: MetadataValue<Ascii>,
}

impl Remote {
    /// Reports a hook; answers how many documents it led to, or why it was not applied.
    pub async fn report(&self, hook: &Hook) -> Result<Result<usize, String>, BenchError> {
        let connection = &self.connections[hook.event_id.bytes().map(usize::from).sum::<usize>() % CONNECTIONS];
        let mut request = Request::new(pb::ReportRequest { event: Some(encode(hook, None)) });
        request.metadata_mut().insert("authorization", self.bearer.clone());
        let failed = |status: Status| BenchError::Grpc(format!("{:?}: {}", status.code(), status.message()));
        let answer = HookServiceClient::new(connection.clone()).report(request).await.map_err(failed)?;
        let result = answer.into_inner().result.unwrap_or_default();
        let applied = result.outcome() == pb::HookOutcome::Applied;
        Ok(applied.then_some(result.invoices.len()).ok_or(result.detail))
    }
}
