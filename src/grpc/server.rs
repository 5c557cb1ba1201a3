//! The server: which services there are and what stands before them. From the outside in: TLS, gRPC-Web, the guard
//! (`guard.rs`), the authenticator (`auth.rs`), the service.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use futures::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::transport::server::{Server, ServerTlsConfig};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use tonic_web::GrpcWebLayer;

use super::access;
use super::admin::AdminApi;
use super::auth::{AuthLayer, Authenticator};
use super::billing_run::BillingRunApi;
use super::catalog::CatalogApi;
use super::customer::CustomerApi;
use super::domain::DomainApi;
use super::event::EventApi;
use super::guard::GuardLayer;
use super::hook::HookApi;
use super::instance::InstanceApi;
use super::invoice::InvoiceApi;
use super::payment::PaymentApi;
use super::provisioning::ProvisioningApi;
use super::report::ReportApi;
use super::reseller::ResellerApi;
use super::subscription::SubscriptionApi;
use crate::billing::Billing;
use crate::billing::hook::desk::HookDesk;
use crate::proto::DESCRIPTORS;
use crate::proto::billet::v1::admin_service_server::AdminServiceServer;
use crate::proto::billet::v1::billing_run_service_server::BillingRunServiceServer;
use crate::proto::billet::v1::catalog_service_server::CatalogServiceServer;
use crate::proto::billet::v1::customer_service_server::CustomerServiceServer;
use crate::proto::billet::v1::domain_service_server::DomainServiceServer;
use crate::proto::billet::v1::event_service_server::EventServiceServer;
use crate::proto::billet::v1::hook_service_server::HookServiceServer;
use crate::proto::billet::v1::instance_service_server::InstanceServiceServer;
use crate::proto::billet::v1::invoice_service_server::InvoiceServiceServer;
use crate::proto::billet::v1::payment_service_server::PaymentServiceServer;
use crate::proto::billet::v1::provisioning_service_server::ProvisioningServiceServer;
use crate::proto::billet::v1::report_service_server::ReportServiceServer;
use crate::proto::billet::v1::reseller_service_server::ResellerServiceServer;
use crate::proto::billet::v1::subscription_service_server::SubscriptionServiceServer;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent connection is asked whether somebody is still there.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
/// How long it may take to answer that.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How many calls one connection has at once.
const STREAMS_MAX: u32 = 1_000;
/// The largest headers of a call.
const HEADERS_BYTES_MAX: u32 = 16 * 1024;
/// The pause after a connection could not be accepted (no more file descriptors, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long watchers of the health service have to hear that the daemon stops, before they are let go.
const HEALTH_FAREWELL: Duration = Duration::from_millis(200);

/// Bounds of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest message that is read, in bytes.
    pub max_message_bytes: usize,
    /// How many calls are at work at once.
    pub concurrency: usize,
    /// How long a call may take until it begins to answer.
    pub call_timeout: Duration,
}

/// What services are made of.
#[derive(Clone)]
pub struct Serving {
    /// The use cases.
    pub billing: Billing,
    /// Who calls; a service that revokes tokens makes it forget.
    pub authenticator: Authenticator,
    /// Where hooks queue up.
    pub desk: HookDesk,
    /// Bounds of calls.
    pub limits: Limits,
    /// Cancelled when the daemon stops: endless streams have to end then.
    pub stopping: CancellationToken,
}

/// A generated server with the limits that all have.
macro_rules! limited {
    ($server:expr, $limits:expr) => {
        $server.accept_compressed(CompressionEncoding::Gzip).max_decoding_message_size($limits.max_message_bytes)
    };
}

/// All services of the public API.
#[must_use]
pub fn routes(serving: &Serving) -> Routes {
    let Serving { limits, stopping, authenticator, desk, .. } = serving;
    let billing = || serving.billing.clone();
    let admin = AdminApi { billing: billing(), authenticator: authenticator.clone() };
    let hooks = HookApi { billing: billing(), desk: desk.clone() };
    let events = EventApi::new(billing(), stopping.clone());
    Routes::new(limited!(EventServiceServer::new(events), limits))
        .add_service(limited!(AdminServiceServer::new(admin), limits))
        .add_service(limited!(BillingRunServiceServer::new(BillingRunApi { billing: billing() }), limits))
        .add_service(limited!(CatalogServiceServer::new(CatalogApi { billing: billing() }), limits))
        .add_service(limited!(CustomerServiceServer::new(CustomerApi { billing: billing() }), limits))
        .add_service(limited!(DomainServiceServer::new(DomainApi { billing: billing() }), limits))
        .add_service(limited!(HookServiceServer::new(hooks), limits))
        .add_service(limited!(InstanceServiceServer::new(InstanceApi { billing: billing() }), limits))
        .add_service(limited!(InvoiceServiceServer::new(InvoiceApi { billing: billing() }), limits))
        .add_service(limited!(PaymentServiceServer::new(PaymentApi { billing: billing() }), limits))
        .add_service(limited!(ProvisioningServiceServer::new(ProvisioningApi { billing: billing() }), limits))
        .add_service(limited!(ReportServiceServer::new(ReportApi { billing: billing() }), limits))
        .add_service(limited!(ResellerServiceServer::new(ResellerApi { billing: billing() }), limits))
        .add_service(limited!(SubscriptionServiceServer::new(SubscriptionApi { billing: billing() }), limits))
}

