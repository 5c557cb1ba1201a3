//! Orders what runs for a subscription.

use std::collections::BTreeSet;

use billet_domain::id::{PlanId, SellerId, SubscriptionId};
use billet_domain::provision::{Account, AccountState, AccountWanted, Known, Wanted};
use serde_json::json;

use super::super::BillingError;
use crate::store::plan_service::CreateWhen;
use crate::store::service::{self, Service, ServiceState};
use crate::store::subscription::Subscription;
use crate::store::{Unit, plan_service};

/// The longest domain name (RFC 1035, section 2.3.4), without the final dot.
const DOMAIN_MAX: usize = 253;

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewService {
    /// The main domain, in its ASCII form.
    pub domain: String,
}

/// Orders the account of a new subscription, which is gathered in the unit.
///
/// # Errors
/// `PLAN_WITHOUT_SERVICE`; [`BillingError::Invalid`] for the domain.
pub async fn order(
    unit: &mut Unit,
    subscription: &Subscription,
    plan_id: PlanId,
    new: &NewService,
) -> Result<(), BillingError> {
    let domain = domain_name("service.domain", &new.domain)?;
    let seller_id = unit.seller_id;
    let stands_for = plan_service::of_plans(unit, seller_id, [plan_id]).await?.remove(&plan_id).ok_or_else(|| {
        let detail = "nothing says which package the plan stands for: ProvisioningService.SetPlanService does";
        BillingError::precondition("PLAN_WITHOUT_SERVICE", plan_id, detail)
    })?;
    if subscription.instance_id.is_some() {
        return Err(BillingError::invalid("service", "an account that is there already cannot be ordered"));
    }
    let wanted =
        AccountWanted { state: AccountState::Absent, package: Some(stands_for.package), domain, reason: String::new() };
    let service = fresh(unit, seller_id, subscription, stands_for.instance_group, wanted);
    let service = Service { awaits_payment: stands_for.create_when == CreateWhen::Paid, ..service };
    service::insert(unit, [&service]).await?;
    unit.event(
        "service.ordered",
        subscription.id,
        json!({ "group": service.group, "wanted": service.wanted, "awaits_payment": service.awaits_payment }),
    );
    Ok(())
}

/// The accounts of these subscriptions, which a panel reported, are kept up from now on where Billet can reach the panel.
///
/// # Errors
/// [`BillingError`].
pub async fn manage(unit: &mut Unit, ids: impl IntoIterator<Item = SubscriptionId>) -> Result<(), BillingError> {
    let wanted =
        AccountWanted { state: AccountState::Active, package: None, domain: String::new(), reason: String::new() };
    service::manage(unit, ids, &Wanted::Account(wanted), &Known::Account(Account::reported())).await?;
    Ok(())
}

/// An account of which nothing is known yet, to be derived at once.
#[must_use]
pub fn fresh(
    unit: &Unit,
    seller_id: SellerId,
    subscription: &Subscription,
    group: String,
    wanted: AccountWanted,
) -> Service {
    let known = if subscription.instance_id.is_some() { Account::reported() } else { Account::absent() };
    new_service(unit, seller_id, subscription, group, Wanted::Account(wanted), Known::Account(known))
}

/// A service to be derived at once.
#[must_use]
pub fn new_service(
    unit: &Unit,
    seller_id: SellerId,
    subscription: &Subscription,
    group: String,
    wanted: Wanted,
    known: Known,
) -> Service {
    Service {
        seller_id,
        subscription_id: subscription.id,
        group,
        instance_id: subscription.instance_id,
        name: subscription.external_ref.clone(),
        wanted,
        known,
        holds: BTreeSet::new(),
        credentials: String::new(),
        awaits_payment: false,
        // Until it is derived what is to be done.
        state: ServiceState::Due,
        problem: String::new(),
        detail: String::new(),
        step: None,
        step_number: 0,
        operation_number: 0,
        attempt_count: 0,
        operation_begun_at: None,
        creating: false,
        due_at: None,
        refresh_at: Some(unit.now),
        lease_until: None,
        lease_owner: None,
        created_at: unit.now,
        updated_at: unit.now,
    }
}

/// A domain name as hosts have them (RFC 1123, section 2.1), lower case.
///
/// # Errors
/// [`BillingError::Invalid`] for the field.
pub fn domain_name(field: &str, given: &str) -> Result<String, BillingError> {
    let domain = given.trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() <= DOMAIN_MAX && domain.contains('.') && domain.split('.').all(is_label) {
        return Ok(domain);
    }
    let problem = "a domain name as example.org is wanted, an international one in its ASCII form (xn--...)";
    Err(BillingError::invalid(field, problem))
}
