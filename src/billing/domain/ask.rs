//! What registrars are asked while somebody waits: whether names are free, what they cost, the code for a transfer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use billet_domain::id::{InstanceId, SellerId, SubscriptionId};
use billet_domain::money::Currency;
use billet_domain::period::Cycle;
use billet_domain::provision::{Known, Presence};
use billet_plugin::v1::{
    Availability, CheckAvailabilityRequest, GetAuthCodeRequest, GetTldPricingRequest, ProblemKind, TldPricing,
};
use billet_plugin::{Answer, Done, Failure};
use rust_decimal::Decimal;
use serde_json::json;

use super::super::provision::order::domain_name;
use super::super::{Billing, BillingError, panel};
use super::price_list::{DOMAIN, REGISTER};
use crate::plugins::Running;
use crate::store::{Tx, Unit, domain, plan, plan_service, service, tld};

/// How long somebody who asks waits for a registrar.
const ASK_TIME_MAX: Duration = Duration::from_secs(30);
/// How many names are asked about at once.
pub const NAMES_MAX: usize = 50;
/// How many top-level domains are asked about at once.
pub const TLDS_MAX: usize = 100;

/// What is found about a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The name.
    pub name: String,
    /// What the registrar says; absent when nothing under its top-level domain is sold.
    pub said: Option<Availability>,
    /// It is a domain of a subscription here.
    pub held_here: bool,
    /// What the first year costs the customer, and each further one.
    pub prices: Option<(Decimal, Decimal)>,
}

/// Asks whether names can be registered, each at a registrar of its top-level domain.
///
/// # Errors
/// [`BillingError::Invalid`] for `names`, `NO_REGISTRAR`; what a registrar says is the failure inside.
pub async fn check(
    billing: &Billing,
    seller_id: SellerId,
    currency: Currency,
    names: &[String],
) -> Result<Result<Vec<Checked>, Failure>, BillingError> {
    if names.is_empty() || names.len() > NAMES_MAX {
        return Err(BillingError::invalid("names", format!("1 to {NAMES_MAX}")));
    }
    let names: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(index, name)| domain_name(&format!("names[{index}]"), name))
        .collect::<Result<_, _>>()?;
    let mut tx = billing.store.snapshot().await?;
    let held = domain::held(&mut tx, seller_id, names.iter().map(String::as_str)).await?;
    let mut checked = Vec::with_capacity(names.len());
    let mut by_group: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, name) in names.into_iter().enumerate() {
        let rules = tld::of_name(&mut tx, seller_id, &name).await?;
        let prices = match &rules {
            Some(rules) => prices(&mut tx, seller_id, rules, currency).await?,
            None => None,
        };
        if let Some(rules) = rules {
            by_group.entry(rules.instance_group).or_default().push(index);
        }
        checked.push(Checked { held_here: held.contains(&name), name, said: None, prices });
    }
    let mut registrars = Vec::new();
    for (group, indexes) in by_group {
        registrars.push((registrar_of(&mut tx, seller_id, &group).await?, indexes));
    }
    drop(tx);
    for (instance_id, indexes) in registrars {
        let running = match connect(billing, seller_id, instance_id).await? {
            Ok(running) => running,
            Err(failure) => return Ok(Err(failure)),
        };
        let names = indexes.iter().filter_map(|index| Some(checked.get(*index)?.name.clone())).collect();
        match running.call(CheckAvailabilityRequest { names }, ASK_TIME_MAX).await {
            Ok(done) => {
                // One answer a name, in the same order: a plugin that answers fewer says nothing about the others.
                for (index, said) in indexes.into_iter().zip(done.value.availabilities) {
                    if let Some(one) = checked.get_mut(index) {
                        one.said = Some(said);
                    }
                }
            }
            Err(failure) => return Ok(Err(failure)),
        }
    }
    Ok(Ok(checked))
}

async fn prices(
    tx: &mut Tx,
    seller_id: SellerId,
    rules: &tld::Tld,
    currency: Currency,
) -> Result<Option<(Decimal, Decimal)>, BillingError> {
    let version = plan::newest(tx, seller_id, &[rules.plan_id]).await?.pop();
    Ok(version.and_then(|(_, version)| {
        let price = |code: &str| version.content.component(code)?.price(currency, Cycle::YEARLY);
        let renewal = price(DOMAIN)?;
        Some((price(REGISTER).unwrap_or(renewal), renewal))
    }))
}

