//! Takes accounts over that were at a panel before Billet was: what a comparison found extra becomes customers' contracts.
//! Nothing is billed twice: up to a day it was paid elsewhere, and from that day on Billet bills. Set-up fees are not charged.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::document::Party;
use billet_domain::drift::{DriftKind, There};
use billet_domain::id::{CustomerId, DriftId, InstanceId, PlanId, SubscriptionId};
use billet_domain::money::Currency;
use billet_domain::period::Cycle;
use billet_domain::plan::Charging;
use billet_domain::timeline::{Fact, FactKind, Timeline};
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::json;

use super::customer::{NewCustomer, create_all};
use super::subscribe::{Opening, book_of, chosen_quantities, open, within_reach};
use super::{BillingError, provision};
use crate::store::customer::{self, Customer};
use crate::store::link::{self, Link, LinkKind};
use crate::store::mapping::{self, Mapping};
use crate::store::plan::{self, Plan, Version};
use crate::store::seller::Seller;
use crate::store::subscription::{self, ServiceState};
use crate::store::{Unit, drift, fact, hold, instance_settings};

/// How many accounts are adopted by one call.
pub const ADOPTIONS_MAX: usize = 200;

/// An account to be adopted: what is not said is taken from the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// As the comparison told it.
    pub drift_id: DriftId,
    /// Whose it becomes; whoever is linked to its name, its owner or its contact address when absent.
    pub customer_id: Option<CustomerId>,
    /// What it costs; the plan of its package when absent.
    pub plan_id: Option<PlanId>,
    /// Billed how often; as its package says when absent.
    pub cycle: Option<Cycle>,
    /// In which currency; as its package or its customer has it when absent.
    pub currency: Option<Currency>,
    /// The first day that Billet bills; today when absent.
    pub bill_from: Option<NaiveDate>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The new contract.
    pub subscription_id: SubscriptionId,
    /// Whose.
    pub customer_id: CustomerId,
    /// Whether the customer was made for it.
    pub customer_is_new: bool,
    /// What it costs.
    pub plan_id: PlanId,
    /// The first day that Billet bills.
    pub bill_from: NaiveDate,
}

/// Why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub reason: String,
    /// For people.
    pub detail: String,
}

fn refusal(reason: &str, detail: impl Into<String>) -> Refusal {
    Refusal { reason: reason.to_owned(), detail: detail.into() }
}

impl From<BillingError> for Refusal {
    fn from(error: BillingError) -> Self {
        refusal(error.reason(), error.to_string())
    }
}

type Outcome = Result<Adopted, Refusal>;

/// What is known of all that are to be adopted.
struct Records {
    found: BTreeMap<DriftId, (InstanceId, There, String)>,
    mappings: BTreeMap<(InstanceId, String), Mapping>,
    plans: BTreeMap<PlanId, (Plan, Version)>,
    links: BTreeMap<(InstanceId, LinkKind, String), CustomerId>,
    customers: BTreeMap<CustomerId, Customer>,
    taken: BTreeMap<(InstanceId, String), SubscriptionId>,
}

/// Adopts accounts of the unit's seller, each by itself: what cannot be adopted says why and stays. Answers in the order given.
/// With `create_customers` a customer is made, once for a contact address, where nobody is linked. Bills nothing yet.
///
/// # Errors
/// [`BillingError`]; then nothing was adopted.
pub async fn adopt(
    unit: &mut Unit,
    seller: &Seller,
    adoptions: &[Adoption],
    create_customers: bool,
) -> Result<Vec<Outcome>, BillingError> {
    let mut records = Records::load(unit, seller, adoptions).await?;
    let new = if create_customers { records.make_customers(unit, adoptions).await? } else { BTreeSet::new() };
    let mut outcomes = Vec::with_capacity(adoptions.len());
    let mut made: Vec<(DriftId, SubscriptionId)> = Vec::new();
    for one in adoptions {
        let outcome = records.begin(unit, seller, one, &new).await;
        if let Ok(adopted) = &outcome {
            made.push((one.drift_id, adopted.subscription_id));
        }
        outcomes.push(outcome);
    }
    if !made.is_empty() {
        unit.flush().await?;
        provision::order::manage(unit, made.iter().map(|(_, id)| *id)).await?;
        drift::delete(unit, made.iter().map(|(id, _)| *id)).await?;
    }
    Ok(outcomes)
}

