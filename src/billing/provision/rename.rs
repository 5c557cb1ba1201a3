//! An account is called otherwise at its panel: its subscription follows, so that later reports find it.

use billet_domain::drift::There;
use billet_domain::id::{InstanceId, SubscriptionId};
use billet_domain::provision::{Known, Wanted};
use serde_json::json;

use super::super::BillingError;
use super::{by_hand, plan};
use crate::store::parked::{self, Replay};
use crate::store::subscription::{self, Subscription};
use crate::store::{Unit, customer, hold, instance, instance_settings, service};

/// Gives a subscription's account the name under which its panel reports it now. The service follows and is looked up before
/// anything else is done to it; reports that waited for the new name are tried again. A second time changes nothing. Where
/// reports name accounts by their domain, `name` is the user name, if it changed too.
///
/// # Errors
/// [`BillingError::NotFound`]; `NO_ACCOUNT`, `ACCOUNT_TAKEN`, `STEP_RUNNING`.
pub async fn rename(
    unit: &mut Unit,
    id: SubscriptionId,
    external_ref: &str,
    name: Option<&str>,
    reason: &str,
) -> Result<Subscription, BillingError> {
    let seller_id = unit.seller_id;
    let (instance_id, before, found) = account(unit, id).await?;
    if before == external_ref && name.is_none() {
        return Ok(found);
    }
    let which = Replay { instance_id: Some(instance_id), reason: "UNKNOWN_ACCOUNT".to_owned(), ..Replay::default() };
    parked::replay(unit, &which).await?;
    hold::accounts(unit, &[(instance_id, &before), (instance_id, external_ref)]).await?;
    customer::lock(unit, &[found.customer_id]).await?;
    let (_, still, subscription) = account(unit, id).await?;
    if still != before {
        let detail = format!("{id} was given the account `{still}` meanwhile");
        return Err(BillingError::Stale { detail });
    }
    let live = subscription::by_accounts(unit, seller_id, &[(instance_id, external_ref)]).await?;
    let taken = |owner: SubscriptionId| BillingError::Exists {
        reason: "ACCOUNT_TAKEN",
        detail: format!("the account `{external_ref}` belongs to {owner}"),
    };
    if let Some(other) = live.values().flatten().find(|other| other.ended_at.is_none() && other.id != id) {
        return Err(taken(other.id));
    }
    if service::get(unit, seller_id, id).await?.is_some() {
        let mut service = by_hand::idle(unit, id).await?;
        let by_domain = instance_settings::is_named_by_domain(unit, seller_id, instance_id).await?;
        let (Wanted::Account(wanted), Known::Account(known)) = (&mut service.wanted, &mut service.known) else {
            return Err(BillingError::precondition("NO_ACCOUNT", id, "a domain keeps its name"));
        };
        if by_domain {
            external_ref.clone_into(&mut wanted.domain);
            external_ref.clone_into(&mut known.domain);
        }
        let is_reported = service.name.as_deref() == Some(before.as_str());
        let new_name = if is_reported { Some(external_ref) } else { name };
        if let Some(new_name) = new_name.filter(|new_name| service.name.as_deref() != Some(*new_name)) {
            if !service::names_taken(unit, seller_id, instance_id, [new_name]).await?.is_empty() {
                let detail = format!("the account `{new_name}` is another service's");
                return Err(BillingError::Exists { reason: "ACCOUNT_TAKEN", detail });
            }
            service.name = Some(new_name.to_owned());
        }
        service.known = service.known.doubted();
        plan(&mut service, unit.now);
        by_hand::keep(unit, service).await?;
    }
    subscription::place(unit, [(id, instance_id, external_ref)]).await?;
    let data = json!({ "instance": instance_id, "before": before, "after": external_ref });
    unit.event_because("subscription.account_renamed", id, reason, data);
    Ok(Subscription { external_ref: Some(external_ref.to_owned()), ..subscription })
}

/// A subscription with its account.
async fn account(unit: &mut Unit, id: SubscriptionId) -> Result<(InstanceId, String, Subscription), BillingError> {
    let seller_id = unit.seller_id;
    let found = subscription::get(unit, seller_id, id).await?;
    let found = found.ok_or_else(|| BillingError::not_found("subscription", id))?;
    match (found.instance_id, &found.external_ref) {
        (Some(instance_id), Some(name)) if found.ended_at.is_none() => Ok((instance_id, name.clone(), found)),
        _ => Err(BillingError::precondition("NO_ACCOUNT", id, "no account at a panel runs for it")),
    }
}

/// The account of a subscription is at another instance now, by the name that it has there.
///
/// # Errors
/// [`BillingError::NotFound`]; `NO_ACCOUNT`, `ACCOUNT_TAKEN`, `STEP_RUNNING`.
pub async fn relocate(
    unit: &mut Unit,
    id: SubscriptionId,
    to: InstanceId,
    there: &There,
    reason: &str,
) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let (from, before, found) = account(unit, id).await?;
    let by_domain = instance_settings::is_named_by_domain(unit, seller_id, to).await?;
    let external_ref = if by_domain { there.domain.as_str() } else { there.name.as_str() };
    hold::accounts(unit, &[(from, &before), (to, external_ref)]).await?;
    customer::lock(unit, &[found.customer_id]).await?;
    let live = subscription::by_accounts(unit, seller_id, &[(to, external_ref)]).await?;
    let names = service::names_taken(unit, seller_id, to, [there.name.as_str()]).await?;
    if live.values().flatten().any(|other| other.ended_at.is_none()) || !names.is_empty() {
        let detail = format!("the account `{external_ref}` at {to} is another subscription's");
        return Err(BillingError::Exists { reason: "ACCOUNT_TAKEN", detail });
    }
    let target = instance::get(unit, seller_id, to).await?.ok_or_else(|| BillingError::not_found("instance", to))?;
    let mut service = by_hand::idle(unit, id).await?;
    let Known::Account(known) = &mut service.known else {
        return Err(BillingError::precondition(
            "NO_ACCOUNT",
            id,
            "a domain keeps its registrar until it is transferred",
        ));
    };
    there.domain.clone_into(&mut known.domain);
    there.panel_id.clone_into(&mut known.panel_id);
    known.created_at_us = there.created_at_us;
    service.instance_id = Some(to);
    service.group = target.group;
    service.name = Some(there.name.clone());
    service.known = service.known.doubted();
    plan(&mut service, unit.now);
    by_hand::keep(unit, service).await?;
    subscription::place(unit, [(id, to, external_ref)]).await?;
    let data = json!({ "from": from, "to": to, "before": before, "after": external_ref });
    unit.event_because("subscription.account_moved", id, reason, data);
    Ok(())
}
