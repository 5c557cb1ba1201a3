//! What runs at panels for subscriptions.

use std::collections::BTreeMap;

use billet_domain::id::{DriftId, InstanceId};
use tonic::{Request, Response, Status};

use super::call::{Begun, Call, open};
use super::convert::drift::{
    from_adoptions, from_drift_kind, from_mend, to_adoption_results, to_drift, to_mend_result, to_reconciliation,
};
use super::convert::provisioning::{
    from_group, from_plan_service, from_state, hold, reason, to_attempt, to_group, to_plan_service, to_service,
};
use super::convert::{parse, parse_optional};
use super::page;
use super::subscription::seller_of;
use crate::billing::provision::{by_hand, mend, reconcile, rules};
use crate::billing::{Billing, BillingError, adopt};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::provisioning_service_server::ProvisioningService;
use crate::store::service::Filter;
use crate::store::{drift, instance, instance_settings, plan_service, service, service_attempt};

/// ProvisioningService.
#[derive(Debug, Clone)]
pub struct ProvisioningApi {
    /// The use cases.
    pub billing: Billing,
}

#[tonic::async_trait]
impl ProvisioningService for ProvisioningApi {
    async fn get_service(
        &self,
        request: Request<pb::GetServiceRequest>,
    ) -> Result<Response<pb::GetServiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("subscription_id", &request.subscription_id)?;
        let mut tx = self.billing.store.snapshot().await?;
        let found = service::get(&mut tx, caller.seller_id, id).await?;
        let found = found.ok_or_else(|| BillingError::not_found("service", id))?;
        Ok(Response::new(pb::GetServiceResponse { service: Some(to_service(found)) }))
    }

    async fn list_services(
        &self,
        request: Request<pb::ListServicesRequest>,
    ) -> Result<Response<pb::ListServicesResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = page::after_id(&request.page_token)?.unwrap_or_default();
        let instance_id = match request.instance_id.as_str() {
            "" => None,
            id => Some(parse("instance_id", id)?),
        };
        let filter = Filter { state: from_state(request.state)?, instance_id };
        let mut tx = self.billing.store.snapshot().await?;
        let after = billet_domain::id::SubscriptionId(after);
        let mut services = service::list(&mut tx, caller.seller_id, filter, after, size).await?;
        let next_page_token = page::cut(&mut services, size, |one| one.subscription_id.0.to_string());
        let services = services.into_iter().map(to_service).collect();
        Ok(Response::new(pb::ListServicesResponse { services, next_page_token }))
    }

    async fn list_attempts(
        &self,
        request: Request<pb::ListAttemptsRequest>,
    ) -> Result<Response<pb::ListAttemptsResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("subscription_id", &request.subscription_id)?;
        let size = page::size(request.page_size)?;
        let before = page::after_id(&request.page_token)?.unwrap_or(i64::MAX);
        let mut tx = self.billing.store.snapshot().await?;
        if service::get(&mut tx, caller.seller_id, id).await?.is_none() {
            return Err(BillingError::not_found("service", id).into());
        }
        let mut attempts = service_attempt::list(&mut tx, caller.seller_id, id, before, size).await?;
        let next_page_token = page::cut(&mut attempts, size, |one| one.step_number.to_string());
        let attempts = attempts.into_iter().map(to_attempt).collect();
        Ok(Response::new(pb::ListAttemptsResponse { attempts, next_page_token }))
    }

    async fn retry_service(
        &self,
        request: Request<pb::RetryServiceRequest>,
    ) -> Result<Response<pb::RetryServiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "RetryService", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let id = parse("subscription_id", &request.subscription_id)?;
        let service = by_hand::retry(&mut call.unit, id).await?;
        call.finish(pb::RetryServiceResponse { service: Some(to_service(service)) }).await
    }

    async fn skip_service(
        &self,
        request: Request<pb::SkipServiceRequest>,
    ) -> Result<Response<pb::SkipServiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "SkipService", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let id = parse("subscription_id", &request.subscription_id)?;
        let service = by_hand::skip(&mut call.unit, id, reason(&request.reason)?).await?;
        call.finish(pb::SkipServiceResponse { service: Some(to_service(service)) }).await
    }

    async fn mark_service_done(
        &self,
        request: Request<pb::MarkServiceDoneRequest>,
    ) -> Result<Response<pb::MarkServiceDoneResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "MarkServiceDone", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let id = parse("subscription_id", &request.subscription_id)?;
        let service = by_hand::mark_done(&mut call.unit, id, reason(&request.reason)?).await?;
        call.finish(pb::MarkServiceDoneResponse { service: Some(to_service(service)) }).await
    }

    async fn hold_service(
        &self,
        request: Request<pb::HoldServiceRequest>,
    ) -> Result<Response<pb::HoldServiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "HoldService", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let id = parse("subscription_id", &request.subscription_id)?;
        let service = by_hand::hold(&mut call.unit, id, hold(&request.hold)?, reason(&request.reason)?).await?;
        call.finish(pb::HoldServiceResponse { service: Some(to_service(service)) }).await
    }

    async fn release_service(
        &self,
        request: Request<pb::ReleaseServiceRequest>,
    ) -> Result<Response<pb::ReleaseServiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "ReleaseService", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let id = parse("subscription_id", &request.subscription_id)?;
        let service = by_hand::release(&mut call.unit, id, hold(&request.hold)?, reason(&request.reason)?).await?;
        call.finish(pb::ReleaseServiceResponse { service: Some(to_service(service)) }).await
    }

    async fn reveal_credentials(
        &self,
        request: Request<pb::RevealCredentialsRequest>,
    ) -> Result<Response<pb::RevealCredentialsResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("subscription_id", &request.subscription_id)?;
        // What is kept for repetitions has no secret in it: a repeated call reads it anew, and is in the journal once.
        let service = match Call::begin::<pb::RevealCredentialsResponse>(
            &self.billing,
            &caller,
            "RevealCredentials",
            &request.request_id,
            &request,
        )
        .await?
        {
            Begun::Fresh(mut call) => {
                let service = by_hand::reveal(&mut call.unit, id).await?;
                call.finish(pb::RevealCredentialsResponse::default()).await?;
                service
            }
            Begun::Again(_) => {
                let mut tx = self.billing.store.snapshot().await?;
                let found = service::get(&mut tx, caller.seller_id, id).await?;
                found.ok_or_else(|| BillingError::not_found("service", id))?
            }
        };
        let password = by_hand::open(&self.billing.keys, &service)?;
        let name = service.name.unwrap_or_default();
        Ok(Response::new(pb::RevealCredentialsResponse { name, password }))
    }

    async fn reconcile(
        &self,
        request: Request<pb::ReconcileRequest>,
    ) -> Result<Response<pb::ReconcileResponse>, Status> {
        let (caller, request) = open(request)?;
        let id: InstanceId = parse("instance_id", &request.instance_id)?;
        let mut call = match Call::begin(&self.billing, &caller, "Reconcile", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let unit = &mut call.unit;
        let found = instance::get(unit, caller.seller_id, id).await?;
        let found = found.ok_or_else(|| BillingError::not_found("instance", id))?;
        if !found.enabled {
            return Err(BillingError::precondition("INSTANCE_DISABLED", id, "the instance is switched off").into());
        }
        let settings = instance_settings::get(unit, caller.seller_id, id).await?;
        if settings.is_none_or(|settings| settings.revision == 0) {
            let detail = "nothing says how the instance is reached: ConfigureInstance sets it";
            return Err(BillingError::precondition("INSTANCE_NOT_CONFIGURED", id, detail).into());
        }
        reconcile::ask(unit, &[id]).await?;
        let asked = drift::reconciliation(unit, caller.seller_id, id).await?;
        call.finish(pb::ReconcileResponse { reconciliation: asked.map(to_reconciliation) }).await
    }

    async fn get_reconciliation(
        &self,
        request: Request<pb::GetReconciliationRequest>,
    ) -> Result<Response<pb::GetReconciliationResponse>, Status> {
        let (caller, request) = open(request)?;
        let id: InstanceId = parse("instance_id", &request.instance_id)?;
        let mut tx = self.billing.store.snapshot().await?;
        let found = drift::reconciliation(&mut tx, caller.seller_id, id).await?;
        let found = found.ok_or_else(|| BillingError::not_found("reconciliation", id))?;
        Ok(Response::new(pb::GetReconciliationResponse { reconciliation: Some(to_reconciliation(found)) }))
    }

    async fn list_drift(
        &self,
        request: Request<pb::ListDriftRequest>,
    ) -> Result<Response<pb::ListDriftResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = DriftId(page::after_id(&request.page_token)?.unwrap_or_default());
        let filter = drift::Filter {
            instance_id: parse_optional("instance_id", &request.instance_id)?,
            kind: from_drift_kind(request.kind)?,
            with_ignored: request.include_ignored,
        };
        let mut tx = self.billing.store.snapshot().await?;
        let mut found = drift::list(&mut tx, caller.seller_id, &filter, after, size).await?;
        let next_page_token = page::cut(&mut found, size, |one| one.id.0.to_string());
        let moves = mend::moves(&mut tx, caller.seller_id, &found).await?;
        let drifts = found.into_iter().map(|one| to_drift(&one, moves.get(&one.id))).collect();
        Ok(Response::new(pb::ListDriftResponse { drifts, next_page_token }))
    }

    async fn mend_drift(
        &self,
        request: Request<pb::MendDriftRequest>,
    ) -> Result<Response<pb::MendDriftResponse>, Status> {
        let (caller, request) = open(request)?;
        if request.ids.is_empty() || request.ids.len() > mend::MENDS_MAX {
            return Err(BillingError::invalid("ids", format!("1 to {}", mend::MENDS_MAX)).into());
        }
        let ids = request.ids.iter().enumerate();
        let ids: Vec<DriftId> = ids.map(|(index, id)| parse(&format!("ids[{index}]"), id)).collect::<Result<_, _>>()?;
        let how = from_mend(request.mend)?;
        let why = reason(&request.reason)?;
        let mut call = match Call::begin(&self.billing, &caller, "MendDrift", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let unit = &mut call.unit;
        let seller = seller_of(unit, caller.seller_id).await?;
        let results = mend::mend(unit, &seller, &ids, how, why).await?;
        let results = results.into_iter().map(|(id, result)| to_mend_result(id, result)).collect();
        call.finish(pb::MendDriftResponse { results }).await
    }

    async fn adopt_accounts(
        &self,
        request: Request<pb::AdoptAccountsRequest>,
    ) -> Result<Response<pb::AdoptAccountsResponse>, Status> {
        let (caller, request) = open(request)?;
        let adoptions = from_adoptions(&request.accounts)?;
        if request.dry_run {
            // The adoption itself, in a unit that is never committed: so it cannot differ from what it previews.
            let mut unit = self.billing.begin(caller.seller_id, &caller.actor()).await?;
            let seller = seller_of(&mut unit, caller.seller_id).await?;
            let outcomes = adopt::adopt(&mut unit, &seller, &adoptions, request.create_customers).await?;
            return Ok(Response::new(to_adoption_results(&adoptions, outcomes)));
        }
        let begun = Call::begin(&self.billing, &caller, "AdoptAccounts", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let unit = &mut call.unit;
        let seller = seller_of(unit, caller.seller_id).await?;
        let outcomes = adopt::adopt(unit, &seller, &adoptions, request.create_customers).await?;
        call.finish(to_adoption_results(&adoptions, outcomes)).await
    }

    async fn set_plan_service(
        &self,
        request: Request<pb::SetPlanServiceRequest>,
    ) -> Result<Response<pb::SetPlanServiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "SetPlanService", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let given = from_plan_service(request.plan_service.unwrap_or_default())?;
        let set = rules::set_plan_service(&mut call.unit, given).await?;
        call.finish(pb::SetPlanServiceResponse { plan_service: Some(to_plan_service(set)) }).await
    }

    async fn delete_plan_service(
        &self,
        request: Request<pb::DeletePlanServiceRequest>,
    ) -> Result<Response<pb::DeletePlanServiceResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "DeletePlanService", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        rules::remove_plan_service(&mut call.unit, parse("plan_id", &request.plan_id)?).await?;
        call.finish(pb::DeletePlanServiceResponse {}).await
    }

    async fn list_plan_services(
        &self,
        request: Request<pb::ListPlanServicesRequest>,
    ) -> Result<Response<pb::ListPlanServicesResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = billet_domain::id::PlanId(page::after_id(&request.page_token)?.unwrap_or_default());
        let mut tx = self.billing.store.snapshot().await?;
        let mut found = plan_service::list(&mut tx, caller.seller_id, after, size).await?;
        let next_page_token = page::cut(&mut found, size, |one| one.plan_id.0.to_string());
        let plan_services = found.into_iter().map(to_plan_service).collect();
        Ok(Response::new(pb::ListPlanServicesResponse { plan_services, next_page_token }))
    }

    async fn set_instance_group(
        &self,
        request: Request<pb::SetInstanceGroupRequest>,
    ) -> Result<Response<pb::SetInstanceGroupResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "SetInstanceGroup", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let (name, placement) = from_group(request.group.unwrap_or_default())?;
        rules::set_placement(&mut call.unit, &name, placement).await?;
        call.finish(pb::SetInstanceGroupResponse { group: Some(to_group(name, placement)) }).await
    }

    async fn list_instance_groups(
        &self,
        request: Request<pb::ListInstanceGroupsRequest>,
    ) -> Result<Response<pb::ListInstanceGroupsResponse>, Status> {
        let (caller, _) = open(request)?;
        let mut tx = self.billing.store.snapshot().await?;
        let found: BTreeMap<_, _> = plan_service::placements(&mut tx, caller.seller_id).await?;
        let groups = found.into_iter().map(|(name, placement)| to_group(name, placement)).collect();
        Ok(Response::new(pb::ListInstanceGroupsResponse { groups }))
    }
}
