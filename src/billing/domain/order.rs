//! Orders a domain: a subscription to the plan of its top-level domain, and the service at a registrar.

use std::collections::BTreeMap;

use billet_domain::id::CustomerId;
use billet_domain::owed::state_on;
use billet_domain::period::{Cycle, CycleUnit};
use billet_domain::provision::{Domain, DomainState, DomainWanted, Known, Standing, Wanted, YEARS_MAX};
use billet_domain::timeline::FactKind;
use rust_decimal::Decimal;
use serde_json::json;

use super::super::BillingError;
use super::super::change::{Change, change, load};
use super::super::provision::call::auth_code_of;
use super::super::provision::order::{domain_name, new_service};
use super::super::subscribe::{NewSubscription, subscribe};
use super::price_list::{DOMAIN, REGISTER, TRANSFER};
use crate::plugins::seal::Keys;
use crate::store::customer::Customer;
use crate::store::plan_service::CreateWhen;
use crate::store::seller::Seller;
use crate::store::service::{self, Service};
use crate::store::subscription::Subscription;
use crate::store::tld::{self, Tld};
use crate::store::{Unit, domain, plan};

/// The longest code for a transfer (RFC 5730 has no bound; plugins take so many).
const AUTH_CODE_CHARACTERS_MAX: usize = 255;
/// How many name servers a domain has at most (13 fit into an answer of the root).
const NAME_SERVERS_MAX: usize = 13;

/// A domain to be registered, or brought here.
#[derive(Clone)]
pub struct NewDomain {
    /// Its name, in ASCII.
    pub name: String,
    /// Whose.
    pub customer_id: CustomerId,
    /// For how many years, also each time it is renewed.
    pub years: u32,
    /// The code of the losing side, where it comes from another registrar. A secret.
    pub auth_code: Option<String>,
    /// Those of the top-level domain when empty.
    pub name_servers: Vec<String>,
    /// Whether transfers away are locked; either when absent.
    pub locked: Option<bool>,
    /// Redeemed at the start.
    pub promotion_code: Option<String>,
}

/// What is sold for a name.
///
/// # Errors
/// `TLD_NOT_SOLD`; [`BillingError::Invalid`] for a name below another one.
pub async fn sold(unit: &mut Unit, name: &str) -> Result<Tld, BillingError> {
    let seller_id = unit.seller_id;
    let rules = tld::of_name(unit, seller_id, name).await?.ok_or_else(|| {
        let detail = format!("nothing says what a domain such as `{name}` costs: DomainService.SetTld does");
        BillingError::precondition("TLD_NOT_SOLD", name, detail)
    })?;
    if name.len() > rules.tld.len() + 1 && name[..name.len() - rules.tld.len() - 1].contains('.') {
        let problem = format!("domains are registered directly below `{}`", rules.tld);
        return Err(BillingError::invalid("name", problem));
    }
    Ok(rules)
}

