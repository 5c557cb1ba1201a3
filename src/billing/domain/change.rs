//! What people do about a domain: name servers, lock, more years, restore, whether it renews by itself.

use std::collections::BTreeMap;

use billet_domain::id::SubscriptionId;
use billet_domain::provision::{
    Domain, DomainWanted, Known, Presence, Standing, TransferState, Wanted, YEARS_MAX, years_later,
};
use billet_domain::timeline::{Ending, FactKind};
use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde_json::json;

use super::super::change::{Change, Loaded, change, load};
use super::super::draft::{ManualLine, create as create_draft, issue as issue_draft};
use super::super::issue::Issued;
use super::super::provision::call::auth_code_of;
use super::super::provision::plan;
use super::super::{BillingError, customer};
use super::order::{auth_code, server_names};
use super::price_list::RESTORE;
use super::{bill_ahead, doubt};
use crate::plugins::seal::Keys;
use crate::store::seller::Seller;
use crate::store::service::{self, Service};
use crate::store::{Unit, domain};

/// The service of a domain of the unit's seller, locked.
async fn locked(unit: &mut Unit, id: SubscriptionId) -> Result<Service, BillingError> {
    let found = service::lock(unit, [id]).await?.remove(&id);
    found.filter(|one| matches!(one.wanted, Wanted::Domain(_))).ok_or_else(|| BillingError::not_found("domain", id))
}

fn known(service: &Service) -> Result<&Domain, BillingError> {
    match &service.known {
        Known::Domain(known) => Ok(known),
        Known::Account(_) => Err(BillingError::not_found("domain", service.subscription_id)),
    }
}

/// Changes what is wanted of a domain, and what is to be done about it.
async fn want(
    unit: &mut Unit,
    mut service: Service,
    change: impl FnOnce(&mut DomainWanted),
) -> Result<Service, BillingError> {
    let before = service.wanted.clone();
    if let Wanted::Domain(wanted) = &mut service.wanted {
        change(wanted);
    }
    let now = unit.now;
    service.refresh_at = Some(now);
    service.updated_at = now;
    if service.wanted != before {
        let data = json!({ "before": before, "after": service.wanted });
        unit.event("service.wanted", service.subscription_id, data);
        if service.lease_owner.is_none() {
            service.attempt_count = 0;
            service.due_at = None;
            plan(&mut service, now);
        }
    }
    service::update(unit, [&service]).await?;
    Ok(service)
}

/// Sets the name servers.
///
/// # Errors
/// [`BillingError::NotFound`], [`BillingError::Invalid`] for `name_servers`.
pub async fn set_name_servers(unit: &mut Unit, id: SubscriptionId, names: &[String]) -> Result<Service, BillingError> {
    let names = server_names(names)?;
    if names.is_empty() {
        return Err(BillingError::invalid("name_servers", "at least one is needed"));
    }
    let service = locked(unit, id).await?;
    want(unit, service, |wanted| wanted.name_servers = Some(names)).await
}

/// Locks or unlocks transfers away.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn set_lock(unit: &mut Unit, id: SubscriptionId, lock: bool) -> Result<Service, BillingError> {
    let service = locked(unit, id).await?;
    want(unit, service, |wanted| wanted.locked = Some(lock)).await
}

/// Looks at a domain at its registrar, soon.
///
/// # Errors
/// [`BillingError::NotFound`], `DOMAIN_NOT_HERE` before it was placed.
pub async fn look(unit: &mut Unit, id: SubscriptionId) -> Result<Service, BillingError> {
    let service = locked(unit, id).await?;
    if service.name.is_none() {
        let detail = "it has no place at a registrar yet";
        return Err(BillingError::precondition("DOMAIN_NOT_HERE", id, detail));
    }
    let mut services = BTreeMap::from([(id, service)]);
    doubt(unit, &mut services).await?;
    locked(unit, id).await
}

