//! Domains. A domain is a subscription to the plan of its top-level domain with a service at a registrar: what is wanted
//! of it is derived as for accounts (`provision/refresh/domain.rs`), and what is done about it goes through the same rounds.
//! Here stand the verbs of people, what happens every day, and what registrars say.

pub mod ask;
pub mod care;
pub mod change;
pub mod order;
pub mod poll;
pub mod price_list;

use std::collections::BTreeMap;

use billet_domain::id::{CustomerId, SubscriptionId};
use chrono::NaiveDate;

use super::BillingError;
use super::bill::{Order, Outcome, bill};
use super::provision::plan;
use crate::store::customer::{self, Customer};
use crate::store::seller::Seller;
use crate::store::service::{self, Service, ServiceState};
use crate::store::{Unit, subscription};

/// The job that reads a registrar's messages.
pub const POLL: &str = "registrar_poll";
/// The job that looks after the domains of a seller that are due.
pub const CARE: &str = "domain_care";
/// The job that ends the subscription of a domain that went to another registrar.
pub const LEFT: &str = "domain_left";

/// Bills subscriptions up to days that lie ahead, by day: how a renewal is invoiced before it begins. What was billed ahead
/// is settled and never billed again.
///
/// # Errors
/// [`BillingError`] when nothing at all could be billed.
async fn bill_ahead(
    unit: &mut Unit,
    seller: &Seller,
    until: &BTreeMap<NaiveDate, Vec<SubscriptionId>>,
) -> Result<Outcome, BillingError> {
    let seller_id = unit.seller_id;
    let ids: Vec<SubscriptionId> = until.values().flatten().copied().collect();
    let customers: Vec<CustomerId> = {
        let found = subscription::by_ids(unit, seller_id, ids.iter().copied()).await?;
        let customers: std::collections::BTreeSet<CustomerId> = found.iter().map(|one| one.customer_id).collect();
        customers.into_iter().collect()
    };
    let customers: BTreeMap<CustomerId, Customer> =
        customer::lock(unit, &customers).await?.into_iter().map(|one| (one.id, one)).collect();
    let mut all = Outcome::default();
    for (cutoff, ids) in until {
        // Read under the lock: somebody may have billed them meanwhile, and then nothing is due.
        let subscriptions = subscription::by_ids(unit, seller_id, ids.iter().copied()).await?;
        let order = Order { cutoff: *cutoff, run_id: None, draft: false };
        let outcome = bill(unit, seller, &customers, &subscriptions, order).await?;
        all.issued.extend(outcome.issued);
        all.failures.extend(outcome.failures);
        unit.flush().await?;
    }
    service::refresh(unit, ids).await?;
    Ok(all)
}

/// What is known of these domains may not be true any more: they are looked at. Their services must be locked.
///
/// # Errors
/// [`BillingError`].
async fn doubt(unit: &mut Unit, services: &mut BTreeMap<SubscriptionId, Service>) -> Result<(), BillingError> {
    use billet_domain::provision::Known;
    let now = unit.now;
    // A person has said that it is left as it is, or it has no place yet.
    services
        .retain(|_, one| one.state != ServiceState::Skipped && one.state != ServiceState::Gone && one.name.is_some());
    for one in services.values_mut() {
        if one.lease_owner.is_some() {
            if let Known::Domain(known) = &mut one.known {
                known.news = true;
            }
            continue;
        }
        one.known = one.known.clone().doubted();
        one.attempt_count = 0;
        one.due_at = None;
        plan(one, now);
        one.updated_at = now;
    }
    service::update(unit, services.values()).await?;
    Ok(())
}
