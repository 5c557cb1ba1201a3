//! What domains under a top-level domain cost. A price list is a plan with a cycle of each number of years: its component
//! `domain` is the renewal, what every period costs; `register`, `transfer` and `restore` have quantity 0, so that they are
//! never charged by themselves, and say what the first period and a restore cost (decision 15).

use billet_domain::catalog::{OfferedComponent, PlanContent, Price};
use billet_domain::id::PlanId;
use billet_domain::money::Currency;
use billet_domain::period::{Cycle, CycleUnit};
use billet_domain::plan::{Charging, PlanPolicy};
use billet_domain::provision::YEARS_MAX;
use billet_domain::timeline::{AnchorPolicy, Ending, Timing};
use rust_decimal::Decimal;
use serde_json::json;

use super::super::BillingError;
use super::super::catalog::plan::{NewPlan, create as create_plan};
use super::super::catalog::version::{create as create_version, number_problem};
use super::super::provision::order::domain_name;
use super::order::server_names;
use crate::store::plan::{self, Version};
use crate::store::plan_service::CreateWhen;
use crate::store::tld::{self, Tld};
use crate::store::{Unit, seller};

/// The component of every period.
pub const DOMAIN: &str = "domain";
/// The component that says what a first period costs.
pub const REGISTER: &str = "register";
/// The component that says what a transfer costs.
pub const TRANSFER: &str = "transfer";
/// The component that says what a restore costs.
pub const RESTORE: &str = "restore";

/// The longest time between invoice and expiry, in days.
const DAYS_MAX: u32 = 365;

/// What is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// A new registration.
    Register,
    /// A renewal.
    Renew,
    /// A transfer here.
    Transfer,
    /// Out of redemption.
    Restore,
}

impl Action {
    fn component(self) -> &'static str {
        match self {
            Self::Register => REGISTER,
            Self::Renew => DOMAIN,
            Self::Transfer => TRANSFER,
            Self::Restore => RESTORE,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Register => "Registration",
            Self::Renew => "Domain",
            Self::Transfer => "Transfer",
            Self::Restore => "Restore",
        }
    }
}

/// A price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TldPrice {
    /// What for.
    pub action: Action,
    /// For how many years; 1 for a restore.
    pub years: u32,
    /// In units of the currency.
    pub price: Decimal,
}

/// A price list with the rules of its top-level domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    /// `org`, `co.uk`.
    pub tld: String,
    /// In which currency these prices are; others stay as they are.
    pub currency: Option<Currency>,
    /// All prices in that currency; none leaves the prices as they are.
    pub prices: Vec<TldPrice>,
    /// Whether prices include tax.
    pub tax_inclusive: bool,
    /// Decides the tax treatment; `standard` when empty.
    pub tax_class: String,
    /// At which group of registrars.
    pub instance_group: String,
    /// Whether a domain is registered and renewed when that is invoiced, or only when it is paid.
    pub create_when: CreateWhen,
    /// How many years a transfer adds.
    pub transfer_years: u32,
    /// How many days before its expiry a renewal is invoiced.
    pub invoice_before_days: u32,
    /// How many days before its expiry the registrar wants a renewal.
    pub renew_before_days: u32,
    /// The name servers of new domains for which none are named.
    pub name_servers: Vec<String>,
}

/// Sets what is sold under a top-level domain: its plan is made, or gets a new version where the prices changed. Domains that
/// are there keep the prices of their version.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `tld`, `CODE_TAKEN`, `TOO_MANY_VERSIONS`.
pub async fn set(unit: &mut Unit, list: PriceList) -> Result<(Tld, Version), BillingError> {
    let seller_id = unit.seller_id;
    let name = top_level(&list.tld)?;
    check(&list)?;
    let currency = match list.currency {
        Some(currency) => currency,
        None => {
            let seller = seller::get(unit, seller_id).await?;
            seller.ok_or_else(|| BillingError::not_found("seller", seller_id))?.currency
        }
    };
    let before = tld::among(unit, seller_id, [name.as_str()]).await?.pop();
    let known = match &before {
        Some(before) => plan::newest(unit, seller_id, &[before.plan_id]).await?.pop(),
        None => None,
    };
    let version = match known {
        Some((_, version)) if list.prices.is_empty() => version,
        Some((plan, version)) => {
            let content = content(&list, currency, Some(&version.content));
            check_renewals(&content)?;
            if content == version.content { version } else { create_version(unit, plan.id, content).await? }
        }
        None => {
            let content = content(&list, currency, None);
            check_renewals(&content)?;
            let new = NewPlan {
                code: format!("domain-{name}"),
                name: format!(".{name}"),
                description: String::new(),
                addon: false,
                orderable: true,
            };
            create_plan(unit, new, content).await?.1
        }
    };
    let after = rules(name, version.plan_id, &list)?;
    unit.flush().await?;
    if before.as_ref() != Some(&after) {
        tld::set(unit, &after).await?;
        unit.event("tld.set", &after.tld, json!({ "before": before, "after": after }));
    }
    Ok((after, version))
}