/// Renews a domain for more years now: they are invoiced at the price of renewals, and then, or when they are paid, bought.
///
/// # Errors
/// [`BillingError::NotFound`], [`BillingError::Invalid`] for `years`, `DOMAIN_NOT_HERE`, `SUBSCRIPTION_ENDED`,
/// `TOO_MANY_YEARS`, and what keeps an invoice from being issued.
pub async fn renew(
    unit: &mut Unit,
    seller: &Seller,
    id: SubscriptionId,
    years: u32,
) -> Result<(Service, Vec<Issued>), BillingError> {
    let loaded = load(unit, id).await?;
    let service = locked(unit, id).await?;
    let today = seller.today(unit.now);
    let (known, Wanted::Domain(wanted)) = (known(&service)?, &service.wanted) else {
        return Err(BillingError::not_found("domain", id));
    };
    let Some(expires_on) = known.expires_on.filter(|_| known.presence == Presence::Present) else {
        let detail = "it is not here, or its registry has not said when it expires";
        return Err(BillingError::precondition("DOMAIN_NOT_HERE", id, detail));
    };
    running(&loaded)?;
    if years == 0 || !years.is_multiple_of(wanted.years) {
        let problem = format!("a multiple of {}, the years of its periods", wanted.years);
        return Err(BillingError::invalid("years", problem));
    }
    if years_later(expires_on, i64::from(years)) > years_later(today, i64::from(YEARS_MAX)) {
        let detail = format!("it would expire more than {YEARS_MAX} years from now, which registries refuse");
        return Err(BillingError::precondition("TOO_MANY_YEARS", id, detail));
    }
    let begins = next_period(unit, &loaded, today).await?;
    let cutoff = years_later(begins, i64::from(years - wanted.years));
    let issued = bill_until(unit, seller, id, cutoff).await?;
    let service = want(unit, service, |wanted| wanted.renewal_asked = Some(expires_on)).await?;
    unit.event("domain.renewal_asked", id, json!({ "years": years, "expires_on": expires_on }));
    Ok((service, issued))
}

/// The first day that is not invoiced yet.
async fn next_period(unit: &mut Unit, loaded: &Loaded, today: NaiveDate) -> Result<NaiveDate, BillingError> {
    let (seller_id, id) = (unit.seller_id, loaded.subscription.id);
    let covered = domain::covered(unit, seller_id, [id]).await?.remove(&id).unwrap_or_default();
    Ok(match covered.invoiced_until {
        Some(until) => until,
        // Its first period has not been invoiced: that comes with it.
        None => billet_domain::owed::state_on(&loaded.timeline, &loaded.book, today)?.period.to,
    })
}

async fn bill_until(
    unit: &mut Unit,
    seller: &Seller,
    id: SubscriptionId,
    cutoff: NaiveDate,
) -> Result<Vec<Issued>, BillingError> {
    let outcome = bill_ahead(unit, seller, &BTreeMap::from([(cutoff, vec![id])])).await?;
    match outcome.failures.first() {
        Some(failure) => {
            Err(BillingError::precondition(failure.reason, failure.subscription_id, failure.detail.clone()))
        }
        None => Ok(outcome.issued),
    }
}

fn running(loaded: &Loaded) -> Result<(), BillingError> {
    if loaded.subscription.ends_on.is_some() {
        let id = loaded.subscription.id;
        let detail = "its subscription ends or has ended: SetAutoRenew takes that back while it runs";
        return Err(BillingError::precondition("SUBSCRIPTION_ENDED", id, detail));
    }
    Ok(())
}

/// Takes a domain out of its redemption period: the fee is invoiced, and the next period if it is not yet.
///
/// # Errors
/// [`BillingError::NotFound`], `NOT_IN_REDEMPTION`, `RESTORE_ASKED`, `SUBSCRIPTION_ENDED`, `NO_PRICE`, and what keeps an
/// invoice from being issued.
pub async fn restore(
    unit: &mut Unit,
    seller: &Seller,
    id: SubscriptionId,
    reason: &str,
) -> Result<(Service, Vec<Issued>), BillingError> {
    let loaded = load(unit, id).await?;
    let service = locked(unit, id).await?;
    let (known, Wanted::Domain(wanted)) = (known(&service)?, &service.wanted) else {
        return Err(BillingError::not_found("domain", id));
    };
    if known.presence != Presence::Present || known.standing != Standing::Redemption {
        let detail = format!("the registry says `{}`", known.standing.as_str());
        return Err(BillingError::precondition("NOT_IN_REDEMPTION", id, detail));
    }
    if wanted.restores_asked > known.restores_done {
        return Err(BillingError::precondition("RESTORE_ASKED", id, "it is being restored already"));
    }
    running(&loaded)?;
    let (name, asked) = (wanted.name.clone(), known.restores_done + 1);
    let mut issued = vec![fee(unit, seller, &loaded, &name).await?];
    let today = seller.today(unit.now);
    let covered = next_period(unit, &loaded, today).await?;
    if known.served_until.is_some_and(|served| covered <= served) {
        issued.extend(bill_until(unit, seller, id, covered).await?);
    }
    let service = want(unit, service, |wanted| wanted.restores_asked = asked).await?;
    unit.event_because("domain.restore_asked", id, reason, json!({ "name": name }));
    Ok((service, issued))
}

