//! Derives what services want from their subscriptions, in sets: what holds today, and when to look again.

mod domain;

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::id::{PlanId, SellerId, SubscriptionId};
use billet_domain::nightly::start_of_day;
use billet_domain::owed::{State, ends_on, state_on};
use billet_domain::plan::TermsBook;
use billet_domain::provision::{AccountState, AccountWanted, Known, Presence, Puzzle, Wanted};
use billet_domain::timeline::Timeline;
use chrono::{Days, NaiveDate};
use serde_json::json;

use super::super::{Billing, BillingError};
use super::{ACTOR, plan, wait_for_person};
use crate::store::plan_service::{self, PlanService};
use crate::store::seller::{self, Seller};
use crate::store::service::{self, Service, ServiceState};
use crate::store::subscription::{self, Subscription};
use crate::store::{Unit, fact, plan as plans};

/// How many services are derived in one transaction.
pub const BATCH: i64 = 500;

/// Derives what is due of a seller's services, one batch; answers how many.
///
/// # Errors
/// [`BillingError`].
pub async fn refresh(billing: &Billing, seller_id: SellerId) -> Result<usize, BillingError> {
    let mut unit = billing.store.begin(seller_id, ACTOR, billing.now()).await?;
    let mut services = service::to_refresh(&mut unit, BATCH).await?;
    if services.is_empty() {
        return Ok(0);
    }
    let seller =
        seller::get(&mut unit, seller_id).await?.ok_or_else(|| BillingError::not_found("seller", seller_id))?;
    let records = Records::load(&mut unit, &services).await?;
    let mut domains = Vec::new();
    for service in &mut services {
        let before = service.wanted.clone();
        if matches!(service.wanted, Wanted::Domain(_)) {
            domains.extend(records.derive_domain(&unit, &seller, service));
        } else {
            records.derive(&unit, &seller, service);
        }
        if service.wanted != before {
            unit.event("service.wanted", service.subscription_id, json!({ "before": before, "after": service.wanted }));
        }
    }
    service::update(&mut unit, &services).await?;
    domain::follow(&mut unit, domains).await?;
    unit.commit().await?;
    Ok(services.len())
}

/// Everything that the wishes come from.
struct Records {
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    timelines: BTreeMap<SubscriptionId, Timeline>,
    books: BTreeMap<billet_domain::money::Currency, TermsBook>,
    stands_for: BTreeMap<PlanId, PlanService>,
    paid: BTreeSet<SubscriptionId>,
    domains: domain::Records,
}

static NO_TERMS: TermsBook = TermsBook::new();

impl Records {
    async fn load(unit: &mut Unit, services: &[Service]) -> Result<Self, BillingError> {
        let seller_id = unit.seller_id;
        let ids = || services.iter().map(|one| one.subscription_id);
        let subscriptions = subscription::by_ids(unit, seller_id, ids()).await?;
        let timelines = fact::timelines(unit, seller_id, ids()).await?;
        let mut needed = BTreeSet::new();
        for one in &subscriptions {
            let terms = timelines.get(&one.id).into_iter().flat_map(Timeline::terms_needed);
            needed.extend(terms.map(|(version, cycle)| (version, cycle, one.currency)));
        }
        let books = plans::terms_book(unit, seller_id, needed).await?;
        let plan_ids: BTreeSet<PlanId> =
            books.values().flat_map(TermsBook::values).map(|terms| terms.plan_id).collect();
        let stands_for = plan_service::of_plans(unit, seller_id, plan_ids).await?;
        let waiting: Vec<SubscriptionId> =
            services.iter().filter(|one| one.awaits_payment).map(|one| one.subscription_id).collect();
        let paid = if waiting.is_empty() { BTreeSet::new() } else { service::paid(unit, seller_id, waiting).await? };
        let subscriptions = subscriptions.into_iter().map(|one| (one.id, one)).collect();
        let domains = domain::Records::load(unit, services).await?;
        Ok(Self { subscriptions, timelines, books, stands_for, paid, domains })
    }

