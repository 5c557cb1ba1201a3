//! HookService.

use billet_domain::id::{HookId, InstanceId};
use billet_domain::role::Role;
use futures::stream::{BoxStream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::auth::Caller;
use super::call::{Begun, Call, open};
use super::convert::{parse, parse_optional, required, to_instant, to_money};
use super::guard::{is_malformed, malformed};
use super::page;
use super::subscription::seller_of;
use crate::billing::hook::desk::HookDesk;
use crate::billing::hook::{Answer, Report, dismiss, replay};
use crate::billing::{Billing, BillingError};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::hook_service_server::HookService;
use crate::proto::hook::{content_event_id, decode, encode};
use crate::store::hook::{self, Filter, HookState, StoredHook};
use crate::store::instance;

/// How many events of a stream are under way at once.
const STREAM_AHEAD: usize = 64;
/// How many hooks are replayed by one call.
const REPLAY_MAX: i64 = 1_000;

/// The service.
#[derive(Clone)]
pub struct HookApi {
    /// What it stands on.
    pub billing: Billing,
    /// Where reports queue up.
    pub desk: HookDesk,
}

fn to_result(hook: &StoredHook, duplicate: bool) -> pb::HookResult {
    let outcome = match hook.state {
        _ if duplicate => pb::HookOutcome::Duplicate,
        HookState::Applied => pb::HookOutcome::Applied,
        HookState::Parked => pb::HookOutcome::Parked,
        HookState::Noted => pb::HookOutcome::Noted,
        HookState::Dismissed => pb::HookOutcome::Dismissed,
    };
    pb::HookResult {
        hook_id: hook.id.to_string(),
        outcome: outcome.into(),
        subscription_id: hook.subscription_id.map(|id| id.to_string()).unwrap_or_default(),
        invoices: hook
            .invoices
            .iter()
            .map(|led_to| pb::HookInvoice {
                invoice_id: led_to.invoice_id.to_string(),
                number: led_to.number.clone(),
                gross_amount: Some(to_money(led_to.gross_minor, led_to.currency)),
            })
            .collect(),
        reason: hook.reason.clone(),
        detail: hook.detail.clone(),
    }
}

impl HookApi {
    /// Whether the instance is the seller's is asked once a call.
    async fn report_one(&self, caller: &Caller, event: Option<pb::HookEvent>) -> Result<(String, Answer), Status> {
        let event = event.ok_or_else(|| BillingError::invalid("event", "is required"))?;
        let decoded = decode(event, self.billing.now())
            .map_err(|error| BillingError::invalid(format!("event.{}", error.field), error.problem.to_string()))?;
        let instance_id = self.instance(caller, decoded.instance_id).await?;
        let mut hook = decoded.hook;
        if hook.event_id.is_empty() {
            hook.event_id = content_event_id(instance_id, &hook);
        }
        let event_id = hook.event_id.clone();
        let answer =
            self.desk.report(caller.seller_id, Report { instance_id, hook, is_dated: decoded.is_dated }).await?;
        Ok((event_id, answer))
    }

    async fn instance(&self, caller: &Caller, asked: Option<InstanceId>) -> Result<InstanceId, BillingError> {
        let missing = |id: InstanceId| BillingError::not_found("instance", id);
        let bound = caller.instance_id.filter(|_| caller.roles.contains(&Role::Panel));
        match (asked, bound) {
            (Some(asked), Some(bound)) if asked != bound => Err(missing(asked)),
            // A token is bound to an instance of its own seller.
            (_, Some(bound)) => Ok(bound),
            (None, None) => {
                Err(BillingError::invalid("event.instance_id", "is required: the token is bound to no instance"))
            }
            (Some(asked), None) => {
                let mut tx = self.billing.store.snapshot().await?;
                let found = instance::get(&mut tx, caller.seller_id, asked).await?;
                found.map(|instance| instance.id).ok_or_else(|| missing(asked))
            }
        }
    }
}

#[tonic::async_trait]
impl HookService for HookApi {
    async fn report(&self, request: Request<pb::ReportRequest>) -> Result<Response<pb::ReportResponse>, Status> {
        let (caller, request) = open(request)?;
        let (_, answer) = self.report_one(&caller, request.event).await?;
        Ok(Response::new(pb::ReportResponse { result: Some(to_result(&answer.hook, answer.duplicate)) }))
    }

    type ReportStreamStream = BoxStream<'static, Result<pb::ReportStreamResponse, Status>>;

    async fn report_stream(
        &self,
        request: Request<Streaming<pb::ReportStreamRequest>>,
    ) -> Result<Response<Self::ReportStreamStream>, Status> {
        let (caller, events) = open(request)?;
        let api = self.clone();
        let answers = events
            .map(move |event| {
                let (api, caller) = (api.clone(), caller.clone());
                async move {
                    let blame = |status| if is_malformed(&status) { malformed(&status) } else { status };
                    let (event_id, answer) = api.report_one(&caller, event.map_err(blame)?.event).await?;
                    let result = Some(to_result(&answer.hook, answer.duplicate));
                    Ok(pb::ReportStreamResponse { event_id, result })
                }
            })
            .buffered(STREAM_AHEAD);
        Ok(Response::new(answers.boxed()))
    }

    async fn list_parked(
        &self,
        request: Request<pb::ListParkedRequest>,
    ) -> Result<Response<pb::ListParkedResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = page::after_id(&request.page_token)?.unwrap_or(0);
        let instance_id = parse_optional("instance_id", &request.instance_id)?;
        let filter = Filter { instance_id, reason: request.reason, package: String::new() };
        let mut tx = self.billing.store.snapshot().await?;
        let mut found = hook::parked(&mut tx, caller.seller_id, &filter, after, size).await?;
        let next_page_token = page::cut(&mut found, size, |one| one.id.0.to_string());
        let hooks = found
            .into_iter()
            .map(|hook| pb::ParkedHook {
                id: hook.id.to_string(),
                event: Some(encode(&hook.event, Some(hook.instance_id))),
                reason: hook.reason,
                detail: hook.detail,
                received_at: Some(to_instant(hook.received_at)),
                attempt_count: u32::try_from(hook.attempt_count).unwrap_or(u32::MAX),
            })
            .collect();
        Ok(Response::new(pb::ListParkedResponse { hooks, next_page_token }))
    }

    async fn replay_parked(
        &self,
        request: Request<pb::ReplayParkedRequest>,
    ) -> Result<Response<pb::ReplayParkedResponse>, Status> {
        let (caller, request) = open(request)?;
        if request.ids.len() > REPLAY_MAX as usize {
            return Err(BillingError::invalid("ids", format!("at most {REPLAY_MAX}")).into());
        }
        let ids = request.ids.iter().enumerate();
        let ids: Vec<HookId> = ids.map(|(index, id)| parse(&format!("ids[{index}]"), id)).collect::<Result<_, _>>()?;
        let instance_id = parse_optional("instance_id", &request.instance_id)?;
        let after = page::after_id(&request.page_token)?.unwrap_or(0);
        let begun = Call::begin(&self.billing, &caller, "ReplayParked", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let unit = &mut call.unit;
        let seller = seller_of(unit, caller.seller_id).await?;
        let mut next_page_token = String::new();
        let hooks = if ids.is_empty() {
            let filter = Filter { instance_id, reason: request.reason.clone(), package: String::new() };
            let mut found = hook::parked(unit, caller.seller_id, &filter, after, REPLAY_MAX).await?;
            next_page_token = page::cut(&mut found, REPLAY_MAX, |one| one.id.0.to_string());
            found
        } else {
            let mut found = hook::by_ids(unit, caller.seller_id, ids).await?;
            found.retain(|hook| hook.state == HookState::Parked);
            found
        };
        let done = replay(unit, &seller, &hooks).await?;
        let results = done.iter().map(|hook| to_result(hook, false)).collect();
        call.finish(pb::ReplayParkedResponse { results, next_page_token }).await
    }

    async fn dismiss_parked(
        &self,
        request: Request<pb::DismissParkedRequest>,
    ) -> Result<Response<pb::DismissParkedResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("id", &request.id)?;
        let reason = required("reason", &request.reason, 500)?;
        let begun = Call::begin(&self.billing, &caller, "DismissParked", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let closed = dismiss(&mut call.unit, id, &reason).await?;
        call.finish(pb::DismissParkedResponse { result: Some(to_result(&closed, false)) }).await
    }
}