/// Any registrar of a group that can be asked.
async fn registrar_of(tx: &mut Tx, seller_id: SellerId, group: &str) -> Result<InstanceId, BillingError> {
    let candidates = plan_service::candidates(tx, seller_id, group).await?;
    candidates.first().map(|one| one.instance).ok_or_else(|| {
        let detail = format!("no registrar of the group `{group}` is configured and switched on");
        BillingError::precondition("NO_REGISTRAR", group, detail)
    })
}

async fn connect(
    billing: &Billing,
    seller_id: SellerId,
    instance_id: InstanceId,
) -> Result<Result<Arc<Running>, Failure>, BillingError> {
    panel::connect(billing, seller_id, instance_id).await
}

/// What names under top-level domains cost the hoster at a registrar; all that it tells when none are named.
///
/// # Errors
/// [`BillingError::Invalid`] for `tlds`, and those of [`panel::connect`]; what the registrar says is the failure inside.
pub async fn costs(
    billing: &Billing,
    seller_id: SellerId,
    instance_id: InstanceId,
    tlds: Vec<String>,
) -> Result<Answer<Vec<TldPricing>>, BillingError> {
    if tlds.len() > TLDS_MAX {
        return Err(BillingError::invalid("tlds", format!("at most {TLDS_MAX}")));
    }
    let running = match connect(billing, seller_id, instance_id).await? {
        Ok(running) => running,
        Err(failure) => return Ok(Err(failure)),
    };
    let answer = running.call(GetTldPricingRequest { tlds }, ASK_TIME_MAX).await;
    Ok(answer.map(|done| Done { value: done.value.pricings, already: done.already, warnings: done.warnings }))
}

/// Notes that somebody asks for the code for a transfer away; it is read from the registrar afterwards, and kept nowhere.
///
/// # Errors
/// [`BillingError::NotFound`], `DOMAIN_NOT_HERE`.
pub async fn note_auth_code(unit: &mut Unit, id: SubscriptionId) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let (name, _) = here(unit, seller_id, id).await?;
    unit.event("domain.auth_code_revealed", id, json!({ "name": name }));
    Ok(())
}

/// The name and the registrar of a domain that is here.
async fn here(tx: &mut Tx, seller_id: SellerId, id: SubscriptionId) -> Result<(String, InstanceId), BillingError> {
    let missing = || BillingError::not_found("domain", id);
    let found = service::get(tx, seller_id, id).await?.ok_or_else(missing)?;
    let Known::Domain(known) = &found.known else { return Err(missing()) };
    match (found.name, found.instance_id) {
        (Some(name), Some(instance_id)) if known.presence == Presence::Present => Ok((name, instance_id)),
        _ => Err(BillingError::precondition("DOMAIN_NOT_HERE", id, "it is not here: nobody can tell its code")),
    }
}

/// Reads the code for a transfer away from the registrar.
///
/// # Errors
/// [`BillingError::NotFound`], `DOMAIN_NOT_HERE`, and those of [`panel::connect`]; what the registrar says is the failure
/// inside.
pub async fn auth_code(
    billing: &Billing,
    seller_id: SellerId,
    id: SubscriptionId,
) -> Result<Result<String, Failure>, BillingError> {
    let mut tx = billing.store.snapshot().await?;
    let (name, instance_id) = here(&mut tx, seller_id, id).await?;
    drop(tx);
    let running = match connect(billing, seller_id, instance_id).await? {
        Ok(running) => running,
        Err(failure) => return Ok(Err(failure)),
    };
    let answer = running.call(GetAuthCodeRequest { name }, ASK_TIME_MAX).await;
    Ok(match answer {
        Ok(done) if done.value.auth_code.is_empty() => {
            Err(Failure::refused(ProblemKind::Unsupported, "", "the registrar did not tell the code"))
        }
        Ok(done) => Ok(done.value.auth_code),
        Err(failure) => Err(failure),
    })
}