/// Orders a domain for a customer who is locked. Bills nothing yet.
///
/// # Errors
/// `TLD_NOT_SOLD`, `DOMAIN_TAKEN`, `NO_PRICE`, `NO_SECRET_KEY`, and those of [`subscribe`].
pub async fn order(
    unit: &mut Unit,
    keys: &Keys,
    seller: &Seller,
    customer: &Customer,
    new: NewDomain,
    fact_key: &str,
) -> Result<Subscription, BillingError> {
    let seller_id = unit.seller_id;
    let name = domain_name("name", &new.name)?;
    let rules = sold(unit, &name).await?;
    check(&new)?;
    if let Some(other) = domain::by_name(unit, seller_id, &name).await? {
        let detail = format!("`{name}` is the domain of {}", other.subscription_id);
        return Err(BillingError::Exists { reason: "DOMAIN_TAKEN", detail });
    }
    let years = new.years.max(1);
    let cycle = Cycle::new(CycleUnit::Year, years)
        .ok_or_else(|| BillingError::invalid("years", format!("1 to {YEARS_MAX}")))?;
    let component = if new.auth_code.is_some() { TRANSFER } else { REGISTER };
    let first = plan::newest(unit, seller_id, &[rules.plan_id])
        .await?
        .pop()
        .and_then(|(_, version)| version.content.component(component)?.price(customer.currency, cycle));
    let asked = NewSubscription {
        customer_id: customer.id,
        plan_id: rules.plan_id,
        version_id: None,
        currency: None,
        cycle,
        anchor_day: None,
        start_date: None,
        trial_days: 0,
        quantities: BTreeMap::new(),
        options: BTreeMap::new(),
        project_id: None,
        parent_id: None,
        label: name.clone(),
        promotion_code: new.promotion_code.clone(),
        instance_id: None,
        external_ref: None,
    };
    let made = subscribe(unit, seller, customer, asked, fact_key).await?;
    unit.flush().await?;
    if let Some(price) = first {
        price_first_period(unit, seller, &made, price, fact_key).await?;
    }
    // A domain that comes from elsewhere is in use: it keeps its name servers unless others are named.
    let by_rules = new.name_servers.is_empty() && new.auth_code.is_none();
    let name_servers = if by_rules { rules.name_servers.clone() } else { new.name_servers.clone() };
    let wanted = DomainWanted {
        state: DomainState::Absent,
        name: name.clone(),
        years,
        transfer: new.auth_code.is_some(),
        transfer_years: rules.transfer_years,
        started_on: made.started_on,
        covered_until: None,
        renews: None,
        renewal_asked: None,
        restores_asked: 0,
        name_servers: Some(server_names(&name_servers)?).filter(|names| !names.is_empty()),
        locked: new.locked,
    };
    let credentials = match &new.auth_code {
        Some(code) => keys
            .seal(&auth_code_of(seller_id, made.id), code)
            .map_err(|error| BillingError::precondition("NO_SECRET_KEY", "secrets", error.to_string()))?,
        None => String::new(),
    };
    let known = Known::Domain(Domain::absent());
    let service = new_service(unit, seller_id, &made, rules.instance_group.clone(), Wanted::Domain(wanted), known);
    let service = Service { credentials, awaits_payment: rules.create_when == CreateWhen::Paid, ..service };
    service::insert(unit, [&service]).await?;
    let row = domain::Domain {
        subscription_id: made.id,
        name,
        tld: rules.tld,
        instance_id: None,
        standing: Standing::Active,
        expires_on: None,
        live: true,
        invoice_on: None,
        warned_for: None,
        looked_at: Some(unit.now),
        care_at: None,
    };
    domain::insert(unit, &row).await?;
    unit.event(
        "domain.ordered",
        made.id,
        json!({
            "name": row.name, "years": years, "transfer": new.auth_code.is_some(), "group": service.group,
            "awaits_payment": service.awaits_payment,
        }),
    );
    Ok(made)
}

fn check(new: &NewDomain) -> Result<(), BillingError> {
    if new.years > YEARS_MAX {
        return Err(BillingError::invalid("years", format!("1 to {YEARS_MAX}")));
    }
    if let Some(code) = &new.auth_code {
        if new.years > 1 {
            return Err(BillingError::invalid("years", "a transfer is for one year; renew it when it is here"));
        }
        auth_code(code)?;
    }
    Ok(())
}

/// Whether a code for a transfer can be one.
///
/// # Errors
/// [`BillingError::Invalid`] for `auth_code`.
pub fn auth_code(given: &str) -> Result<(), BillingError> {
    let length = given.chars().count();
    if length == 0 || length > AUTH_CODE_CHARACTERS_MAX || given.chars().any(char::is_control) {
        let problem = format!("1 to {AUTH_CODE_CHARACTERS_MAX} printable characters");
        return Err(BillingError::invalid("auth_code", problem));
    }
    Ok(())
}

/// Names of name servers as registries have them.
///
/// # Errors
/// [`BillingError::Invalid`] for `name_servers`.
pub fn server_names(given: &[String]) -> Result<Vec<String>, BillingError> {
    if given.len() > NAME_SERVERS_MAX {
        return Err(BillingError::invalid("name_servers", format!("at most {NAME_SERVERS_MAX}")));
    }
    let names = given.iter().enumerate();
    names.map(|(index, name)| domain_name(&format!("name_servers[{index}]"), name)).collect()
}

/// The first period has a price of its own, whatever the renewals cost.
async fn price_first_period(
    unit: &mut Unit,
    seller: &Seller,
    made: &Subscription,
    price: Decimal,
    fact_key: &str,
) -> Result<(), BillingError> {
    let mut loaded = load(unit, made.id).await?;
    let from = made.started_on;
    let to = state_on(&loaded.timeline, &loaded.book, from)?.period.to;
    for (on, unit_price, key) in [(from, Some(price), "first"), (to, None, "renewals")] {
        let kind = FactKind::PriceSet { component: DOMAIN.to_owned(), unit_price };
        change(unit, seller, &mut loaded, Change::Fact(kind), Some(on), &format!("{fact_key}:{key}")).await?;
        unit.flush().await?;
    }
    Ok(())
}
