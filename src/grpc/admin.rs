//! Access, jobs and the daemon itself.

use prost::Message as _;
use tonic::{Request, Response, Status};

use super::auth::Authenticator;
use super::call::{Begun, Call, open};
use super::convert::token::{new_token, to_token};
use super::convert::{instant_optional, parse, parse_optional, to_instant};
use super::job::{list_jobs, retry_job};
use super::page;
use crate::billing::clock::ClockError;
use crate::billing::{Billing, BillingError, token};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::admin_service_server::AdminService;
use crate::store;

/// AdminService.
#[derive(Debug, Clone)]
pub struct AdminApi {
    /// The use cases.
    pub billing: Billing,
    /// Has to forget what is revoked.
    pub authenticator: Authenticator,
}

#[tonic::async_trait]
impl AdminService for AdminApi {
    async fn create_token(
        &self,
        request: Request<pb::CreateTokenRequest>,
    ) -> Result<Response<pb::CreateTokenResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "CreateToken", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let new = new_token(&request.token.unwrap_or_default())?;
        let for_seller = parse_optional("seller_id", &request.seller_id)?;
        let (token, secret) = token::create(&mut call.unit, &caller.roles, for_seller, new).await?;
        let kept = pb::CreateTokenResponse { token: Some(to_token(token)), secret: String::new() };
        let shown_once = pb::CreateTokenResponse { secret, ..kept.clone() };
        call.finish_keeping(kept.encode_to_vec(), shown_once).await
    }

    async fn list_tokens(
        &self,
        request: Request<pb::ListTokensRequest>,
    ) -> Result<Response<pb::ListTokensResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = page::after_id(&request.page_token)?.unwrap_or_default();
        let mut tx = self.billing.store.snapshot().await?;
        let mut tokens = store::token::list(&mut tx, caller.seller_id, after, size).await?;
        let next_page_token = page::cut(&mut tokens, size, |token| token.id.0.to_string());
        let tokens = tokens.into_iter().map(to_token).collect();
        Ok(Response::new(pb::ListTokensResponse { tokens, next_page_token }))
    }

    async fn revoke_token(
        &self,
        request: Request<pb::RevokeTokenRequest>,
    ) -> Result<Response<pb::RevokeTokenResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "RevokeToken", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let token = token::revoke(&mut call.unit, parse("id", &request.id)?).await?;
        let answer = call.finish(pb::RevokeTokenResponse { token: Some(to_token(token)) }).await?;
        self.authenticator.forget();
        Ok(answer)
    }

    async fn who_am_i(&self, request: Request<pb::WhoAmIRequest>) -> Result<Response<pb::WhoAmIResponse>, Status> {
        let (caller, _) = open(request)?;
        let mut tx = self.billing.store.snapshot().await?;
        let token = store::token::get(&mut tx, caller.seller_id, caller.token_id)
            .await?
            .ok_or_else(|| BillingError::not_found("token", caller.token_id))?;
        let seller_id = caller.seller_id.to_string();
        Ok(Response::new(pb::WhoAmIResponse { token: Some(to_token(token)), seller_id }))
    }

    async fn list_jobs(&self, request: Request<pb::ListJobsRequest>) -> Result<Response<pb::ListJobsResponse>, Status> {
        let (caller, request) = open(request)?;
        Ok(Response::new(list_jobs(&self.billing, &caller, &request).await?))
    }

    async fn retry_job(&self, request: Request<pb::RetryJobRequest>) -> Result<Response<pb::RetryJobResponse>, Status> {
        let (caller, request) = open(request)?;
        retry_job(&self.billing, &caller, &request).await
    }

    async fn get_clock(&self, request: Request<pb::GetClockRequest>) -> Result<Response<pb::GetClockResponse>, Status> {
        open(request)?;
        let now = Some(to_instant(self.billing.now()));
        Ok(Response::new(pb::GetClockResponse { now, simulated: self.billing.clock.is_simulated() }))
    }

    async fn advance_clock(
        &self,
        request: Request<pb::AdvanceClockRequest>,
    ) -> Result<Response<pb::AdvanceClockResponse>, Status> {
        let (caller, request) = open(request)?;
        let to = instant_optional("to", request.to)?.ok_or_else(|| BillingError::invalid("to", "is required"))?;
        self.billing.clock.advance(to).map_err(|error| {
            let reason = match error {
                ClockError::NotSimulated => "CLOCK_NOT_SIMULATED",
                ClockError::Backwards { .. } => "CLOCK_ONLY_AHEAD",
            };
            BillingError::precondition(reason, "clock", error.to_string())
        })?;
        tracing::info!(%to, by = %caller.token_id, "the clock was moved");
        Ok(Response::new(pb::AdvanceClockResponse { now: Some(to_instant(self.billing.now())) }))
    }
}

#[cfg(test)]
mod tests;
