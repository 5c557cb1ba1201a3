//! CatalogService: plans, versions, package mappings, promotions.

use billet_domain::id::{InstanceId, PlanId, PromotionId, SellerId};
use billet_domain::timeline::Timing;
use tonic::{Request, Response, Status};

use super::call::{Begun, Call, open};
use super::convert::mapping::{new_mapping, package, reporter, to_mapping};
use super::convert::plan::{NAME_MAX, content, new_plan, timing, to_plan};
use super::convert::promotion::{new_promotion, to_promotion};
use super::convert::{TEXT_MAX, code, date_optional, parse, parse_optional, required, text};
use super::page;
use crate::billing::catalog::plan::PlanChange;
use crate::billing::migrate::{Migration, migrate};
use crate::billing::{Billing, BillingError, catalog, promotion};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::catalog_service_server::CatalogService;
use crate::store::{self, StoreError, Tx};

/// What a seller offers.
#[derive(Debug, Clone)]
pub struct CatalogApi {
    /// What it stands on.
    pub billing: Billing,
}

/// A plan with all its versions.
async fn whole(tx: &mut Tx, seller_id: SellerId, plan: store::plan::Plan) -> Result<pb::Plan, StoreError> {
    let versions = store::plan::versions_of(tx, seller_id, plan.id).await?;
    Ok(to_plan(plan, versions))
}

/// The changes that an update mask names.
fn plan_change(plan: &pb::Plan, mask: Option<&prost_types::FieldMask>) -> Result<PlanChange, BillingError> {
    const KNOWN: &str = "any of `name`, `description`, `orderable`";
    let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
    if paths.is_empty() {
        return Err(BillingError::invalid("update_mask", format!("is required: {KNOWN}")));
    }
    let mut change = PlanChange::default();
    for path in paths {
        match path.as_str() {
            "name" => change.name = Some(required("plan.name", &plan.name, NAME_MAX)?),
            "description" => {
                change.description = Some(text("plan.description", &plan.description, TEXT_MAX, true)?);
            }
            "orderable" => change.orderable = Some(plan.orderable),
            other => {
                let other: String = other.chars().take(64).collect();
                return Err(BillingError::invalid("update_mask", format!("`{other}` cannot be changed, only {KNOWN}")));
            }
        }
    }
    Ok(change)
}

/// The key of a mapping in page tokens: names hold no line breaks.
fn mapping_key(mapping: &store::mapping::Mapping) -> String {
    let instance_id = mapping.instance_id.map_or(0, |id| id.0);
    format!("{instance_id}\n{}\n{}", mapping.instance_group, mapping.package)
}

/// Where a page of mappings begins.
fn after_mapping(key: &str) -> Option<store::mapping::After<'_>> {
    let mut parts = key.splitn(3, '\n');
    let instance_id = parts.next()?.parse().ok()?;
    let (group, package) = (parts.next()?, parts.next()?);
    let clean = |text: &str| !text.chars().any(char::is_control);
    (clean(group) && clean(package)).then_some((instance_id, group, package))
}

/// Where a page of things with a code begins.
fn after_code(page_token: &str) -> Result<String, BillingError> {
    page::after(page_token)?.map_or(Ok(String::new()), |key| code("page_token", &key))
}

#[tonic::async_trait]
impl CatalogService for CatalogApi {
    async fn create_plan(
        &self,
        request: Request<pb::CreatePlanRequest>,
    ) -> Result<Response<pb::CreatePlanResponse>, Status> {
        let (caller, request) = open(request)?;
        let new = new_plan(request.plan.as_ref())?;
        let content = content("version", request.version.as_ref())?;
        let mut call = match Call::begin(&self.billing, &caller, "CreatePlan", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let (plan, version) = catalog::plan::create(&mut call.unit, new, content).await?;
        call.finish(pb::CreatePlanResponse { plan: Some(to_plan(plan, [version])) }).await
    }

    async fn get_plan(&self, request: Request<pb::GetPlanRequest>) -> Result<Response<pb::GetPlanResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut tx = self.billing.store.snapshot().await?;
        let plan = if let Some(by_code) = request.id.strip_prefix("code:") {
            let by_code = code("id", by_code)?;
            store::plan::by_code(&mut tx, caller.seller_id, &by_code).await?
        } else {
            let id: PlanId = parse("id", &request.id)?;
            store::plan::get(&mut tx, caller.seller_id, id).await?
        };
        let plan = plan.ok_or_else(|| BillingError::not_found("plan", &request.id))?;
        let plan = whole(&mut tx, caller.seller_id, plan).await?;
        Ok(Response::new(pb::GetPlanResponse { plan: Some(plan) }))
    }

