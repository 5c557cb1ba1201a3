//! Compares what panels have with what Billet thinks that they have, and keeps the differences for a person. Hooks are no
//! feed: what happened while nobody listened is found here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use billet_domain::drift::{Drift, DriftKind, Here, There, compare};
use billet_domain::id::{DriftId, InstanceId, SellerId, SubscriptionId};
use billet_domain::provision::{Known, Presence, Wanted};
use billet_domain::timeline::Timeline;
use billet_plugin::Failure;
use billet_plugin::v1::{self, ListAccountsRequest, PluginKind};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::super::instance_settings::described;
use super::super::{Billing, BillingError, panel};
use super::call::carried;
use super::order::manage;
use crate::store::drift::{self, Reconciliation, StoredDrift};
use crate::store::job::{self, NewJob};
use crate::store::service::{self, Service, ServiceState};
use crate::store::subscription::{self, Subscription};
use crate::store::{Tx, Unit, fact, instance, instance_settings};

/// The job that compares an instance.
pub const RECONCILE: &str = "reconcile";

/// How many accounts are asked for at once.
const PAGE_SIZE: u32 = 1_000;
/// How long a page may take: some panels read everything for each.
const PAGE_TIME_MAX: Duration = Duration::from_mins(5);
/// How many accounts one panel may have: far above any, and they fit into memory.
const ACCOUNTS_MAX: usize = 200_000;
/// How many services are read at once.
const BATCH: i64 = 500;
/// What was made at the panel this short a time ago may still be reported.
const YOUNG_US: i64 = 15 * 60 * 1_000_000;
/// The longest text of a problem, in characters.
const DETAIL_MAX: usize = 2_000;

/// Somebody asks for a comparison of these instances.
///
/// # Errors
/// [`BillingError`].
pub async fn ask(unit: &mut Unit, instances: &[InstanceId]) -> Result<(), BillingError> {
    let now = unit.now;
    let mut jobs = Vec::with_capacity(instances.len());
    for id in instances {
        let number = drift::ask(unit, *id).await?;
        let payload = json!({ "instance": id, "number": number });
        jobs.push(NewJob { kind: RECONCILE, payload, unique_key: None, run_at: now });
    }
    job::enqueue_new(unit, jobs).await?;
    Ok(())
}

/// Every night all instances of the unit's seller that can be worked with are compared.
///
/// # Errors
/// [`BillingError`].
pub async fn plan_nightly(unit: &mut Unit) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let instances = instance_settings::reachable(unit, seller_id).await?;
    if instances.is_empty() { Ok(()) } else { ask(unit, &instances).await }
}

/// Compares an instance, the how many-th time it was asked for. What the panel says when it cannot be is kept, and is the
/// failure inside.
///
/// # Errors
/// [`BillingError`].
pub async fn reconcile(
    billing: &Billing,
    seller_id: SellerId,
    instance_id: InstanceId,
    number: i64,
) -> Result<Result<(), Failure>, BillingError> {
    let mut tx = billing.store.snapshot().await?;
    let found = instance::get(&mut tx, seller_id, instance_id).await?;
    let found = found.ok_or_else(|| BillingError::not_found("instance", instance_id))?;
    drop(tx);
    let is_panel = match described(billing, &found.plugin).await {
        Ok(described) => described.description.kind() == PluginKind::Panel,
        Err(error) => {
            failed(billing, seller_id, instance_id, number, error.reason(), &error.to_string()).await?;
            return Err(error);
        }
    };
    if !is_panel {
        // Registrars are followed all day long.
        let words = "registrars are followed all day long, and not compared";
        failed(billing, seller_id, instance_id, number, "NO_PANEL", words).await?;
        return Ok(Ok(()));
    }
    take_over(billing, seller_id, instance_id).await?;
    let begun_us = Utc::now().timestamp_micros();
    let mut tx = billing.store.snapshot().await?;
    let before = services(&mut tx, seller_id, instance_id).await?;
    drop(tx);
    let listed = match listed(billing, seller_id, instance_id).await {
        Ok(Ok(listed)) => listed,
        Ok(Err(failure)) => {
            let problem = failure.problem();
            let words = if problem.words.is_empty() { failure.to_string() } else { problem.words.clone() };
            failed(billing, seller_id, instance_id, number, "PANEL", &words).await?;
            return Ok(Err(failure));
        }
        Err(error) => {
            failed(billing, seller_id, instance_id, number, error.reason(), &error.to_string()).await?;
            return Err(error);
        }
    };
    let mut tx = billing.store.snapshot().await?;
    let after = services(&mut tx, seller_id, instance_id).await?;
    let (here, passed_over) = at_rest(&mut tx, seller_id, before, after, billing.now()).await?;
    drop(tx);
    let mut drifts = compare(&here, &listed, &passed_over);
    drifts.retain(|one| !is_young_stranger(one, begun_us));
    keep(billing, seller_id, instance_id, number, listed.len(), drifts).await?;
    Ok(Ok(()))
}

