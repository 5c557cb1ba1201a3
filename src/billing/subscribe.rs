//! Starts a subscription: the first fact of its timeline.

use std::collections::BTreeMap;

use billet_domain::id::{CustomerId, InstanceId, PlanId, PlanVersionId, ProjectId, SubscriptionId};
use billet_domain::money::Currency;
use billet_domain::period::Cycle;
use billet_domain::plan::TermsBook;
use billet_domain::timeline::{Fact, FactError, FactKind, Timeline};
use chrono::{DateTime, Days, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::json;

use super::{BillingError, promotion};
use crate::store::customer::Customer;
use crate::store::plan::{self, Plan, Version};
use crate::store::seller::Seller;
use crate::store::subscription::{self, ServiceState, Subscription};
use crate::store::{Unit, fact, instance, project};

/// The longest trial, in days.
pub const TRIAL_DAYS_MAX: u32 = 3_650;
/// How far ahead or back a date may lie, in days: a hundred years.
pub const DAYS_APART_MAX: i64 = 36_525;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSubscription {
    /// Whose.
    pub customer_id: CustomerId,
    /// To which plan.
    pub plan_id: PlanId,
    /// The newest version when absent.
    pub version_id: Option<PlanVersionId>,
    /// The customer's when absent.
    pub currency: Option<Currency>,
    /// Billed how often.
    pub cycle: Cycle,
    /// The first billed day's when absent.
    pub anchor_day: Option<u32>,
    /// Today when absent.
    pub start_date: Option<NaiveDate>,
    /// Free days before the first billed day.
    pub trial_days: u32,
    /// Quantities other than the components' own.
    pub quantities: BTreeMap<String, Decimal>,
    /// Chosen values by option.
    pub options: BTreeMap<String, String>,
    /// Groups invoices.
    pub project_id: Option<ProjectId>,
    /// What it extends.
    pub parent_id: Option<SubscriptionId>,
    /// What the customer calls it.
    pub label: String,
    /// Redeemed at the start.
    pub promotion_code: Option<String>,
    /// Where the service runs.
    pub instance_id: Option<InstanceId>,
    /// What the panel calls it.
    pub external_ref: Option<String>,
}

/// A plan version with the plan it is of.
///
/// # Errors
/// [`BillingError::NotFound`], or a version of another plan.
pub async fn version_of(
    unit: &mut Unit,
    plan_id: PlanId,
    version_id: Option<PlanVersionId>,
) -> Result<(Plan, Version), BillingError> {
    let seller_id = unit.seller_id;
    let found = match version_id {
        Some(id) => plan::versions(unit, seller_id, &[id]).await?.pop(),
        None => plan::newest(unit, seller_id, &[plan_id]).await?.pop(),
    };
    match (found, version_id) {
        (Some(found), _) if found.0.id == plan_id => Ok(found),
        (Some(_), Some(version_id)) => {
            Err(BillingError::invalid("version_id", format!("{version_id} is no version of {plan_id}")))
        }
        (None, Some(version_id)) => Err(BillingError::not_found("plan version", version_id)),
        _ => Err(BillingError::not_found("plan", plan_id)),
    }
}

/// The quantities that chosen options and named quantities set. Defaults stand in the terms; what an option switches and
/// has no price under these terms is left out.
///
/// # Errors
/// [`BillingError::Invalid`] for an unknown option or value.
pub fn chosen_quantities(
    version: &Version,
    terms: &TermsBook,
    options: &BTreeMap<String, String>,
    quantities: &BTreeMap<String, Decimal>,
) -> Result<BTreeMap<String, Decimal>, BillingError> {
    let mut set = BTreeMap::new();
    for (option, value) in options {
        let chosen = version.content.option_quantities(option, value).ok_or_else(|| {
            let problem = format!("the plan has no option `{option}` with the value `{value}`");
            BillingError::invalid(format!("options[{option}]"), problem)
        })?;
        set.extend(chosen);
    }
    set.extend(quantities.iter().map(|(code, quantity)| (code.clone(), *quantity)));
    set.retain(|code, quantity| !quantity.is_zero() || terms.values().any(|terms| terms.component(code).is_some()));
    Ok(set)
}

/// The terms book with one version's terms in one currency and cycle.
///
/// # Errors
/// [`BillingError::Precondition`] `NO_PRICE`.
pub fn book_of(plan: &Plan, version: &Version, currency: Currency, cycle: Cycle) -> Result<TermsBook, BillingError> {
    let terms = version.content.terms(plan.id, version.id, &plan.name, currency, cycle).ok_or_else(|| {
        let detail = format!(
            "the plan `{}` (version {}) has no prices in {currency} for this cycle",
            plan.code, version.version
        );
        BillingError::precondition("NO_PRICE", plan.id, detail)
    })?;
    Ok(TermsBook::from([((version.id, cycle), terms)]))
}

/// Whether an instant's or a caller's date is within reach.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn within_reach(field: &str, date: NaiveDate, today: NaiveDate) -> Result<(), BillingError> {
    if (date - today).num_days().abs() > DAYS_APART_MAX {
        return Err(BillingError::invalid(field, "more than a hundred years from today"));
    }
    Ok(())
}

