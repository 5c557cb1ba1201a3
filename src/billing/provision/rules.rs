//! What plans stand for, and how groups of instances are filled.

use billet_domain::id::PlanId;
use billet_domain::placement::Placement;
use serde_json::json;

use super::super::BillingError;
use crate::store::plan_service::{self, PlanService};
use crate::store::{Unit, plan};

/// Sets which package a plan stands for. Running services get it with their next change.
///
/// # Errors
/// [`BillingError::NotFound`] for the plan.
pub async fn set_plan_service(unit: &mut Unit, service: PlanService) -> Result<PlanService, BillingError> {
    let seller_id = unit.seller_id;
    if plan::newest(unit, seller_id, &[service.plan_id]).await?.is_empty() {
        return Err(BillingError::not_found("plan", service.plan_id));
    }
    plan_service::set(unit, &service).await?;
    unit.event("plan_service.set", service.plan_id, json!(service));
    Ok(service)
}

/// A plan stands for nothing any more; what runs stays as it is.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn remove_plan_service(unit: &mut Unit, plan_id: PlanId) -> Result<(), BillingError> {
    if !plan_service::remove(unit, plan_id).await? {
        return Err(BillingError::not_found("plan service", plan_id));
    }
    unit.event("plan_service.removed", plan_id, json!({}));
    Ok(())
}

/// Sets how a group of instances is filled.
///
/// # Errors
/// [`BillingError`].
pub async fn set_placement(unit: &mut Unit, group: &str, placement: Placement) -> Result<(), BillingError> {
    plan_service::set_placement(unit, group, placement).await?;
    unit.event("instance_group.set", group, json!({ "placement": placement }));
    Ok(())
}