fn rules(tld: String, plan_id: PlanId, list: &PriceList) -> Result<Tld, BillingError> {
    Ok(Tld {
        tld,
        plan_id,
        instance_group: list.instance_group.clone(),
        create_when: list.create_when,
        transfer_years: list.transfer_years,
        invoice_before_days: list.invoice_before_days,
        renew_before_days: list.renew_before_days,
        name_servers: server_names(&list.name_servers)?,
    })
}

/// A top-level domain, or what registries sell below: lower case, without the dot before it.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn top_level(given: &str) -> Result<String, BillingError> {
    let given = given.trim_start_matches('.');
    let name = domain_name("tld.tld", &format!("x.{given}"))?;
    Ok(name["x.".len()..].to_owned())
}

fn check(list: &PriceList) -> Result<(), BillingError> {
    if list.transfer_years > 1 {
        return Err(BillingError::invalid("tld.transfer_years", "0 or 1"));
    }
    if list.invoice_before_days > DAYS_MAX {
        return Err(BillingError::invalid("tld.invoice_before_days", format!("at most {DAYS_MAX}")));
    }
    if list.renew_before_days > list.invoice_before_days {
        let problem = "at most invoice_before_days: a renewal is invoiced before the registrar's cut-off";
        return Err(BillingError::invalid("tld.renew_before_days", problem));
    }
    for (index, one) in list.prices.iter().enumerate() {
        let at = |field: &str| format!("tld.prices[{index}].{field}");
        if one.years == 0 || one.years > YEARS_MAX || one.action == Action::Restore && one.years != 1 {
            return Err(BillingError::invalid(at("years"), format!("1 to {YEARS_MAX}; 1 for a restore")));
        }
        if let Some(problem) = number_problem(one.price) {
            return Err(BillingError::invalid(at("price"), problem));
        }
        if list.prices[..index].iter().any(|other| (other.action, other.years) == (one.action, one.years)) {
            return Err(BillingError::invalid(at("years"), "there is a price for so many years already"));
        }
    }
    Ok(())
}

/// The plan's content with these prices in the place of those in the same currency.
fn content(list: &PriceList, currency: Currency, before: Option<&PlanContent>) -> PlanContent {
    let tax_class = if list.tax_class.is_empty() { "standard" } else { &list.tax_class };
    let component = |action: Action| {
        let code = action.component();
        let others = before.and_then(|content| content.component(code)).map(|one| one.prices.clone());
        let mut prices: Vec<Price> = others.unwrap_or_default();
        prices.retain(|price| price.currency != currency);
        let mut own: Vec<&TldPrice> = list.prices.iter().filter(|one| one.action == action).collect();
        own.sort_by_key(|one| one.years);
        prices.extend(own.into_iter().filter_map(|one| {
            let cycle = Cycle::new(CycleUnit::Year, one.years)?;
            Some(Price { currency, cycle, unit_price: one.price.normalize() })
        }));
        let recurring = action == Action::Renew;
        (!prices.is_empty()).then(|| OfferedComponent {
            code: code.to_owned(),
            name: action.name().to_owned(),
            charging: if recurring { Charging::Recurring } else { Charging::Setup },
            prices,
            default_quantity: if recurring { Decimal::ONE } else { Decimal::ZERO },
            tax_class: tax_class.to_owned(),
        })
    };
    let actions = [Action::Renew, Action::Register, Action::Transfer, Action::Restore];
    PlanContent {
        components: actions.into_iter().filter_map(component).collect(),
        options: Vec::new(),
        // What was paid to a registry does not come back.
        policy: PlanPolicy {
            change_timing: Timing::PeriodEnd,
            change_anchor: AnchorPolicy::Keep,
            ending: Ending::PeriodEnd,
            suspension_pauses_billing: false,
        },
        tax_inclusive: list.tax_inclusive,
    }
}

/// Whoever registers for some years renews for as many.
fn check_renewals(content: &PlanContent) -> Result<(), BillingError> {
    let renewals = content.component(DOMAIN);
    if renewals.is_none() {
        return Err(BillingError::invalid(
            "tld.prices",
            "a price for renewals is needed: it is what every period costs",
        ));
    }
    for code in [REGISTER, TRANSFER] {
        for price in content.component(code).into_iter().flat_map(|one| &one.prices) {
            if renewals.and_then(|one| one.price(price.currency, price.cycle)).is_none() {
                let problem = format!(
                    "`{code}` has a price in {} for {} years, and the renewal has none",
                    price.currency, price.cycle.count
                );
                return Err(BillingError::invalid("tld.prices", problem));
            }
        }
    }
    Ok(())
}
