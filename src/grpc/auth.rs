//! Who calls. A layer before all services: reads the bearer token, finds its roles, and refuses what the table in
//! `access.rs` does not allow. A method then finds a [`Caller`] in the request and uses its seller for every row it
//! touches: that is the one place where tenancy comes from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use billet_domain::id::{CustomerId, InstanceId, SellerId, TokenId};
use billet_domain::journal::sha256_hex;
use billet_domain::role::Role;
use futures::future::BoxFuture;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::access;
use super::status::refusal;
use crate::billing::{Billing, BillingError};
use crate::store::StoreError;
use crate::store::token::{self, Token};

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// By which token.
    pub token_id: TokenId,
    /// For which seller: the only one whose rows it sees.
    pub seller_id: SellerId,
    /// What it may do.
    pub roles: Vec<Role>,
    /// The only instance it may report for.
    pub instance_id: Option<InstanceId>,
    /// The only customer it may see.
    pub customer_id: Option<CustomerId>,
}

impl Caller {
    /// As written in the journal.
    #[must_use]
    pub fn actor(&self) -> String {
        self.token_id.to_string()
    }

    /// Refuses a customer's token that asks for another customer, as if that one did not exist.
    ///
    /// # Errors
    /// [`BillingError::NotFound`].
    pub fn may_see(&self, customer_id: CustomerId) -> Result<(), BillingError> {
        match self.customer_id {
            Some(own) if own != customer_id => Err(BillingError::not_found("customer", customer_id)),
            _ => Ok(()),
        }
    }

    /// The customer that a list is limited to: the one asked for, or the caller's own.
    ///
    /// # Errors
    /// [`BillingError::NotFound`].
    pub fn limit_to(&self, asked: Option<CustomerId>) -> Result<Option<CustomerId>, BillingError> {
        asked.map_or(Ok(()), |customer_id| self.may_see(customer_id))?;
        Ok(asked.or(self.customer_id))
    }
}

impl From<Token> for Caller {
    fn from(token: Token) -> Self {
        Self {
            token_id: token.id,
            seller_id: token.seller_id,
            roles: token.roles,
            instance_id: token.instance_id,
            customer_id: token.customer_id,
        }
    }
}

/// How long a token is believed without asking the database again. This process forgets a token that it revokes at
/// once; another daemon on the same database does after this time at the latest.
const REMEMBERED_FOR: Duration = Duration::from_secs(1);
/// How many tokens are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Finds the caller of a request.
#[derive(Debug, Clone)]
pub struct Authenticator {
    billing: Billing,
    remembered: Arc<Mutex<HashMap<String, (Token, Instant)>>>,
}

impl Authenticator {
    /// For one daemon.
    #[must_use]
    pub fn new(billing: Billing) -> Self {
        Self { billing, remembered: Arc::default() }
    }

    /// Forgets everything remembered, so that a revocation counts with the next call.
    pub fn forget(&self) {
        self.remembered().clear();
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Token, Instant)>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn token(&self, secret: &str) -> Result<Option<Token>, StoreError> {
        let hash = sha256_hex(secret.as_bytes());
        if let Some((token, read_at)) = self.remembered().get(&hash)
            && read_at.elapsed() < REMEMBERED_FOR
        {
            return Ok(Some(token.clone()));
        }
        let mut tx = self.billing.store.snapshot().await?;
        let found = token::by_hash(&mut tx, &hash).await?;
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        match &found {
            Some(token) => remembered.insert(hash, (token.clone(), Instant::now())),
            None => remembered.remove(&hash),
        };
        Ok(found)
    }

    /// Who calls, if they may.
    ///
    /// # Errors
    /// UNAUTHENTICATED without a valid token, PERMISSION_DENIED when its roles are not enough.
    pub async fn admit(&self, authorization: Option<&str>, roles: &[Role]) -> Result<Caller, Status> {
        let secret = authorization
            .and_then(|header| header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("bearer ")))
            .map(str::trim)
            .ok_or_else(|| refusal(Code::Unauthenticated, "NO_TOKEN", "a bearer token is needed"))?;
        let token = self
            .token(secret)
            .await?
            .ok_or_else(|| refusal(Code::Unauthenticated, "UNKNOWN_TOKEN", "the bearer token is not known here"))?;
        if token.revoked_at.is_some() {
            return Err(refusal(Code::Unauthenticated, "TOKEN_REVOKED", "the token was taken out of use"));
        }
        if token.expires_at.is_some_and(|expires_at| expires_at <= self.billing.now()) {
            return Err(refusal(Code::Unauthenticated, "TOKEN_EXPIRED", "the token has expired"));
        }
        if !token.roles.iter().any(|role| roles.contains(role)) {
            let message = "none of the token's roles may call this method";
            return Err(refusal(Code::PermissionDenied, "ROLE_MISSING", message));
        }
        Ok(token.into())
    }
}

/// Puts the authenticator before services.
#[derive(Debug, Clone)]
pub struct AuthLayer(pub Authenticator);

impl<S> Layer<S> for AuthLayer {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authenticated { inner, authenticator: self.0.clone() }
    }
}

/// A service behind the authenticator.
#[derive(Debug, Clone)]
pub struct Authenticated<S> {
    inner: S,
    authenticator: Authenticator,
}

impl<S> Service<http::Request<Body>> for Authenticated<S>
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

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // The service that was asked whether it is ready has to be the one that is called (tower, Service::call).
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        if !request.uri().path().starts_with(access::PACKAGE) {
            // Health and reflection are open.
            return Box::pin(inner.call(request));
        }
        let authenticator = self.authenticator.clone();
        Box::pin(async move {
            let Some(roles) = access::allowed(request.uri().path()) else {
                let status = refusal(Code::Unimplemented, "UNKNOWN_METHOD", "no such method");
                return Ok(status.into_http());
            };
            let header = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            match authenticator.admit(header, roles).await {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                    inner.call(request).await
                }
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}
