//! The daemon's public API as one caller sees it, over the clients generated from `proto/`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::error::DemoError;
use crate::proto::billet::v1::admin_service_client::AdminServiceClient;
use crate::proto::billet::v1::billing_run_service_client::BillingRunServiceClient;
use crate::proto::billet::v1::catalog_service_client::CatalogServiceClient;
use crate::proto::billet::v1::customer_service_client::CustomerServiceClient;
use crate::proto::billet::v1::event_service_client::EventServiceClient;
use crate::proto::billet::v1::hook_service_client::HookServiceClient;
use crate::proto::billet::v1::instance_service_client::InstanceServiceClient;
use crate::proto::billet::v1::invoice_service_client::InvoiceServiceClient;
use crate::proto::billet::v1::payment_service_client::PaymentServiceClient;
use crate::proto::billet::v1::report_service_client::ReportServiceClient;
use crate::proto::billet::v1::reseller_service_client::ResellerServiceClient;
use crate::proto::billet::v1::subscription_service_client::SubscriptionServiceClient;

/// A connection that says who calls.
pub type Authorized = InterceptedService<Channel, Bearer>;

/// Puts a token into each call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// The API for the bearer of one token.
#[derive(Clone)]
pub struct Api {
    connection: Authorized,
    channel: Channel,
    secret: String,
    request_count: Arc<AtomicU64>,
}

macro_rules! clients {
    ($($name:ident $client:ident),+ $(,)?) => {
        impl Api {
            $(
                #[doc = concat!("A [`", stringify!($client), "`].")]
                pub fn $name(&self) -> $client<Authorized> {
                    $client::new(self.connection.clone())
                }
            )+
        }
    };
}

clients! {
    admin AdminServiceClient,
    runs BillingRunServiceClient,
    catalog CatalogServiceClient,
    customers CustomerServiceClient,
    events EventServiceClient,
    hooks HookServiceClient,
    instances InstanceServiceClient,
    invoices InvoiceServiceClient,
    payments PaymentServiceClient,
    reports ReportServiceClient,
    resellers ResellerServiceClient,
    subscriptions SubscriptionServiceClient,
}

impl Api {
    /// For the bearer of a token.
    ///
    /// # Errors
    /// If the token cannot stand in a header.
    pub fn new(channel: Channel, secret: &str) -> Result<Self, DemoError> {
        let bearer = format!("Bearer {secret}").parse();
        let bearer = bearer.map_err(|_| DemoError::Daemon("its token cannot be sent".to_owned()))?;
        Ok(Self {
            connection: InterceptedService::new(channel.clone(), Bearer(bearer)),
            channel,
            secret: secret.to_owned(),
            request_count: Arc::default(),
        })
    }

    /// The same daemon for the bearer of another token.
    ///
    /// # Errors
    /// As [`Api::new`].
    pub fn acting_with(&self, secret: &str) -> Result<Self, DemoError> {
        Self::new(self.channel.clone(), secret)
    }

    /// The token, for the line that shows how to call.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// What makes the next call safe to repeat.
    pub fn request_id(&self) -> String {
        format!("demo-{}", self.request_count.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// Makes a call.
///
/// # Errors
/// [`DemoError::Refused`] with the method's name.
pub async fn ask<T>(
    method: &'static str,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, DemoError> {
    match call.await {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) => Err(DemoError::Refused { method, status: Box::new(status) }),
    }
}

/// What an answer must have.
///
/// # Errors
/// [`DemoError::Unexpected`] when it is missing.
pub fn have<T>(what: &str, given: Option<T>) -> Result<T, DemoError> {
    given.ok_or_else(|| DemoError::unexpected(format!("{what} in the answer"), "it is missing"))
}
