//! Applies what panels report. Hooks come in sets: everything that is known of their accounts is read in a few
//! statements, each account's hooks (new ones and those that waited) are applied in the order in which they happened,
//! and what follows is billed in one go. `account.rs` decides; this file reads, writes and bills.

mod account;
pub mod desk;

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::hook::{Change, Hook};
use billet_domain::id::{CustomerId, HookId, InstanceId, PlanId, SubscriptionId};
use billet_domain::journal::sha256_hex;
use billet_domain::timeline::Fact;
use chrono::{DateTime, Utc};
use serde_json::json;

use self::account::{Account, Catalogue, Live};
use super::bill::{Order, Outcome, bill};
use super::change::end_addons;
use super::issue::Issued;
use super::{Billing, BillingError, provision};
use crate::store::customer::{self, Customer};
use crate::store::hook::{self, HookState, LedTo, StoredHook};
use crate::store::link::{self, LinkKind};
use crate::store::plan::{Plan, Version};
use crate::store::seller::{self, Seller};
use crate::store::{Unit, fact, hold, instance, mapping, plan, subscription, usage};

/// The most hooks that wait for accounts and are tried together.
const PARKED_MAX: i64 = 10_000;
/// Identifiers that a hook may need: subscription, customer, document, lines, ledger, allocations, job.
const IDS_PER_HOOK: usize = 60;

/// A hook on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// From where.
    pub instance_id: InstanceId,
    /// What happened.
    pub hook: Hook,
    /// Whether the reporter said when; else `happened_at` is when the report came in, and no part of its content.
    pub is_dated: bool,
}

/// What a report did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the very same event was reported before.
    pub duplicate: bool,
    /// The hook with its fate.
    pub hook: StoredHook,
}

/// Applies reports of one seller. Answers stand in the order of the reports; an event id that was used for another
/// event is refused by itself.
///
/// # Errors
/// [`BillingError`] when nothing of it took effect.
pub async fn apply(
    billing: &Billing,
    seller_id: billet_domain::id::SellerId,
    reports: &[Report],
) -> Result<Vec<Result<Answer, BillingError>>, BillingError> {
    apply_within(billing, seller_id, reports, ids_for(reports.len())).await
}

/// How many identifiers a set of reports usually needs at most.
fn ids_for(reports: usize) -> i64 {
    i64::try_from(IDS_PER_HOOK * (reports + 8)).unwrap_or(i64::MAX)
}

/// The same with so many identifiers.
async fn apply_within(
    billing: &Billing,
    seller_id: billet_domain::id::SellerId,
    reports: &[Report],
    ids: i64,
) -> Result<Vec<Result<Answer, BillingError>>, BillingError> {
    let instances: BTreeSet<InstanceId> = reports.iter().map(|report| report.instance_id).collect();
    let mut unit = billing.store.begin_large(seller_id, &actor(&instances), billing.now(), ids).await?;
    let seller =
        seller::get(&mut unit, seller_id).await?.ok_or_else(|| BillingError::not_found("seller", seller_id))?;
    let wanted: Vec<(InstanceId, &str)> =
        reports.iter().map(|report| (report.instance_id, report.hook.event_id.as_str())).collect();
    let known = hook::known(&mut unit, seller_id, &wanted).await?;
    let mut fresh: BTreeMap<(InstanceId, String), StoredHook> = BTreeMap::new();
    for report in reports {
        let key = (report.instance_id, report.hook.event_id.clone());
        if !known.contains_key(&key) && !fresh.contains_key(&key) {
            let stored = received(&mut unit, report)?;
            fresh.insert(key, stored);
        }
    }
    let first_seen: BTreeSet<HookId> = fresh.values().map(|hook| hook.id).collect();
    let done = process(&mut unit, &seller, fresh.into_values().collect(), &[]).await?;
    unit.commit().await?;
    let mut known = known;
    let mut told: BTreeSet<HookId> = BTreeSet::new();
    known.extend(done.into_iter().map(|hook| ((hook.instance_id, hook.event_id.clone()), hook)));
    Ok(reports
        .iter()
        .map(|report| {
            let key = (report.instance_id, report.hook.event_id.clone());
            let hook = known.get(&key).ok_or_else(|| BillingError::not_found("hook", &report.hook.event_id))?;
            if hook.fingerprint != fingerprint(report) {
                let detail = format!("event_id `{}` was reported before with another content", report.hook.event_id);
                return Err(BillingError::Exists { reason: "EVENT_ID_REUSED", detail });
            }
            let duplicate = !(first_seen.contains(&hook.id) && told.insert(hook.id));
            Ok(Answer { duplicate, hook: hook.clone() })
        })
        .collect())
}