impl Records {
    async fn load(unit: &mut Unit, seller: &Seller, adoptions: &[Adoption]) -> Result<Self, BillingError> {
        let drifts = drift::by_ids(unit, seller.id, adoptions.iter().map(|one| one.drift_id)).await?;
        let instances: BTreeSet<InstanceId> = drifts.values().map(|one| one.instance_id).collect();
        let mut by_domain = BTreeSet::new();
        for instance_id in &instances {
            if instance_settings::is_named_by_domain(unit, seller.id, *instance_id).await? {
                by_domain.insert(*instance_id);
            }
        }
        let mut found = BTreeMap::new();
        for one in drifts.into_values().filter(|one| one.drift.kind == DriftKind::Extra) {
            let Some(there) = one.drift.there else { continue };
            let reported_as = if by_domain.contains(&one.instance_id) { &there.domain } else { &there.name };
            let reported_as = reported_as.clone();
            found.insert(one.id, (one.instance_id, there, reported_as));
        }
        let accounts: Vec<(InstanceId, &str)> = found.values().map(|(id, _, name)| (*id, name.as_str())).collect();
        hold::catalogue(unit).await?;
        hold::accounts(unit, &accounts).await?;
        let ids: Vec<i64> = instances.iter().map(|id| id.0).collect();
        let packages = found.values().filter_map(|(_, there, _)| there.package.as_deref());
        let mappings: BTreeMap<(InstanceId, String), Mapping> = mapping::lookup(unit, seller.id, &ids, packages)
            .await?
            .into_iter()
            .map(|(instance_id, mapping)| ((instance_id, mapping.package.clone()), mapping))
            .collect();
        let plan_ids: BTreeSet<PlanId> = mappings
            .values()
            .map(|mapping| mapping.plan_id)
            .chain(adoptions.iter().filter_map(|one| one.plan_id))
            .collect();
        let plan_ids: Vec<PlanId> = plan_ids.into_iter().collect();
        let plans = plan::newest(unit, seller.id, &plan_ids).await?;
        let emails: Vec<String> = found.values().map(|(_, there, _)| there.email.to_lowercase()).collect();
        let wanted: Vec<(InstanceId, LinkKind, &str)> = found
            .values()
            .zip(&emails)
            .flat_map(|((instance_id, there, name), email)| {
                let names = [
                    (LinkKind::ExternalRef, name.as_str()),
                    (LinkKind::Owner, there.owner.as_str()),
                    (LinkKind::Email, email.as_str()),
                ];
                names.map(|(kind, value)| (*instance_id, kind, value))
            })
            .filter(|(_, _, value)| !value.is_empty())
            .collect();
        let links = link::find(unit, seller.id, &wanted).await?;
        let customer_ids: BTreeSet<CustomerId> = links
            .iter()
            .map(|link| link.customer_id)
            .chain(adoptions.iter().filter_map(|one| one.customer_id))
            .collect();
        let customer_ids: Vec<CustomerId> = customer_ids.into_iter().collect();
        let customers = if customer_ids.is_empty() { Vec::new() } else { customer::lock(unit, &customer_ids).await? };
        let lives = subscription::by_accounts(unit, seller.id, &accounts).await?;
        let taken = lives
            .into_iter()
            .filter_map(|(account, lives)| Some((account, lives.iter().find(|one| one.ended_at.is_none())?.id)))
            .collect();
        Ok(Self {
            mappings,
            plans: plans.into_iter().map(|(plan, version)| (plan.id, (plan, version))).collect(),
            links: links
                .into_iter()
                .map(|link| ((link.instance_id, link.kind, link.value), link.customer_id))
                .collect(),
            customers: customers.into_iter().map(|one| (one.id, one)).collect(),
            taken,
            found,
        })
    }

    /// Whoever is linked to an account.
    fn linked(&self, instance_id: InstanceId, there: &There, reported_as: &str) -> Option<CustomerId> {
        let names = [
            (LinkKind::ExternalRef, reported_as.to_owned()),
            (LinkKind::Owner, there.owner.clone()),
            (LinkKind::Email, there.email.to_lowercase()),
        ];
        names.into_iter().find_map(|(kind, value)| self.links.get(&(instance_id, kind, value)).copied())
    }

    /// Makes customers for the accounts that nobody is linked to: one for each contact address, or for an account without one.
    async fn make_customers(
        &mut self,
        unit: &mut Unit,
        adoptions: &[Adoption],
    ) -> Result<BTreeSet<CustomerId>, BillingError> {
        let mut wanted: BTreeMap<(InstanceId, LinkKind, String), NewCustomer> = BTreeMap::new();
        for one in adoptions.iter().filter(|one| one.customer_id.is_none()) {
            let Some((instance_id, there, reported_as)) = self.found.get(&one.drift_id) else { continue };
            if self.linked(*instance_id, there, reported_as).is_some() {
                continue;
            }
            let key = if there.email.is_empty() {
                (*instance_id, LinkKind::ExternalRef, reported_as.clone())
            } else {
                (*instance_id, LinkKind::Email, there.email.to_lowercase())
            };
            let name = [&there.domain, &there.email, &there.name].into_iter().find(|name| !name.is_empty());
            let party = Party {
                name: name.map(|name| name.chars().take(200).collect()).unwrap_or_default(),
                email: there.email.clone(),
                ..Party::default()
            };
            wanted.entry(key).or_insert(NewCustomer { party, ..NewCustomer::default() });
        }
        if wanted.is_empty() {
            return Ok(BTreeSet::new());
        }
        let made = create_all(unit, wanted.values().cloned().collect()).await?;
        let mut links = Vec::with_capacity(made.len());
        for ((instance_id, kind, value), customer) in wanted.into_keys().zip(&made) {
            self.links.insert((instance_id, kind, value.clone()), customer.id);
            links.push(Link { instance_id, kind, value, customer_id: customer.id });
        }
        link::insert_all(unit, &links).await?;
        let ids = made.iter().map(|one| one.id).collect();
        self.customers.extend(made.into_iter().map(|one| (one.id, one)));
        Ok(ids)
    }