/// A key pair and, if clients need certificates as well, who signs theirs; all PEM.
#[derive(Clone)]
pub struct Tls {
    /// The certificate with its chain.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// Signs the certificates of clients; without it they need none.
    pub client_ca: Option<String>,
}

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The TLS files do not fit.
    #[error("TLS: {0}")]
    Tls(String),
    /// Reflection, or the connection as a whole.
    #[error("{0}")]
    Transport(String),
}

impl ServerError {
    fn transport(error: impl std::error::Error) -> Self {
        Self::Transport(in_words(&error))
    }
}

/// An error with everything that it is because of.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

/// A server builder that speaks TLS. Whether the key belongs to the certificate is found out here.
///
/// # Errors
/// [`ServerError::Tls`].
pub fn with_tls(server: Server, tls: &Tls) -> Result<Server, ServerError> {
    use tonic::transport::{Certificate, Identity};
    let identity = Identity::from_pem(&tls.certificate, &tls.key);
    let mut config = ServerTlsConfig::new().identity(identity).timeout(HANDSHAKE_TIMEOUT);
    if let Some(client_ca) = &tls.client_ca {
        config = config.client_ca_root(Certificate::from_pem(client_ca));
    }
    server.tls_config(config).map_err(|error| ServerError::Tls(in_words(&error)))
}

/// Serves `routes` until [`Serving::stopping`] is cancelled and the calls that were running then have ended.
///
/// # Errors
/// [`ServerError`].
pub async fn serve(
    listener: TcpListener,
    serving: &Serving,
    routes: Routes,
    tls: Option<&Tls>,
) -> Result<(), ServerError> {
    let Serving { limits, stopping, .. } = serving;
    let (health, health_service) = health_reporter();
    for name in health_names() {
        health.set_service_status(name, ServingStatus::Serving).await;
    }
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // What refusals carry (google.rpc.ErrorInfo and so on), so that tools can show it.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    let reflection = described().build_v1().map_err(ServerError::transport)?;
    // Python's grpcio and older tools ask for this one.
    let reflection_before = described().build_v1alpha().map_err(ServerError::transport)?;
    let mut server = Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEADERS_BYTES_MAX);
    if let Some(tls) = tls {
        server = with_tls(server, tls)?;
    }
    let drain = tokio::spawn(drain(health, stopping.clone()));
    let outcome = server
        .layer(GrpcWebLayer::new())
        .layer(GuardLayer::new(limits.concurrency, limits.call_timeout))
        .layer(AuthLayer(serving.authenticator.clone()))
        .add_routes(routes)
        .add_service(health_service)
        .add_service(reflection)
        .add_service(reflection_before)
        .serve_with_incoming_shutdown(incoming(listener), stopping.clone().cancelled_owned())
        .await;
    drain.abort();
    outcome.map_err(ServerError::transport)
}

/// The names that the health service knows: every service, and the empty name for the daemon as a whole.
fn health_names() -> BTreeSet<String> {
    let services = access::METHODS.iter().filter_map(|access| access.method.split('/').next());
    services.map(|service| format!("billet.v1.{service}")).chain([String::new()]).collect()
}

/// Tells load balancers that the daemon stops; then lets go those who watch, so that they do not hold up the end.
async fn drain(mut health: HealthReporter, stopping: CancellationToken) {
    stopping.cancelled().await;
    for name in health_names() {
        health.set_service_status(name, ServingStatus::NotServing).await;
    }
    tokio::time::sleep(HEALTH_FAREWELL).await;
    for name in health_names() {
        health.clear_service_status(&name).await;
    }
}

/// New connections. One that cannot be accepted is no reason to stop, nor to spin.
fn incoming(listener: TcpListener) -> impl Stream<Item = std::io::Result<TcpStream>> {
    futures::stream::unfold(listener, |listener| async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    // Small answers go out at once.
                    let _ = stream.set_nodelay(true);
                    return Some((Ok(stream), listener));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
}

/// Binds the address to listen on.
///
/// # Errors
/// In words, with the address.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| ServerError::Transport(format!("cannot listen on {address}: {error}")))
}
