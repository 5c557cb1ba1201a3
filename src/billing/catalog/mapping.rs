//! Which plan a package of a panel stands for. Hooks that wait for it are tried again.

use std::collections::BTreeMap;

use billet_domain::catalog::PlanContent;
use billet_domain::id::PlanId;
use billet_domain::money::Currency;
use billet_domain::period::Cycle;
use rust_decimal::Decimal;
use serde_json::json;

use super::version::number_problem;
use crate::billing::BillingError;
use crate::store::mapping::{self, Mapping, Reporter};
use crate::store::{Unit, plan};

/// A mapping to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMapping {
    /// Who reports the package.
    pub reporter: Reporter,
    /// The panel's name for it.
    pub package: String,
    /// The plan.
    pub plan_id: PlanId,
    /// In which currency; the customer's, else the seller's, when absent.
    pub currency: Option<Currency>,
    /// How often.
    pub cycle: Cycle,
    /// By code: a value of an option, or a quantity of a component.
    pub settings: BTreeMap<String, String>,
}

/// Sets a mapping, in the place of the one for the same reporter and package; answers it as stored and how many hooks
/// wait for it.
///
/// # Errors
/// [`BillingError::NotFound`] for plan or instance, [`BillingError::Invalid`] for settings that do not fit the plan's
/// newest version, NO_PRICE where that version is not offered in the currency and cycle, PLAN_IS_ADDON.
pub async fn set(unit: &mut Unit, new: NewMapping) -> Result<(Mapping, i64), BillingError> {
    let seller_id = unit.seller_id;
    let (plan, version) = plan::newest(unit, seller_id, &[new.plan_id])
        .await?
        .pop()
        .ok_or_else(|| BillingError::not_found("plan", new.plan_id))?;
    if plan.addon {
        let detail = format!("plan `{}` extends other subscriptions; an account needs a plan of its own", plan.code);
        return Err(BillingError::precondition("PLAN_IS_ADDON", plan.id, detail));
    }
    let (instance_id, instance_group) = match &new.reporter {
        Reporter::Instance(id) if !mapping::instance_exists(unit, seller_id, *id).await? => {
            return Err(BillingError::not_found("instance", id));
        }
        Reporter::Instance(id) => (Some(*id), String::new()),
        Reporter::Group(group) => (None, group.clone()),
    };
    check_offered(&new, &plan, &version.content)?;
    let mapping = Mapping {
        instance_id,
        instance_group,
        package: new.package.clone(),
        plan_id: plan.id,
        currency: new.currency,
        cycle: new.cycle,
        quantities: quantities(&new, &version.content)?,
    };
    let before = mapping::get(unit, seller_id, &new.reporter, &new.package).await?;
    mapping::set(unit, &mapping).await?;
    let parked_count = mapping::parked_count(unit, seller_id, &new.reporter, &new.package).await?;
    mapping::replay_parked(unit, &new.reporter, &new.package).await?;
    unit.event("package_mapping.set", plan.id, json!({ "mapping": mapping, "before": before }));
    Ok((mapping, parked_count))
}

/// Removes a mapping. Running subscriptions are not touched.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn delete(unit: &mut Unit, reporter: &Reporter, package: &str) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let mapping = mapping::get(unit, seller_id, reporter, package).await?;
    let mapping = mapping.ok_or_else(|| BillingError::not_found("package mapping", package))?;
    if !mapping::delete(unit, reporter, package).await? {
        return Err(BillingError::not_found("package mapping", package));
    }
    unit.event("package_mapping.deleted", mapping.plan_id, json!({ "mapping": mapping }));
    Ok(())
}

fn check_offered(new: &NewMapping, plan: &plan::Plan, content: &PlanContent) -> Result<(), BillingError> {
    let offered = match new.currency {
        Some(currency) => content.offers(currency, new.cycle),
        None => content.components.iter().flat_map(|component| &component.prices).any(|price| price.cycle == new.cycle),
    };
    if offered {
        return Ok(());
    }
    let currency = new.currency.map_or("any currency", Currency::code);
    let detail = format!("the newest version of plan `{}` has no price in {currency} for this cycle", plan.code);
    Err(BillingError::precondition("NO_PRICE", plan.id, detail))
}

/// Settings as quantities of components. Where the currency is known, a component without a price there cannot be set,
/// and one that an option only switches off is left out.
fn quantities(new: &NewMapping, content: &PlanContent) -> Result<BTreeMap<String, Decimal>, BillingError> {
    let at = |code: &str| format!("mapping.quantities[{code}]");
    let mut quantities =
        content.settings(&new.settings).map_err(|error| BillingError::invalid(at(error.code()), error.to_string()))?;
    for (code, quantity) in &quantities {
        if let Some(problem) = number_problem(*quantity) {
            return Err(BillingError::invalid(at(code), problem));
        }
    }
    if let Some(currency) = new.currency {
        let priced = |code: &str| content.component(code).is_some_and(|own| own.price(currency, new.cycle).is_some());
        quantities.retain(|code, quantity| !quantity.is_zero() || priced(code));
        if let Some(code) = quantities.keys().find(|code| !priced(code)) {
            let detail = format!("component `{code}` has no price in {currency} for this cycle");
            return Err(BillingError::invalid(at(code), detail));
        }
    }
    Ok(quantities)
}

#[cfg(test)]
mod tests;