/// What panels reported before Billet could reach them is kept up from now on.
async fn take_over(billing: &Billing, seller_id: SellerId, instance_id: InstanceId) -> Result<(), BillingError> {
    let mut after = SubscriptionId(0);
    loop {
        let mut unit = billing.store.begin(seller_id, "reconcile", billing.now()).await?;
        let ids = subscription::unmanaged(&mut unit, seller_id, instance_id, after, BATCH).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        manage(&mut unit, ids).await?;
        unit.commit().await?;
    }
}

/// The services with a name at an instance.
async fn services(
    tx: &mut Tx,
    seller_id: SellerId,
    instance_id: InstanceId,
) -> Result<BTreeMap<SubscriptionId, Service>, BillingError> {
    let mut all = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = service::named(tx, seller_id, instance_id, &after, BATCH).await?;
        let Some(last) = page.last().and_then(|last| last.name.clone()) else { return Ok(all) };
        after = last;
        all.extend(page.into_iter().map(|one| (one.subscription_id, one)));
    }
}

/// What the panel has.
async fn listed(
    billing: &Billing,
    seller_id: SellerId,
    instance_id: InstanceId,
) -> Result<Result<Vec<There>, Failure>, BillingError> {
    let running = match panel::connect(billing, seller_id, instance_id).await? {
        Ok(running) => running,
        Err(failure) => return Ok(Err(failure)),
    };
    let mut all: Vec<There> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListAccountsRequest { page_size: PAGE_SIZE, page_token, owner: String::new() };
        let page = match running.call(request, PAGE_TIME_MAX).await {
            Ok(done) => done.value,
            Err(failure) => return Ok(Err(failure)),
        };
        let is_stuck = page.accounts.is_empty() && !page.next_page_token.is_empty();
        all.extend(page.accounts.into_iter().map(|account| listed_as(seller_id, account)));
        if all.len() > ACCOUNTS_MAX || is_stuck {
            let detail = format!("the panel's list of accounts has no end: {} so far", all.len());
            return Err(BillingError::precondition("TOO_MANY_ACCOUNTS", instance_id, detail));
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(Ok(all));
        }
    }
}

/// An account of a panel's list.
#[must_use]
pub fn listed_as(seller_id: SellerId, account: v1::Account) -> There {
    let v1::AccountRef { username, panel_id, domain } = account.r#ref.unwrap_or_default();
    let created_at = account.created_at.map(|at| at.seconds.saturating_mul(1_000_000));
    There {
        name: username,
        domain,
        panel_id,
        package: Some(account.package).filter(|package| !package.is_empty()),
        suspended: account.suspension.is_some(),
        created_at_us: created_at,
        owner: account.owner,
        email: account.email,
        carries: carried(seller_id, &account.external_id),
    }
}

/// The services to compare: those at rest before and after the panel was asked, and the same. And the names of all others.
async fn at_rest(
    tx: &mut Tx,
    seller_id: SellerId,
    mut before: BTreeMap<SubscriptionId, Service>,
    after: BTreeMap<SubscriptionId, Service>,
    now: DateTime<Utc>,
) -> Result<(Vec<Here>, BTreeSet<String>), BillingError> {
    let mut passed_over = BTreeSet::new();
    let mut resting = Vec::new();
    for (id, service) in after {
        let same = before.remove(&id).is_some_and(|before| before == service);
        if same && rests(&service, now) {
            resting.push(service);
        } else {
            pass_over(&service, &mut passed_over);
        }
    }
    before.values().for_each(|gone| pass_over(gone, &mut passed_over));
    let mut here = Vec::with_capacity(resting.len());
    for batch in resting.chunks(usize::try_from(BATCH).unwrap_or(1)) {
        let ids = || batch.iter().map(|one| one.subscription_id);
        let subscriptions = subscription::by_ids(tx, seller_id, ids()).await?;
        let subscriptions: BTreeMap<SubscriptionId, Subscription> =
            subscriptions.into_iter().map(|one| (one.id, one)).collect();
        let reported =
            batch.iter().filter(|one| matches!(&one.wanted, Wanted::Account(wanted) if wanted.package.is_none()));
        let reported: Vec<SubscriptionId> = reported.map(|one| one.subscription_id).collect();
        let timelines =
            if reported.is_empty() { BTreeMap::new() } else { fact::timelines(tx, seller_id, reported).await? };
        for service in batch {
            let timeline = timelines.get(&service.subscription_id);
            here.extend(as_here(service, subscriptions.get(&service.subscription_id), timeline));
        }
    }
    Ok((here, passed_over))
}

/// Whether nothing is being done about it, and nobody is asked about it already.
fn rests(service: &Service, now: DateTime<Utc>) -> bool {
    service.state == ServiceState::Settled
        && service.lease_owner.is_none()
        && service.due_at.is_none()
        && service.refresh_at.is_none_or(|at| at > now)
        && matches!(&service.known, Known::Account(known) if known.presence == Presence::Present)
}

