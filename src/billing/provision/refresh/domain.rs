//! What a subscription wants of a domain today: held as long as it runs, renewed when its registry's day is near and the
//! next period is invoiced or paid.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::id::SubscriptionId;
use billet_domain::nightly::start_of_day;
use billet_domain::owed::{State, ends_on, state_on};
use billet_domain::period::CycleUnit;
use billet_domain::plan::{Charging, TermsBook};
use billet_domain::provision::{
    DomainState, DomainWanted, Known, Presence, Standing, Wanted, years_between, years_later,
};
use billet_domain::timeline::Timeline;
use chrono::{Days, NaiveDate, TimeDelta};
use serde_json::json;

use super::super::super::BillingError;
use super::super::super::domain::LEFT;
use super::super::plan;
use super::{NO_TERMS, next_look};
use crate::store::Unit;
use crate::store::domain::{self, Covered, Domain};
use crate::store::job::{self, NewJob};
use crate::store::plan_service::CreateWhen;
use crate::store::seller::Seller;
use crate::store::service::{Service, ServiceState};
use crate::store::subscription::{self, Subscription};
use crate::store::tld::{self, Tld};

/// How often a domain is looked at of which nothing is expected.
const LOOK_EVERY: TimeDelta = TimeDelta::days(7);
/// How often one that is about to expire, or on its way somewhere.
const LOOK_OFTEN_EVERY: TimeDelta = TimeDelta::days(1);
/// What is about to expire.
const NEAR: Days = Days::new(60);
/// How long before an expiry a renewal is invoiced under a top-level domain that is not sold any more.
const INVOICE_BEFORE_DAYS: u32 = 30;

/// What the wishes for domains come from, besides what those for accounts do.
pub(super) struct Records {
    rows: BTreeMap<SubscriptionId, Domain>,
    tlds: BTreeMap<String, Tld>,
    covered: BTreeMap<SubscriptionId, Covered>,
}

impl Records {
    pub(super) async fn load(unit: &mut Unit, services: &[Service]) -> Result<Self, BillingError> {
        let seller_id = unit.seller_id;
        let ids: Vec<SubscriptionId> = services
            .iter()
            .filter(|one| matches!(one.wanted, Wanted::Domain(_)))
            .map(|one| one.subscription_id)
            .collect();
        if ids.is_empty() {
            return Ok(Self { rows: BTreeMap::new(), tlds: BTreeMap::new(), covered: BTreeMap::new() });
        }
        let rows = domain::by_ids(unit, seller_id, ids.iter().copied()).await?;
        let names: BTreeSet<&str> = rows.values().map(|one| one.tld.as_str()).collect();
        let tlds = tld::among(unit, seller_id, names).await?;
        let covered = domain::covered(unit, seller_id, ids).await?;
        Ok(Self { rows, tlds: tlds.into_iter().map(|one| (one.tld.clone(), one)).collect(), covered })
    }
}

/// What follows for a domain.
pub(super) struct Derived {
    /// Its row.
    row: Domain,
    /// It went to another registrar, and its subscription still runs.
    left: bool,
    /// It is over: its subscription has it no longer.
    gone: bool,
    /// The day by which its renewal should have been covered, told for the first time.
    uncovered: Option<NaiveDate>,
}

