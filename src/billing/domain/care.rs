//! What happens about domains by itself: renewals are invoiced before their registry's day, each domain is looked at now and
//! then, and one that went to another registrar ends its subscription.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::id::{CustomerId, SellerId, SubscriptionId};
use billet_domain::provision::{Known, years_between};
use billet_domain::timeline::Ending;
use chrono::{NaiveDate, TimeDelta};
use serde_json::json;

use super::super::change::{Change, change, load};
use super::super::{Billing, BillingError};
use super::{bill_ahead, doubt};
use crate::store::domain::{self, Domain};
use crate::store::seller::{self, Seller};
use crate::store::{Unit, customer, service, subscription};

/// Who does it.
const ACTOR: &str = "domains";
/// How many domains are cared for in one transaction.
pub const BATCH: i64 = 500;
/// Until a domain is cared for again, if nothing says otherwise meanwhile.
const PAUSE: TimeDelta = TimeDelta::days(1);

async fn seller_of(unit: &mut Unit) -> Result<Seller, BillingError> {
    let seller_id = unit.seller_id;
    seller::get(unit, seller_id).await?.ok_or_else(|| BillingError::not_found("seller", seller_id))
}

/// Cares for the domains of a seller that are due, one batch; answers how many.
///
/// # Errors
/// [`BillingError`]. A domain that cannot be invoiced is in the journal with the reason, and tried again a day later.
pub async fn care(billing: &Billing, seller_id: SellerId) -> Result<usize, BillingError> {
    let mut unit = billing.store.begin_large(seller_id, ACTOR, billing.now(), BATCH * 20).await?;
    let now = unit.now;
    let due: Vec<Domain> = domain::to_care_for(&mut unit, seller_id, now, BATCH).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let seller = seller_of(&mut unit).await?;
    let today = seller.today(now);
    let to_invoice: Vec<SubscriptionId> = due
        .iter()
        .filter(|one| one.invoice_on.is_some_and(|day| day <= today))
        .map(|one| one.subscription_id)
        .collect();
    if !to_invoice.is_empty() {
        invoice(&mut unit, &seller, to_invoice, today).await?;
    }
    let mut services = service::lock(&mut unit, due.iter().map(|one| one.subscription_id)).await?;
    // Read again under the lock.
    let mut rows = domain::by_ids(&mut unit, seller_id, services.keys().copied()).await?;
    for row in rows.values_mut() {
        row.looked_at = Some(now);
        row.care_at = Some(now + PAUSE);
    }
    doubt(&mut unit, &mut services).await?;
    domain::update(&mut unit, rows.values()).await?;
    unit.commit().await?;
    Ok(due.len())
}

/// Invoices the next period of domains, if that was not done meanwhile.
async fn invoice(
    unit: &mut Unit,
    seller: &Seller,
    ids: Vec<SubscriptionId>,
    today: NaiveDate,
) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let customers: BTreeSet<CustomerId> =
        subscription::by_ids(unit, seller_id, ids.iter().copied()).await?.iter().map(|one| one.customer_id).collect();
    customer::lock(unit, &customers.into_iter().collect::<Vec<_>>()).await?;
    // Read under their lock: what was invoiced by then is not invoiced again.
    let covered = domain::covered(unit, seller_id, ids.iter().copied()).await?;
    let services = service::by_ids(unit, seller_id, ids.iter().copied()).await?;
    let mut until: BTreeMap<NaiveDate, Vec<SubscriptionId>> = BTreeMap::new();
    for id in ids {
        let invoiced_until = covered.get(&id).and_then(|one| one.invoiced_until);
        let served_until = match services.get(&id).map(|one| &one.known) {
            Some(Known::Domain(known)) => known.served_until,
            _ => None,
        };
        let Some(served) = served_until else { continue };
        if invoiced_until.is_some_and(|until| years_between(served, until) > 0) {
            continue;
        }
        // The next period begins where what is invoiced ends.
        let begins = invoiced_until.unwrap_or(today);
        until.entry(begins.max(today)).or_default().push(id);
    }
    if until.is_empty() {
        return Ok(());
    }
    let outcome = bill_ahead(unit, seller, &until).await?;
    for failure in outcome.failures {
        let data = json!({ "reason": failure.reason, "detail": failure.detail });
        unit.event("domain.not_invoiced", failure.subscription_id, data);
    }
    Ok(())
}

/// Ends the subscription of a domain that went to another registrar, on the day on which that is found.
///
/// # Errors
/// [`BillingError`].
pub async fn left(billing: &Billing, seller_id: SellerId, id: SubscriptionId) -> Result<(), BillingError> {
    let mut unit = billing.store.begin(seller_id, ACTOR, billing.now()).await?;
    let seller = seller_of(&mut unit).await?;
    let mut loaded = load(&mut unit, id).await?;
    let today = seller.today(unit.now);
    let found = service::lock(&mut unit, [id]).await?.remove(&id);
    let has_left = found.is_some_and(|one| matches!(&one.known, Known::Domain(known) if known.left));
    if !has_left || loaded.subscription.ends_on.is_some_and(|end| end <= today) {
        return Ok(());
    }
    let name = loaded.subscription.label.clone();
    // What was paid to a registry does not come back.
    let cancel = Change::Cancel {
        ending: Some(Ending::AtOnceNoRefund),
        reason: "the domain went to another registrar".to_owned(),
    };
    change(&mut unit, &seller, &mut loaded, cancel, None, &format!("domain-left:{id}:{today}")).await?;
    unit.event("domain.transferred_away", id, json!({ "name": name, "on": today }));
    unit.commit().await?;
    Ok(())
}
