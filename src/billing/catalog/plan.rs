//! Making a plan and changing what may change of it.

use billet_domain::catalog::PlanContent;
use billet_domain::id::PlanId;
use serde_json::{Map, json};

use super::version;
use crate::billing::BillingError;
use crate::store::Unit;
use crate::store::plan::{self, Plan, Version};

/// A plan to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPlan {
    /// Unique for the seller.
    pub code: String,
    /// On the invoice.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it extends another subscription.
    pub addon: bool,
    /// Whether new subscriptions may be made by the API.
    pub orderable: bool,
}

/// What of a plan is to be changed; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanChange {
    /// On the invoice, from the next line on.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether new subscriptions may be made by the API.
    pub orderable: Option<bool>,
}

/// Makes a plan with its first version.
///
/// # Errors
/// [`BillingError::Invalid`] for content that makes no sense (field paths begin with `version`), CODE_TAKEN.
pub async fn create(unit: &mut Unit, new: NewPlan, content: PlanContent) -> Result<(Plan, Version), BillingError> {
    version::check("version", &content)?;
    let seller_id = unit.seller_id;
    if plan::by_code(unit, seller_id, &new.code).await?.is_some() {
        let detail = format!("there is a plan with the code `{}` already", new.code);
        return Err(BillingError::Exists { reason: "CODE_TAKEN", detail });
    }
    let plan = Plan {
        id: PlanId(unit.id()?),
        code: new.code,
        name: new.name,
        description: new.description,
        addon: new.addon,
        orderable: new.orderable,
        created_at: unit.now,
    };
    plan::insert(unit, &plan).await?;
    let version = version::add(unit, plan.id, 1, content).await?;
    unit.event(
        "plan.created",
        plan.id,
        json!({
            "code": plan.code,
            "name": plan.name,
            "description": plan.description,
            "kind": plan.kind(),
            "orderable": plan.orderable,
            "version_id": version.id,
            "content": version.content,
        }),
    );
    Ok((plan, version))
}

/// Changes a plan's name, description or whether it can be ordered.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn update(unit: &mut Unit, id: PlanId, change: PlanChange) -> Result<Plan, BillingError> {
    let mut plan = plan::lock(unit, id).await?.ok_or_else(|| BillingError::not_found("plan", id))?;
    let mut changes = Map::new();
    let mut note = |field: &str, from: serde_json::Value, to: serde_json::Value| {
        if from != to {
            changes.insert(field.to_owned(), json!({ "from": from, "to": to }));
        }
    };
    if let Some(name) = change.name {
        note("name", json!(plan.name), json!(name));
        plan.name = name;
    }
    if let Some(description) = change.description {
        note("description", json!(plan.description), json!(description));
        plan.description = description;
    }
    if let Some(orderable) = change.orderable {
        note("orderable", json!(plan.orderable), json!(orderable));
        plan.orderable = orderable;
    }
    if !changes.is_empty() {
        plan::update(unit, &plan).await?;
        unit.event("plan.updated", id, changes.into());
    }
    Ok(plan)
}

#[cfg(test)]
mod tests;