    /// Begins the contract of one account.
    async fn begin(&mut self, unit: &mut Unit, seller: &Seller, one: &Adoption, new: &BTreeSet<CustomerId>) -> Outcome {
        let today = seller.today(unit.now);
        let Some((instance_id, there, reported_as)) = self.found.get(&one.drift_id) else {
            return Err(refusal("NOT_FOUND", "no comparison found an account of this id that Billet knows nothing of"));
        };
        let key = (*instance_id, reported_as.clone());
        if let Some(owner) = self.taken.get(&key) {
            return Err(refusal("ACCOUNT_TAKEN", format!("the account `{reported_as}` belongs to {owner}")));
        }
        let mapping = there.package.as_ref().and_then(|name| self.mappings.get(&(*instance_id, name.clone())));
        let package = there.package.clone().unwrap_or_default();
        let plan_id = one.plan_id.or_else(|| mapping.map(|mapping| mapping.plan_id)).ok_or_else(|| {
            refusal("UNKNOWN_PACKAGE", format!("no plan is set for the package `{package}` of this instance"))
        })?;
        let (plan, version) =
            self.plans.get(&plan_id).ok_or_else(|| Refusal::from(BillingError::not_found("plan", plan_id)))?;
        // What a mapping says of its plan does not hold for another one.
        let mapping = mapping.filter(|mapping| mapping.plan_id == plan_id);
        let customer_id =
            one.customer_id.or_else(|| self.linked(*instance_id, there, reported_as)).ok_or_else(|| {
                let detail =
                    format!("nobody is linked to the account, its owner `{}` or its contact address", there.owner);
                refusal("UNKNOWN_CUSTOMER", detail)
            })?;
        let customer = self.customers.get(&customer_id);
        let customer = customer.ok_or_else(|| Refusal::from(BillingError::not_found("customer", customer_id)))?;
        let currency =
            one.currency.or_else(|| mapping.and_then(|mapping| mapping.currency)).unwrap_or(customer.currency);
        let cycle = one.cycle.or_else(|| mapping.map(|mapping| mapping.cycle)).unwrap_or(Cycle::MONTHLY);
        let book = book_of(plan, version, currency, cycle)?;
        let mut quantities = mapping.map(|mapping| mapping.quantities.clone()).unwrap_or_default();
        // It was set up long ago.
        let set_up =
            book.values().flat_map(|terms| &terms.components).filter(|one| matches!(one.charging, Charging::Setup));
        quantities.extend(set_up.map(|component| (component.code.clone(), Decimal::ZERO)));
        let quantities = chosen_quantities(version, &book, &BTreeMap::new(), &quantities)?;
        let bill_from = one.bill_from.unwrap_or(today);
        within_reach("bill_from", bill_from, today)?;
        let started_on = bill_from.min(today);
        let fact_key = format!("adopt:{}", one.drift_id);
        let at_us = unit.now.timestamp_micros();
        let started = Fact {
            on: started_on,
            at_us,
            key: fact_key.clone(),
            kind: FactKind::Started {
                version_id: version.id,
                cycle,
                anchor_day: None,
                trial_until: Some(bill_from).filter(|day| *day > started_on),
                quantities,
                package: there.package.clone(),
            },
        };
        Timeline::default().admit(&started, &book).map_err(BillingError::from)?;
        let state = if there.suspended { ServiceState::Suspended } else { ServiceState::Active };
        let label = if there.domain.is_empty() { there.name.clone() } else { there.domain.clone() };
        let opening = Opening {
            customer_id,
            project_id: None,
            parent_id: None,
            currency,
            tax_inclusive: version.content.tax_inclusive,
            label,
            account: Some(key.clone()),
            service_state: state,
            started_on,
            started_at: unit.now,
        };
        let subscription = open(unit, today, opening)?;
        subscription::add(unit, &subscription);
        fact::add(unit, subscription.id, &started);
        if there.suspended {
            let key = format!("{fact_key}:suspended");
            fact::add(unit, subscription.id, &Fact { on: today, at_us, key, kind: FactKind::Suspended });
        }
        let data = json!({
            "customer": customer_id, "plan": plan.id, "version": version.id, "currency": currency, "started_on": started_on,
            "bill_from": bill_from, "instance": instance_id, "external_ref": reported_as, "package": there.package,
        });
        unit.event("subscription.adopted", subscription.id, data);
        let adopted = Adopted {
            subscription_id: subscription.id,
            customer_id,
            customer_is_new: new.contains(&customer_id),
            plan_id,
            bill_from,
        };
        self.taken.insert(key, subscription.id);
        Ok(adopted)
    }
}