impl super::Records {
    /// Sets what the service of a domain wants today, what is to be done about it, and when to look again.
    pub(super) fn derive_domain(&self, unit: &Unit, seller: &Seller, service: &mut Service) -> Option<Derived> {
        service.refresh_at = None;
        service.updated_at = unit.now;
        let subscription = self.subscriptions.get(&service.subscription_id)?;
        let mut row = self.domains.rows.get(&service.subscription_id)?.clone();
        let (Wanted::Domain(before), Known::Domain(known)) = (&service.wanted, &service.known) else { return None };
        let empty = Timeline::default();
        let timeline = self.timelines.get(&subscription.id).unwrap_or(&empty);
        let book = self.books.get(&subscription.currency).unwrap_or(&NO_TERMS);
        let today = seller.today(unit.now);
        let state = state_on(timeline, book, today).ok();
        let ends_on = ends_on(timeline, book).ok().flatten();
        if service.awaits_payment && self.paid.contains(&service.subscription_id) {
            service.awaits_payment = false;
        }
        let rules = self.domains.tlds.get(&row.tld);
        let lead = rules.map_or(INVOICE_BEFORE_DAYS, |rules| rules.invoice_before_days);
        let near_from = known.expires_on.and_then(|on| on.checked_sub_days(Days::new(u64::from(lead))));
        let near = near_from.is_some_and(|from| from <= today);
        let covered = self.domains.covered.get(&subscription.id).copied().unwrap_or_default();
        let covered_until = match rules.map(|rules| rules.create_when) {
            Some(CreateWhen::Paid) => covered.paid_until,
            _ => covered.invoiced_until,
        };
        let covered_until = if near && is_free(state.as_ref(), book) {
            known.served_until.map(|served| years_later(served, i64::from(before.years)))
        } else {
            covered_until
        };
        let after = DomainWanted {
            state: domain_state(service.awaits_payment, subscription, state.as_ref(), today, ends_on),
            covered_until,
            renews: known.expires_on.filter(|on| near || before.renewal_asked == Some(*on)),
            ..before.clone()
        };
        let kept = after.state == DomainState::Held && known.presence == Presence::Present;
        let beyond = |until: Option<NaiveDate>| {
            known.served_until.zip(until).is_some_and(|(served, until)| years_between(served, until) > 0)
        };
        let (is_covered, is_invoiced) = (beyond(covered_until), beyond(covered.invoiced_until));
        let cut_off_days = rules.map_or(0, |rules| rules.renew_before_days);
        let cut_off = known.expires_on.and_then(|on| on.checked_sub_days(Days::new(u64::from(cut_off_days))));
        let uncovered = cut_off.filter(|day| {
            kept && !is_covered && ends_on.is_none() && *day <= today && row.warned_for != known.expires_on
        });
        if uncovered.is_some() {
            row.warned_for = known.expires_on;
        }
        row.instance_id = service.instance_id;
        row.standing = if known.left { Standing::Elsewhere } else { known.standing };
        row.expires_on = known.expires_on;
        // What is invoiced and waits to be paid is not invoiced again.
        row.invoice_on = near_from.filter(|_| kept && !is_covered && !is_invoiced && ends_on.is_none());
        let looked_at = row.looked_at.unwrap_or(service.created_at);
        let is_near = known.expires_on.and_then(|on| on.checked_sub_days(NEAR)).is_some_and(|day| day <= today);
        let quiet = known.standing == Standing::Active && !is_near;
        let look_at = looked_at + if quiet { LOOK_EVERY } else { LOOK_OFTEN_EVERY };
        let invoice_at = row.invoice_on.map(|day| {
            let at = start_of_day(seller.time_zone, day);
            // What could not be invoiced is tried again a day later.
            if looked_at >= at { looked_at + LOOK_OFTEN_EVERY } else { at }
        });
        let look_again = next_look(timeline, state.as_ref(), subscription, today, ends_on, None);
        let by_expiry = if kept && near { today.succ_opt() } else { near_from.filter(|day| *day > today) };
        let look_again = look_again.into_iter().chain(by_expiry).min();
        service.refresh_at = look_again.map(|day| start_of_day(seller.time_zone, day));
        let left = known.left && ends_on.is_none_or(|end| end > today);
        let watched = kept || known.transfer.is_some();
        plan_anew(service, after, unit.now);
        row.live = service.state != ServiceState::Gone;
        row.care_at = Some(invoice_at.map_or(look_at, |at| at.min(look_at))).filter(|_| row.live && watched);
        Some(Derived { row, left, gone: service.state == ServiceState::Gone, uncovered })
    }
}

fn plan_anew(service: &mut Service, after: DomainWanted, now: chrono::DateTime<chrono::Utc>) {
    let after = Wanted::Domain(after);
    let changed = service.wanted != after;
    service.wanted = after;
    if service.lease_owner.is_some() {
        // Whoever is at it goes on from here when the step has ended.
        return;
    }
    if changed || matches!(service.state, ServiceState::Settled | ServiceState::Due | ServiceState::Gone) {
        if changed {
            service.attempt_count = 0;
            service.due_at = None;
        }
        plan(service, now);
    }
}

/// How the domain is wanted today. Pauses and holds do not matter: a registry knows neither.
fn domain_state(
    awaits_payment: bool,
    subscription: &Subscription,
    state: Option<&State>,
    today: NaiveDate,
    ends_on: Option<NaiveDate>,
) -> DomainState {
    if state.is_none() || subscription.started_on > today {
        DomainState::Absent
    } else if ends_on.is_some_and(|end| end <= today) {
        DomainState::Released
    } else if awaits_payment {
        DomainState::Absent
    } else {
        DomainState::Held
    }
}

/// Whether its periods cost nothing, so that no document ever covers them.
fn is_free(state: Option<&State>, book: &TermsBook) -> bool {
    let terms = state.and_then(|state| book.get(&(state.version_id, state.cycle)));
    terms.is_some_and(|terms| {
        terms.cycle.unit == CycleUnit::Year
            && terms
                .components
                .iter()
                .filter(|one| one.charging == Charging::Recurring)
                .all(|one| one.unit_price.is_zero())
    })
}

/// Writes what follows for domains, in sets.
pub(super) async fn follow(unit: &mut Unit, domains: Vec<Derived>) -> Result<(), BillingError> {
    if domains.is_empty() {
        return Ok(());
    }
    domain::update(unit, domains.iter().map(|one| &one.row)).await?;
    let gone: Vec<SubscriptionId> = domains.iter().filter(|one| one.gone).map(|one| one.row.subscription_id).collect();
    if !gone.is_empty() {
        subscription::end_accounts(unit, gone).await?;
    }
    let (seller_id, now) = (unit.seller_id, unit.now);
    let mut jobs = Vec::new();
    for one in &domains {
        let id = one.row.subscription_id;
        if one.left {
            jobs.push(NewJob {
                kind: LEFT,
                payload: json!({ "subscription": id }),
                unique_key: Some(format!("{LEFT}:{seller_id}:{id}")),
                run_at: now,
            });
        }
        if let Some(cut_off) = one.uncovered {
            let data = json!({ "name": one.row.name, "expires_on": one.row.expires_on, "cut_off": cut_off });
            unit.event("domain.renewal_uncovered", id, data);
        }
    }
    if !jobs.is_empty() {
        job::enqueue_new(unit, jobs).await?;
    }
    Ok(())
}