/// Starts a subscription for a customer who is locked. Bills nothing yet.
///
/// # Errors
/// [`BillingError`] with the field that does not fit.
pub async fn subscribe(
    unit: &mut Unit,
    seller: &Seller,
    customer: &Customer,
    new: NewSubscription,
    fact_key: &str,
) -> Result<Subscription, BillingError> {
    let today = seller.today(unit.now);
    let (plan, version) = version_of(unit, new.plan_id, new.version_id).await?;
    if !plan.orderable {
        let detail = format!("the plan `{}` cannot be ordered any more", plan.code);
        return Err(BillingError::precondition("PLAN_NOT_ORDERABLE", plan.id, detail));
    }
    let start = new.start_date.unwrap_or(today);
    within_reach("start_date", start, today)?;
    if new.trial_days > TRIAL_DAYS_MAX {
        return Err(BillingError::invalid("trial_days", format!("at most {TRIAL_DAYS_MAX}")));
    }
    check_places(unit, customer, &plan, &new).await?;
    let currency = new.currency.unwrap_or(customer.currency);
    let book = book_of(&plan, &version, currency, new.cycle)?;
    let quantities = chosen_quantities(&version, &book, &new.options, &new.quantities)?;
    let trial_until = start.checked_add_days(Days::new(u64::from(new.trial_days))).filter(|_| new.trial_days > 0);
    let started = Fact {
        on: start,
        at_us: unit.now.timestamp_micros(),
        key: fact_key.to_owned(),
        kind: FactKind::Started {
            version_id: version.id,
            cycle: new.cycle,
            anchor_day: new.anchor_day,
            trial_until,
            quantities,
            package: None,
        },
    };
    Timeline::default().admit(&started, &book).map_err(at_field)?;
    let subscription = open(
        unit,
        today,
        Opening {
            customer_id: customer.id,
            project_id: new.project_id,
            parent_id: new.parent_id,
            currency,
            tax_inclusive: version.content.tax_inclusive,
            label: new.label,
            account: new.instance_id.zip(new.external_ref),
            service_state: ServiceState::Unknown,
            started_on: start,
            started_at: unit.now,
        },
    )?;
    subscription::add(unit, &subscription);
    fact::add(unit, subscription.id, &started);
    if let Some(code) = new.promotion_code {
        let promoted = promotion::redeem(unit, &code, subscription.id, customer.id, plan.id, currency, start).await?;
        let fact = Fact {
            on: start,
            at_us: unit.now.timestamp_micros(),
            key: format!("{fact_key}:promotion"),
            kind: promoted,
        };
        fact::add(unit, subscription.id, &fact);
    }
    unit.event(
        "subscription.started",
        subscription.id,
        json!({
            "customer": customer.id, "plan": plan.id, "version": version.id, "currency": currency, "started_on": start,
            "label": subscription.label, "external_ref": subscription.external_ref,
        }),
    );
    Ok(subscription)
}