    async fn list_plans(
        &self,
        request: Request<pb::ListPlansRequest>,
    ) -> Result<Response<pb::ListPlansResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = after_code(&request.page_token)?;
        let mut tx = self.billing.store.snapshot().await?;
        // A customer sees what there is to order; plans made for others or given up are not among it.
        let orderable_only = caller.customer_id.is_some();
        let mut plans = store::plan::list(&mut tx, caller.seller_id, &after, size, orderable_only).await?;
        let next_page_token = page::cut(&mut plans, size, |(plan, _)| plan.code.clone());
        let plans = plans.into_iter().map(|(plan, version)| to_plan(plan, [version])).collect();
        Ok(Response::new(pb::ListPlansResponse { plans, next_page_token }))
    }

    async fn update_plan(
        &self,
        request: Request<pb::UpdatePlanRequest>,
    ) -> Result<Response<pb::UpdatePlanResponse>, Status> {
        let (caller, request) = open(request)?;
        let plan = request.plan.as_ref().ok_or_else(|| BillingError::invalid("plan", "is required"))?;
        let id: PlanId = parse("plan.id", &plan.id)?;
        let change = plan_change(plan, request.update_mask.as_ref())?;
        let mut call = match Call::begin(&self.billing, &caller, "UpdatePlan", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let plan = catalog::plan::update(&mut call.unit, id, change).await?;
        let plan = whole(&mut call.unit, caller.seller_id, plan).await?;
        call.finish(pb::UpdatePlanResponse { plan: Some(plan) }).await
    }

    async fn create_plan_version(
        &self,
        request: Request<pb::CreatePlanVersionRequest>,
    ) -> Result<Response<pb::CreatePlanVersionResponse>, Status> {
        let (caller, request) = open(request)?;
        let plan_id: PlanId = parse("plan_id", &request.plan_id)?;
        let content = content("version", request.version.as_ref())?;
        let method = "CreatePlanVersion";
        let mut call = match Call::begin(&self.billing, &caller, method, &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        catalog::version::create(&mut call.unit, plan_id, content).await?;
        let plan = store::plan::get(&mut call.unit, caller.seller_id, plan_id).await?;
        let plan = plan.ok_or_else(|| BillingError::not_found("plan", plan_id))?;
        let plan = whole(&mut call.unit, caller.seller_id, plan).await?;
        call.finish(pb::CreatePlanVersionResponse { plan: Some(plan) }).await
    }

    async fn migrate_plan_version(
        &self,
        request: Request<pb::MigratePlanVersionRequest>,
    ) -> Result<Response<pb::MigratePlanVersionResponse>, Status> {
        let (caller, request) = open(request)?;
        let asked = Migration {
            version_id: parse("version_id", &request.version_id)?,
            timing: timing("timing", request.timing)?.unwrap_or(Timing::PeriodEnd),
            effective: date_optional("effective_date", request.effective_date)?,
            execute: request.execute,
        };
        let begun = Call::begin(&self.billing, &caller, "MigratePlanVersion", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let seller = store::seller::get(&mut call.unit, caller.seller_id)
            .await?
            .ok_or_else(|| BillingError::not_found("seller", caller.seller_id))?;
        let key = format!("request:{}", request.request_id);
        let done = migrate(&mut call.unit, &seller, asked, &key).await?;
        let problems = done
            .problems
            .into_iter()
            .map(|(id, reason)| pb::MigrationProblem { subscription_id: id.to_string(), reason })
            .collect();
        call.finish(pb::MigratePlanVersionResponse { subscription_count: done.count, problems }).await
    }

    async fn set_package_mapping(
        &self,
        request: Request<pb::SetPackageMappingRequest>,
    ) -> Result<Response<pb::SetPackageMappingResponse>, Status> {
        let (caller, request) = open(request)?;
        let new = new_mapping(request.mapping.clone())?;
        let method = "SetPackageMapping";
        let mut call = match Call::begin(&self.billing, &caller, method, &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let (mapping, replayed_hook_count) = catalog::mapping::set(&mut call.unit, new).await?;
        let mapping = Some(to_mapping(mapping));
        call.finish(pb::SetPackageMappingResponse { mapping, replayed_hook_count }).await
    }

    async fn delete_package_mapping(
        &self,
        request: Request<pb::DeletePackageMappingRequest>,
    ) -> Result<Response<pb::DeletePackageMappingResponse>, Status> {
        let (caller, request) = open(request)?;
        let reporter = reporter("", &request.instance_id, &request.instance_group)?;
        let package = package("package", &request.package)?;
        let method = "DeletePackageMapping";
        let mut call = match Call::begin(&self.billing, &caller, method, &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        catalog::mapping::delete(&mut call.unit, &reporter, &package).await?;
        call.finish(pb::DeletePackageMappingResponse {}).await
    }

    async fn list_package_mappings(
        &self,
        request: Request<pb::ListPackageMappingsRequest>,
    ) -> Result<Response<pb::ListPackageMappingsResponse>, Status> {
        let (caller, request) = open(request)?;
        let instance_id: Option<InstanceId> = parse_optional("instance_id", &request.instance_id)?;
        let size = page::size(request.page_size)?;
        let key = page::after(&request.page_token)?;
        let after = match &key {
            None => (-1, "", ""),
            Some(key) => after_mapping(key)
                .ok_or_else(|| BillingError::invalid("page_token", "not a token of a previous answer"))?,
        };
        let mut tx = self.billing.store.snapshot().await?;
        let mut mappings = store::mapping::list(&mut tx, caller.seller_id, instance_id, after, size).await?;
        let next_page_token = page::cut(&mut mappings, size, mapping_key);
        let mappings = mappings.into_iter().map(to_mapping).collect();
        Ok(Response::new(pb::ListPackageMappingsResponse { mappings, next_page_token }))
    }

    async fn create_promotion(
        &self,
        request: Request<pb::CreatePromotionRequest>,
    ) -> Result<Response<pb::CreatePromotionResponse>, Status> {
        let (caller, request) = open(request)?;
        let new = new_promotion(request.promotion.as_ref())?;
        let method = "CreatePromotion";
        let mut call = match Call::begin(&self.billing, &caller, method, &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let promotion = promotion::create(&mut call.unit, new).await?;
        call.finish(pb::CreatePromotionResponse { promotion: Some(to_promotion(promotion)) }).await
    }

    async fn list_promotions(
        &self,
        request: Request<pb::ListPromotionsRequest>,
    ) -> Result<Response<pb::ListPromotionsResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = after_code(&request.page_token)?;
        let mut tx = self.billing.store.snapshot().await?;
        let mut promotions = store::promotion::list(&mut tx, caller.seller_id, &after, size).await?;
        let next_page_token = page::cut(&mut promotions, size, |row| store::promotion::code_key(&row.code));
        let promotions = promotions.into_iter().map(to_promotion).collect();
        Ok(Response::new(pb::ListPromotionsResponse { promotions, next_page_token }))
    }

    async fn end_promotion(
        &self,
        request: Request<pb::EndPromotionRequest>,
    ) -> Result<Response<pb::EndPromotionResponse>, Status> {
        let (caller, request) = open(request)?;
        let id: PromotionId = parse("id", &request.id)?;
        let mut call = match Call::begin(&self.billing, &caller, "EndPromotion", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let promotion = promotion::end(&mut call.unit, id).await?;
        call.finish(pb::EndPromotionResponse { promotion: Some(to_promotion(promotion)) }).await
    }
}

#[cfg(test)]
mod tests;