/// Issues the invoice of a restore.
async fn fee(unit: &mut Unit, seller: &Seller, loaded: &Loaded, name: &str) -> Result<Issued, BillingError> {
    let subscription = &loaded.subscription;
    let today = seller.today(unit.now);
    let state = billet_domain::owed::state_on(&loaded.timeline, &loaded.book, today)?;
    let seller_id = unit.seller_id;
    let version = crate::store::plan::versions(unit, seller_id, &[state.version_id]).await?.pop();
    let component = version.as_ref().and_then(|(_, version)| version.content.component(RESTORE));
    let price = component.and_then(|one| {
        let price = one.prices.iter().find(|price| price.currency == subscription.currency)?;
        Some((one, price.unit_price))
    });
    let Some((component, unit_price)) = price else {
        let detail = format!("the price list has no price in {} for a restore", subscription.currency);
        return Err(BillingError::precondition("NO_PRICE", subscription.id, detail));
    };
    let line = ManualLine {
        name: format!("{} · {name}", component.name),
        quantity: Decimal::ONE,
        unit_price,
        tax_class: component.tax_class.clone(),
        period: None,
    };
    let customer = customer::locked(unit, subscription.customer_id).await?;
    let (currency, gross) = (subscription.currency, subscription.tax_inclusive);
    let draft = create_draft(unit, seller, &customer, currency, gross, String::new(), vec![line])?;
    unit.flush().await?;
    issue_draft(unit, seller, draft.id).await
}

/// Whether a domain is renewed by itself: if not, its subscription ends with what the registry's years serve.
///
/// # Errors
/// [`BillingError::NotFound`], `SUBSCRIPTION_ENDED`.
pub async fn set_auto_renew(
    unit: &mut Unit,
    seller: &Seller,
    id: SubscriptionId,
    on: bool,
    fact_key: &str,
) -> Result<Service, BillingError> {
    let mut loaded = load(unit, id).await?;
    let service = locked(unit, id).await?;
    let today = seller.today(unit.now);
    let ends_on = loaded.subscription.ends_on;
    if ends_on.is_some_and(|end| end <= today) {
        return Err(BillingError::precondition("SUBSCRIPTION_ENDED", id, "its subscription has ended"));
    }
    if on == ends_on.is_none() {
        return Ok(service);
    }
    if on {
        // A cancellation that is dated ahead is taken back on its own day: before it there is nothing to take back.
        let facts = loaded.timeline.facts().iter().rev();
        let cancelled = facts.filter(|fact| matches!(fact.kind, FactKind::Cancelled { .. })).map(|fact| fact.on).next();
        let effective = cancelled.filter(|day| *day > today);
        change(unit, seller, &mut loaded, Change::Fact(FactKind::Withdrawn), effective, fact_key).await?;
    } else {
        // What is bought already is served: the end is that of the last period that the registry's years reach.
        let served = known(&service)?.served_until.and_then(|day| day.checked_sub_days(Days::new(1)));
        let within = served.filter(|day| *day > today);
        let cancel = Change::Cancel { ending: Some(Ending::PeriodEnd), reason: "not renewed".to_owned() };
        change(unit, seller, &mut loaded, cancel, within, fact_key).await?;
    }
    unit.event("domain.auto_renew_set", id, json!({ "on": on, "ends_on": loaded.subscription.ends_on }));
    unit.flush().await?;
    locked(unit, id).await
}

/// Asks for a transfer again, with another code.
///
/// # Errors
/// [`BillingError::NotFound`], [`BillingError::Invalid`] for `auth_code`, `NO_TRANSFER` when none is wanted or it is under
/// way, `NO_SECRET_KEY`.
pub async fn retry_transfer(
    unit: &mut Unit,
    keys: &Keys,
    id: SubscriptionId,
    code: &str,
) -> Result<Service, BillingError> {
    auth_code(code)?;
    let mut service = locked(unit, id).await?;
    let (known, Wanted::Domain(wanted)) = (known(&service)?, &service.wanted) else {
        return Err(BillingError::not_found("domain", id));
    };
    let under_way = matches!(known.transfer, Some(TransferState::Pending | TransferState::Approved));
    if !wanted.transfer || known.presence != Presence::Absent || under_way || service.lease_owner.is_some() {
        let detail = "no transfer of it has failed";
        return Err(BillingError::precondition("NO_TRANSFER", id, detail));
    }
    service.credentials = keys
        .seal(&auth_code_of(service.seller_id, id), code)
        .map_err(|error| BillingError::precondition("NO_SECRET_KEY", "secrets", error.to_string()))?;
    service.known = service.known.made_anew();
    service.attempt_count = 0;
    service.due_at = None;
    plan(&mut service, unit.now);
    service.updated_at = unit.now;
    service::update(unit, [&service]).await?;
    unit.event("domain.transfer_retried", id, json!({}));
    Ok(service)
}