/// The same within a unit: what a person found out about accounts of the unit's seller, as if their panels had reported it.
/// Event ids are new. Answers their fates in the order of the reports.
///
/// # Errors
/// [`BillingError`].
pub async fn tell(unit: &mut Unit, seller: &Seller, reports: &[Report]) -> Result<Vec<StoredHook>, BillingError> {
    let fresh: Vec<StoredHook> = reports.iter().map(|report| received(unit, report)).collect::<Result<_, _>>()?;
    let ids: Vec<HookId> = fresh.iter().map(|hook| hook.id).collect();
    let done = process(unit, seller, fresh, &[]).await?;
    unit.flush().await?;
    let mut done: BTreeMap<HookId, StoredHook> = done.into_iter().map(|hook| (hook.id, hook)).collect();
    Ok(ids.into_iter().filter_map(|id| done.remove(&id)).collect())
}

/// Tries hooks that wait again, with everything else that waits for the same accounts.
///
/// # Errors
/// [`BillingError`].
pub async fn replay(unit: &mut Unit, seller: &Seller, hooks: &[StoredHook]) -> Result<Vec<StoredHook>, BillingError> {
    let accounts: BTreeSet<(InstanceId, String)> =
        hooks.iter().map(|hook| (hook.instance_id, hook.external_ref.clone())).collect();
    let accounts: Vec<(InstanceId, String)> = accounts.into_iter().collect();
    process(unit, seller, Vec::new(), &accounts).await
}

/// Closes a hook that waits without applying it.
///
/// # Errors
/// [`BillingError::NotFound`], or `NOT_PARKED`.
pub async fn dismiss(unit: &mut Unit, id: HookId, reason: &str) -> Result<StoredHook, BillingError> {
    let seller_id = unit.seller_id;
    let missing = || BillingError::not_found("hook", id);
    let found = hook::by_ids(unit, seller_id, [id]).await?.pop().ok_or_else(missing)?;
    hold::accounts(unit, &[(found.instance_id, &found.external_ref)]).await?;
    // Read again: it may have been applied until the account was held.
    let mut hook = hook::by_ids(unit, seller_id, [id]).await?.pop().ok_or_else(missing)?;
    if hook.state != HookState::Parked {
        return Err(BillingError::precondition("NOT_PARKED", id, "the hook does not wait in the inbox"));
    }
    hook.state = HookState::Dismissed;
    hook::update(unit, [&hook]).await?;
    unit.event_because("hook.dismissed", id, reason, json!({ "external_ref": hook.external_ref }));
    Ok(hook)
}

fn actor(instances: &BTreeSet<InstanceId>) -> String {
    match instances.iter().next() {
        Some(only) if instances.len() == 1 => format!("hook:{only}"),
        _ => "hook".to_owned(),
    }
}

/// What makes two reports of one event id the same.
#[must_use]
pub fn fingerprint(Report { hook, is_dated, .. }: &Report) -> String {
    // An instant before all others stands for none. (Within the calendar's years nothing is lost by it.)
    let undated = || Hook { happened_at: DateTime::<Utc>::MIN_UTC, ..hook.clone() };
    let content = if *is_dated { serde_json::to_vec(hook) } else { serde_json::to_vec(&undated()) };
    sha256_hex(&content.unwrap_or_default())
}

fn received(unit: &mut Unit, report: &Report) -> Result<StoredHook, BillingError> {
    Ok(StoredHook {
        id: HookId(unit.id()?),
        instance_id: report.instance_id,
        event_id: report.hook.event_id.clone(),
        fingerprint: fingerprint(report),
        external_ref: report.hook.external_ref.clone(),
        happened_at: report.hook.happened_at,
        event: report.hook.clone(),
        state: HookState::Parked,
        subscription_id: None,
        invoices: Vec::new(),
        reason: String::new(),
        detail: String::new(),
        package: String::new(),
        attempt_count: 0,
        received_at: unit.now,
    })
}