/// How a subscription begins.
pub struct Opening {
    /// Whose.
    pub customer_id: CustomerId,
    /// Groups invoices.
    pub project_id: Option<ProjectId>,
    /// What it extends.
    pub parent_id: Option<SubscriptionId>,
    /// In which it is billed.
    pub currency: Currency,
    /// Whether prices include tax.
    pub tax_inclusive: bool,
    /// What the customer calls it.
    pub label: String,
    /// Where the service runs and what the panel calls it.
    pub account: Option<(InstanceId, String)>,
    /// What the panel says.
    pub service_state: ServiceState,
    /// First day.
    pub started_on: NaiveDate,
    /// When the account began to be this subscription's.
    pub started_at: DateTime<Utc>,
}

/// A new subscription's row: nothing billed, due today.
///
/// # Errors
/// [`BillingError::Store`].
pub fn open(unit: &mut Unit, today: NaiveDate, opening: Opening) -> Result<Subscription, BillingError> {
    let (instance_id, external_ref) = opening.account.unzip();
    Ok(Subscription {
        id: SubscriptionId(unit.id()?),
        customer_id: opening.customer_id,
        project_id: opening.project_id,
        parent_id: opening.parent_id,
        currency: opening.currency,
        tax_inclusive: opening.tax_inclusive,
        label: opening.label,
        instance_id,
        external_ref,
        service_state: opening.service_state,
        service_changed_at: opening.started_at,
        started_on: opening.started_on,
        ends_on: None,
        started_at: opening.started_at,
        ended_at: None,
        revision: 1,
        settled_until: None,
        next_billing_on: Some(today),
        created_at: unit.now,
    })
}

/// Project, parent and account must be there and fit.
async fn check_places(
    unit: &mut Unit,
    customer: &Customer,
    plan: &Plan,
    new: &NewSubscription,
) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    if let Some(project_id) = new.project_id {
        let found = project::get(unit, seller_id, project_id).await?;
        if found.is_none_or(|project| project.customer_id != customer.id) {
            return Err(BillingError::not_found("project", project_id));
        }
    }
    match new.parent_id {
        None if plan.addon => {
            return Err(BillingError::invalid("parent_id", "an add-on needs the subscription that it extends"));
        }
        Some(_) if !plan.addon => {
            return Err(BillingError::invalid("parent_id", format!("the plan `{}` is not an add-on", plan.code)));
        }
        Some(parent_id) => {
            let parent = subscription::get(unit, seller_id, parent_id).await?;
            let Some(parent) = parent.filter(|parent| parent.customer_id == customer.id) else {
                return Err(BillingError::not_found("subscription", parent_id));
            };
            if parent.ends_on.is_some() {
                return Err(BillingError::precondition(
                    "SUBSCRIPTION_ENDED",
                    parent_id,
                    "the subscription to extend ends or has ended",
                ));
            }
        }
        None => {}
    }
    match (new.instance_id, &new.external_ref) {
        (Some(instance_id), Some(external_ref)) => {
            if instance::get(unit, seller_id, instance_id).await?.is_none() {
                return Err(BillingError::not_found("instance", instance_id));
            }
            let live = subscription::by_accounts(unit, seller_id, &[(instance_id, external_ref)]).await?;
            if let Some(other) = live.values().flatten().find(|other| other.ended_at.is_none()) {
                let detail = format!("the account `{external_ref}` belongs to {}", other.id);
                return Err(BillingError::Exists { reason: "ACCOUNT_TAKEN", detail });
            }
            Ok(())
        }
        (None, None) => Ok(()),
        (None, Some(_)) => Err(BillingError::invalid("instance_id", "is required with external_ref")),
        (Some(_), None) => Err(BillingError::invalid("external_ref", "is required with instance_id")),
    }
}

/// A start that does not fit, with the field that says so.
fn at_field(error: FactError) -> BillingError {
    match &error {
        FactError::OutOfRange { what, .. } if what == "on" => BillingError::invalid("start_date", error.to_string()),
        FactError::OutOfRange { what, .. } => BillingError::invalid(what, error.to_string()),
        FactError::UnknownComponent { component, .. } => {
            BillingError::invalid(format!("quantities[{component}]"), error.to_string())
        }
        _ => error.into(),
    }
}