    /// Sets what a service wants today, what is to be done about it, and when to look again.
    fn derive(&self, unit: &Unit, seller: &Seller, service: &mut Service) {
        service.refresh_at = None;
        service.updated_at = unit.now;
        let Some(subscription) = self.subscriptions.get(&service.subscription_id) else { return };
        let empty = Timeline::default();
        let timeline = self.timelines.get(&subscription.id).unwrap_or(&empty);
        let book = self.books.get(&subscription.currency).unwrap_or(&NO_TERMS);
        let today = seller.today(unit.now);
        let state = state_on(timeline, book, today).ok();
        let plan =
            state.as_ref().and_then(|state| book.get(&(state.version_id, state.cycle))).map(|terms| terms.plan_id);
        let stands_for = plan.and_then(|plan| self.stands_for.get(&plan));
        let ends_on = ends_on(timeline, book).ok().flatten();
        if service.awaits_payment && self.paid.contains(&service.subscription_id) {
            service.awaits_payment = false;
        }

        let Wanted::Account(before) = &service.wanted else { return };
        let kept_until = ends_on.and_then(|end| end.checked_add_days(Days::new(grace_days(stands_for))));
        let (state_wanted, reason) = account_state(service, subscription, state.as_ref(), today, ends_on, kept_until);
        let mut after = AccountWanted { state: state_wanted, reason, ..before.clone() };
        let mut move_needed = false;
        if let Some(stands_for) = stands_for {
            if service.instance_id.is_none() {
                service.group.clone_from(&stands_for.instance_group);
            }
            move_needed = service.group != stands_for.instance_group;
            if !move_needed {
                after.package = Some(stands_for.package.clone());
            }
        }
        let look_again = next_look(timeline, state.as_ref(), subscription, today, ends_on, kept_until);
        service.refresh_at = look_again.map(|day| start_of_day(seller.time_zone, day));
        if subscription.service_state == subscription::ServiceState::Terminated {
            // The panel said so itself.
            if let Known::Account(known) = &mut service.known {
                known.presence = Presence::Gone;
                known.certain = true;
            }
        }
        let changed = *before != after;
        service.wanted = Wanted::Account(after);
        if service.lease_owner.is_some() {
            // Whoever is at it goes on from here when the step has ended.
            return;
        }
        let is_planned = service.state == ServiceState::Due && service.due_at.is_some();
        if changed
            || !is_planned && matches!(service.state, ServiceState::Settled | ServiceState::Due | ServiceState::Gone)
        {
            if changed {
                service.attempt_count = 0;
            }
            plan_anew(service, unit.now);
        }
        if move_needed && service.state == ServiceState::Settled {
            wait_for_person(service, Puzzle::MoveNeeded, super::explain(Puzzle::MoveNeeded));
        }
    }
}

fn plan_anew(service: &mut Service, now: chrono::DateTime<chrono::Utc>) {
    // What is terminated is looked at first: somebody may have another account under the old name by now.
    if let (Wanted::Account(wanted), Known::Account(known)) = (&service.wanted, &service.known)
        && wanted.state == AccountState::Terminated
        && known.presence == Presence::Present
    {
        service.known = service.known.clone().doubted();
    }
    plan(service, now);
}

fn grace_days(stands_for: Option<&PlanService>) -> u64 {
    stands_for.map_or(0, |one| u64::from(one.terminate_after_days))
}

/// How the account is wanted today, and why if it is to be suspended.
fn account_state(
    service: &Service,
    subscription: &Subscription,
    state: Option<&State>,
    today: NaiveDate,
    ends_on: Option<NaiveDate>,
    kept_until: Option<NaiveDate>,
) -> (AccountState, String) {
    let suspended = |why: &str| (AccountState::Suspended, why.to_owned());
    let Some(state) = state.filter(|_| subscription.started_on <= today) else {
        return (AccountState::Absent, String::new());
    };
    if ends_on.is_some_and(|end| end <= today) {
        return if kept_until.is_some_and(|until| today < until) {
            suspended("the contract has ended")
        } else {
            (AccountState::Terminated, String::new())
        };
    }
    if service.awaits_payment {
        return (AccountState::Absent, String::new());
    }
    if let Some(hold) = service.holds.first() {
        return suspended(hold);
    }
    if state.paused {
        return suspended("paused");
    }
    (AccountState::Active, String::new())
}

/// The next day on which something else may be wanted without anybody doing something.
fn next_look(
    timeline: &Timeline,
    state: Option<&State>,
    subscription: &Subscription,
    today: NaiveDate,
    ends_on: Option<NaiveDate>,
    kept_until: Option<NaiveDate>,
) -> Option<NaiveDate> {
    let facts = timeline.facts().iter().map(|fact| fact.on);
    let pending = state.filter(|state| state.change_pending).map(|state| state.period.to);
    facts
        .chain([subscription.started_on])
        .chain(pending)
        .chain(ends_on)
        .chain(kept_until)
        .filter(|day| *day > today)
        .min()
}