/// Applies new hooks and everything that waits for their accounts (and for `also`); answers all of them with their fate.
async fn process(
    unit: &mut Unit,
    seller: &Seller,
    fresh: Vec<StoredHook>,
    also: &[(InstanceId, String)],
) -> Result<Vec<StoredHook>, BillingError> {
    let fresh_ids: BTreeSet<HookId> = fresh.iter().map(|hook| hook.id).collect();
    let names: BTreeSet<(InstanceId, String)> =
        fresh.iter().map(|hook| (hook.instance_id, hook.external_ref.clone())).chain(also.iter().cloned()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<(InstanceId, &str)> = names.iter().map(|(instance, name)| (*instance, name.as_str())).collect();
    hold::catalogue(unit).await?;
    hold::accounts(unit, &keys).await?;
    let parked = hook::parked_of_accounts(unit, seller.id, &keys, PARKED_MAX).await?;
    let mut pending: BTreeMap<(InstanceId, String), Vec<StoredHook>> = BTreeMap::new();
    for hook in parked.into_iter().chain(fresh) {
        pending.entry((hook.instance_id, hook.external_ref.clone())).or_default().push(hook);
    }
    let later = applied_after_ends(unit, seller, &pending).await?;
    let catalogue = catalogue(unit, seller, &pending, &later).await?;
    let (mut accounts, customers) = accounts(unit, seller, &keys, pending, later, &catalogue).await?;

    let mut customers = customers;
    for account in accounts.values_mut() {
        account.apply(unit, seller, &catalogue, &mut customers).await?;
    }

    let ended = store_changes(unit, seller, &accounts).await?;
    let outcome = bill_touched(unit, seller, &customers, &accounts, &ended).await?;
    let mut done = Vec::new();
    for account in accounts.into_values() {
        done.extend(account.pending);
    }
    set_outcomes(&mut done, &outcome);
    for hook in done.iter().filter(|hook| fresh_ids.contains(&hook.id)) {
        hook::add(unit, hook);
    }
    hook::update(unit, done.iter().filter(|hook| !fresh_ids.contains(&hook.id))).await?;
    Ok(done)
}

/// Hooks by account.
type ByAccount = BTreeMap<(InstanceId, String), Vec<StoredHook>>;

/// What was applied already and happened after an end that is only told now: it was about the account's next life.
async fn applied_after_ends(unit: &mut Unit, seller: &Seller, pending: &ByAccount) -> Result<ByAccount, BillingError> {
    let ends = |hooks: &[StoredHook]| {
        hooks.iter().filter(|one| account::ends(&one.event.change)).map(|one| one.happened_at).min()
    };
    let ended: Vec<_> = pending.iter().filter_map(|(key, hooks)| Some((key, ends(hooks)?))).collect();
    let Some(first) = ended.iter().map(|(_, at)| *at).min() else { return Ok(ByAccount::new()) };
    let keys: Vec<(InstanceId, &str)> = ended.iter().map(|((instance, name), _)| (*instance, name.as_str())).collect();
    let mut later = ByAccount::new();
    for hook in hook::applied_after(unit, seller.id, &keys, first, PARKED_MAX).await? {
        later.entry((hook.instance_id, hook.external_ref.clone())).or_default().push(hook);
    }
    Ok(later)
}

/// What packages stand for and who accounts belong to, for everything that is pending or may be again.
async fn catalogue(
    unit: &mut Unit,
    seller: &Seller,
    pending: &ByAccount,
    later: &ByAccount,
) -> Result<Catalogue, BillingError> {
    let instance_ids: BTreeSet<InstanceId> = pending.keys().map(|(instance, _)| *instance).collect();
    let instance_ids: Vec<InstanceId> = instance_ids.into_iter().collect();
    let instances = instance::list_by_ids(unit, seller.id, &instance_ids).await?;
    let mut packages: BTreeSet<String> = BTreeSet::new();
    let mut owners: Vec<(InstanceId, LinkKind, String)> = Vec::new();
    for ((instance_id, name), hooks) in pending.iter().chain(later) {
        for hook in hooks {
            packages.extend(account::packages(&hook.event));
            if let Some((owner, email)) = account::owner_and_email(&hook.event.change) {
                owners.push((*instance_id, LinkKind::ExternalRef, name.clone()));
                owners.push((*instance_id, LinkKind::Owner, owner.to_owned()));
                owners.push((*instance_id, LinkKind::Email, email.to_lowercase()));
            }
        }
    }
    let ids: Vec<i64> = instance_ids.iter().map(|id| id.0).collect();
    let mappings = if packages.is_empty() {
        Vec::new()
    } else {
        mapping::lookup(unit, seller.id, &ids, packages.iter().map(String::as_str)).await?
    };
    let plan_ids: BTreeSet<_> = mappings.iter().map(|(_, mapping)| mapping.plan_id).collect();
    let plan_ids: Vec<_> = plan_ids.into_iter().collect();
    let since = pending.values().chain(later.values()).flatten().map(|hook| hook.happened_at).min();
    let since = since.unwrap_or(unit.now);
    let mut plans: BTreeMap<PlanId, Vec<(Plan, Version)>> = BTreeMap::new();
    for (plan, version) in plan::newest_since(unit, seller.id, &plan_ids, since).await? {
        plans.entry(plan.id).or_default().push((plan, version));
    }
    let wanted: Vec<(InstanceId, LinkKind, &str)> = owners
        .iter()
        .filter(|(_, _, value)| !value.is_empty())
        .map(|(instance, kind, value)| (*instance, *kind, value.as_str()))
        .collect();
    let links = if wanted.is_empty() { Vec::new() } else { link::find(unit, seller.id, &wanted).await? };
    Ok(Catalogue {
        instances: instances.into_iter().map(|instance| (instance.id, instance)).collect(),
        mappings: mappings
            .into_iter()
            .map(|(instance_id, mapping)| ((instance_id, mapping.package.clone()), mapping))
            .collect(),
        plans,
        links: links.into_iter().map(|link| ((link.instance_id, link.kind, link.value), link.customer_id)).collect(),
    })
}

/// Locks the customers concerned and reads the accounts' subscriptions.
async fn accounts(
    unit: &mut Unit,
    seller: &Seller,
    keys: &[(InstanceId, &str)],
    mut pending: ByAccount,
    mut later: ByAccount,
    catalogue: &Catalogue,
) -> Result<(BTreeMap<(InstanceId, String), Account>, BTreeMap<CustomerId, Customer>), BillingError> {
    let mut subscriptions = subscription::by_accounts(unit, seller.id, keys).await?;
    let customer_ids: BTreeSet<CustomerId> =
        subscriptions.values().flatten().map(|one| one.customer_id).chain(catalogue.links.values().copied()).collect();
    let customer_ids: Vec<CustomerId> = customer_ids.into_iter().collect();
    let customers = if customer_ids.is_empty() { Vec::new() } else { customer::lock(unit, &customer_ids).await? };
    if unit.is_postgres() && !customer_ids.is_empty() {
        // They may have changed until the lock was held. (On SQLite a unit is alone from its beginning.)
        subscriptions = subscription::by_accounts(unit, seller.id, keys).await?;
    }
    let ids: Vec<SubscriptionId> = subscriptions.values().flatten().map(|one| one.id).collect();
    let mut timelines = if ids.is_empty() { BTreeMap::new() } else { fact::timelines(unit, seller.id, ids).await? };
    let mut needed = BTreeSet::new();
    for one in subscriptions.values().flatten() {
        let timeline = timelines.get(&one.id);
        needed
            .extend(timeline.iter().flat_map(|line| line.terms_needed()).map(|(id, cycle)| (id, cycle, one.currency)));
    }
    let books = if needed.is_empty() { BTreeMap::new() } else { plan::terms_book(unit, seller.id, needed).await? };
    let mut accounts = BTreeMap::new();
    for (instance_id, name) in keys {
        let key = (*instance_id, (*name).to_owned());
        let lives = subscriptions.remove(&key).unwrap_or_default().into_iter().map(|one| Live {
            timeline: timelines.remove(&one.id).unwrap_or_default(),
            book: books.get(&one.currency).cloned().unwrap_or_default(),
            subscription: one,
            is_new: false,
            facts: Vec::new(),
            usage: Vec::new(),
            touched: false,
        });
        let hooks = pending.remove(&key).unwrap_or_default();
        let applied = later.remove(&key).unwrap_or_default();
        let account = Account::new(*instance_id, (*name).to_owned(), lives.collect(), hooks, applied);
        accounts.insert(key, account);
    }
    Ok((accounts, customers.into_iter().map(|customer| (customer.id, customer)).collect()))
}

/// Writes what the accounts' hooks led to; answers the facts that ended subscriptions.
async fn store_changes(
    unit: &mut Unit,
    seller: &Seller,
    accounts: &BTreeMap<(InstanceId, String), Account>,
) -> Result<Vec<(SubscriptionId, Fact)>, BillingError> {
    let mut ended = Vec::new();
    let mut records = Vec::new();
    let mut changed = Vec::new();
    for live in accounts.values().flat_map(|account| &account.lives) {
        if live.is_new {
            subscription::add(unit, &live.subscription);
        } else if live.touched {
            changed.push(&live.subscription);
        }
        for fact in &live.facts {
            fact::add(unit, live.subscription.id, fact);
            if matches!(fact.kind, billet_domain::timeline::FactKind::Cancelled { .. }) {
                ended.push((live.subscription.id, fact.clone()));
            }
        }
        records.extend(live.usage.iter().cloned());
        if live.is_new || !live.facts.is_empty() {
            let kind = if live.is_new { "subscription.started" } else { "subscription.changed" };
            let data = json!({
                "customer": live.subscription.customer_id,
                "external_ref": live.subscription.external_ref,
                "facts": live.facts,
                "revision": live.subscription.revision,
            });
            unit.event(kind, live.subscription.id, data);
        }
    }
    subscription::update(unit, changed).await?;
    manage(unit, accounts).await?;
    usage::insert(unit, &records).await?;
    unit.flush().await?;
    for (id, fact) in &ended {
        end_addons(unit, seller, *id, fact).await?;
    }
    Ok(ended)
}

/// What panels began is kept up by Billet from now on, where it can reach them.
async fn manage(unit: &mut Unit, accounts: &BTreeMap<(InstanceId, String), Account>) -> Result<(), BillingError> {
    // Domains are kept up elsewhere.
    let began = |hook: &&StoredHook| matches!(hook.event.change, Change::AccountCreated { .. });
    let begun =
        accounts.values().flat_map(|account| &account.pending).filter(began).filter_map(|hook| hook.subscription_id);
    let begun: BTreeSet<SubscriptionId> = begun.collect();
    let lives = accounts.values().flat_map(|account| &account.lives).filter(|live| live.is_new);
    let new: Vec<SubscriptionId> = lives.map(|live| live.subscription.id).filter(|id| begun.contains(id)).collect();
    if new.is_empty() {
        return Ok(());
    }
    unit.flush().await?;
    provision::order::manage(unit, new).await
}

async fn bill_touched(
    unit: &mut Unit,
    seller: &Seller,
    customers: &BTreeMap<CustomerId, Customer>,
    accounts: &BTreeMap<(InstanceId, String), Account>,
    ended: &[(SubscriptionId, Fact)],
) -> Result<Outcome, BillingError> {
    if !seller.bill_changes_at_once {
        return Ok(Outcome::default());
    }
    let mut touched: Vec<_> = accounts
        .values()
        .flat_map(|account| &account.lives)
        .filter(|live| live.is_new || live.touched)
        .map(|live| live.subscription.clone())
        .collect();
    if !ended.is_empty() {
        unit.flush().await?;
        let seller_id = unit.seller_id;
        touched.extend(subscription::running_addons(unit, seller_id, ended.iter().map(|(id, _)| *id)).await?);
    }
    touched.sort_by_key(|one| one.id);
    let order = Order { cutoff: seller.today(unit.now), run_id: None, draft: false };
    bill(unit, seller, customers, &touched, order).await
}

/// Tells each hook which documents came of it and why nothing could be billed.
fn set_outcomes(hooks: &mut [StoredHook], outcome: &Outcome) {
    let mut by_subscription: BTreeMap<SubscriptionId, Vec<&Issued>> = BTreeMap::new();
    for issued in &outcome.issued {
        for id in &issued.subscriptions {
            by_subscription.entry(*id).or_default().push(issued);
        }
    }
    for hook in hooks.iter_mut().filter(|hook| hook.state == HookState::Applied) {
        let Some(id) = hook.subscription_id else { continue };
        hook.invoices = by_subscription
            .get(&id)
            .into_iter()
            .flatten()
            .map(|issued| LedTo {
                invoice_id: issued.id,
                number: issued.number.clone(),
                gross_minor: issued.signed_gross_minor(),
                currency: issued.currency,
            })
            .collect();
        if let Some(failure) = outcome.failures.iter().find(|failure| failure.subscription_id == id) {
            hook.reason = failure.reason.to_owned();
            hook.detail.clone_from(&failure.detail);
        }
    }
}

/// Whether a change begins an account.
#[must_use]
pub fn begins(change: &Change) -> bool {
    account::owner_and_email(change).is_some()
}