fn pass_over(service: &Service, names: &mut BTreeSet<String>) {
    names.extend(service.name.clone());
    let domain = service.wanted.domain_name();
    if !domain.is_empty() {
        names.insert(domain.to_owned());
    }
}

fn as_here(service: &Service, subscription: Option<&Subscription>, timeline: Option<&Timeline>) -> Option<Here> {
    let (Wanted::Account(wanted), Known::Account(known)) = (&service.wanted, &service.known) else { return None };
    let told = || timeline.and_then(Timeline::package).map(str::to_owned);
    let suspended = if known.certain {
        known.suspension.is_some()
    } else {
        // Never looked at: what its panel reported.
        subscription.is_some_and(|one| one.service_state == subscription::ServiceState::Suspended)
    };
    let domain = if known.domain.is_empty() { &wanted.domain } else { &known.domain };
    Some(Here {
        subscription_id: service.subscription_id,
        name: service.name.clone()?,
        domain: domain.clone(),
        panel_id: known.panel_id.clone(),
        package: wanted.package.clone().or_else(told).or_else(|| known.package.clone()),
        keeps_package: wanted.package.is_some(),
        suspended,
        created_at_us: known.created_at_us,
    })
}

/// Whether it is extra and was made just now: its report may be on its way.
fn is_young_stranger(drift: &Drift, begun_us: i64) -> bool {
    drift.kind == DriftKind::Extra
        && drift.there.as_ref().and_then(|there| there.created_at_us).is_some_and(|at| at > begun_us - YOUNG_US)
}

/// Keeps what was found: what is still the same stays as it is, what is no difference any more goes.
async fn keep(
    billing: &Billing,
    seller_id: SellerId,
    instance_id: InstanceId,
    number: i64,
    account_count: usize,
    drifts: Vec<Drift>,
) -> Result<(), BillingError> {
    let ids = i64::try_from(drifts.len()).unwrap_or(i64::MAX).saturating_add(8);
    let mut unit = billing.store.begin_large(seller_id, "reconcile", billing.now(), ids).await?;
    let mut known = drift::of_instance(&mut unit, seller_id, instance_id).await?;
    let drift_count = i64::try_from(drifts.len()).unwrap_or(i64::MAX);
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for found in drifts {
        *counts.entry(found.kind.as_str()).or_default() += 1;
        match known.remove(&(found.kind, found.name().to_owned())) {
            Some(stored) if stored.drift == found => {}
            Some(stored) => changed.push(StoredDrift { drift: found, ignored: false, ..stored }),
            None => new.push(StoredDrift {
                id: DriftId(unit.id()?),
                instance_id,
                drift: found,
                ignored: false,
                first_seen_at: unit.now,
            }),
        }
    }
    if !known.is_empty() {
        drift::delete(&mut unit, known.values().map(|one| one.id)).await?;
    }
    if !changed.is_empty() {
        drift::update(&mut unit, &changed).await?;
    }
    if !new.is_empty() {
        drift::insert(&mut unit, &new).await?;
    }
    let account_count = i64::try_from(account_count).unwrap_or(i64::MAX);
    let done = Reconciliation { account_count, drift_count, ..finished(&unit, instance_id, number) };
    drift::finish(&mut unit, &done).await?;
    let data = json!({
        "accounts": account_count, "differences": counts, "new": new.len(), "changed": changed.len(), "settled": known.len(),
    });
    unit.event("instance.reconciled", instance_id, data);
    unit.commit().await?;
    Ok(())
}

fn finished(unit: &Unit, instance_id: InstanceId, number: i64) -> Reconciliation {
    Reconciliation {
        instance_id,
        asked_at: unit.now,
        asked_count: number,
        finished_at: Some(unit.now),
        finished_count: number,
        account_count: 0,
        drift_count: 0,
        problem: String::new(),
        detail: String::new(),
    }
}

/// Keeps why an instance could not be compared; the differences that were known stay.
async fn failed(
    billing: &Billing,
    seller_id: SellerId,
    instance_id: InstanceId,
    number: i64,
    problem: &str,
    words: &str,
) -> Result<(), BillingError> {
    let mut unit = billing.store.begin(seller_id, "reconcile", billing.now()).await?;
    let before = drift::reconciliation(&mut unit, seller_id, instance_id).await?;
    let (account_count, drift_count) = before.map_or((0, 0), |one| (one.account_count, one.drift_count));
    let (problem, detail) = (problem.to_owned(), words.chars().take(DETAIL_MAX).collect());
    let done = Reconciliation { account_count, drift_count, problem, detail, ..finished(&unit, instance_id, number) };
    drift::finish(&mut unit, &done).await?;
    unit.commit().await?;
    Ok(())
}
