//! Finds places and names for new accounts, in sets.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::id::{InstanceId, SubscriptionId};
use billet_domain::placement::{Candidate, place};
use billet_domain::provision::{Known, Puzzle};
use billet_domain::username;
use serde_json::json;

use super::super::BillingError;
use super::{explain, wait_for_person};
use crate::store::service::{self, Service, ServiceState};
use crate::store::{Unit, instance_settings, plan_service, subscription};

/// Gives services of the unit's seller an instance of their group. A person is asked where none has room. Not written yet.
///
/// # Errors
/// [`BillingError`].
pub async fn find_places(unit: &mut Unit, services: &mut [Service]) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let mut groups: BTreeMap<String, Vec<&mut Service>> = BTreeMap::new();
    for service in services {
        groups.entry(service.group.clone()).or_default().push(service);
    }
    for (group, services) in groups {
        let policy = plan_service::lock_placement(unit, &group).await?;
        let mut candidates: Vec<Candidate<InstanceId>> = plan_service::candidates(unit, seller_id, &group).await?;
        let ids: Vec<InstanceId> = candidates.iter().map(|one| one.instance).collect();
        let accounts = service::accounts(unit, seller_id, &ids).await?;
        for one in &mut candidates {
            one.accounts = accounts.get(&one.instance).copied().unwrap_or_default();
        }
        for service in services {
            let chosen = place(policy, &candidates).and_then(|index| candidates.get_mut(index));
            let Some(chosen) = chosen else {
                let detail = format!("group `{group}`: {}", explain(Puzzle::NoPlace));
                wait_for_person(service, Puzzle::NoPlace, &detail);
                unit.event(
                    "service.waiting",
                    service.subscription_id,
                    json!({ "problem": service.problem, "detail": detail }),
                );
                continue;
            };
            chosen.accounts += 1;
            service.instance_id = Some(chosen.instance);
            let data =
                json!({ "group": group, "instance": chosen.instance, "policy": policy, "accounts": chosen.accounts });
            unit.event("service.placed", service.subscription_id, data);
        }
    }
    Ok(())
}

/// Gives services of the unit's seller, all at one instance, names that nobody there has, as far as Billet knows. Their
/// subscriptions get what the panel's reports will call them, so that these find them: the name, or the main domain. Services
/// are not written yet.
///
/// # Errors
/// [`BillingError`].
pub async fn find_names(
    unit: &mut Unit,
    instance_id: InstanceId,
    services: &mut [&mut Service],
) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let by_domain = instance_settings::is_named_by_domain(unit, seller_id, instance_id).await?;
    if by_domain {
        refuse_taken_domains(unit, instance_id, services).await?;
    }
    let mut places = Vec::with_capacity(services.len());
    let mut nameless: Vec<(&mut Service, Vec<String>)> = Vec::with_capacity(services.len());
    for service in services.iter_mut().filter(|one| one.state == ServiceState::Due) {
        let offers = offered(service);
        nameless.push((service, offers));
    }
    // The first choice of each, which is free as a rule; then all others of those who did not get theirs.
    let mut given: BTreeSet<String> = BTreeSet::new();
    for choices in [1, usize::MAX] {
        let asked: BTreeSet<&str> =
            nameless.iter().flat_map(|(_, offers)| offers.iter().take(choices)).map(String::as_str).collect();
        if asked.is_empty() {
            break;
        }
        let mut taken = service::names_taken(unit, seller_id, instance_id, asked).await?;
        taken.extend(given.iter().cloned());
        let mut left = Vec::new();
        for (service, offers) in nameless {
            match offers.iter().take(choices).find(|name| taken.insert((*name).clone())) {
                Some(name) => {
                    given.insert(name.clone());
                    let reported_as = if by_domain { service.wanted.domain_name() } else { name };
                    places.push((service.subscription_id, instance_id, reported_as.to_owned()));
                    service.name = Some(name.clone());
                }
                None => left.push((service, offers)),
            }
        }
        nameless = left;
    }
    for (service, _) in nameless {
        wait_for_person(service, Puzzle::NotOurs, "every name that this account might have is taken");
    }
    subscription::place(unit, places.iter().map(|(id, instance, name)| (*id, *instance, name.as_str()))).await?;
    Ok(())
}

/// Where reports name accounts by their domain, a domain stands for one account: whose domain is another subscription's there,
/// waits for a person.
async fn refuse_taken_domains(
    unit: &mut Unit,
    instance_id: InstanceId,
    services: &mut [&mut Service],
) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let domains: Vec<(InstanceId, &str)> =
        services.iter().map(|service| (instance_id, service.wanted.domain_name())).collect();
    let there = subscription::by_accounts(unit, seller_id, &domains).await?;
    let mut owners: BTreeMap<String, SubscriptionId> = BTreeMap::new();
    for one in there.into_values().flatten().filter(|one| one.ended_at.is_none()) {
        owners.extend(one.external_ref.map(|domain| (domain, one.id)));
    }
    for service in services.iter_mut() {
        let id = service.subscription_id;
        let owner = *owners.entry(service.wanted.domain_name().to_owned()).or_insert(id);
        if owner != id {
            let detail = format!("{} is the main domain of {owner} there", service.wanted.domain_name());
            wait_for_person(service, Puzzle::NotOurs, &detail);
        }
    }
    Ok(())
}

fn offered(service: &Service) -> Vec<String> {
    match &service.known {
        Known::Account(known) => {
            username::offered(service.wanted.domain_name(), service.subscription_id.0, known.names_tried)
        }
        Known::Domain(_) => vec![service.wanted.domain_name().to_owned()],
    }
}
